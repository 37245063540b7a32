//! The Collector's attribute actions: insert, update, upsert, delete, hash, extract, convert.
//!
//! Source: `internal/coreinternal/attraction` as its README and behaviour have it.

use std::borrow::Cow;

use config::Pattern;
use engine::{BuildContext, ConfigError};
use model::{Arena, List, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::fields::at;
use crate::literal::Literal;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The attribute.
    #[serde(default)]
    pub key: String,
    pub action: Kind,
    /// What it is set to: text, a number or a boolean.
    #[serde(default)]
    pub value: Option<Literal>,
    /// The attribute whose value is taken instead.
    #[serde(default)]
    pub from_attribute: Option<String>,
    /// For `extract`: groups with names become attributes. For `delete` and `hash`: which keys, beside `key`.
    #[serde(default)]
    pub pattern: Option<String>,
    /// For `convert`.
    #[serde(default)]
    pub converted_type: Option<Type>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Set where it is not there.
    Insert,
    /// Set where it is there.
    Update,
    /// Set in any case.
    Upsert,
    Delete,
    /// Replaced by the SHA-256 of its value, in hexadecimal.
    Hash,
    /// Named groups of `pattern` become attributes.
    Extract,
    /// Made a number or text.
    Convert,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Int,
    Double,
    String,
}

/// An action that was checked.
pub struct Step {
    key: Box<[u8]>,
    what: What,
}

enum What {
    Set { kind: Kind, from: From },
    Delete(Option<Pattern>),
    Hash(Option<Pattern>),
    Extract(Pattern),
    Convert(Type),
}

enum From {
    Literal(Literal),
    Attribute(Box<[u8]>),
}

/// Checks the actions under `setting`; each fault is reported.
pub fn compile(
    actions: Vec<Action>,
    setting: &str,
    cx: &mut BuildContext<'_>,
) -> Result<Vec<Step>, ConfigError> {
    if actions.is_empty() {
        let help = "write a list of `key`, `action` and `value`";
        return Err(cx.refuse(setting, "there is nothing to do", help));
    }
    let steps: Vec<_> = actions
        .into_iter()
        .enumerate()
        .map(|(place, action)| {
            Step::check(action).map_err(|(why, help)| cx.refuse(setting, at(place, why), help))
        })
        .collect();
    steps.into_iter().collect()
}

impl Step {
    fn check(action: Action) -> Result<Step, (String, &'static str)> {
        let pattern = match action.pattern.as_deref().map(Pattern::new) {
            None => None,
            Some(Ok(pattern)) => Some(pattern),
            Some(Err(error)) => return Err((format!("`pattern`: {error}"), "write a regular expression")),
        };
        let by_pattern = matches!(action.action, Kind::Delete | Kind::Hash) && pattern.is_some();
        if action.key.is_empty() && !by_pattern {
            return Err(("`key` is missing".into(), "name the attribute"));
        }
        let what = match action.action {
            kind @ (Kind::Insert | Kind::Update | Kind::Upsert) => {
                let from = match (action.value, action.from_attribute) {
                    (Some(value), None) => From::Literal(value),
                    (None, Some(name)) => From::Attribute(name.into_bytes().into()),
                    _ => {
                        return Err((
                            "either `value` or `from_attribute` is needed".into(),
                            "write one of the two",
                        ));
                    }
                };
                What::Set { kind, from }
            }
            Kind::Delete => What::Delete(pattern),
            Kind::Hash => What::Hash(pattern),
            Kind::Extract => match pattern.filter(|pattern| pattern.names().next().is_some()) {
                Some(pattern) => What::Extract(pattern),
                None => {
                    return Err((
                        "`extract` needs a `pattern` with named groups".into(),
                        "write `(?P<name>…)`",
                    ));
                }
            },
            Kind::Convert => match action.converted_type {
                Some(kind) => What::Convert(kind),
                None => return Err(("`converted_type` is missing".into(), "int, double or string")),
            },
        };
        Ok(Step { key: action.key.into_bytes().into(), what })
    }

