//! Ways a destination misbehaves, switched on and off while it runs.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What a stand-in does to requests instead of serving them.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Reads the request and answers this status.
    Status(u16),
    /// The same with a `Retry-After` header in seconds.
    RetryAfter(u16, u64),
    /// Answers 413 to bodies longer than this, and serves the others.
    TooLarge(usize),
    /// Serves the request, and answers this status and body instead of what came of it.
    Instead(u16, &'static str),
    /// Reads the request and answers nothing until the fault is lifted; then serves it.
    Hang,
    /// Reads the request, serves nothing, and closes the connection.
    Close,
    /// Serves the request after a wait.
    Slow(Duration),
    /// Serves the request but cuts the answer in half, so that the client cannot know it was served.
    Half,
}

/// The switch. Shared between a test and the threads of a stand-in.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    /// Requests it still applies to; `None` means all until it is lifted.
    left: Option<u64>,
    hit: u64,
    over: bool,
}

impl Faults {
    /// From now on, until [`Faults::lift`].
    pub fn set(&self, fault: Fault) {
        self.change(|state| (state.fault, state.left) = (Some(fault), None));
    }

    /// For the next `requests`.
    pub fn next(&self, requests: u64, fault: Fault) {
        self.change(|state| (state.fault, state.left) = (Some(fault), Some(requests)));
    }

    pub fn lift(&self) {
        self.change(|state| (state.fault, state.left) = (None, None));
    }

    /// Requests that met a fault.
    pub fn hits(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).hit
    }

    /// Lets everything that hangs go: the stand-in stops.
    pub(crate) fn end(&self) {
        self.change(|state| (state.fault, state.over) = (None, true));
    }

    /// The fault this request meets.
    pub(crate) fn meet(&self) -> Option<Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut state.left {
            Some(0) => state.fault = None,
            Some(left) => *left -= 1,
            None => {}
        }
        let fault = state.fault.clone();
        state.hit += u64::from(fault.is_some());
        fault
    }

    /// Waits while the fault is [`Fault::Hang`]. False when the stand-in stopped meanwhile.
    pub(crate) fn hang(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_while(state, |state| state.fault == Some(Fault::Hang));
        !waited.unwrap_or_else(PoisonError::into_inner).over
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}
