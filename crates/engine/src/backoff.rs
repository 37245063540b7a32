//! Waits between tries: doubling, with jitter, up to a cap.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use config::topology::Retry;

/// The waits of one payload.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    cap: Duration,
    random: u64,
}

impl Backoff {
    pub fn new(retry: &Retry) -> Self {
        // The standard library's hash keys are random for each process and map: seed enough for jitter.
        let seed = RandomState::new().build_hasher().finish();
        Backoff { next: retry.base, cap: retry.cap.max(retry.base), random: seed | 1 }
    }

    /// The next wait: between half and all of the doubling step, so that many tasks do not return together.
    pub fn wait(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.cap);
        // xorshift64
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let part = (self.random >> 40) as f64 / (1u64 << 24) as f64;
        full.mul_f64(0.5 + part / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let retry = Retry { base: Duration::from_secs(1), cap: Duration::from_secs(8), ..Retry::default() };
        let mut backoff = Backoff::new(&retry);
        for full in [1, 2, 4, 8, 8, 8] {
            let wait = backoff.wait();
            assert!(
                wait >= Duration::from_millis(full * 500) && wait <= Duration::from_secs(full),
                "{wait:?} of {full}"
            );
        }
    }
}
