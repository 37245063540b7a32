//! The only place that asks what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the epoch; 0 should the clock stand before it.
#[allow(clippy::disallowed_methods)]
pub fn now_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_nanos() as u64
}
