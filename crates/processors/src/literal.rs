//! A value that a configuration gives: text, a number or a boolean.

use model::{Arena, Value};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Literal {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
}

impl Literal {
    pub fn store(&self, arena: &mut Arena) -> Value {
        match self {
            Literal::Bool(flag) => Value::Bool(*flag),
            Literal::Int(int) => Value::Int(*int),
            Literal::Double(double) => Value::Double(*double),
            Literal::Text(text) => Value::Str(arena.store(text.as_bytes())),
        }
    }
}
