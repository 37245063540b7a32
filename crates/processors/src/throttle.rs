//! Lets so many records through, and counts the others.
//!
//! ```yaml
//! throttle:
//!   rate: 100
//!   window: 5
//!   interval: 1s
//! ```
//!
//! A record passes while the average over the last `window` intervals is below `rate`. After a quiet time a
//! burst of up to `rate` times `window` records passes at once. What does not pass is counted as throttled.

use std::collections::VecDeque;

use config::{ComponentId, Interval};
use engine::{BuildContext, ConfigError, Instances, Processor};
use model::{Batch, Reason};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use tracing::info;

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Records that pass in one interval, on average.
    pub rate: f64,
    /// Intervals the average is over.
    pub window: u32,
    pub interval: Interval,
    /// Write the counts to our own log once an interval.
    pub print_status: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { rate: 1.0, window: 5, interval: Interval::from_secs(1), print_status: false }
    }
}

pub struct Throttle {
    id: ComponentId,
    config: Config,
    /// Records that passed in each interval of the window, the current one last.
    passed: VecDeque<u64>,
    total: u64,
    /// When the current interval ends.
    ends: Option<Instant>,
    dropped: u64,
}

impl Processor for Throttle {
    const NAME: &'static str = "throttle";
    const INSTANCES: Instances = Instances::One;
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        if !(1..=100_000).contains(&config.window) {
            return Err(cx.refuse("window", "the window is from 1 to 100000 intervals", "5 is usual"));
        }
        if config.interval.is_zero() {
            return Err(cx.refuse("interval", "an interval has a length", "1s is usual"));
        }
        let passed = std::iter::repeat_n(0, config.window as usize).collect();
        Ok(Throttle { id: cx.id.clone(), config, passed, total: 0, ends: None, dropped: 0 })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        self.advance(Instant::now());
        batch.retain(|_, _| match self.passes() {
            true => Ok(()),
            false => Err(Reason::Throttled),
        });
        out.push(batch);
    }
}

impl Throttle {
    /// Moves the window to where `now` lies in its last interval.
    fn advance(&mut self, now: Instant) {
        let interval = self.config.interval.get();
        let ends = self.ends.unwrap_or(now + interval);
        self.ends = Some(ends);
        if now < ends {
            return;
        }
        if self.config.print_status {
            info!(component = %self.id, passed = self.total, throttled = self.dropped, "records in the window");
        }
        self.dropped = 0;
        let late = now.duration_since(ends).as_nanos() / interval.as_nanos() + 1;
        for _ in 0..late.min(u128::from(self.config.window)) {
            self.total -= self.passed.pop_front().unwrap_or(0);
            self.passed.push_back(0);
        }
        let whole = u32::try_from(late).unwrap_or(u32::MAX);
        self.ends = Some(interval.checked_mul(whole).map_or(now, |passed| ends + passed));
    }

    fn passes(&mut self) -> bool {
        if self.total as f64 / f64::from(self.config.window) >= self.config.rate {
            self.dropped += 1;
            return false;
        }
        self.total += 1;
        if let Some(current) = self.passed.back_mut() {
            *current += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::testing::{batch, process, processor};

    use super::*;
    use crate::testing::settings;

    #[tokio::test(start_paused = true)]
    async fn the_window_slides() {
        let options = r#"{"rate": 3, "window": 2, "interval": "1s"}"#;
        let mut throttle = processor::<Throttle>(settings(options)).unwrap();
        let records = [r#"{"n":1}"#; 20];
        for (wait, expected) in [(0, 6), (500, 0), (500, 0), (1000, 6), (1000, 0), (60_000, 6)] {
            tokio::time::advance(Duration::from_millis(wait)).await;
            let (out, gone) = process(&mut throttle, batch("t", &records));
            assert_eq!(out.iter().map(Batch::len).sum::<usize>(), expected, "after {wait} ms");
            assert_eq!(gone, [(Reason::Throttled, 20 - expected as u64)]);
        }
    }

    #[test]
    fn a_window_of_nothing_is_refused() {
        assert!(processor::<Throttle>(settings(r#"{"window": 0}"#)).is_err());
        assert!(processor::<Throttle>(settings(r#"{"interval": 0}"#)).is_err());
    }
}
