//! Conditions on a record: the simple forms of the Collector's expression language.
//!
//! What is not known is refused when the settings are read. A field that is not there is `nil`; a comparison of
//! values of different kinds does not hold.

mod read;

use std::borrow::Cow;

use model::{Batch, Value, json};
use ottl::Regex;
use serde::de::{Deserialize, Deserializer, Error};

use super::entry::Entry;
use super::field::Field;

#[derive(Debug)]
pub(super) struct Expression(Node);

#[derive(Debug)]
enum Node {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Field(Field),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Matches(Box<Node>, Regex),
    In(Box<Node>, Vec<Node>),
    Add(Box<Node>, Box<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug)]
enum Known<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, [u8]>),
    /// A map or a list.
    Other(Value),
}

impl Expression {
    pub fn parse(text: &str) -> Result<Expression, String> {
        read::parse(text).map(Expression)
    }

    pub fn holds(&self, batch: &Batch, entry: &Entry) -> bool {
        self.0.holds(batch, entry)
    }

    /// What it amounts to, as a value of the batch.
    pub fn value(&self, batch: &mut Batch, entry: &Entry) -> Value {
        let text = match self.0.eval(batch, entry) {
            Known::Nil => return Value::Null,
            Known::Bool(flag) => return Value::Bool(flag),
            Known::Int(int) => return Value::Int(int),
            Known::Float(float) => return Value::Double(float),
            Known::Other(value) => return crate::fields::duplicate(&mut batch.arena, value),
            Known::Text(text) => text.into_owned(),
        };
        Value::Str(batch.arena.store(&text))
    }
}

impl Node {
    fn holds(&self, batch: &Batch, entry: &Entry) -> bool {
        matches!(self.eval(batch, entry), Known::Bool(true))
    }

    fn eval<'a>(&'a self, batch: &'a Batch, entry: &Entry) -> Known<'a> {
        Known::Bool(match self {
            Node::Nil => return Known::Nil,
            Node::Bool(flag) => *flag,
            Node::Int(int) => return Known::Int(*int),
            Node::Float(float) => return Known::Float(*float),
            Node::Text(text) => return Known::Text(Cow::Borrowed(text.as_bytes())),
            Node::Field(field) => return Known::of(batch, field.get(batch, entry)),
            Node::Not(node) => !node.holds(batch, entry),
            Node::And(one, other) => one.holds(batch, entry) && other.holds(batch, entry),
            Node::Or(one, other) => one.holds(batch, entry) || other.holds(batch, entry),
            Node::Compare(how, one, other) => how.holds(&one.eval(batch, entry), &other.eval(batch, entry)),
            Node::Matches(node, regex) => match node.eval(batch, entry) {
                Known::Text(text) => regex.is_match(&*text),
                _ => false,
            },
            Node::In(node, items) => {
                let value = node.eval(batch, entry);
                items.iter().any(|item| Comparison::Equal.holds(&value, &item.eval(batch, entry)))
            }
            Node::Add(one, other) => return one.eval(batch, entry).plus(&other.eval(batch, entry)),
        })
    }
}

impl Comparison {
    fn holds(self, one: &Known<'_>, other: &Known<'_>) -> bool {
        use Comparison::{Contains, EndsWith, Equal, Less, LessOrEqual, StartsWith};
        match (self, one, other) {
            (Equal, Known::Nil, Known::Nil) => true,
            (Equal, Known::Bool(one), Known::Bool(other)) => one == other,
            (Equal, Known::Text(one), Known::Text(other)) => one == other,
            (Less, Known::Text(one), Known::Text(other)) => one < other,
            (LessOrEqual, Known::Text(one), Known::Text(other)) => one <= other,
            (StartsWith, Known::Text(one), Known::Text(other)) => one.starts_with(other),
            (EndsWith, Known::Text(one), Known::Text(other)) => one.ends_with(other),
            (Contains, Known::Text(one), Known::Text(other)) => {
                other.is_empty() || one.windows(other.len()).any(|part| part == &**other)
            }
            (Equal, Known::Int(one), Known::Int(other)) => one == other,
            (Less, Known::Int(one), Known::Int(other)) => one < other,
            (LessOrEqual, Known::Int(one), Known::Int(other)) => one <= other,
            _ => match (self, one.number(), other.number()) {
                (Equal, Some(one), Some(other)) => one == other,
                (Less, Some(one), Some(other)) => one < other,
                (LessOrEqual, Some(one), Some(other)) => one <= other,
                _ => false,
            },
        }
    }
}

impl<'a> Known<'a> {
    fn of(batch: &'a Batch, value: Option<Value>) -> Known<'a> {
        let value = match value {
            Some(Value::Json(span)) => match batch.arena.text(Value::Json(span)) {
                Some(text) => return Known::Text(text),
                None => json::scalar(batch.arena.bytes(span)).unwrap_or(Value::Json(span)),
            },
            Some(value) => value,
            None => Value::Null,
        };
        match value {
            Value::Null => Known::Nil,
            Value::Bool(flag) => Known::Bool(flag),
            Value::Int(int) => Known::Int(int),
            Value::Uint(int) => Known::Float(int as f64),
            Value::Double(float) => Known::Float(float),
            Value::Str(span) | Value::Bytes(span) => Known::Text(Cow::Borrowed(batch.arena.bytes(span))),
            other => Known::Other(other),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Known::Int(int) => Some(*int as f64),
            Known::Float(float) => Some(*float),
            _ => None,
        }
    }

    fn plus(&self, other: &Known<'_>) -> Known<'a> {
        match (self, other) {
            (Known::Text(one), Known::Text(other)) => Known::Text(Cow::Owned([&**one, &**other].concat())),
            (Known::Int(one), Known::Int(other)) => Known::Int(one.wrapping_add(*other)),
            _ => match (self.number(), other.number()) {
                (Some(one), Some(other)) => Known::Float(one + other),
                _ => Known::Nil,
            },
        }
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Expression::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
