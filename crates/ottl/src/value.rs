//! Values while a statement runs: small copies that point into the record's arena.

use std::cmp::Ordering;

use model::{Arena, List, Span, Value};

use crate::fault::RunError;
use crate::lex::Compare;

/// What an expression yields. Chains and slices are valid only with the arena of the record.
#[derive(Debug, Clone, Copy)]
pub enum Val {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(Span),
    Bytes(Span),
    Map(List),
    List(List),
    Time(Time),
    /// Nanoseconds.
    Duration(i64),
    /// A trace or profile id.
    Id16([u8; 16]),
    SpanId([u8; 8]),
    /// A part of the record that has no value's form, such as the events of a span; only its length is known.
    Part(&'static str, u32),
}

/// A moment, and the offset from UTC it is to be shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Since the epoch, before it for years back to 0.
    pub seconds: i64,
    /// Below a thousand million.
    pub nanos: u32,
    /// Seconds east of Greenwich.
    pub offset: i32,
}

const SECOND: i128 = 1_000_000_000;

impl Time {
    pub fn from_unix_nanos(nanos: u64) -> Time {
        Time { seconds: (nanos / 1_000_000_000) as i64, nanos: (nanos % 1_000_000_000) as u32, offset: 0 }
    }

    /// From nanoseconds since the epoch; `None` outside what seconds in 64 bits hold.
    pub fn from_nanos(nanos: i128, offset: i32) -> Option<Time> {
        let seconds = i64::try_from(nanos.div_euclid(SECOND)).ok()?;
        Some(Time { seconds, nanos: nanos.rem_euclid(SECOND) as u32, offset })
    }

    pub fn unix_nanos(self) -> i128 {
        i128::from(self.seconds) * SECOND + i128::from(self.nanos)
    }
}

impl Val {
    /// Reads a stored value. Raw JSON is opened one level.
    pub fn load(arena: &mut Arena, value: Value) -> Val {
        match value {
            Value::Null => Val::Nil,
            Value::Bool(value) => Val::Bool(value),
            Value::Int(value) => Val::Int(value),
            Value::Uint(value) => Val::Double(value as f64),
            Value::Double(value) => Val::Double(value),
            Value::Str(span) => Val::Str(span),
            Value::Bytes(span) => Val::Bytes(span),
            Value::Map(list) => Val::Map(list),
            Value::Array(list) => Val::List(list),
            Value::Json(_) => match arena.expand(value) {
                Value::Json(_) => Val::Nil,
                opened => Val::load(arena, opened),
            },
        }
    }

    /// As a value that an attribute may hold. Chains are not copied.
    pub fn store(self) -> Result<Value, RunError> {
        Ok(match self {
            Val::Nil => Value::Null,
            Val::Bool(value) => Value::Bool(value),
            Val::Int(value) => Value::Int(value),
            Val::Double(value) => Value::Double(value),
            Val::Str(span) => Value::Str(span),
            Val::Bytes(span) => Value::Bytes(span),
            Val::Map(list) => Value::Map(list),
            Val::List(list) => Value::Array(list),
            other => {
                let name = other.type_name();
                return Err(RunError(format!("unsupported type {name} for set operation")));
            }
        })
    }

    /// The type as messages name it.
    pub fn type_name(self) -> &'static str {
        match self {
            Val::Nil => "nil",
            Val::Bool(_) => "bool",
            Val::Int(_) => "int64",
            Val::Double(_) => "float64",
            Val::Str(_) => "string",
            Val::Bytes(_) => "bytes",
            Val::Map(_) => "map",
            Val::List(_) => "list",
            Val::Time(_) => "time.Time",
            Val::Duration(_) => "time.Duration",
            Val::Id16(_) => "trace id",
            Val::SpanId(_) => "span id",
            Val::Part(name, _) => name,
        }
    }

    /// The length of a map, list or part.
    pub fn count(self, arena: &Arena) -> Option<usize> {
        match self {
            Val::Map(list) | Val::List(list) => Some(arena.iter(list).count()),
            Val::Part(_, len) => Some(len as usize),
            _ => None,
        }
    }
}

