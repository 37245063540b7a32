//! Adds a field that holds another one's value as a different type.
//!
//! ```yaml
//! type_converter:
//!   rules:
//!     - {from: status, source: string, to: status_code, type: int}
//! ```
//!
//! The field it is made from stays. A value that is not of the `source` type adds nothing; text that cannot be
//! read as a number is added as it is, as Fluent Bit does.

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, LogRecord, Value, number};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fields;

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    /// Applied in this order.
    pub rules: Vec<Rule>,
}

#[derive(Deserialize, JsonSchema)]
pub struct Rule {
    /// The field to convert.
    pub from: String,
    /// The field to add.
    pub to: String,
    /// What `from` must be: `int` and `uint` are whole numbers, `float` any number with a fraction.
    pub source: Type,
    /// What it becomes.
    pub r#type: Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Int,
    Uint,
    Float,
    String,
    /// A whole number written with the digits 0 to f, with or without `0x`.
    Hex,
}

pub struct TypeConverter {
    rules: Vec<Rule>,
}

impl Processor for TypeConverter {
    const NAME: &'static str = "type_converter";
    type Config = Config;

    fn build(config: Config, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(TypeConverter { rules: config.rules })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let Batch { arena, logs, .. } = &mut batch;
        for record in logs {
            self.add(arena, record);
        }
        out.push(batch);
    }
}

impl TypeConverter {
    fn add(&self, arena: &mut Arena, record: &mut LogRecord) {
        let Some(mut list) = fields::fields(arena, record) else { return };
        for rule in &self.rules {
            let Some(value) = arena.get(list, rule.from.as_bytes()) else { continue };
            let value = arena.expand(value);
            if let Some(converted) = rule.convert(arena, value) {
                let key = arena.store(rule.to.as_bytes());
                arena.push(&mut list, key, converted);
            }
        }
        record.body = Value::Map(list);
    }
}

impl Rule {
    fn convert(&self, arena: &mut Arena, value: Value) -> Option<Value> {
        let of_its_type = match self.source {
            Type::Int => matches!(value, Value::Int(_)),
            Type::Uint => matches!(value, Value::Int(0..) | Value::Uint(_)),
            Type::Float => matches!(value, Value::Double(_)),
            Type::String | Type::Hex => matches!(value, Value::Str(_) | Value::Bytes(_)),
        };
        if !of_its_type {
            return None;
        }
        let bytes = as_text(arena, value);
        if self.r#type == Type::String {
            return Some(Value::Str(arena.store(&bytes)));
        }
        let text = std::str::from_utf8(&bytes).ok()?.trim();
        let number = match self.r#type {
            Type::String => None,
            Type::Int => whole(text).and_then(|number| i64::try_from(number).ok()).map(Value::Int),
            Type::Uint => whole(text).and_then(|number| u64::try_from(number).ok()).map(unsigned),
            Type::Hex => hexadecimal(text).map(unsigned),
            Type::Float => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Double),
        };
        number.or((self.source == Type::String).then_some(value))
    }
}

fn as_text(arena: &Arena, value: Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::Int(int) => number::write_int(int, &mut out),
        Value::Uint(uint) => number::write_uint(uint, &mut out),
        Value::Double(double) => number::write_double(double, &mut out),
        other => out.extend_from_slice(&arena.text(other).unwrap_or_default()),
    }
    out
}

fn hexadecimal(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text);
    u64::from_str_radix(digits, 16).ok()
}

/// A whole number; the fraction of others is cut off.
fn whole(text: &str) -> Option<i128> {
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number.abs() < 1e19).then_some(number.trunc() as i128)
    })
}

fn unsigned(number: u64) -> Value {
    i64::try_from(number).map_or(Value::Uint(number), Value::Int)
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};

    use super::*;
    use crate::testing::settings;

    #[test]
    fn values_are_added_as_another_type() {
        for (value, source, wanted, expected) in [
            (r#""42""#, "string", "int", Some("42")),
            (r#""4.9""#, "string", "int", Some("4")),
            (r#""x""#, "string", "int", Some(r#""x""#)),
            (r#""-1""#, "string", "uint", Some(r#""-1""#)),
            (r#""ff""#, "string", "hex", Some("255")),
            (r#""0xFF""#, "string", "hex", Some("255")),
            (r#""fg""#, "string", "hex", Some(r#""fg""#)),
            ("15", "int", "hex", Some("21")),
            (r#""1.5""#, "string", "float", Some("1.5")),
            ("42", "string", "int", None),
            ("42", "int", "string", Some(r#""42""#)),
            ("42", "int", "float", Some("42.0")),
            ("18446744073709551615", "uint", "string", Some(r#""18446744073709551615""#)),
            ("1.75", "float", "string", Some(r#""1.75""#)),
            ("1.75", "float", "int", Some("1")),
            ("null", "int", "string", None),
        ] {
            let options = format!(
                r#"{{"rules": [{{"from": "a", "to": "b", "source": "{source}", "type": "{wanted}"}}]}}"#
            );
            let mut converter = processor::<TypeConverter>(settings(&options)).unwrap();
            let record = format!(r#"{{"a":{value}}}"#);
            let (out, _) = process(&mut converter, batch("t", &[&record]));
            let added = expected.map(|text| format!(r#","b":{text}"#)).unwrap_or_default();
            assert_eq!(json_lines(&out), format!("t {{\"a\":{value}{added}}}\n"), "{source} to {wanted}");
        }
    }
}
