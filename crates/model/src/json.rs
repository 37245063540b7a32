//! Raw JSON: finding the members of an object without building a tree, and writing values as JSON.
//!
//! One pass validates (RFC 8259, nesting up to [`MAX_DEPTH`]) and finds the members; what lies inside a
//! member stays bytes. Spliced bytes are sent as they are, so nothing here may call wrong text right.

use std::borrow::Cow;
use std::ops::Range;

use crate::arena::{Arena, List, NodeId, Value};
use crate::number;
use crate::text::{self, Word};

/// Deepest nesting accepted; deeper text counts as broken.
pub const MAX_DEPTH: u32 = 127;

/// Where a member of an object stands in the text.
#[derive(Debug, Clone)]
pub struct Member {
    /// Inside the quotes.
    pub key: Range<usize>,
    /// The key holds a backslash.
    pub escaped: bool,
    pub value: Range<usize>,
}

type Offset = usize;

/// Calls `each` for the members of the one object that `text` holds, white space around it allowed.
///
/// Fails with the offset of the first wrong byte; members before it were reported. The text must be UTF-8.
pub fn members(text: &[u8], mut each: impl FnMut(Member)) -> Result<(), Offset> {
    let mut at = expect(text, skip_space(text, 0), b'{')?;
    at = skip_space(text, at);
    if text.get(at) == Some(&b'}') {
        return end(text, at + 1);
    }
    loop {
        let key_start = expect(text, at, b'"')?;
        let (key_end, escaped) = skip_string(text, key_start)?;
        at = expect(text, skip_space(text, key_end + 1), b':')?;
        let value_start = skip_space(text, at);
        let value_end = skip_value(text, value_start)?;
        each(Member { key: key_start..key_end, escaped, value: value_start..value_end });
        at = skip_space(text, value_end);
        match text.get(at) {
            Some(b',') => at = skip_space(text, at + 1),
            Some(b'}') => return end(text, at + 1),
            _ => return Err(at),
        }
    }
}

/// Calls `each` for the items of the one array that `text` holds. Otherwise like [`members`].
pub fn items(text: &[u8], mut each: impl FnMut(Range<usize>)) -> Result<(), Offset> {
    let mut at = expect(text, skip_space(text, 0), b'[')?;
    at = skip_space(text, at);
    if text.get(at) == Some(&b']') {
        return end(text, at + 1);
    }
    loop {
        let stop = skip_value(text, at)?;
        each(at..stop);
        at = skip_space(text, stop);
        match text.get(at) {
            Some(b',') => at = skip_space(text, at + 1),
            Some(b']') => return end(text, at + 1),
            _ => return Err(at),
        }
    }
}

/// Checks that the text holds exactly one JSON value and returns where it lies.
pub fn value_range(text: &[u8]) -> Result<Range<usize>, Offset> {
    let start = skip_space(text, 0);
    let stop = skip_value(text, start)?;
    end(text, stop)?;
    Ok(start..stop)
}

fn end(text: &[u8], at: usize) -> Result<(), Offset> {
    let at = skip_space(text, at);
    if at == text.len() { Ok(()) } else { Err(at) }
}

#[inline]
fn expect(text: &[u8], at: usize, byte: u8) -> Result<usize, Offset> {
    if text.get(at) == Some(&byte) { Ok(at + 1) } else { Err(at) }
}

/// Compact text has no space, so the first look decides.
#[inline]
fn skip_space(text: &[u8], mut at: usize) -> usize {
    if text.get(at).is_some_and(|&byte| byte > b' ') {
        return at;
    }
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// From behind the opening quote to the closing one; whether a backslash was met.
#[inline]
fn skip_string(text: &[u8], mut at: usize) -> Result<(usize, bool), Offset> {
    let mut escaped = false;
    loop {
        while let Some(word) = Word::load(text, at) {
            let stop = word.quote_or_backslash_or_control();
            if let Some(ahead) = stop.first() {
                at += ahead;
                break;
            }
            at += Word::BYTES;
        }
        match text.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = skip_escape(text, at)?;
            }
            Some(0..0x20) | None => return Err(at),
            Some(_) => at += 1,
        }
    }
}