    /// Does it to one list of attributes.
    pub fn apply(&self, arena: &mut Arena, list: &mut List) {
        match &self.what {
            What::Set { kind, from } => self.set(*kind, from, arena, list),
            What::Delete(pattern) => {
                arena.retain(list, |arena, id| !self.is_meant(arena.key(id), pattern.as_ref()));
            }
            What::Hash(pattern) => {
                let ids: Vec<_> = arena.iter(*list).map(|(id, _)| id).collect();
                for id in ids {
                    if self.is_meant(arena.key(id), pattern.as_ref()) {
                        let hashed = hash(arena, arena.node(id).value);
                        let hashed = Value::Str(arena.store(hashed.as_bytes()));
                        arena.set_value(id, hashed);
                    }
                }
            }
            What::Extract(pattern) => self.extract(pattern, arena, list),
            What::Convert(kind) => {
                if let Some(id) = arena.find(*list, &self.key)
                    && let Some(value) = convert(arena, arena.node(id).value, *kind)
                {
                    arena.set_value(id, value);
                }
            }
        }
    }

    fn is_meant(&self, key: &[u8], pattern: Option<&Pattern>) -> bool {
        let by_pattern = || pattern.is_some_and(|pattern| pattern.is_match(key));
        (!self.key.is_empty() && key == &*self.key) || by_pattern()
    }

    fn set(&self, kind: Kind, from: &From, arena: &mut Arena, list: &mut List) {
        let found = arena.find(*list, &self.key);
        match kind {
            Kind::Insert if found.is_some() => return,
            Kind::Update if found.is_none() => return,
            _ => {}
        }
        let value = match from {
            From::Literal(literal) => literal.store(arena),
            From::Attribute(name) => match arena.get(*list, name) {
                Some(value) => crate::fields::duplicate(arena, value),
                None => return,
            },
        };
        arena.set(list, &self.key, value);
    }

    fn extract(&self, pattern: &Pattern, arena: &mut Arena, list: &mut List) {
        let Some(value) = arena.get(*list, &self.key) else { return };
        let Some(text) = arena.text(value).map(Cow::into_owned) else { return };
        let Some(captures) = pattern.captures(&text) else { return };
        for (name, group) in captures.named() {
            let group = Value::Str(arena.store(group));
            arena.set(list, name.as_bytes(), group);
        }
    }
}

/// Of text its bytes, of a boolean one byte, of numbers eight, the lowest first.
fn hash(arena: &Arena, value: Value) -> String {
    match value {
        Value::Bool(flag) => sha256_hex(&[u8::from(flag)]),
        Value::Int(int) => sha256_hex(&int.to_le_bytes()),
        Value::Uint(int) => sha256_hex(&int.to_le_bytes()),
        Value::Double(double) => sha256_hex(&double.to_le_bytes()),
        other => sha256_hex(arena.text(other).as_deref().unwrap_or_default()),
    }
}

fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `None` where the value is of that type already, or is none that can be.
fn convert(arena: &mut Arena, value: Value, kind: Type) -> Option<Value> {
    let text = |value| arena.text(value).and_then(|text| String::from_utf8(text.into_owned()).ok());
    match (kind, value) {
        (Type::Int, Value::Double(double)) => Some(Value::Int(double as i64)),
        (Type::Int, Value::Bool(flag)) => Some(Value::Int(i64::from(flag))),
        (Type::Int, Value::Str(_)) => Some(Value::Int(text(value)?.parse().ok()?)),
        (Type::Double, Value::Int(int)) => Some(Value::Double(int as f64)),
        (Type::Double, Value::Bool(flag)) => Some(Value::Double(f64::from(u8::from(flag)))),
        (Type::Double, Value::Str(_)) => Some(Value::Double(text(value)?.parse().ok()?)),
        (Type::String, Value::Int(int)) => Some(stored(arena, &int.to_string())),
        (Type::String, Value::Double(double)) => Some(stored(arena, &double.to_string())),
        (Type::String, Value::Bool(flag)) => Some(stored(arena, &flag.to_string())),
        _ => None,
    }
}

fn stored(arena: &mut Arena, text: &str) -> Value {
    Value::Str(arena.store(text.as_bytes()))
}
