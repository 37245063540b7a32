//! One destination in trouble never holds up the other and loses nothing.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::time::{Duration, Instant};

use support::{Task, destination, settled};
use testkit::corpus::{Corpus, Mix};
use testkit::fault::Fault;
use testkit::process::wait_until;

/// Both flush every second; a healthy one must keep to that, with room for a busy machine.
const IN_TIME: Duration = Duration::from_secs(5);

const RECORDS: u64 = 4_000;

/// What Datadog does while CloudWatch must not notice; then Datadog recovers and gets everything.
fn trouble_at_datadog(fault: Fault) {
    let task = Task::new();
    let mut running = task.start();
    let corpus = Corpus::new(Mix::Json);
    task.intake.faults().set(fault.clone());
    let started = Instant::now();
    // 2,000 a second for two seconds.
    task.sender().rate(2_000).send(&corpus, 0..RECORDS).expect("the socket takes everything");
    let sending = started.elapsed();
    assert!(
        task.logs.distinct().wait_for(RECORDS, IN_TIME),
        "{fault:?}: CloudWatch waits: {:#}",
        running.ledger()
    );
    let behind = started.elapsed() - sending;
    println!("{fault:?}: CloudWatch had everything {behind:?} after the last record");
    assert_eq!(task.intake.distinct().distinct(), 0);
    let ledger = running.ledger();
    let waiting = destination(&ledger, "datadog.0");
    let waits = ["open", "queued", "in_flight"].iter().filter_map(|key| waiting[key].as_u64()).sum::<u64>();
    assert_eq!(waits, RECORDS, "{ledger:#}");

    task.intake.faults().lift();
    task.all_arrived(RECORDS, &mut running);
    let exit = running.stop();
    let ledger = settled(&exit);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    assert_eq!(destination(&ledger, "datadog.0")["delivered"], RECORDS);
    assert_eq!(task.logs.distinct().duplicates(), 0);
}

#[test]
fn a_destination_that_answers_503() {
    trouble_at_datadog(Fault::Status(503));
}

#[test]
fn a_destination_that_asks_for_patience() {
    trouble_at_datadog(Fault::RetryAfter(429, 1));
}

#[test]
fn a_destination_that_hangs() {
    trouble_at_datadog(Fault::Hang);
}

#[test]
fn a_destination_that_hangs_up() {
    trouble_at_datadog(Fault::Close);
}

#[test]
fn trouble_at_cloudwatch_is_not_datadogs() {
    let task = Task::new();
    let mut running = task.start();
    let corpus = Corpus::new(Mix::Json);
    task.logs.faults().set(Fault::Hang);
    task.sender().rate(2_000).send(&corpus, 0..RECORDS).expect("the socket takes everything");
    assert!(task.intake.distinct().wait_for(RECORDS, IN_TIME), "Datadog waits: {:#}", running.ledger());
    task.logs.faults().lift();
    task.logs.throttle(3);
    task.all_arrived(RECORDS, &mut running);
    let exit = running.stop();
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    settled(&exit);
}

/// An answer that never arrives whole may mean a duplicate, never a loss.
#[test]
fn an_answer_cut_in_half_loses_nothing() {
    let task = Task::new();
    let mut running = task.start();
    let corpus = Corpus::new(Mix::Json);
    task.intake.faults().next(2, Fault::Half);
    task.sender().send(&corpus, 0..RECORDS).expect("the socket takes everything");
    task.all_arrived(RECORDS, &mut running);
    let counted = wait_until(IN_TIME, || {
        let ledger = running.ledger();
        destination(&ledger, "datadog.0")["delivered"] == RECORDS
    });
    assert!(counted, "{:#}", running.ledger());
    settled(&running.stop());
}

/// Wrong credentials are not a reason to throw data away: they are kept until somebody mends them.
#[test]
fn a_refused_key_keeps_the_data() {
    let task = Task::new();
    let mut running = task.start();
    let corpus = Corpus::new(Mix::Json);
    task.intake.faults().set(Fault::Status(403));
    task.sender().send(&corpus, 0..100).expect("the socket takes everything");
    assert!(task.logs.distinct().wait_for(100, IN_TIME));
    assert!(wait_until(IN_TIME, || task.intake.faults().hits() > 0));
    let ledger = running.ledger();
    assert_eq!(destination(&ledger, "datadog.0")["dropped"], serde_json::json!({}), "{ledger:#}");
    task.intake.faults().lift();
    task.all_arrived(100, &mut running);
    settled(&running.stop());
}
