//! Base64 and character sets.

use crate::fault::RunError;
use crate::function::Args;
use crate::target::Target;
use crate::value::Val;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            if place <= group.len() {
                out.push(char::from(STANDARD[(bits >> (18 - 6 * place)) as usize & 63]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// How a variant differs from the standard: the alphabet of URLs, and no padding.
fn variant(name: &str) -> Option<(bool, bool)> {
    match name {
        "base64" => Some((false, false)),
        "base64-raw" => Some((false, true)),
        "base64-url" => Some((true, false)),
        "base64-raw-url" => Some((true, true)),
        _ => None,
    }
}

pub fn base64_encode(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let text = args.string(0, t)?;
    let name = args.string_or(1, t, "base64")?;
    let name = t.text(name);
    let Some((url, raw)) = variant(&name) else {
        return Err(RunError(format!("unsupported base64 variant: {name}")));
    };
    let mut out = base64(t.bytes(text));
    if url {
        out = out.replace('+', "-").replace('/', "_");
    }
    if raw {
        out.truncate(out.trim_end_matches('=').len());
    }
    t.string(out)
}

fn from_base64(text: &[u8], url: bool, raw: bool) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let digits = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    let padding = text.len() - digits;
    let padded = text[digits..].iter().all(|byte| *byte == b'=') && padding < 3;
    if !padded || (raw && padding > 0) || (!raw && !text.len().is_multiple_of(4)) || digits % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(digits / 4 * 3 + 2);
    let (mut bits, mut held) = (0u32, 0);
    for byte in &text[..digits] {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' if !url => 62,
            b'/' if !url => 63,
            b'-' if url => 62,
            b'_' if url => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

pub fn base64_decode(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let text = args.string(0, t)?;
    let decoded = from_base64(t.bytes(text), false, false);
    t.string(decoded.ok_or_else(|| RunError::new("illegal base64 data"))?)
}

pub fn decode(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let span = match args.any(0, t)? {
        Val::Str(span) | Val::Bytes(span) => span,
        other => return Err(RunError::expected("string or bytes", other)),
    };
    let name = args.string(1, t)?;
    let name = t.text(name).to_ascii_lowercase();
    if let Some((url, raw)) = variant(&name) {
        let decoded = from_base64(t.bytes(span), url, raw);
        return t.string(decoded.ok_or_else(|| RunError::new("illegal base64 data"))?);
    }
    let decoded = charset(&name, t.bytes(span));
    t.string(decoded.ok_or_else(|| RunError(format!("unsupported encoding '{name}'")))?)
}

/// The character sets that need no tables.
fn charset(name: &str, bytes: &[u8]) -> Option<String> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> =
            bytes.chunks(2).map(|pair| unit([pair[0], *pair.get(1).unwrap_or(&0)])).collect();
        String::from_utf16_lossy(&units)
    };
    Some(match name {
        "utf-8" | "utf8" => String::from_utf8_lossy(bytes).into_owned(),
        "us-ascii" | "ascii" => {
            let letter = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' };
            bytes.iter().map(letter).collect()
        }
        "iso-8859-1" | "latin1" => bytes.iter().map(|byte| char::from(*byte)).collect(),
        "utf-16le" => wide(u16::from_le_bytes),
        "utf-16be" | "utf-16" => match bytes.strip_prefix(&[0xff, 0xfe]) {
            Some(rest) if name == "utf-16" => return charset("utf-16le", rest),
            _ => wide(u16::from_be_bytes).trim_start_matches('\u{feff}').to_owned(),
        },
        _ => return None,
    })
}
