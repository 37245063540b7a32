//! What the setters of all contexts share: the value's type checked, and put into the field's own form.

use model::{Arena, List, Span, Value};

use crate::fault::RunError;
use crate::lex::decode_hex;
use crate::target::Target;
use crate::value::{Time, Val, copy_list};

pub fn expects(wanted: &str, got: Val) -> RunError {
    RunError(format!("expects {wanted} but got {}", got.type_name()))
}

pub fn int(value: Val) -> Result<i64, RunError> {
    if let Val::Int(int) = value { Ok(int) } else { Err(expects("int64", value)) }
}

/// A 32-bit count or set of flags; what does not fit is cut off, as a conversion in Go would.
pub fn small(value: Val) -> Result<u32, RunError> {
    int(value).map(|int| int as u32)
}

pub fn double(value: Val) -> Result<f64, RunError> {
    if let Val::Double(double) = value { Ok(double) } else { Err(expects("float64", value)) }
}

pub fn bool(value: Val) -> Result<bool, RunError> {
    if let Val::Bool(bool) = value { Ok(bool) } else { Err(expects("bool", value)) }
}

pub fn text(value: Val) -> Result<Span, RunError> {
    if let Val::Str(span) = value { Ok(span) } else { Err(expects("string", value)) }
}

pub fn time(value: Val) -> Result<u64, RunError> {
    let Val::Time(time) = value else { return Err(expects("time.Time", value)) };
    Ok(time.unix_nanos().clamp(0, u64::MAX.into()) as u64)
}

pub fn nanos(value: Val) -> Result<u64, RunError> {
    int(value).map(|int| int as u64)
}

pub fn unix(nanos: u64) -> Val {
    Val::Int(nanos as i64)
}

pub fn moment(nanos: u64) -> Val {
    Val::Time(Time::from_unix_nanos(nanos))
}

/// A map of its own.
pub fn map(arena: &mut Arena, value: Val) -> Result<List, RunError> {
    if let Val::Map(list) = value { Ok(copy_list(arena, list)) } else { Err(expects("map", value)) }
}

pub fn id16(value: Val) -> Result<[u8; 16], RunError> {
    if let Val::Id16(id) = value { Ok(id) } else { Err(expects("a trace id", value)) }
}

pub fn id8(value: Val) -> Result<[u8; 8], RunError> {
    if let Val::SpanId(id) = value { Ok(id) } else { Err(expects("a span id", value)) }
}

/// An id from its hex digits.
pub fn id_text<const N: usize>(t: &Target<'_>, value: Val) -> Result<[u8; N], RunError> {
    let digits = t.bytes(text(value)?);
    let id = decode_hex(digits).and_then(|id| <[u8; N]>::try_from(id).ok());
    id.ok_or_else(|| RunError(format!("an id here is {} hex digits", 2 * N)))
}

/// Hex digits of an id; nothing for the id that is none.
pub fn hex(t: &mut Target<'_>, id: &[u8]) -> Result<Val, RunError> {
    let mut out = Vec::with_capacity(32);
    if id.iter().any(|byte| *byte != 0) {
        crate::like::write_hex(id, &mut out);
    }
    t.string(out)
}

/// A list of numbers as the language sees it.
pub fn numbers(t: &mut Target<'_>, values: impl Iterator<Item = Value>) -> Val {
    let mut list = List::EMPTY;
    for value in values {
        t.arena.push(&mut list, Span::EMPTY, value);
    }
    Val::List(list)
}

/// Counts from a list of integers.
pub fn counts(t: &Target<'_>, value: Val) -> Result<Vec<u64>, RunError> {
    let Val::List(list) = value else { return Err(expects("a list of int64", value)) };
    let counts = t.arena.iter(list).map(|(_, node)| match node.value {
        Value::Int(int) => u64::try_from(int).map_err(|_| RunError::new("a count is not negative")),
        _ => Err(RunError::new("expects a list of int64")),
    });
    counts.collect()
}

/// Doubles from a list of numbers.
pub fn doubles(t: &Target<'_>, value: Val) -> Result<Vec<f64>, RunError> {
    let Val::List(list) = value else { return Err(expects("a list of float64", value)) };
    let doubles = t.arena.iter(list).map(|(_, node)| match node.value {
        Value::Int(int) => Ok(int as f64),
        Value::Double(double) => Ok(double),
        _ => Err(RunError::new("expects a list of float64")),
    });
    doubles.collect()
}
