//! Values of attributes as text, and the letter that tells what they were.

use std::borrow::Cow;

use model::{Arena, Value, json};

/// A value as text, and what it was, so that nothing is lost by that: `s` text, `i` whole number, `d` number with a
/// fraction, `b` boolean, `x` bytes in lower-case hexadecimal, `j` JSON of a map or list, `n` nothing.
pub(super) fn text(arena: &Arena, value: Value) -> (Cow<'_, str>, u8) {
    match value {
        Value::Null => (Cow::Borrowed(""), b'n'),
        Value::Bool(true) => (Cow::Borrowed("true"), b'b'),
        Value::Bool(false) => (Cow::Borrowed("false"), b'b'),
        Value::Int(int) => (Cow::Owned(int.to_string()), b'i'),
        Value::Uint(uint) => (Cow::Owned(uint.to_string()), b'i'),
        Value::Double(double) if double.is_finite() => (written(arena, value), b'd'),
        // JSON has no words for these.
        Value::Double(double) => (Cow::Owned(double.to_string()), b'd'),
        Value::Str(span) => (lossy(arena.bytes(span)), b's'),
        Value::Bytes(span) => {
            let bytes = arena.bytes(span);
            let mut digits = String::with_capacity(2 * bytes.len());
            bytes.iter().for_each(|byte| digits.extend(hex_pair(*byte)));
            (Cow::Owned(digits), b'x')
        }
        Value::Json(span) => raw(arena.bytes(span)),
        Value::Map(_) | Value::Array(_) => (written(arena, value), b'j'),
    }
}

fn hex_pair(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'))
}

fn raw(text: &[u8]) -> (Cow<'_, str>, u8) {
    match text.first() {
        Some(b'"') => match json::string_text(text) {
            Some(Cow::Borrowed(text)) => (lossy(text), b's'),
            Some(Cow::Owned(text)) => (Cow::Owned(lossy(&text).into_owned()), b's'),
            None => (lossy(text), b'j'),
        },
        Some(b'{' | b'[') => (lossy(text), b'j'),
        Some(b't' | b'f') => (lossy(text), b'b'),
        Some(b'n') => (Cow::Borrowed(""), b'n'),
        _ if text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => (lossy(text), b'd'),
        _ => (lossy(text), b'i'),
    }
}

pub(super) fn written(arena: &Arena, value: Value) -> Cow<'_, str> {
    let mut out = Vec::new();
    json::write_value(arena, value, &mut out);
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
