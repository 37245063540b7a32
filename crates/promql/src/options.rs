//! How a query is evaluated, and how much it may cost.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub struct Options {
    /// How long a sample stands for its series where no newer one is there.
    pub lookback: Duration,
    /// Steps of a subquery that names none.
    pub subquery_step: Duration,
    /// Samples held at one time, those of the source included; sixteen bytes each at most.
    pub max_samples: usize,
    /// Steps of a range query.
    pub max_points: usize,
    pub deadline: Option<Instant>,
    /// Set by whoever no longer wants the answer.
    pub canceled: Option<Arc<AtomicBool>>,
    /// Whether `x[5m]` takes a sample that is exactly five minutes old, and the lookback one at its very edge, as
    /// Prometheus before 3.0 does.
    pub range_is_closed: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            lookback: Duration::from_secs(300),
            subquery_step: Duration::from_secs(60),
            max_samples: 50_000_000,
            max_points: 11_000,
            deadline: None,
            canceled: None,
            range_is_closed: false,
        }
    }
}
