//! Values and how they coerce: texts that read as numbers are numbers, whatever their type was.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::json;
use crate::number::{self, Number};

/// What a field holds. Texts borrow from the row where they can.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value<'a> {
    /// The field is missing, or JSON `null`.
    #[default]
    Null,
    /// Shown as 1 or 0.
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Milliseconds since the epoch, shown as `YYYY-MM-DD HH:MM:SS.mmm` in UTC.
    Time(i64),
    Text(Cow<'a, str>),
    /// A JSON object as text. Must be valid JSON.
    Map(Cow<'a, str>),
    /// A JSON array as text. Must be valid JSON.
    List(Cow<'a, str>),
}

impl<'a> Value<'a> {
    pub fn text(text: impl Into<Cow<'a, str>>) -> Value<'a> {
        Value::Text(text.into())
    }

    /// The value of raw JSON; null where the text is none.
    pub fn from_json(raw: &'a str) -> Value<'a> {
        model::json::value_range(raw.as_bytes()).map_or(Value::Null, |range| json::value(&raw[range]))
    }

    /// A part of a map or list by its flattened name, `a.b.0`; null where there is none.
    pub fn inside(&self, name: &str) -> Value<'_> {
        match self {
            Value::Map(text) | Value::List(text) => json::find(text, name),
            _ => Value::Null,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub(crate) fn is_nested(&self) -> bool {
        matches!(self, Value::Map(_) | Value::List(_))
    }

    /// A float that is a number; what is not (0/0) is null.
    pub(crate) fn float(float: f64) -> Value<'a> {
        if float.is_finite() { Value::Float(float) } else { Value::Null }
    }

    pub(crate) fn flag(flag: bool) -> Value<'a> {
        Value::Bool(flag)
    }

    /// The number it reads as; `None` for null, map, list and other text.
    pub(crate) fn number(&self) -> Option<Number> {
        match self {
            Value::Int(int) | Value::Time(int) => Some(Number::Int(*int)),
            Value::Float(float) => Some(Number::Float(*float)),
            Value::Bool(flag) => Some(Number::Int(i64::from(*flag))),
            Value::Text(text) => number::parse(text),
            Value::Null | Value::Map(_) | Value::List(_) => None,
        }
    }

    /// As it is shown; `None` when null.
    pub fn shown(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Value::Null => return None,
            Value::Text(text) | Value::Map(text) | Value::List(text) => Cow::Borrowed(text),
            Value::Bool(flag) => Cow::Borrowed(if *flag { "1" } else { "0" }),
            Value::Int(int) => Cow::Owned(int.to_string()),
            Value::Float(float) => Cow::Owned(number::shown(*float)),
            Value::Time(ms) => Cow::Owned(crate::period::shown(*ms)),
        })
    }

    /// As [`Value::shown`], keeping the row's text.
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(text) | Value::Map(text) | Value::List(text) => Some(text),
            Value::Bool(flag) => Some(Cow::Borrowed(if flag { "1" } else { "0" })),
            other => other.shown().map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// What string functions work on: null for maps and lists.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        if self.is_nested() { None } else { self.into_text() }
    }

    /// As a condition: true, a number other than 0, `"true"`.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Value::Bool(flag) => *flag,
            Value::Int(int) | Value::Time(int) => *int != 0,
            Value::Float(float) => *float != 0.0,
            Value::Text(text) => text == "true" || text == "1",
            Value::Null | Value::Map(_) | Value::List(_) => false,
        }
    }

    pub(crate) fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(flag) => Value::Bool(*flag),
            Value::Int(int) => Value::Int(*int),
            Value::Float(float) => Value::Float(*float),
            Value::Time(ms) => Value::Time(*ms),
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Map(text) => Value::Map(Cow::Borrowed(text)),
            Value::List(text) => Value::List(Cow::Borrowed(text)),
        }
    }

    pub fn into_owned(self) -> Value<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        match self {
            Value::Null => Value::Null,
            Value::Bool(flag) => Value::Bool(flag),
            Value::Int(int) => Value::Int(int),
            Value::Float(float) => Value::Float(float),
            Value::Time(ms) => Value::Time(ms),
            Value::Text(text) => Value::Text(own(text)),
            Value::Map(text) => Value::Map(own(text)),
            Value::List(text) => Value::List(own(text)),
        }
    }

    /// Heap bytes, for budgets.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Value::Text(text) | Value::Map(text) | Value::List(text) => text.len(),
            _ => 0,
        }
    }

    /// Appends what tells it from other values: `200` and `"200"` are the same, null and `""` are not.
    ///
    /// Maps and lists cannot be keys; they count as null.
    pub(crate) fn write_key(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 5]);
        match self {
            Value::Null | Value::Map(_) | Value::List(_) => return,
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Bool(flag) => out.push(b'0' + u8::from(*flag)),
            Value::Int(int) => number::write(*int, out),
            Value::Float(float) => out.extend_from_slice(number::shown(*float).as_bytes()),
            Value::Time(ms) => {
                out[start] = 2;
                out.extend_from_slice(&ms.to_le_bytes());
                return;
            }
        }
        let length = (out.len() - start - 5) as u32;
        out[start] = 1;
        out[start + 1..start + 5].copy_from_slice(&length.to_le_bytes());
    }
}