/// The letters that may stand behind a backslash alone.
const SHORT_ESCAPES: [bool; 256] = {
    let mut table = [false; 256];
    let letters = b"\"\\/bfnrt";
    let mut place = 0;
    while place < letters.len() {
        table[letters[place] as usize] = true;
        place += 1;
    }
    table
};

#[inline]
fn skip_escape(text: &[u8], at: usize) -> Result<usize, Offset> {
    match text.get(at + 1) {
        Some(&letter) if SHORT_ESCAPES[letter as usize] => Ok(at + 2),
        Some(b'u') if text.len() >= at + 6 && text[at + 2..at + 6].iter().all(u8::is_ascii_hexdigit) => {
            Ok(at + 6)
        }
        _ => Err(at + 1),
    }
}

fn skip_number(text: &[u8], mut at: usize) -> Result<usize, Offset> {
    let digits = |mut at: usize| {
        let start = at;
        while let Some(b'0'..=b'9') = text.get(at) {
            at += 1;
        }
        if at > start { Ok(at) } else { Err(at) }
    };
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}

#[inline]
fn skip_scalar(text: &[u8], at: usize) -> Result<usize, Offset> {
    let word = |expected: &[u8]| {
        if text[at..].starts_with(expected) { Ok(at + expected.len()) } else { Err(at) }
    };
    match text.get(at) {
        Some(b'"') => skip_string(text, at + 1).map(|(stop, _)| stop + 1),
        Some(b'-' | b'0'..=b'9') => skip_number(text, at),
        Some(b't') => word(b"true"),
        Some(b'f') => word(b"false"),
        Some(b'n') => word(b"null"),
        _ => Err(at),
    }
}

fn skip_key(text: &[u8], at: usize) -> Result<usize, Offset> {
    let start = expect(text, at, b'"')?;
    let (stop, _) = skip_string(text, start)?;
    let at = expect(text, skip_space(text, stop + 1), b':')?;
    Ok(skip_space(text, at))
}

/// From a value's first byte to behind its last. No recursion: one bit a level says object or array.
fn skip_value(text: &[u8], mut at: usize) -> Result<usize, Offset> {
    let (mut in_object, mut depth) = (0u128, 0u32);
    'value: loop {
        let opened = match text.get(at) {
            Some(b'{') => Some(1),
            Some(b'[') => Some(0),
            _ => None,
        };
        if let Some(object) = opened {
            if depth == MAX_DEPTH {
                return Err(at);
            }
            in_object = in_object << 1 | object;
            depth += 1;
            at = skip_space(text, at + 1);
            let closing = if object == 1 { b'}' } else { b']' };
            if text.get(at) != Some(&closing) {
                if object == 1 {
                    at = skip_key(text, at)?;
                }
                continue 'value;
            }
            at += 1;
            in_object >>= 1;
            depth -= 1;
        } else {
            at = skip_scalar(text, at)?;
        }
        while depth > 0 {
            at = skip_space(text, at);
            let object = in_object & 1 == 1;
            match text.get(at) {
                Some(b',') => {
                    at = skip_space(text, at + 1);
                    if object {
                        at = skip_key(text, at)?;
                    }
                    continue 'value;
                }
                Some(b'}') if object => at += 1,
                Some(b']') if !object => at += 1,
                _ => return Err(at),
            }
            in_object >>= 1;
            depth -= 1;
        }
        return Ok(at);
    }
}

/// The text of a raw JSON string, `None` for any other value.
pub fn string_text(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Some(unescaped(inner))
}

/// The inside of a JSON string with its escapes resolved.
pub fn unescaped(inner: &[u8]) -> Cow<'_, [u8]> {
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    unescape(inner, &mut out);
    Cow::Owned(out)
}

