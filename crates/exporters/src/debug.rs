//! Tells on standard error what arrives: a line a batch, and on request each log record, span and data point.
//!
//! For a look at what a pipeline carries, as the Collector's exporter of this name; with `detailed`, in its words.
//!
//! ```yaml
//! debug:
//!   verbosity: detailed
//! ```
//!
//! With `basic` nothing of a batch is read. What came in unread is only counted in any case.

use std::io::Write;
use std::sync::Arc;

use engine::{ALL_SIGNALS, BuildContext, ConfigError, Outcome, Payload, Sealed};
use model::{Batch, Signal};
use schemars::JsonSchema;
use serde::Deserialize;

mod detailed;
mod normal;

/// A payload is printed at this size, whatever time it is.
const MAX_BYTES: usize = 256 << 10;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How much is told.
    pub verbosity: Verbosity,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verbosity {
    /// A line a batch.
    #[default]
    Basic,
    /// And a line each for log records, spans and data points.
    Normal,
    /// And all there is to know of each, resources and scopes included.
    Detailed,
}

pub struct Debug(Verbosity);

impl engine::Exporter for Debug {
    const NAME: &'static str = "debug";
    const SIGNALS: &'static [Signal] = ALL_SIGNALS;
    const TAKES_UNREAD: bool = true;
    type Config = Config;
    type Encoder = Encoder;

    fn build(config: Config, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Debug(config.verbosity))
    }

    fn encoder(&self) -> Encoder {
        Encoder { verbosity: self.0, route: "".into(), out: Vec::new(), records: 0 }
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let text = match payload.wire() {
            Ok(text) => text,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        // Whoever closed standard error does not want to see it.
        let _ = tokio::task::spawn_blocking(move || std::io::stderr().lock().write_all(&text)).await;
        Outcome::Sent
    }
}

pub struct Encoder {
    verbosity: Verbosity,
    route: Arc<str>,
    out: Vec<u8>,
    records: u64,
}

impl engine::Encoder for Encoder {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        let what = match batch.signal() {
            Signal::Logs => "log records",
            Signal::Traces => "spans",
            Signal::Metrics => "data points",
        };
        // Writing to a Vec cannot fail.
        let _ = writeln!(self.out, "debug: {} {what}, {} bytes", batch.len(), batch.arena.input().len());
        match self.verbosity {
            Verbosity::Basic => {}
            Verbosity::Normal => normal::write(batch, &mut self.out),
            Verbosity::Detailed => detailed::write(batch, &mut self.out),
        }
        self.records += batch.len() as u64;
        if self.out.len() >= MAX_BYTES {
            engine::Encoder::seal(self, out);
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        if self.records > 0 {
            let text = std::mem::take(&mut self.out);
            let bytes = text.len() as u64;
            out.push(Payload::new(text, self.route.clone(), self.records, bytes));
            self.records = 0;
        }
    }
}

#[cfg(test)]
mod tests;
