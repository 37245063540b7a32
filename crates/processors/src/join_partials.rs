//! Puts lines together again that the log driver cut at 16 KiB.
//!
//! ```yaml
//! join_partials:
//!   timeout: 2s
//!   max_bytes: 1MiB
//! ```
//!
//! The pieces of a line become one record with the fields and the time of the first, without the driver's
//! `partial_` fields, its text last. A line whose end does not come goes on as far as it got; nothing is
//! dropped. Records that were not cut pass untouched. It stands before everything else, as nothing can make
//! sense of half a line.

use config::{ByteSize, Interval};
use engine::{BuildContext, ConfigError, Instances, Processor};
use model::Batch;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use crate::partials::Partials;

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How long a line waits for its next piece.
    pub timeout: Interval,
    /// The longest line put together. A longer one becomes several records.
    pub max_bytes: ByteSize,
}

impl Default for Config {
    fn default() -> Self {
        Config { timeout: Interval::from_secs(2), max_bytes: ByteSize::mib(1) }
    }
}

pub struct JoinPartials(Partials);

impl Processor for JoinPartials {
    const NAME: &'static str = "join_partials";
    const INSTANCES: Instances = Instances::One;
    type Config = Config;

    fn build(config: Config, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(JoinPartials(Partials::new("log", config.timeout.get(), config.max_bytes.as_usize())))
    }

    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>) {
        self.0.process(batch, out);
    }

    fn held(&self) -> u64 {
        self.0.held()
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Batch>) {
        self.0.tick(now, out);
    }

    fn finish(&mut self, out: &mut Vec<Batch>) {
        self.0.finish(out);
    }
}
