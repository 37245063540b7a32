//! Makes one record of the lines that belong together, such as a stack trace.
//!
//! ```yaml
//! multiline:
//!   mode: parser
//!   key: log
//!   parsers:
//!     - name: dated
//!       type: regex
//!       rules:
//!         - {states: [start_state], regex: '^\d{4}-\d\d-\d\d ', next: cont}
//!         - {states: [cont], regex: '^\s', next: cont}
//! ```
//!
//! Lines of one tag belong to one stream. A record that no parser takes ends what came before it and passes,
//! so the order of a stream is kept. The joined record has the fields and the time of its first line. Mode
//! `partial_message` joins lines the log driver cut, as `join_partials` does.
//!
//! A group is let go when its rules say so, when no line came for `flush_after`, and when it grows too large;
//! then what follows becomes a record of its own. Nothing is dropped.

mod machine;
mod stream;

use config::Interval;
use engine::{BuildContext, ConfigError, Instances, Processor};
use model::Batch;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use crate::partials::Partials;
use machine::Machine;
pub use machine::MultilineParser;
use stream::Streams;

/// The largest record put together of lines.
const MAX_BYTES: usize = 2 << 20;

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    pub mode: Mode,
    /// The field that holds the lines. `log` when not set.
    pub key: Option<String>,
    /// Tried in this order, the one that took the line before first.
    #[serde(default)]
    pub parsers: Vec<MultilineParser>,
    /// How long a group waits for its next line. When not set, what its parser says, or 2 s.
    pub flush_after: Option<Interval>,
    /// Wait for lines of later batches. Otherwise only what arrives together is joined.
    #[serde(default = "yes")]
    pub buffer: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Parser,
    PartialMessage,
}

pub struct Multiline {
    joiner: Joiner,
    buffer: bool,
}

enum Joiner {
    Partials(Partials),
    Lines(Streams),
}

impl Processor for Multiline {
    const NAME: &'static str = "multiline";
    const INSTANCES: Instances = Instances::One;
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let key = config.key.as_deref().unwrap_or("log");
        let joiner = match config.mode {
            Mode::PartialMessage => {
                let wait = config.flush_after.unwrap_or(Interval::from_secs(2));
                Joiner::Partials(Partials::new(key, wait.get(), MAX_BYTES))
            }
            Mode::Parser => {
                let mut machines = Vec::with_capacity(config.parsers.len());
                for parser in config.parsers {
                    machines.push(Machine::build(parser, config.flush_after, cx)?);
                }
                if machines.is_empty() {
                    return Err(cx.refuse("parsers", "there is no parser to join lines with", "name one"));
                }
                Joiner::Lines(Streams::new(machines, key))
            }
        };
        Ok(Multiline { joiner, buffer: config.buffer })
    }

    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>) {
        match &mut self.joiner {
            Joiner::Partials(partials) => partials.process(batch, out),
            Joiner::Lines(streams) => streams.process(batch, out),
        }
        if !self.buffer {
            self.finish(out);
        }
    }

    fn held(&self) -> u64 {
        match &self.joiner {
            Joiner::Partials(partials) => partials.held(),
            Joiner::Lines(streams) => streams.held(),
        }
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Batch>) {
        match &mut self.joiner {
            Joiner::Partials(partials) => partials.tick(now, out),
            Joiner::Lines(streams) => streams.tick(now, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<Batch>) {
        match &mut self.joiner {
            Joiner::Partials(partials) => partials.finish(out),
            Joiner::Lines(streams) => streams.finish(out),
        }
    }
}

#[cfg(test)]
mod tests;
