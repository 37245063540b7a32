//! Prints records to standard output.
//!
//! For looking at what a pipeline makes of its records. The default form is Fluent Bit's: the place in the
//! batch, the tag, time and attributes, and the record's fields. The other forms are those of `http`.
//!
//! ```yaml
//! stdout:
//!   format: json_lines
//!   date_format: iso8601
//! ```
//!
//! A payload is printed in one piece, so lines of two outputs never mix. In a container these lines are the
//! container's own log: with a log driver that brings them back here they would go round and round.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{BuildContext, ConfigError, Outcome, Payload, Sealed};
use model::{Batch, LogRecord, Tag};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::dated::{DateFormat, DatedJson, Layout};
use crate::inspect;

/// A payload is printed at this size, whatever time it is.
const MAX_BYTES: usize = 256 << 10;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How records are printed.
    pub format: Format,
    /// Key of the time in the JSON forms. Empty leaves the time out.
    pub date_key: String,
    /// How the time is written in the JSON forms.
    pub date_format: DateFormat,
}

impl Default for Config {
    fn default() -> Self {
        Config { format: Format::default(), date_key: "date".into(), date_format: DateFormat::default() }
    }
}

/// How records are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `[0] tag: [[1718000000.250000000, {}], {"log"=>"text"}]`, one record a line.
    #[default]
    Msgpack,
    /// One JSON array a payload.
    Json,
    /// One JSON object a line.
    JsonLines,
    /// JSON objects one behind the other, a line a payload.
    JsonStream,
}

pub struct Stdout {
    config: Config,
    writer: Writer,
}

type Writer = Arc<Mutex<Box<dyn Write + Send>>>;

impl engine::Exporter for Stdout {
    const NAME: &'static str = "stdout";
    type Config = Config;
    type Encoder = Encoder;

    fn build(config: Config, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Stdout { config, writer: Arc::new(Mutex::new(Box::new(io::stdout()))) })
    }

    fn encoder(&self) -> Encoder {
        Encoder {
            style: Style::new(&self.config),
            route: "".into(),
            out: Vec::new(),
            records: 0,
            last: ("".into(), 0),
        }
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let text = match payload.wire() {
            Ok(text) => text,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        let writer = self.writer.clone();
        // A pipe nobody reads blocks its writer.
        let printed = tokio::task::spawn_blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.write_all(&text).and_then(|()| writer.flush())
        });
        match printed.await {
            Ok(Ok(())) => Outcome::Sent,
            Ok(Err(error)) => Outcome::retry(format!("cannot write to standard output: {error}")),
            Err(error) => Outcome::retry(format!("writing to standard output ended early: {error}")),
        }
    }
}

enum Style {
    Inspect,
    Json(Layout, DatedJson),
}

impl Style {
    fn new(config: &Config) -> Style {
        let layout = match config.format {
            Format::Msgpack => return Style::Inspect,
            Format::Json => Layout::Array,
            Format::JsonLines => Layout::Lines,
            Format::JsonStream => Layout::Stream,
        };
        Style::Json(layout, DatedJson::new(&config.date_key, config.date_format, false))
    }
}

pub struct Encoder {
    style: Style,
    route: Arc<str>,
    out: Vec<u8>,
    records: u64,
    /// The last record's tag, and the place of the next in its run.
    last: (Tag, u64),
}

impl engine::Encoder for Encoder {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        if self.records == 0 || *self.last.0 != *batch.tag {
            self.last = (batch.tag.clone(), 0);
        }
        for record in &batch.logs {
            match &mut self.style {
                Style::Inspect => write_line(self.last.1, batch, record, &mut self.out),
                Style::Json(layout, json) => {
                    self.out.extend_from_slice(layout.before(self.records == 0));
                    json.write(&batch.arena, record, &mut self.out);
                    self.out.extend_from_slice(layout.after());
                }
            }
            self.records += 1;
            self.last.1 += 1;
            if self.out.len() >= MAX_BYTES {
                self.seal(out);
            }
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        if self.records == 0 {
            return;
        }
        if let Style::Json(layout, _) = &self.style {
            self.out.extend_from_slice(layout.end());
            if *layout != Layout::Lines {
                self.out.push(b'\n');
            }
        }
        let text = std::mem::take(&mut self.out);
        let bytes = text.len() as u64;
        out.push(Payload::new(text, self.route.clone(), self.records, bytes));
        (self.records, self.last.1) = (0, 0);
    }
}

/// `[place] tag: [[seconds.nanoseconds, {attributes}], {fields}]`
fn write_line(place: u64, batch: &Batch, record: &LogRecord, out: &mut Vec<u8>) {
    let (seconds, nanos) = (record.time / 1_000_000_000, record.time % 1_000_000_000);
    // Writing to a Vec cannot fail.
    let _ = write!(out, "[{place}] {}: [[{seconds}.{nanos:09}, ", batch.tag);
    inspect::write_map(&batch.arena, record.attributes, out);
    out.extend_from_slice(b"], ");
    inspect::write_value(&batch.arena, record.body, out);
    out.extend_from_slice(b"]\n");
}

#[cfg(test)]
mod tests;