/// How two values compare; `None` when one is null, a map or a list.
///
/// As numbers when both read as numbers in full, otherwise as text by code point. A boolean and the text
/// `true` or `false` compare as booleans.
pub(crate) fn compare(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => return Some(a.cmp(b)),
        (Value::Null | Value::Map(_) | Value::List(_), _) => return None,
        (_, Value::Null | Value::Map(_) | Value::List(_)) => return None,
        (Value::Bool(flag), Value::Text(text)) if let Some(other) = word(text) => {
            return Some(flag.cmp(&other));
        }
        (Value::Text(text), Value::Bool(flag)) if let Some(other) = word(text) => {
            return Some(other.cmp(flag));
        }
        _ => {}
    }
    if let (Some(a), Some(b)) = (a.number(), b.number()) {
        return Some(a.compare(b));
    }
    Some(a.shown()?.as_bytes().cmp(b.shown()?.as_bytes()))
}

fn word(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_read_as_numbers_compare_as_numbers() {
        let text = |text: &'static str| Value::text(text);
        for (a, b, expected) in [
            (text("200"), Value::Int(200), Some(Ordering::Equal)),
            (text("9"), text("10"), Some(Ordering::Less)),
            (text("9x"), text("10x"), Some(Ordering::Greater)),
            (Value::Null, Value::Null, None),
            (Value::Map("{}".into()), text("{}"), None),
            (Value::Bool(true), Value::Int(1), Some(Ordering::Equal)),
            (Value::Bool(true), text("true"), Some(Ordering::Equal)),
            (Value::Time(5), Value::Int(6), Some(Ordering::Less)),
        ] {
            assert_eq!(compare(&a, &b), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn json_is_read_where_it_is_asked() {
        let value = Value::from_json(r#" {"a":{"b":[1,"x"]}} "#);
        assert_eq!(value.inside("a.b.1"), Value::text("x"));
        assert_eq!(value.inside("a.c"), Value::Null);
        assert_eq!((Value::from_json("{"), Value::from_json("2.5")), (Value::Null, Value::Float(2.5)));
    }

    #[test]
    fn keys_tell_values_apart_but_not_types() {
        let key = |values: &[Value<'_>]| {
            let mut out = Vec::new();
            values.iter().for_each(|value| value.write_key(&mut out));
            out
        };
        assert_eq!(key(&[Value::Int(200)]), key(&[Value::text("200")]));
        assert_ne!(key(&[Value::Null]), key(&[Value::text("")]));
        assert_ne!(key(&[Value::text("a"), Value::text("b")]), key(&[Value::text("ab"), Value::text("")]));
    }
}
