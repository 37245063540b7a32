//! Stopping under load: what was read is delivered, and the last line and the exit code tell the truth.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::{Task, destination, settled};
use testkit::corpus::{Corpus, Mix};
use testkit::fault::Fault;
use testkit::process::{Exit, wait_until};

#[test]
fn sigterm_under_load_loses_nothing_that_was_read() {
    let task = Task::new();
    let running = task.start();
    let corpus = Corpus::new(Mix::Everything);
    let enough = AtomicBool::new(false);
    let (exit, sent) = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            task.sender()
                .connections(3)
                .send_until(&corpus, 0..u64::MAX, &enough)
                .expect("all that was begun is read")
        });
        assert!(task.intake.distinct().wait_for(5_000, testkit::process::PATIENCE));
        running.signal("TERM");
        // ECS stops the app before its log router: it goes on writing for a little while.
        thread::sleep(Duration::from_millis(300));
        enough.store(true, Ordering::Relaxed);
        let sent = sending.join().expect("the sender does not panic");
        (running.wait(), sent)
    });
    let ledger = settled(&exit);
    println!("{} records sent; stopped {:?} after the signal", sent.records, exit.took);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    for (id, distinct) in [("datadog.0", task.intake.distinct()), ("cloudwatch_logs.0", task.logs.distinct())]
    {
        assert_eq!(destination(&ledger, id)["delivered"], sent.records, "{ledger:#}");
        assert_eq!((distinct.distinct(), distinct.duplicates()), (sent.records, 0), "{id}");
    }
    assert_eq!(ledger["lost"], 0);
}

/// Starts a task whose Datadog hangs, and stops it within 3 s with 500 records that only CloudWatch took.
fn stopped_in_trouble(task: &Task, name: &str, value: &Path) -> Exit {
    let running = task.command().args(["run", "--shutdown-timeout", "3s"]).env(name, value).start();
    task.intake.faults().set(Fault::Hang);
    task.sender().send(&Corpus::new(Mix::Json), 0..500).expect("the socket takes everything");
    assert!(task.logs.distinct().wait_for(500, testkit::process::PATIENCE));
    let asked = Instant::now();
    let exit = running.stop();
    assert!(asked.elapsed() < Duration::from_secs(10), "the budget was 3 s");
    assert_eq!(exit.code(), Some(75), "{}", exit.stderr);
    let ledger = settled(&exit);
    assert_eq!(destination(&ledger, "cloudwatch_logs.0")["delivered"], 500);
    assert_eq!(destination(&ledger, "datadog.0")["delivered"], 0);
    task.intake.faults().lift();
    exit
}

#[test]
fn data_that_no_destination_took_is_counted_and_gives_75() {
    let exit = stopped_in_trouble(&Task::new(), "OUTRIGGER_DISK", Path::new("off"));
    let ledger = settled(&exit);
    assert_eq!((&ledger["lost"], &ledger["on_disk"]), (&500.into(), &0.into()), "{ledger:#}");
}

#[test]
fn data_on_disk_is_delivered_by_the_next_run() {
    let task = Task::new();
    let data = task.folder.join("data");
    let ledger = settled(&stopped_in_trouble(&task, "OUTRIGGER_DATA", &data));
    assert_eq!((&ledger["lost"], &ledger["on_disk"]), (&0.into(), &500.into()), "{ledger:#}");
    let mut running = task.command().env("OUTRIGGER_DATA", &data).start();
    task.all_arrived(500, &mut running);
    assert_eq!(running.stop().code(), Some(0));
    assert_eq!(task.logs.distinct().duplicates(), 0);
}

#[test]
fn an_idle_task_stops_at_once() {
    let task = Task::new();
    let exit = task.start().stop();
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    settled(&exit);
    println!("stopped {:?} after the signal", exit.took);
    assert!(exit.took < Duration::from_secs(5));
}

/// A log driver keeps its connection open for as long as its container lives.
#[test]
fn a_silent_connection_does_not_use_up_the_budget() {
    let task = Task::new();
    let running = task.start();
    let connection = task.sender().to.connect().expect("it listens");
    let exit = running.stop();
    drop(connection);
    println!("stopped {:?} after the signal", exit.took);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    assert!(exit.took < Duration::from_secs(20));
}

#[test]
fn pieces_of_a_line_that_never_ended_are_delivered() {
    let task = Task::new();
    let mut running = task.start();
    let corpus = Corpus::new(Mix::Everything);
    let long = (0..100_000).find(|n| corpus.line(*n).text.len() > 20_000).expect("the corpus has long lines");
    let mut message = Vec::new();
    corpus.write(long, &mut message);
    // The first piece alone: 16 KiB of log and what is around it.
    let cut = memchr_of(&message[1..], &[&[0x80, 0x94][..]].concat()).expect("several pieces") + 2;
    let mut connection = task.sender().to.connect().expect("it listens");
    std::io::Write::write_all(&mut connection, &message[..cut]).expect("the socket takes it");
    assert!(wait_until(testkit::process::PATIENCE, || running.ledger()["intake"]["received"] == 1));
    drop(connection);
    let exit = running.stop();
    let ledger = settled(&exit);
    assert_eq!(destination(&ledger, "cloudwatch_logs.0")["delivered"], 1, "{ledger:#}");
}

fn memchr_of(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len()).position(|window| window == pattern)
}
