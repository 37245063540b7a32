//! The fault rig: what goes wrong in production, one case a function, and what must hold then.
//!
//! `make test` runs a short selection; `make faults` runs everything, each fault for `FAULT_SECONDS` (60).
//! `FAULT_CASE` picks the cases whose name holds it. Each case prints one line; times are told, not judged.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod crash;
mod destinations;
mod disk;
mod intake;
mod load;
mod rig;
mod stopping;
#[path = "../support/mod.rs"]
mod support;
mod trust;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rig::{Finding, Outage};

const MIB: u64 = 1 << 20;

/// What a destination refuses as too large is unpacked to be halved, several payloads at once: beside the promised
/// tenth above the healthy peak that is all a fault may take.
const SPLITTING: u64 = 20 * MIB;

/// How long and how often.
pub struct Settings {
    pub full: bool,
    pub fault: Duration,
    pub kills: u32,
    /// Peak memory of a run without faults; 0 until there was one.
    healthy: AtomicU64,
}

impl Settings {
    fn read() -> Settings {
        let full = std::env::var_os("FAULT_SECONDS").is_some();
        let seconds = support::size("FAULT_SECONDS", 3);
        let kills = support::size("FAULT_KILLS", if full { 200 } else { 5 }) as u32;
        Settings { full, fault: Duration::from_secs(seconds), kills, healthy: AtomicU64::new(0) }
    }

    pub fn times(&self) -> Outage {
        Outage { before: Duration::from_secs(if self.full { 5 } else { 1 }), fault: self.fault }
    }

    fn healthy(&self) -> u64 {
        self.healthy.load(Ordering::Relaxed)
    }
}

impl Finding {
    /// A tenth above the healthy peak is promised.
    pub fn must_hold_memory(&mut self, settings: &Settings) {
        let (peak, healthy) = (self.peak, settings.healthy());
        let most = healthy + healthy / 10 + SPLITTING;
        self.must(healthy == 0 || peak <= most, format!("{} MiB at most", peak / MIB));
    }
}

type Run = dyn Fn(&Settings) -> Finding + Send + Sync;

pub struct Case {
    name: String,
    short: bool,
    run: Box<Run>,
}

impl Case {
    pub fn new(name: &str, short: bool, run: impl Fn(&Settings) -> Finding + Send + Sync + 'static) -> Case {
        Case { name: name.to_owned(), short, run: Box::new(run) }
    }

    /// Runs it and prints its line; false when something did not hold.
    fn judge(&self, settings: &Settings) -> bool {
        let finding = catch_unwind(AssertUnwindSafe(|| (self.run)(settings))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            Finding { faults: vec![text.unwrap_or_default()], ..Finding::default() }
        });
        println!("{}", line(&self.name, &finding, settings));
        if self.name == "healthy" {
            settings.healthy.store(finding.peak, Ordering::Relaxed);
        }
        finding.faults.is_empty()
    }
}

fn line(name: &str, finding: &Finding, settings: &Settings) -> String {
    if let Some(why) = &finding.skipped {
        return format!("{name:<46} skipped: {why}");
    }
    let delay = finding.delay.map_or("-".to_owned(), |delay| format!("{:.1} s", delay.as_secs_f64()));
    let mut text = format!(
        "{name:<46} lost {:>5}  duplicated {:>5}  peak {:>3} MiB (healthy {:>3})  {:>5.1} s  other's delay {delay:<6}  {}",
        finding.lost,
        finding.duplicated,
        finding.peak / MIB,
        settings.healthy() / MIB,
        finding.took.as_secs_f64(),
        if finding.faults.is_empty() { "holds" } else { "FAILED" },
    );
    for note in finding.faults.iter().chain(finding.notes.iter().filter(|_| !finding.faults.is_empty())) {
        text.push_str(&format!("\n    {note}"));
    }
    text
}

#[test]
fn nothing_is_lost_that_was_read() {
    let settings = Settings::read();
    let picked = std::env::var("FAULT_CASE").unwrap_or_default();
    let mut cases = destinations::cases();
    cases.extend(trust::cases());
    cases.extend(stopping::cases());
    cases.extend(crash::cases());
    cases.extend(disk::cases());
    cases.extend(intake::cases());
    cases.retain(
        |case| if picked.is_empty() { case.short || settings.full } else { case.name.contains(&picked) },
    );

    // The healthy run first and alone: the others are measured against it.
    let (first, rest): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.name == "healthy");
    let mut failed: Vec<String> = Vec::new();
    failed.extend(first.iter().filter(|case| !case.judge(&settings)).map(|case| case.name.clone()));
    let (left, failed) = (Mutex::new(rest.iter()), Mutex::new(failed));
    // Cases wait more than they work.
    let lanes = support::size("FAULT_LANES", 4);
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                while let Some(case) = { left.lock().unwrap().next() } {
                    if !case.judge(&settings) {
                        failed.lock().unwrap().push(case.name.clone());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "did not hold: {failed:#?}");
}
