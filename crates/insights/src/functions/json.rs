//! Functions over JSON text, maps and lists.

use std::borrow::Cow;

use super::Call;
use crate::json;
use crate::value::{self, Value};

/// A map or list; null for anything else.
pub fn parse<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    match call.take(0) {
        Value::Text(Cow::Borrowed(text)) => nested(text),
        Value::Text(Cow::Owned(text)) => nested(&text).into_owned(),
        nested @ (Value::Map(_) | Value::List(_)) => nested,
        _ => Value::Null,
    }
}

fn nested(text: &str) -> Value<'_> {
    let Ok(range) = model::json::value_range(text.as_bytes()) else { return Value::Null };
    let value = json::value(&text[range]);
    if value.is_nested() { value } else { Value::Null }
}

pub fn stringify<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    match call.take(0) {
        Value::Null => Value::Null,
        Value::Text(text) => {
            let mut out = Vec::with_capacity(text.len() + 2);
            model::json::write_string(text.as_bytes(), &mut out);
            String::from_utf8(out).map_or(Value::Null, Value::text)
        }
        Value::Bool(flag) => Value::text(if flag { "true" } else { "false" }),
        other => other.into_text().map_or(Value::Null, Value::Text),
    }
}

/// A list, also one still in text.
fn list<'r>(call: &mut Call<'_, 'r>) -> Option<Cow<'r, str>> {
    let value = call.take(0);
    let value = match value {
        Value::Text(Cow::Borrowed(text)) => nested(text),
        Value::Text(Cow::Owned(text)) => nested(&text).into_owned(),
        other => other,
    };
    match value {
        Value::List(text) => Some(text),
        _ => None,
    }
}

pub fn array_size<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    list(&mut call).map_or(Value::Null, |text| Value::Int(json::items(&text).len() as i64))
}

/// Whether an item equals the value, as `=` compares.
pub fn array_contains<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let Some(text) = list(&mut call) else { return Value::Null };
    let wanted = call.take(1);
    let equal = |item: &Value<'_>| value::compare(item, &wanted) == Some(std::cmp::Ordering::Equal);
    Value::flag(json::items(&text).iter().any(equal))
}
