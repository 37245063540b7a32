//! Resident memory idle, at a usual rate, flat out, and with a destination that hangs.
//!
//! The figures are printed; what is asserted is generous, because a debug build of the whole program is far larger
//! than the lean one that ships for tasks.
//! One test, so that the phases do not disturb each other.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::time::Duration;

use support::{Task, size};
use testkit::aws::{Logs, logs};
use testkit::corpus::{Corpus, Mix};
use testkit::fault::Fault;
use testkit::intake::{self, Datadog};
use testkit::process::{Running, wait_until};

const MIB: u64 = 1 << 20;

fn counting() -> Task {
    let intake = Datadog::with(intake::Options { count_only: true, ..Default::default() });
    Task::with(intake, Logs::with(logs::Options { count_only: true, ..Default::default() }))
}

fn said(phase: &str, running: &Running, aim: u64, limit: u64) {
    let usage = running.usage();
    println!(
        "{phase:<28} {:>3} MiB resident, {:>3} at most (aim {aim})",
        usage.resident / MIB,
        usage.peak / MIB
    );
    assert!(usage.peak < limit * MIB, "{phase}: {} MiB", usage.peak / MIB);
}

#[test]
fn memory_stays_within_bounds() {
    let corpus = Corpus::new(Mix::Json);
    let task = counting();
    let mut running = task.start();
    said("idle", &running, 6, 120);

    let usual = size("OUTRIGGER_RECORDS", 20_000).min(20_000);
    task.sender().rate(2_000).send(&corpus, 0..usual).expect("the socket takes everything");
    task.all_arrived(usual, &mut running);
    said("2,000 records a second", &running, 16, 160);

    let all = usual + size("OUTRIGGER_RECORDS", 60_000);
    task.sender().connections(4).send(&corpus, usual..all).expect("the socket takes everything");
    task.all_arrived(all, &mut running);
    said("flat out", &running, 32, 240);
    running.stop();
}

/// The queue fills and memory stays: the oldest goes, or the sender waits, but nothing grows.
#[test]
fn a_hanging_destination_does_not_grow_memory() {
    let corpus = Corpus::new(Mix::Json);
    let task = counting();
    let mut running = task.start();
    task.intake.faults().set(Fault::Hang);
    let records = size("OUTRIGGER_RECORDS", 100_000);
    task.sender().connections(2).send(&corpus, 0..records).expect("the socket takes everything");
    assert!(
        task.logs.distinct().wait_for(records, support::patience(records)),
        "CloudWatch waits for Datadog"
    );
    said("one destination hanging", &running, 64, 256);
    support::check_law(&running.ledger());
    task.intake.faults().lift();
    let settled = wait_until(Duration::from_secs(60), || {
        let ledger = running.ledger();
        let view = support::destination(&ledger, "datadog.0");
        view["open"] == 0 && view["queued"] == 0 && view["in_flight"] == 0
    });
    assert!(settled, "{:#}", running.ledger());
}
