//! The only place that asks what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the epoch; 0 should the clock stand before it.
#[allow(clippy::disallowed_methods)]
pub fn now_nanos() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_nanos() as u64;
    #[cfg(test)]
    let now = now.saturating_add_signed(JUMP.get());
    now
}

#[cfg(test)]
thread_local! {
    /// Nanoseconds by which somebody has set this thread's clock forward.
    pub(crate) static JUMP: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}
