//! What a container uses, as its task's metadata tells it. Processors and memory are pretended from the work done, as
//! a shop this small would hardly move a chart; the network is counted.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Memory of one pretended cache entry.
const ENTRY_BYTES: u64 = 192 << 10;

/// Memory of one request in progress.
const REQUEST_BYTES: u64 = 3 << 20;

#[derive(Debug)]
pub struct Meter {
    base: u64,
    cpu_nanos: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    requests: AtomicU64,
    in_progress: AtomicI64,
    cached: AtomicU64,
}

/// One request in progress; it ends when dropped.
pub struct InProgress<'a>(&'a Meter);

impl Meter {
    /// `base` is what the program takes before its first request.
    pub fn new(base: u64) -> Meter {
        Meter {
            base,
            cpu_nanos: AtomicU64::new(600_000_000),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            in_progress: AtomicI64::new(0),
            cached: AtomicU64::new(0),
        }
    }

    pub fn begin(&self) -> InProgress<'_> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        InProgress(self)
    }

    pub fn compute(&self, time: Duration) {
        self.cpu_nanos.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    pub fn traffic(&self, received: usize, sent: usize) {
        // With what heads and packets add.
        self.received.fetch_add(received as u64 + 420, Ordering::Relaxed);
        self.sent.fetch_add(sent as u64 + 310, Ordering::Relaxed);
    }

    pub fn cached(&self, entries: usize) {
        self.cached.store(entries as u64, Ordering::Relaxed);
    }

    pub fn memory(&self) -> u64 {
        let in_progress = self.in_progress.load(Ordering::Relaxed).max(0) as u64;
        self.base + self.cached.load(Ordering::Relaxed) * ENTRY_BYTES + in_progress * REQUEST_BYTES
    }

    /// CPU in nanoseconds, bytes received, bytes sent, requests.
    pub fn counters(&self) -> (u64, u64, u64, u64) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (of(&self.cpu_nanos), of(&self.received), of(&self.sent), of(&self.requests))
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}
