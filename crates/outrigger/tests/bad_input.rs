//! Noise on the Forward port: refused and counted, other records kept, no panic, no growth.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::io::Write;
use std::time::Duration;

use support::{Task, settled};
use testkit::corpus::{Corpus, Dice, Mix, put_str};
use testkit::forward::Connection;
use testkit::process::Running;

fn good(number: u64) -> Vec<u8> {
    let mut message = Vec::new();
    Corpus::new(Mix::Json).write(number, &mut message);
    message
}

/// Writes what the other side takes; it may hang up in the middle.
fn throw(task: &Task, bytes: &[u8]) -> Connection {
    let mut connection = task.sender().to.connect().expect("it still listens");
    let _ = connection.write_all(bytes);
    let _ = connection.finish_writing();
    connection
}

fn finish(task: &Task, mut running: Running, records: u64) {
    task.sender().send(&Corpus::new(Mix::Json), records..records + 1).expect("it still listens");
    task.all_arrived(records + 1, &mut running);
    let peak = running.usage().peak >> 20;
    println!("peak {peak} MiB");
    assert!(peak < 150, "{peak} MiB for noise");
    let exit = running.stop();
    settled(&exit);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
}

#[test]
fn malformed_messages_cost_their_connection_and_nothing_else() {
    let task = Task::new();
    let running = task.start();
    let tag = [&[0xa1u8][..], b"t"].concat();
    let cases: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        vec![0xc1; 100],
        vec![0xff; 100_000],
        // A string, a byte string, an array and a map that claim 100 MB to 4 GB.
        vec![0x94, 0xdb, 0x06, 0x00, 0x00, 0x00],
        [&[0x92][..], &tag, &[0xc6, 0xff, 0xff, 0xff, 0xff]].concat(),
        [&[0x92][..], &tag, &[0xdd, 0xff, 0xff, 0xff, 0xff]].concat(),
        [&[0x94][..], &tag, &[0x01, 0xdf, 0xff, 0xff, 0xff, 0xff]].concat(),
        // Nested deeper than any record.
        [&[0x94][..], &tag, &[0x01], &[0x91; 200_000]].concat(),
        // Wrong types, an array too short, a root that is no array.
        [&[0x93, 0xc0, 0x01, 0x80][..]].concat(),
        [&[0x93][..], &tag, &[0x01, 0x93, 0x01, 0x02, 0x03]].concat(),
        [&[0x91][..], &tag].concat(),
        vec![0x80],
        // gzip that is none.
        [&[0x93][..], &tag, &[0xc4, 0x04, 1, 2, 3, 4, 0x81], &compressed_option()].concat(),
    ];
    let mut number = 0;
    for case in &cases {
        // What came before the noise on the same connection is kept.
        throw(&task, &[good(number), case.clone()].concat()).read_all(Duration::from_secs(5));
        number += 1;
    }
    finish(&task, running, number);
}

fn compressed_option() -> Vec<u8> {
    let mut option = Vec::new();
    put_str(b"compressed", &mut option);
    put_str(b"gzip", &mut option);
    option
}

/// A record of bytes that are not UTF-8 is a record.
#[test]
fn bytes_that_are_no_text_are_delivered() {
    let task = Task::new();
    let mut running = task.start();
    let mut message = vec![0x94];
    put_str(testkit::corpus::TAG.as_bytes(), &mut message);
    let now = Corpus::new(Mix::Json).time(0).as_secs() as u32;
    message.push(0xce);
    message.extend_from_slice(&now.to_be_bytes());
    message.push(0x81);
    put_str(b"log", &mut message);
    put_str(b"req-0000000000 \xff\xfe caf\xe9 \xf0\x9f\x98", &mut message);
    message.push(0x80);
    throw(&task, &message);
    task.all_arrived(1, &mut running);
    let entry = task.intake.entries().remove(0);
    assert!(entry["message"].as_str().unwrap().starts_with("req-0000000000 \u{fffd}"), "{entry}");
    settled(&running.stop());
}

#[test]
fn a_message_cut_anywhere_is_counted_not_fatal() {
    let task = Task::new();
    let running = task.start();
    let whole = [good(0), good(1)].concat();
    let first = good(0).len();
    for cut in (first..whole.len()).step_by(7) {
        throw(&task, &whole[..cut]);
    }
    // Record 1 never came whole.
    throw(&task, &good(1));
    finish(&task, running, 2);
}

/// Seeded noise: mutated good messages, so that it gets past the first byte.
#[test]
fn random_damage_never_stops_it() {
    let task = Task::new();
    let running = task.start();
    let mut dice = Dice(20_260_616);
    for round in 0..300 {
        let mut message = [good(round % 8), good(round % 8)].concat();
        for _ in 0..1 + dice.below(8) {
            let place = dice.below(message.len() as u64) as usize;
            // The number stays, so that what survives is counted among the known.
            if message[place].is_ascii_digit() {
                continue;
            }
            message[place] = dice.roll() as u8;
        }
        throw(&task, &message);
    }
    for number in 0..8 {
        throw(&task, &good(number));
    }
    finish(&task, running, 8);
}