/// Copies the chains of a value, so that it can be stored a second time.
pub fn copy(arena: &mut Arena, value: Value) -> Value {
    match value {
        Value::Map(list) => Value::Map(copy_list(arena, list)),
        Value::Array(list) => Value::Array(copy_list(arena, list)),
        other => other,
    }
}

/// As [`copy`], of one chain.
pub fn copy_list(arena: &mut Arena, list: List) -> List {
    let (mut copied, mut at) = (List::EMPTY, arena.first(list));
    while let Some(id) = at {
        at = arena.after(id);
        let (key, value) = (arena.node(id).key, arena.node(id).value);
        let value = copy(arena, value);
        arena.push(&mut copied, key, value);
    }
    copied
}

/// Compares as the language does: types that do not go together are unequal, and nothing else holds of them.
pub fn compare(arena: &mut Arena, operator: Compare, left: Val, right: Val) -> bool {
    let ordering = match (left, right) {
        (Val::Nil, Val::Nil) => Some(Ordering::Equal),
        (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(&b)),
        (Val::Int(a), Val::Int(b)) => Some(a.cmp(&b)),
        (Val::Int(a), Val::Double(b)) => (a as f64).partial_cmp(&b),
        (Val::Double(a), Val::Int(b)) => a.partial_cmp(&(b as f64)),
        (Val::Double(a), Val::Double(b)) => a.partial_cmp(&b),
        (Val::Str(a), Val::Str(b)) | (Val::Bytes(a), Val::Bytes(b)) => {
            Some(arena.bytes(a).cmp(arena.bytes(b)))
        }
        (Val::Time(a), Val::Time(b)) => Some(a.unix_nanos().cmp(&b.unix_nanos())),
        (Val::Duration(a), Val::Duration(b)) => Some(a.cmp(&b)),
        (Val::Id16(a), Val::Id16(b)) => Some(a.cmp(&b)),
        (Val::SpanId(a), Val::SpanId(b)) => Some(a.cmp(&b)),
        (Val::Id16(a), Val::Bytes(b)) => Some(a.as_slice().cmp(arena.bytes(b))),
        (Val::Bytes(a), Val::Id16(b)) => Some(arena.bytes(a).cmp(b.as_slice())),
        (Val::SpanId(a), Val::Bytes(b)) => Some(a.as_slice().cmp(arena.bytes(b))),
        (Val::Bytes(a), Val::SpanId(b)) => Some(arena.bytes(a).cmp(b.as_slice())),
        (Val::Map(_), Val::Map(_)) | (Val::List(_), Val::List(_)) => {
            let same = equal(arena, left, right);
            return match operator {
                Compare::Equal => same,
                Compare::NotEqual => !same,
                _ => false,
            };
        }
        _ => None,
    };
    match operator {
        Compare::Equal => ordering == Some(Ordering::Equal),
        Compare::NotEqual => ordering != Some(Ordering::Equal),
        Compare::Less => ordering == Some(Ordering::Less),
        Compare::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Compare::Greater => ordering == Some(Ordering::Greater),
        Compare::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// Deep equality; the order of a map's keys does not matter.
fn equal(arena: &mut Arena, left: Val, right: Val) -> bool {
    match (left, right) {
        (Val::Map(a), Val::Map(b)) => {
            let (mut mine, mut theirs) = (Vec::new(), Vec::new());
            arena.live_fields(a, &mut mine);
            arena.live_fields(b, &mut theirs);
            mine.len() == theirs.len()
                && mine.into_iter().all(|id| {
                    let node = *arena.node(id);
                    let other = arena.get(b, arena.bytes(node.key));
                    other.is_some_and(|other| same(arena, node.value, other))
                })
        }
        (Val::List(a), Val::List(b)) => {
            let values = |list| arena.iter(list).map(|(_, node)| node.value).collect::<Vec<_>>();
            let (mine, theirs) = (values(a), values(b));
            mine.len() == theirs.len() && mine.into_iter().zip(theirs).all(|(a, b)| same(arena, a, b))
        }
        _ => compare(arena, Compare::Equal, left, right),
    }
}

fn same(arena: &mut Arena, left: Value, right: Value) -> bool {
    let (left, right) = (Val::load(arena, left), Val::load(arena, right));
    equal(arena, left, right)
}
