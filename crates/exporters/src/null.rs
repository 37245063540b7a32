//! Accepts records and throws them away, counted as delivered.
//!
//! For trying out a configuration, and for Fluent Bit files that send what nobody wants to a `null` output.
//! Nothing of a record is read. It takes no settings.
//!
//! ```yaml
//! null: {}
//! ```

use std::sync::Arc;

use bytes::Bytes;
use engine::{ALL_SIGNALS, BuildContext, ConfigError, Outcome, Payload, Sealed};
use model::{Batch, Signal};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

pub struct Null;

/// Counts; a payload without a body is what passes the count on.
pub struct Encoder {
    route: Arc<str>,
    records: u64,
    bytes: u64,
}

impl engine::Exporter for Null {
    const NAME: &'static str = "null";
    const SIGNALS: &'static [Signal] = ALL_SIGNALS;
    const TAKES_UNREAD: bool = true;
    type Config = Config;
    type Encoder = Encoder;

    fn build(_: Config, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Null)
    }

    fn encoder(&self) -> Encoder {
        Encoder { route: "".into(), records: 0, bytes: 0 }
    }

    async fn send(&self, _: &Payload) -> Outcome {
        Outcome::Sent
    }
}

impl engine::Encoder for Encoder {
    fn encode(&mut self, batch: &Batch, _: &mut Sealed) {
        self.records += batch.len() as u64;
        self.bytes += batch.arena.input().len() as u64;
    }

    fn seal(&mut self, out: &mut Sealed) {
        if self.records > 0 {
            out.push(Payload::new(Bytes::new(), self.route.clone(), self.records, self.bytes));
            (self.records, self.bytes) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Setting;
    use engine::Surroundings;
    use engine::testing::{batch, exporter};
    use engine::{Encoder as _, Exporter as _};

    #[tokio::test]
    async fn records_are_counted_and_gone() {
        let null: Null = exporter(Setting::map(), &Surroundings::for_tests()).unwrap();
        let (mut encoder, mut out) = (null.encoder(), Sealed::default());
        encoder.encode(&batch("a", &[r#"{"a":1}"#, r#"{"a":2}"#]), &mut out);
        encoder.encode(&batch("b", &[r#"{"a":3}"#]), &mut out);
        assert!(out.payloads().is_empty());
        encoder.seal(&mut out);
        encoder.seal(&mut out);
        let [payload] = out.payloads() else { panic!("one payload") };
        assert_eq!((payload.records, payload.held_bytes() < 200), (3, true));
        assert_eq!(null.send(payload).await, Outcome::Sent);
        assert!(exporter::<Null>(Setting::map().with("x", 1), &Surroundings::for_tests()).is_err());
    }
}
