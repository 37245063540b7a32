//! Text that a parser cut out, as a number or a boolean where its settings ask for one.

use model::{Arena, Span, Value};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Integer,
    Float,
    Bool,
    Hex,
    String,
}

/// The value that the text stands for. Text that is no such value stays text: a made-up 0 would be a lie.
pub fn convert(arena: &Arena, text: Span, wanted: Type) -> Option<Value> {
    let bytes = arena.bytes(text);
    match wanted {
        Type::Integer => integer(bytes),
        Type::Float => float(bytes).map(Value::Double),
        Type::Bool => boolean(bytes).map(Value::Bool),
        Type::Hex => hex(bytes),
        Type::String => Some(Value::Str(text)),
    }
}

/// Leading digits count, as in C: `12abc` is 12.
fn integer(text: &[u8]) -> Option<Value> {
    let text = text.trim_ascii_start();
    let (negative, rest) = sign(text);
    let digits = leading(rest, u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match (negative, i64::try_from(number)) {
        (false, Ok(number)) => Some(Value::Int(number)),
        (false, Err(_)) => Some(Value::Uint(number)),
        (true, _) if number <= 1 << 63 => Some(Value::Int((number as i64).wrapping_neg())),
        (true, _) => None,
    }
}

fn float(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii_start();
    let (_, unsigned) = sign(text);
    let mut end = text.len() - unsigned.len();
    let whole = leading(&text[end..], u8::is_ascii_digit).len();
    end += whole;
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        fraction = leading(&text[end + 1..], u8::is_ascii_digit).len();
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    end += exponent(&text[end..]);
    let number: f64 = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

/// Length of `e5`, `E-5` at the front, 0 when there is none.
fn exponent(text: &[u8]) -> usize {
    let Some(b'e' | b'E') = text.first() else { return 0 };
    let (_, digits) = sign(&text[1..]);
    match leading(digits, u8::is_ascii_digit).len() {
        0 => 0,
        count => text.len() - digits.len() + count,
    }
}

fn boolean(text: &[u8]) -> Option<bool> {
    let starts = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if starts(b"true") {
        Some(true)
    } else if starts(b"false") {
        Some(false)
    } else {
        None
    }
}

fn hex(text: &[u8]) -> Option<Value> {
    let text = text.trim_ascii_start();
    let bare = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X"));
    let digits = leading(bare.unwrap_or(text), u8::is_ascii_hexdigit);
    let number = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some(i64::try_from(number).map_or(Value::Uint(number), Value::Int))
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

fn leading(text: &[u8], fits: impl Fn(&u8) -> bool) -> &[u8] {
    &text[..text.iter().position(|byte| !fits(byte)).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_what_it_says_and_nothing_else() {
        for (wanted, text, expected) in [
            (Type::Integer, "42", Some(Value::Int(42))),
            (Type::Integer, "-7", Some(Value::Int(-7))),
            (Type::Integer, " +5", Some(Value::Int(5))),
            (Type::Integer, "12abc", Some(Value::Int(12))),
            (Type::Integer, "1.9", Some(Value::Int(1))),
            (Type::Integer, "abc", None),
            (Type::Integer, "-", None),
            (Type::Integer, "", None),
            (Type::Integer, "9223372036854775808", Some(Value::Uint(1 << 63))),
            (Type::Integer, "-9223372036854775808", Some(Value::Int(i64::MIN))),
            (Type::Integer, "-9223372036854775809", None),
            (Type::Integer, "99999999999999999999", None),
            (Type::Float, "1.5x", Some(Value::Double(1.5))),
            (Type::Float, " 2.5", Some(Value::Double(2.5))),
            (Type::Float, "3", Some(Value::Double(3.0))),
            (Type::Float, ".5", Some(Value::Double(0.5))),
            (Type::Float, "1e3", Some(Value::Double(1000.0))),
            (Type::Float, "1e", Some(Value::Double(1.0))),
            (Type::Float, "-2.", Some(Value::Double(-2.0))),
            (Type::Float, "1e400", None),
            (Type::Float, ".", None),
            (Type::Float, "nan", None),
            (Type::Bool, "TRUE", Some(Value::Bool(true))),
            (Type::Bool, "falsely", Some(Value::Bool(false))),
            (Type::Bool, "1", None),
            (Type::Bool, " true", None),
            (Type::Hex, "ff", Some(Value::Int(255))),
            (Type::Hex, "0x1F", Some(Value::Int(31))),
            (Type::Hex, " a", Some(Value::Int(10))),
            (Type::Hex, "ffffffffffffffff", Some(Value::Uint(u64::MAX))),
            (Type::Hex, "zz", None),
            (Type::Hex, "-1", None),
        ] {
            let mut arena = Arena::default();
            let span = arena.store(text.as_bytes());
            assert_eq!(convert(&arena, span, wanted), expected, "{wanted:?} {text:?}");
        }
    }
}
