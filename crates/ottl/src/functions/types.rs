//! Converters that ask for a type or change it.

use crate::fault::RunError;
use crate::function::Args;
use crate::lex::decode_hex;
use crate::like;
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

pub fn is_bool(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(Val::Bool(matches!(args.any(0, t)?, Val::Bool(_))))
}

pub fn is_double(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(Val::Bool(matches!(args.any(0, t)?, Val::Double(_))))
}

pub fn is_int(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(Val::Bool(matches!(args.any(0, t)?, Val::Int(_))))
}

pub fn is_string(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(Val::Bool(matches!(args.any(0, t)?, Val::Str(_))))
}

pub fn is_map(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(Val::Bool(matches!(args.any(0, t)?, Val::Map(_))))
}

pub fn is_list(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(Val::Bool(matches!(args.any(0, t)?, Val::List(_))))
}

pub fn is_root_span(_: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(Val::Bool(t.span().is_some_and(|span| span.parent_span_id == [0; 8])))
}

pub fn bool(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let value = args.any(0, t)?;
    Ok(like::bool(t, value)?.map_or(Val::Nil, Val::Bool))
}

pub fn double(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(args.double_like(0, t)?.map_or(Val::Nil, Val::Double))
}

pub fn int(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(args.int_like(0, t)?.map_or(Val::Nil, Val::Int))
}

pub fn string(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(args.string_like(0, t)?.map_or(Val::Nil, Val::Str))
}

pub fn hex(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let value = args.any(0, t)?;
    let Some(bytes) = like::bytes(t, value)? else { return Ok(Val::Nil) };
    let mut out = Vec::with_capacity(2 * bytes.len());
    like::write_hex(t.bytes(bytes), &mut out);
    t.string(out)
}

pub fn parse_int(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let text = args.string(0, t)?;
    let base = args.int(1, t)?;
    let text = t.text(text);
    let wrong = || RunError(format!("`{text}` is no integer of base {base}"));
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, &*text),
    };
    let (radix, digits) = match base {
        // The prefix tells, and underscores may part the digits.
        0 => prefixed(digits),
        2..=36 => (base as u32, digits.to_owned()),
        _ => return Err(RunError(format!("invalid base {base}: it is 0 or 2 to 36"))),
    };
    if !digits.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        return Err(wrong());
    }
    let value = i128::from_str_radix(&digits, radix).map_err(|_| wrong())?;
    let value = if negative { -value } else { value };
    i64::try_from(value).map(Val::Int).map_err(|_| wrong())
}

fn prefixed(digits: &str) -> (u32, String) {
    let lower = digits.to_ascii_lowercase();
    let (radix, rest) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    (radix, rest.replace('_', ""))
}

/// An id of so many bytes from bytes or from hex digits.
fn id<const N: usize>(args: &Args<'_>, t: &mut Target<'_>) -> Result<[u8; N]> {
    let (span, is_text) = match args.any(0, t)? {
        Val::Str(span) => (span, true),
        Val::Bytes(span) => (span, false),
        other => return Err(RunError::expected("bytes or string", other)),
    };
    let bytes = t.bytes(span);
    let id = if bytes.len() == N { Some(bytes.to_vec()) } else { None };
    let id = id.or_else(|| if is_text { decode_hex(bytes) } else { None });
    let id = id.and_then(|id| <[u8; N]>::try_from(id).ok());
    id.ok_or_else(|| RunError(format!("an id here is {N} bytes or {} hex digits", 2 * N)))
}

pub fn trace_id(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    id(args, t).map(Val::Id16)
}

pub fn span_id(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    id(args, t).map(Val::SpanId)
}

pub fn coalesce(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    for expression in args.values(0) {
        let value = expression.eval(t)?;
        if !matches!(value, Val::Nil) {
            return Ok(value);
        }
    }
    Ok(Val::Nil)
}

pub fn len(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let value = args.any(0, t)?;
    let len = match value {
        Val::Str(span) | Val::Bytes(span) => Some(span.len()),
        other => other.count(t.arena),
    };
    match len {
        Some(len) => Ok(Val::Int(len as i64)),
        None => Err(RunError::expected("a string, list or map", value)),
    }
}

pub fn log(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    match args.double_like(0, t)? {
        Some(value) if value > 0.0 => Ok(Val::Double(value.ln())),
        Some(value) => Err(RunError(format!("no logarithm of {value}: it must be above 0"))),
        None => Err(RunError::expected("a number", Val::Nil)),
    }
}
