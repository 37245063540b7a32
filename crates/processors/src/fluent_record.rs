//! Gives records that came as maps, as Forward's do, the shape that OpenTelemetry has for logs.
//!
//! ```yaml
//! fluent_record: {}
//! ```
//!
//! The field `log` or `message` becomes the body, the last of them if there are several; all other fields become
//! attributes; the tag becomes the attribute `fluent.tag`. A body that is no map stays as it is.
//! Source: the Collector's fluentforward receiver.

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, List, LogRecord, Reason, Span, Value};
use schemars::JsonSchema;
use serde::Deserialize;

const TAG: &[u8] = b"fluent.tag";

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Add the tag.
    pub tag: bool,
    /// Take blanks off the start of the body.
    pub trim_start: bool,
    /// Take blanks off the end of the body.
    pub trim_end: bool,
    /// Leave out records whose body is empty text.
    pub skip_empty: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { tag: true, trim_start: false, trim_end: false, skip_empty: false }
    }
}

pub struct FluentRecord(Config);

impl Processor for FluentRecord {
    const NAME: &'static str = "fluent_record";
    type Config = Config;

    fn build(config: Config, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(FluentRecord(config))
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let tag = batch.tag.clone();
        let arena = &mut batch.arena;
        let (key, tag) = (arena.store(TAG), Value::Str(arena.store(tag.as_bytes())));
        for record in &mut batch.logs {
            if let Some(fields) = crate::fields::fields(arena, record) {
                split(arena, record, fields, self.0.tag.then_some((key, tag)));
                self.trim(arena, record);
            }
        }
        if self.0.skip_empty {
            batch.retain(|_, record| match record.body {
                Value::Str(text) if text.is_empty() => Err(Reason::Empty),
                _ => Ok(()),
            });
        }
        out.push(batch);
    }
}

impl FluentRecord {
    fn trim(&self, arena: &Arena, record: &mut LogRecord) {
        let Value::Str(text) = record.body else { return };
        let bytes = arena.bytes(text);
        let start = if self.0.trim_start { bytes.len() - bytes.trim_ascii_start().len() } else { 0 };
        let kept = if self.0.trim_end { bytes.trim_ascii_end().len() } else { bytes.len() };
        record.body = Value::Str(text.part(start.min(kept), kept));
    }
}

fn split(arena: &mut Arena, record: &mut LogRecord, mut fields: List, tag: Option<(Span, Value)>) {
    let bodies = arena.extract(&mut fields, |arena, id| matches!(arena.key(id), b"log" | b"message"));
    record.body = arena.iter(bodies).last().map_or(Value::Null, |(_, node)| node.value);
    if let Some((key, tag)) = tag {
        arena.push(&mut fields, key, tag);
    }
    let mut attributes = record.attributes;
    arena.append(&mut attributes, fields);
    record.attributes = attributes;
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, process, processor};
    use model::json;

    use super::*;
    use crate::testing::settings;

    /// Body and attributes as JSON, attributes in their order.
    fn changed(options: &str, record: &str) -> (String, String) {
        let mut processor = processor::<FluentRecord>(settings(options)).unwrap();
        let (out, _) = process(&mut processor, batch("web-firelens-1", &[record]));
        let (batch, record) = (&out[0], &out[0].logs[0]);
        let text = |value| {
            let mut text = Vec::new();
            json::write_value(&batch.arena, value, &mut text);
            String::from_utf8(text).unwrap()
        };
        (text(record.body), text(Value::Map(record.attributes)))
    }

    #[test]
    fn the_line_is_the_body_and_the_rest_are_attributes() {
        for (record, body, attributes) in [
            (
                r#"{"container_id":"c","log":"hi","n":{"deep":1}}"#,
                r#""hi""#,
                r#"{"container_id":"c","n":{"deep":1},"fluent.tag":"web-firelens-1"}"#,
            ),
            (r#"{"message":"m"}"#, r#""m""#, r#"{"fluent.tag":"web-firelens-1"}"#),
            (r#"{"log":"first","message":{"a":1}}"#, r#"{"a":1}"#, r#"{"fluent.tag":"web-firelens-1"}"#),
            (r#"{"a":true}"#, "null", r#"{"a":true,"fluent.tag":"web-firelens-1"}"#),
        ] {
            assert_eq!(changed("{}", record), (body.to_owned(), attributes.to_owned()), "{record}");
        }
        let trims = r#"{"tag": false, "trim_start": true, "trim_end": true}"#;
        for (body, expected) in [(" \\ta b\\n ", "a b"), ("  ", ""), ("", ""), ("a", "a")] {
            let changed = changed(trims, &format!(r#"{{"log":"{}"}}"#, body.replace("\\\\", "\\")));
            assert_eq!(changed, (format!("\"{expected}\""), "{}".to_owned()), "{body}");
        }
    }

    #[test]
    fn empty_bodies_may_be_left_out() {
        let mut processor =
            processor::<FluentRecord>(settings(r#"{"trim_end": true, "skip_empty": true}"#)).unwrap();
        let (out, discarded) = process(&mut processor, batch("t", &[r#"{"log":" "}"#, r#"{"log":"a"}"#]));
        assert_eq!((out[0].logs.len(), discarded), (1, vec![(Reason::Empty, 1)]));
    }
}
