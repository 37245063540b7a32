//! When each try to send began, for the watchdog.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Default)]
pub(super) struct Tries(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    running: Vec<Running>,
}

struct Running {
    number: u64,
    since: Instant,
    reported: bool,
}

/// Ends its try when it is dropped.
pub(super) struct Trying<'a> {
    tries: &'a Tries,
    number: u64,
}

impl Tries {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self) -> Trying<'_> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.running.push(Running { number, since: Instant::now(), reported: false });
        Trying { tries: self, number }
    }

    /// Beginnings of the tries that run for longer than `limit`, each told once.
    pub fn stuck(&self, limit: Duration) -> Vec<Instant> {
        let mut stuck = Vec::new();
        for running in &mut self.state().running {
            if !running.reported && running.since.elapsed() > limit {
                running.reported = true;
                stuck.push(running.since);
            }
        }
        stuck
    }
}

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        self.tries.state().running.retain(|running| running.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_try_that_takes_too_long_is_told_once() {
        let tries = Tries::default();
        let (limit, quick) = (Duration::from_secs(15), tries.begin());
        drop(quick);
        let began = Instant::now();
        let _slow = tries.begin();
        tokio::time::advance(limit).await;
        assert!(tries.stuck(limit).is_empty());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(tries.stuck(limit), [began]);
        assert!(tries.stuck(limit).is_empty());
    }
}
