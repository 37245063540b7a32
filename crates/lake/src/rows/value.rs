//! Values of attributes as text, and the letter that tells what they were.

use std::borrow::Cow;

use model::{Arena, Value, json};

/// What a value was, so that nothing is lost by keeping it as text: `s` text, `i` whole number, `d` number with a
/// fraction, `b` boolean, `x` bytes in lower-case hexadecimal, `j` JSON of a map or list, `n` nothing.
pub(super) fn text(arena: &Arena, value: Value) -> (Cow<'_, str>, u8) {
    match value {
        Value::Null => (Cow::Borrowed(""), b'n'),
        Value::Bool(true) => (Cow::Borrowed("true"), b'b'),
        Value::Bool(false) => (Cow::Borrowed("false"), b'b'),
        Value::Int(int) => (Cow::Owned(int.to_string()), b'i'),
        Value::Uint(uint) => (Cow::Owned(uint.to_string()), b'i'),
        Value::Double(_) => (written(arena, value), b'd'),
        Value::Str(span) => (lossy(arena.bytes(span)), b's'),
        Value::Bytes(span) => {
            let digits = arena.bytes(span).iter().map(|byte| format!("{byte:02x}")).collect();
            (Cow::Owned(digits), b'x')
        }
        Value::Json(span) => raw(arena.bytes(span)),
        Value::Map(_) | Value::Array(_) => (written(arena, value), b'j'),
    }
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
