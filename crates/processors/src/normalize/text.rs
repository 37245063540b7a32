//! Looks at values without making anything of them: lines with nothing to do must cost next to nothing.

use model::{Arena, List, Span, Value, json};

/// Where the text of a string lies. Text with escapes counts as none: no word that is looked for needs one.
pub fn span(arena: &Arena, value: Value) -> Option<Span> {
    match value {
        Value::Str(span) => Some(span),
        Value::Json(span) => {
            let inner = arena.bytes(span).strip_prefix(b"\"")?;
            (!inner.contains(&b'\\')).then(|| span.part(1, span.len() - 1))
        }
        _ => None,
    }
}

/// A number, as a value.
pub fn number(arena: &Arena, value: Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::Uint(_) | Value::Double(_) => Some(value),
        Value::Json(span) => {
            let raw = arena.bytes(span);
            json::scalar(raw).filter(|_| raw.first().is_some_and(|byte| byte.is_ascii_digit()))
        }
        _ => None,
    }
}

/// Adds an attribute in place of one of the same name.
pub fn set(arena: &mut Arena, list: &mut List, key: &str, value: Value) {
    arena.set(list, key.as_bytes(), value);
}

/// All of it is one number.
pub fn digits<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    let all = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| all)?.parse().ok()
}