/// Appends the inside of a valid JSON string with its escapes resolved. A lone surrogate becomes U+FFFD.
pub fn unescape(inner: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < inner.len() {
        let plain = memchr::memchr(b'\\', &inner[at..]).unwrap_or(inner.len() - at);
        out.extend_from_slice(&inner[at..at + plain]);
        at += plain;
        let Some(escape) = inner.get(at + 1) else { break };
        at += 2;
        match escape {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let (character, used) = unicode_escape(&inner[at..]);
                at += used;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => out.push(*other),
        }
    }
}

/// Reads `XXXX` or `XXXX\uXXXX` (a surrogate pair); returns the character and the bytes used.
fn unicode_escape(text: &[u8]) -> (char, usize) {
    let unit = |text: &[u8]| {
        let digits = std::str::from_utf8(text.get(..4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(high) = unit(text) else { return (char::REPLACEMENT_CHARACTER, text.len().min(4)) };
    if (0xd800..0xdc00).contains(&high)
        && text.get(4..6) == Some(b"\\u")
        && let Some(low @ 0xdc00..0xe000) = unit(&text[6..])
    {
        let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10);
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}

/// Reads a raw JSON scalar other than a string. Integers outside 64 bits become doubles.
pub fn scalar(raw: &[u8]) -> Option<Value> {
    match raw {
        b"true" => return Some(Value::Bool(true)),
        b"false" => return Some(Value::Bool(false)),
        b"null" => return Some(Value::Null),
        _ => {}
    }
    let text = std::str::from_utf8(raw).ok()?;
    if let Ok(int) = text.parse::<i64>() {
        return Some(Value::Int(int));
    }
    if let Ok(uint) = text.parse::<u64>() {
        return Some(Value::Uint(uint));
    }
    text.parse::<f64>().ok().map(Value::Double)
}

/// Appends a value as JSON. Repeated keys of a map are written once, the last one's value.
pub fn write_value(arena: &Arena, value: Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(int) => number::write_int(int, out),
        Value::Uint(uint) => number::write_uint(uint, out),
        Value::Double(double) => number::write_double(double, out),
        Value::Str(span) | Value::Bytes(span) => write_string(arena.bytes(span), out),
        Value::Json(span) => out.extend_from_slice(arena.bytes(span)),
        Value::Map(list) => write_map(arena, list, out),
        Value::Array(list) => {
            out.push(b'[');
            for (place, (_, node)) in arena.iter(list).enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_value(arena, node.value, out);
            }
            out.push(b']');
        }
    }
}

/// Appends a map as a JSON object.
pub fn write_map(arena: &Arena, list: List, out: &mut Vec<u8>) {
    let mut live = Vec::new();
    arena.live_fields(list, &mut live);
    out.push(b'{');
    write_fields(arena, &live, out);
    out.push(b'}');
}

/// Appends `"key":value` pairs, with commas between them.
pub fn write_fields(arena: &Arena, fields: &[NodeId], out: &mut Vec<u8>) {
    for (place, id) in fields.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_string(arena.key(*id), out);
        out.push(b':');
        write_value(arena, arena.node(*id).value, out);
    }
}

