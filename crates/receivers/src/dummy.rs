//! Makes records, for trying out a configuration.
//!
//! ```yaml
//! dummy:
//!   tag: test
//!   record: '{"message": "hello"}'
//!   rate: 10
//! ```

use std::time::Duration;

use config::Interval;
use engine::{BuildContext, ConfigError, Fault, Outlet, Receiver, Stop, clock};
use model::{Arena, Batch, LogRecord, Span, Tag, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval};

/// Shortest time between batches; faster rates make larger ones.
const LEAST_PERIOD: Duration = Duration::from_millis(10);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Tag of the records.
    pub tag: String,
    /// The record, a JSON object.
    #[serde(default = "greeting")]
    pub record: String,
    /// Records to make in all; with 0 there is no end.
    #[serde(default)]
    pub samples: u64,
    /// Records to make in each `interval`, evenly spread.
    #[serde(default = "one")]
    pub rate: u64,
    /// What `rate` is counted over.
    #[serde(default = "one_second")]
    pub interval: Interval,
    /// How many times each record is made.
    #[serde(default = "one")]
    pub copies: u64,
}

fn greeting() -> String {
    r#"{"message":"dummy"}"#.into()
}

fn one() -> u64 {
    1
}

fn one_second() -> Interval {
    Interval::from_secs(1)
}

#[derive(Debug)]
pub struct Dummy {
    tag: Tag,
    record: String,
    samples: u64,
    copies: u64,
    period: Duration,
    /// Records in each period, copies not counted.
    records: u64,
}

impl Receiver for Dummy {
    const NAME: &'static str = "dummy";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let mut arena = Arena::new(config.record.clone().into_bytes());
        if let Err(at) = arena.parse_object(Span::input(0, config.record.len())) {
            let help = r#"write one such as `{"message": "hello"}`"#;
            return Err(cx.refuse("record", format!("not a JSON object at byte {at}"), help));
        }
        if config.rate == 0 || config.interval.is_zero() || config.copies == 0 {
            let help = "`rate`, `interval` and `copies` have to be above zero";
            return Err(cx.refuse("rate", "no records would be made", help));
        }
        let spread = config.interval.div_f64(config.rate as f64);
        let records = (LEAST_PERIOD.as_secs_f64() / spread.as_secs_f64().max(1e-9)).ceil().max(1.0) as u64;
        Ok(Dummy {
            tag: config.tag.into(),
            record: config.record,
            samples: if config.samples == 0 { u64::MAX } else { config.samples },
            copies: config.copies,
            period: config.interval.div_f64(config.rate as f64 / records as f64),
            records,
        })
    }

    async fn run(self, out: Outlet, mut stop: Stop) -> Result<(), Fault> {
        let mut ticks = interval(self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut left = self.samples;
        while left > 0 {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.draining() => return Ok(()),
            }
            let records = self.records.min(left);
            left -= records;
            let batch = self.batch(records * self.copies);
            let bytes = self.record.len() as u64 * batch.len() as u64;
            // A batch that is lost is counted by the engine; there is nobody to answer.
            let _ = out.send(batch, bytes).await;
        }
        stop.draining().await;
        Ok(())
    }
}

impl Dummy {
    fn batch(&self, records: u64) -> Batch {
        let mut batch = Batch::new(self.tag.clone(), self.record.clone().into_bytes());
        let now = clock::now_nanos();
        for _ in 0..records {
            // `build` has seen that it is an object.
            let list = batch.arena.parse_object(Span::input(0, self.record.len())).unwrap_or_default();
            batch.logs.push(LogRecord { observed: now, ..LogRecord::new(now, Value::Map(list)) });
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use config::Setting;
    use engine::outlet::Phase;
    use engine::testing::{Catch, json_lines, receiver, stop};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn records_come_at_their_rate_and_end() {
        let settings = Setting::map().with("tag", "t").with("rate", 5).with("samples", 11).with("copies", 2);
        let dummy = receiver::<Dummy>(settings).unwrap();
        let (catch, (phase, stop)) = (Catch::default(), stop());
        let (started, running) = (Instant::now(), tokio::spawn(dummy.run(catch.outlet(), stop)));
        let batches = catch.records(22).await;
        assert_eq!(started.elapsed().as_millis(), 2000);
        assert_eq!(json_lines(&batches), "t {\"message\":\"dummy\"}\n".repeat(22));
        phase.send_replace(Phase::Draining);
        running.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn high_rates_make_larger_batches() {
        let settings = Setting::map().with("tag", "t").with("rate", 10_000).with("record", "{\"a\":1}");
        let dummy = receiver::<Dummy>(settings).unwrap();
        assert_eq!((dummy.records, dummy.period.as_millis()), (100, 10));
        for wrong in [("record", "[1]"), ("record", "{"), ("interval", "0s")] {
            assert!(receiver::<Dummy>(Setting::map().with("tag", "t").with(wrong.0, wrong.1)).is_err());
        }
    }
}
