//! `severity_parser`, and the `severity` block of other parsers: a field into the record's severity.

use std::collections::BTreeMap;

use model::{Batch, Severity, Span, Value, json};
use serde::Deserialize;

use super::build::Refusal;
use super::entry::Entry;
use super::field::Field;
use super::{Flow, Operator};

#[derive(Debug, Deserialize)]
pub(super) struct Config {
    parse_from: Field,
    #[serde(default)]
    preset: Preset,
    #[serde(default)]
    mapping: BTreeMap<String, Values>,
    #[serde(default)]
    overwrite_text: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Preset {
    #[default]
    Default,
    None,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Values {
    Several(Vec<Meant>),
    One(Meant),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Meant {
    Range { min: i64, max: i64 },
    Bool(bool),
    Int(i64),
    Text(String),
}

/// The names, in the order of their numbers, four to a name.
const NAMES: [&str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];

/// `warn3` is 15; `default` is none.
fn number(alias: &str) -> Option<u8> {
    if alias == "default" {
        return Some(0);
    }
    let name = alias.trim_end_matches(['2', '3', '4']);
    let place = NAMES.iter().position(|known| *known == name)? as u8;
    let step = match &alias[name.len()..] {
        "" => 0,
        "2" => 1,
        "3" => 2,
        "4" => 3,
        _ => return None,
    };
    Some(place * 4 + step + 1)
}

/// `INFO2`, as OpenTelemetry shows severities.
fn short_name(number: u8) -> Option<String> {
    let place = number.checked_sub(1)?;
    let name = NAMES.get(usize::from(place / 4))?.to_ascii_uppercase();
    Some(if place % 4 == 0 { name } else { format!("{name}{}", place % 4 + 1) })
}

pub(super) struct SeverityParser {
    from: Field,
    /// In small letters.
    words: Vec<(Box<[u8]>, u8)>,
    ranges: Vec<(i64, i64, u8)>,
    preset: bool,
    overwrite_text: bool,
}

impl SeverityParser {
    pub fn new(config: Config) -> Result<SeverityParser, Refusal> {
        let mut parser = SeverityParser {
            from: config.parse_from,
            words: Vec::new(),
            ranges: Vec::new(),
            preset: config.preset == Preset::Default,
            overwrite_text: config.overwrite_text,
        };
        for (alias, values) in config.mapping {
            let Some(number) = number(&alias) else {
                let why = format!("`mapping`: `{alias}` is no severity");
                return Err((
                    why,
                    "they are trace, debug, info, warn, error and fatal, and each with 2 to 4",
                ));
            };
            let values = match values {
                Values::One(one) => vec![one],
                Values::Several(several) => several,
            };
            values.into_iter().for_each(|value| parser.learn(value, number));
        }
        Ok(parser)
    }

    fn learn(&mut self, value: Meant, number: u8) {
        match value {
            Meant::Range { min, max } => self.ranges.push((min, max, number)),
            Meant::Int(int) => self.ranges.push((int, int, number)),
            Meant::Bool(flag) => self.words.push((flag.to_string().into_bytes().into(), number)),
            Meant::Text(text) => {
                let text = text.to_ascii_lowercase();
                let hundred = text.strip_suffix("xx").and_then(|digit| digit.parse::<i64>().ok());
                match hundred.filter(|digit| (2..=5).contains(digit)) {
                    Some(digit) => self.ranges.push((digit * 100, digit * 100 + 99, number)),
                    None => self.words.push((text.into_bytes().into(), number)),
                }
            }
        }
    }

    fn number_of(&self, text: &[u8]) -> u8 {
        if let Some((.., number)) = self.words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            return *number;
        }
        let text = std::str::from_utf8(text).unwrap_or_default();
        let int = text.parse::<i64>().ok();
        let within = |&&(min, max, _): &&(i64, i64, u8)| int.is_some_and(|int| (min..=max).contains(&int));
        match self.ranges.iter().find(within) {
            Some((.., number)) => *number,
            None if self.preset => number(&text.to_ascii_lowercase()).unwrap_or_default(),
            None => 0,
        }
    }
}

/// A value as text: numbers in digits.
pub(super) fn shown(batch: &mut Batch, value: Value) -> Option<Span> {
    let value = match value {
        Value::Json(span) => json::scalar(batch.arena.bytes(span)).unwrap_or(value),
        value => value,
    };
    let digits = match value {
        Value::Int(int) => int.to_string(),
        Value::Uint(int) => int.to_string(),
        Value::Double(float) => float.to_string(),
        Value::Bool(flag) => flag.to_string(),
        text => return crate::fields::text_span(&mut batch.arena, text),
    };
    Some(batch.arena.store(digits.as_bytes()))
}

impl Operator for SeverityParser {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let value = self.from.get(batch, entry).ok_or_else(|| self.from.missing())?;
        let text =
            shown(batch, value).ok_or_else(|| format!("`{}` is no text and no number", self.from.text))?;
        let number = self.number_of(batch.arena.bytes(text));
        entry.record.severity = Severity(number);
        entry.record.severity_text = match short_name(number).filter(|_| self.overwrite_text) {
            Some(name) => batch.arena.store(name.as_bytes()),
            None => text,
        };
        Ok(Flow::On)
    }
}
