//! What this crate's tests share.

use config::{Key, Node, Setting};
use serde_json::Value;

/// Settings written as JSON.
pub fn settings(json: &str) -> Setting {
    convert(serde_json::from_str(json).unwrap_or_else(|error| panic!("{error} in {json}")))
}

fn convert(value: Value) -> Setting {
    Setting::from(match value {
        Value::Null => Node::Null,
        Value::Bool(flag) => Node::Bool(flag),
        Value::Number(number) => match number.as_i64() {
            Some(int) => Node::Int(int),
            None => Node::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Node::Str(text),
        Value::Array(items) => Node::List(items.into_iter().map(convert).collect()),
        Value::Object(map) => {
            Node::Map(map.into_iter().map(|(name, value)| (Key::new(name), convert(value))).collect())
        }
    })
}