/// Appends bytes as a JSON string; bytes that are not UTF-8 become U+FFFD.
pub fn write_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if simdutf8::basic::from_utf8(bytes).is_ok() {
        text::escape(bytes, out);
    } else {
        text::escape(String::from_utf8_lossy(bytes).as_bytes(), out);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<String, usize> {
        let mut out = String::new();
        members(text.as_bytes(), |m| {
            out.push_str(&format!("{}={};", &text[m.key.clone()], &text[m.value.clone()]))
        })?;
        Ok(out)
    }

    #[test]
    fn members_are_found_in_order() {
        for (text, expected) in [
            ("{}", ""),
            (" \t{ } \r\n", ""),
            (r#"{"a":1}"#, "a=1;"),
            (r#"{ "a" : [1, {"b":[]}] , "a":"x\"y" }"#, r#"a=[1, {"b":[]}];a="x\"y";"#),
            (r#"{"":-0.5e+10,"t":true,"n":null,"f":false}"#, "=-0.5e+10;t=true;n=null;f=false;"),
            (r#"{"u":"\u00e9\/"}"#, r#"u="\u00e9\/";"#),
            (r#"{"long":"0123456789abcdefghij","é":"ü"}"#, r#"long="0123456789abcdefghij";é="ü";"#),
        ] {
            assert_eq!(found(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn broken_text_is_refused_at_its_offset() {
        for (text, offset) in [
            ("", 0),
            ("[1]", 0),
            ("{", 1),
            (r#"{"a"}"#, 4),
            (r#"{"a":}"#, 5),
            (r#"{"a":1,}"#, 7),
            (r#"{"a":1 "b":2}"#, 7),
            (r#"{"a":01}"#, 6),
            (r#"{"a":1.}"#, 7),
            (r#"{"a":1e}"#, 7),
            (r#"{"a":-}"#, 6),
            (r#"{"a":.5}"#, 5),
            (r#"{"a":tru}"#, 5),
            (r#"{"a":"\x"}"#, 7),
            (r#"{"a":"\u00g0"}"#, 7),
            ("{\"a\":\"\n\"}", 6),
            ("{\"a\":\"12345678\u{1}\"}", 14),
            (r#"{"a":"b"#, 7),
            (r#"{"a":[1}"#, 7),
            (r#"{"a":{]}"#, 6),
            (r#"{"a":1}{"b":2}"#, 7),
            (r#"{"a":1} x"#, 8),
            ("{'a':1}", 1),
        ] {
            assert_eq!(found(text), Err(offset), "{text}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(found(&nested(MAX_DEPTH as usize)).is_ok());
        assert!(found(&nested(MAX_DEPTH as usize + 1)).is_err());
    }

    #[test]
    fn agrees_with_serde_json() {
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"a\"", "1", "-0", "1.5e3", "true", "nul", " ", "\"\\n\"", "\"\\",
            "0",
        ];
        let mut state = 7u64;
        let (mut valid, mut broken) = (0, 0);
        for _ in 0..200_000 {
            let mut text = String::from("{");
            for _ in 0..(state >> 60) {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let expected = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok();
            assert_eq!(members(text.as_bytes(), |_| ()).is_ok(), expected, "{text}");
            if expected { valid += 1 } else { broken += 1 }
        }
        assert!(valid > 100 && broken > 100, "{valid} valid, {broken} broken");
    }

    #[test]
    fn escapes_are_resolved() {
        for (raw, expected) in [
            (r"plain", "plain"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u00e9\u4e2d", "é中"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ud83dx", "\u{fffd}x"),
            (r"\ude00", "\u{fffd}"),
            (r"\ud83d\u0041", "\u{fffd}A"),
        ] {
            assert_eq!(String::from_utf8_lossy(&unescaped(raw.as_bytes())), expected, "{raw}");
        }
    }

    #[test]
    fn values_are_written() {
        let mut arena = Arena::default();
        let (mut list, raw) = (List::EMPTY, arena.store(br#"{"x": [1]}"#));
        for (key, value) in [
            ("n", Value::Null),
            ("i", Value::Int(i64::MIN)),
            ("u", Value::Uint(u64::MAX)),
            ("d", Value::Double(12.0)),
            ("raw", Value::Json(raw)),
            ("n", Value::Bool(true)),
        ] {
            let key = arena.store(key.as_bytes());
            arena.push(&mut list, key, value);
        }
        let text = arena.store(b"a\"\\\n\x01\xff\xe2\x82\xac");
        let key = arena.store(b"s");
        arena.push(&mut list, key, Value::Str(text));
        let mut out = Vec::new();
        write_map(&arena, list, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"i\":-9223372036854775808,\"u\":18446744073709551615,\"d\":12.0,\"raw\":{\"x\": [1]},\"n\":true,\
             \"s\":\"a\\\"\\\\\\n\\u0001\u{fffd}€\"}"
        );
    }
}
