//! Reads the text of one field and makes fields of it.
//!
//! ```yaml
//! parser:
//!   key: log
//!   parsers:
//!     - name: json
//!       format: json
//!   reserve_data: true
//! ```
//!
//! The record becomes the fields that were read, followed by its other fields where `reserve_data` asks for
//! them. Order decides where names collide: the later field is the one destinations see, so a field the record
//! had wins over one that was read. Text that no parser can read leaves the record as it is.

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, LogRecord, Path, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fields;
use crate::parsing::{Parsed, Parser, ParserConfig};

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    /// The field whose text is read: a key, or a path such as `$kubernetes['log']`.
    pub key: String,
    /// Tried in this order; the first that can read the text is used.
    pub parsers: Vec<ParserConfig>,
    /// Keep the field that was read.
    #[serde(default)]
    pub preserve_key: bool,
    /// Keep the record's other fields. Without it they are lost, those of ECS among them.
    #[serde(default)]
    pub reserve_data: bool,
}

pub struct ParserProcessor {
    key: Path,
    parsers: Vec<Parser>,
    preserve_key: bool,
    reserve_data: bool,
}

impl Processor for ParserProcessor {
    const NAME: &'static str = "parser";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let key = fields::path(&config.key).map_err(|fault| cx.refuse("key", fault, "name a field"))?;
        let mut parsers = Vec::with_capacity(config.parsers.len());
        for parser in config.parsers {
            parsers.push(Parser::build(parser, "parsers", cx)?);
        }
        if parsers.is_empty() {
            return Err(cx.refuse("parsers", "there is no parser to read with", "name at least one"));
        }
        let (preserve_key, reserve_data) = (config.preserve_key, config.reserve_data);
        Ok(ParserProcessor { key, parsers, preserve_key, reserve_data })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let Batch { arena, logs, .. } = &mut batch;
        for record in logs {
            self.read(arena, record);
        }
        out.push(batch);
    }
}

impl ParserProcessor {
    /// Every line of an application passes here: no allocation, no copy of the text.
    #[inline]
    fn read(&self, arena: &mut Arena, record: &mut LogRecord) -> Option<()> {
        let mut own = fields::fields(arena, record)?;
        let value = match self.key.as_key() {
            Some(key) => arena.get(own, key.as_bytes())?,
            None => self.key.find(arena, record.body)?,
        };
        let text = fields::text_span(arena, value)?;
        let Parsed { fields: mut read, time } =
            self.parsers.iter().find_map(|parser| parser.parse(arena, text))?;
        if let Some(time) = time {
            record.time = time;
        }
        if let Some(key) = self.key.as_key().map(str::as_bytes) {
            match (self.reserve_data, self.preserve_key) {
                (true, true) => {}
                (true, false) => _ = arena.remove(&mut own, key),
                (false, true) => _ = arena.retain(&mut own, |arena, id| arena.key(id) == key),
                (false, false) => own = model::List::EMPTY,
            }
        } else if !self.reserve_data {
            own = model::List::EMPTY;
        }
        arena.append(&mut read, own);
        record.body = Value::Map(read);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};

    use super::*;
    use crate::testing::settings;

    fn check(options: &str, record: &str, expected: &str) {
        let settings = settings(&format!(
            r#"{{"key": "log", "parsers": [{{"name": "json", "format": "json"}}]{options}}}"#
        ));
        let mut parser = processor::<ParserProcessor>(settings).unwrap();
        let (out, _) = process(&mut parser, batch("t", &[record]));
        assert_eq!(json_lines(&out), format!("t {expected}\n"), "{options} {record}");
    }

    #[test]
    fn what_was_read_comes_first_and_what_was_there_wins() {
        let reserve = r#", "reserve_data": true"#;
        let record = r#"{"log":"{\"source\":\"inner\",\"a\":2}","source":"stdout","a":"outer"}"#;
        check(reserve, record, r#"{"source":"stdout","a":"outer"}"#);
        check(reserve, r#"{"log":"{\"a\":1.0,\"b\":[]}","x":1}"#, r#"{"a":1.0,"b":[],"x":1}"#);
        check("", record, r#"{"source":"inner","a":2}"#);
        check(r#", "preserve_key": true"#, r#"{"x":1,"log":"{\"a\":1}"}"#, r#"{"a":1,"log":"{\"a\":1}"}"#);
        let both = r#", "reserve_data": true, "preserve_key": true"#;
        check(both, r#"{"log":"{\"log\":\"in\"}","x":1}"#, r#"{"log":"{\"log\":\"in\"}","x":1}"#);
    }

    #[test]
    fn what_cannot_be_read_stays() {
        for record in [
            r#"{"log":"text","x":1}"#,
            r#"{"log":"[1]","x":1}"#,
            r#"{"log":"{}{}","x":1}"#,
            r#"{"log":"","x":1}"#,
            r#"{"log":5,"x":1}"#,
            r#"{"log":{"a":1},"x":1}"#,
            r#"{"x":1}"#,
        ] {
            check("", record, record);
        }
        check("", r#"{"log":"{}","x":1}"#, "{}");
    }

    #[test]
    fn dots_in_keys_are_no_path() {
        let reserve = r#", "reserve_data": true"#;
        check(
            reserve,
            r#"{"log":"{\"dd.env\":\"p\",\"a.b\":{\"c.d\":1}}"}"#,
            r#"{"dd.env":"p","a.b":{"c.d":1}}"#,
        );
    }

    #[test]
    fn wrong_settings_say_what_to_do() {
        for (settings_text, expected) in [
            (r#"{"key": "log", "parsers": []}"#, "there is no parser to read with"),
            (r#"{"key": "$a[", "parsers": []}"#, "is no path"),
            (
                r#"{"key": "k", "parsers": [{"name": "r", "format": "regex"}]}"#,
                "parser `r` has no expression",
            ),
            (
                r#"{"key": "k", "parsers": [{"name": "r", "format": "json", "time_format": "%s", "time_offset": "x"}]}"#,
                "`x` is no offset",
            ),
        ] {
            let error = processor::<ParserProcessor>(settings(settings_text)).err().unwrap();
            assert!(error.contains(expected), "{error}");
        }
    }
}
