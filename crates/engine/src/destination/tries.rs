//! The payloads of the tries under way, so that one whose try never returns can be taken from it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::payload::Payload;

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
    payload: Payload,
}

/// A right to the payload of a try, as long as nobody took it away.
pub(super) struct Trying<'a> {
    tries: &'a Tries,
    number: u64,
}

impl Tries {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self, payload: Payload) -> Trying<'_> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.running.push(Running { number, since: Instant::now(), payload });
        Trying { tries: self, number }
    }

    /// Takes the payloads of tries that run for longer than `limit` away from them.
    pub fn take_stuck(&self, limit: Duration) -> Vec<Payload> {
        let mut state = self.state();
        state.running.extract_if(.., |try_| try_.since.elapsed() > limit).map(|try_| try_.payload).collect()
    }

    /// Takes all, after the tasks were ended.
    pub fn take_all(&self) -> Vec<Payload> {
        self.state().running.drain(..).map(|try_| try_.payload).collect()
    }
}

impl Trying<'_> {
    /// The payload, unless it was taken away. A task that is ended leaves it to [`Tries::take_all`].
    pub fn end(self) -> Option<Payload> {
        let mut state = self.tries.state();
        let place = state.running.iter().position(|running| running.number == self.number)?;
        Some(state.running.swap_remove(place).payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_try_that_takes_too_long_loses_its_payload() {
        let tries = Tries::default();
        let payload = |records| Payload::new(Vec::new(), "", records, 0);
        let (limit, quick, slow) =
            (Duration::from_secs(15), tries.begin(payload(1)), tries.begin(payload(2)));
        assert_eq!(quick.end().unwrap().records, 1);
        tokio::time::advance(limit).await;
        assert!(tries.take_stuck(limit).is_empty());
        tokio::time::advance(Duration::from_secs(1)).await;
        let taken: Vec<u64> = tries.take_stuck(limit).iter().map(|payload| payload.records).collect();
        assert_eq!(taken, [2]);
        assert!(slow.end().is_none());
        let _ended = tries.begin(payload(3));
        assert_eq!(tries.take_all()[0].records, 3);
    }
}
