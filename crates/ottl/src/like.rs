//! The conversions behind arguments that take "anything like" a text, number or truth value.

use std::io::Write;

use model::Span;

use crate::fault::RunError;
use crate::json;
use crate::target::Target;
use crate::value::Val;

/// Texts stay, bytes become hex, all else JSON. Nil has no text.
pub fn string(t: &mut Target<'_>, value: Val) -> Result<Option<Span>, RunError> {
    let mut out = Vec::new();
    match value {
        Val::Nil => return Ok(None),
        Val::Str(span) => return Ok(Some(span)),
        Val::Bytes(span) => write_hex(t.bytes(span), &mut out),
        other => json::write(t.arena, other, &mut out),
    }
    t.keep(&out).map(Some)
}

/// Appends lower-case hex digits.
pub fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

pub fn double(t: &Target<'_>, value: Val) -> Result<Option<f64>, RunError> {
    Ok(Some(match value {
        Val::Nil => return Ok(None),
        Val::Double(value) => value,
        Val::Int(value) => value as f64,
        Val::Bool(value) => f64::from(u8::from(value)),
        Val::Str(span) => {
            let text = t.text(span);
            let number = text.parse().map_err(|_| RunError(format!("`{text}` is no number")))?;
            return Ok(Some(number));
        }
        other => return Err(RunError(format!("unsupported type: {}", other.type_name()))),
    }))
}

/// A text that is no integer is nil, not an error.
pub fn int(t: &Target<'_>, value: Val) -> Result<Option<i64>, RunError> {
    Ok(match value {
        Val::Nil => None,
        Val::Int(value) => Some(value),
        Val::Double(value) => Some(value as i64),
        Val::Bool(value) => Some(i64::from(value)),
        Val::Str(span) => t.text(span).parse().ok(),
        other => return Err(RunError(format!("unsupported type: {}", other.type_name()))),
    })
}

pub fn bool(t: &Target<'_>, value: Val) -> Result<Option<bool>, RunError> {
    Ok(Some(match value {
        Val::Nil => return Ok(None),
        Val::Bool(value) => value,
        Val::Int(value) => value != 0,
        Val::Double(value) => value != 0.0,
        Val::Str(span) => match t.bytes(span) {
            b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True" => true,
            b"0" | b"f" | b"F" | b"FALSE" | b"false" | b"False" => false,
            other => {
                let text = String::from_utf8_lossy(other);
                return Err(RunError(format!("`{text}` is neither true nor false")));
            }
        },
        other => return Err(RunError(format!("unsupported type: {}", other.type_name()))),
    }))
}

/// Numbers are big-endian.
pub fn bytes(t: &mut Target<'_>, value: Val) -> Result<Option<Span>, RunError> {
    let span = match value {
        Val::Nil => return Ok(None),
        Val::Str(span) | Val::Bytes(span) => span,
        Val::Int(value) => t.keep(&value.to_be_bytes())?,
        Val::Double(value) => t.keep(&value.to_be_bytes())?,
        Val::Bool(value) => t.keep(&[u8::from(value)])?,
        Val::Id16(id) => t.keep(&id)?,
        Val::SpanId(id) => t.keep(&id)?,
        other => return Err(RunError(format!("unsupported type: {}", other.type_name()))),
    };
    Ok(Some(span))
}
