//! What the whole program holds: doing nothing, and taking in 20,000 rows a second while questions are asked.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use model::Signal;
use testkit::http;
use testkit::process::Folder;

use super::{latency, mib, questions, start};
use crate::otlp::requests::{ITEMS, request};

const RATE: u64 = 20_000;
const SECONDS: u64 = 120;

pub fn measure(program: &Path) {
    let folder = Folder::new();
    let mut running = start(program, &folder.join("lake"), &folder);
    thread::sleep(Duration::from_secs(5));
    println!("\nmemory, idle: {:.0} MiB; limit 86 (90 MB)", mib(running.usage().resident));
    let console = running.ready();
    let over = AtomicBool::new(false);
    let before = running.usage().cpu();
    let (sent, asked) = thread::scope(|scope| {
        let asker = scope.spawn(|| ask_on(console, &over));
        let sent = send_on();
        over.store(true, Ordering::Relaxed);
        (sent, asker.join().expect("the questions end"))
    });
    let usage = running.usage();
    let cpu = (usage.cpu() - before).as_secs_f64();
    println!(
        "memory, {} rows a second for {SECONDS} s and {asked} questions: {:.0} MiB at its peak; limit 512 and what it takes idle; {:.2} cores busy",
        sent / SECONDS,
        mib(usage.peak),
        cpu / SECONDS as f64
    );
    running.stop();
}

/// In step with the clock, as many tasks would send.
fn send_on() -> u64 {
    let body = request(Signal::Logs);
    let started = Instant::now();
    let mut sent = 0;
    while started.elapsed() < Duration::from_secs(SECONDS) {
        let due = Duration::from_secs_f64(sent as f64 / RATE as f64);
        thread::sleep(due.saturating_sub(started.elapsed()));
        let (receiver, headers) =
            (([127, 0, 0, 1], latency::PORT).into(), [("content-type", "application/x-protobuf")]);
        let answer = http::post(receiver, "/v1/logs", &headers, &*body).expect("the receiver answers");
        assert_eq!(answer.status, 200, "{}", answer.text());
        sent += ITEMS;
    }
    sent
}

/// One question after the other, a second between.
fn ask_on(console: std::net::SocketAddr, over: &AtomicBool) -> u64 {
    let mut asked = 0;
    for question in questions::QUESTIONS.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let answer = super::question(console, &question.ours("0"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        asked += 1;
        thread::sleep(Duration::from_secs(1));
    }
    asked
}
