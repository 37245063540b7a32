//! Tells on standard error what arrives: a line a batch, and on request each log record.
//!
//! For a look at what a pipeline carries, as the Collector's exporter of this name.
//!
//! ```yaml
//! debug:
//!   verbosity: detailed
//! ```
//!
//! With `basic` nothing of a batch is read. Log records that came in unread are only counted in any case.

use std::io::Write;
use std::sync::Arc;

use engine::{BuildContext, ConfigError, Outcome, Payload, Sealed};
use model::{Batch, Signal, json};
use schemars::JsonSchema;
use serde::Deserialize;

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
    /// And the body of each log record.
    Normal,
    /// And its time, severity, trace and attributes.
    Detailed,
}

pub struct Debug(Verbosity);

impl engine::Exporter for Debug {
    const NAME: &'static str = "debug";
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
        if self.verbosity != Verbosity::Basic {
            batch.logs.iter().for_each(|record| self.write(batch, record));
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

impl Encoder {
    fn write(&mut self, batch: &Batch, record: &model::LogRecord) {
        let (arena, out) = (&batch.arena, &mut self.out);
        if self.verbosity == Verbosity::Detailed {
            let trace = record.trace_id.iter().fold(0u128, |id, byte| id << 8 | u128::from(*byte));
            let span = u64::from_be_bytes(record.span_id);
            let severity = String::from_utf8_lossy(arena.bytes(record.severity_text));
            let (number, time) = (record.severity.0, record.time);
            let _ = write!(
                out,
                "  time={time} severity={number} {severity} trace={trace:032x} span={span:016x} "
            );
            json::write_value(arena, model::Value::Map(record.attributes), out);
        }
        out.extend_from_slice(b"  ");
        json::write_value(arena, record.body, out);
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::batch;
    use serde_json::json;

    use super::*;
    use crate::trial::{build, encode};

    fn told(verbosity: &str, batches: &[Batch]) -> String {
        let debug: Debug = build(&json!({ "verbosity": verbosity })).unwrap();
        let sealed = encode(&debug, batches);
        String::from_utf8(sealed.payloads()[0].wire().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn each_verbosity_tells_more() {
        let batches =
            [batch("a", &[r#"{"a":1}"#]), Batch::unread("t".into(), Signal::Traces, vec![1, 2, 3], 5)];
        let basic = told("basic", &batches);
        assert!(basic.starts_with("debug: 1 log records, "), "{basic}");
        assert!(basic.ends_with("debug: 5 spans, 3 bytes\n") && !basic.contains("{\"a\":1}"), "{basic}");
        assert!(told("normal", &batches).contains("\n  {\"a\":1}\ndebug: 5"));
        let detailed = told("detailed", &batches);
        assert!(
            detailed.contains("severity=0  trace=00000000000000000000000000000000 span=0000000000000000 {}")
        );
        assert!(detailed.contains("  {\"a\":1}\n"), "{detailed}");
    }
}
