//! Writes the fields of a record as members of a JSON object, copying received JSON in one piece where it can.

use std::ops::Range;

use model::json;
use model::{Arena, NodeId, Span, Value};

/// Appends `"key":value` pairs with commas between them.
///
/// Members that came side by side in one JSON text, as those promoted from a log line do, are copied with a
/// single copy, keys, commas and all.
pub fn write_members(arena: &Arena, fields: &[NodeId], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < fields.len() {
        if at > 0 {
            out.push(b',');
        }
        let Some(mut run) = received_member(arena, fields[at]) else {
            write_key(arena.key(fields[at]), out);
            json::write_value(arena, arena.node(fields[at]).value, out);
            at += 1;
            continue;
        };
        at += 1;
        while at < fields.len()
            && let Some(next) = received_member(arena, fields[at])
            && next.start == run.end + 1
            && arena.input()[run.end] == b','
        {
            run.end = next.end;
            at += 1;
        }
        out.extend_from_slice(&arena.input()[run]);
    }
}

/// Where `"key":value` stands in the received bytes, when it does so without a gap.
#[inline]
fn received_member(arena: &Arena, id: NodeId) -> Option<Range<usize>> {
    let node = arena.node(id);
    let Value::Json(value) = node.value else { return None };
    let (key, value) = (place(arena, node.key)?, place(arena, value)?);
    let input = arena.input();
    let is_joined = value.start == key.end + 2 && input[key.end..value.start] == *b"\":";
    (is_joined && key.start > 0 && input[key.start - 1] == b'"').then(|| key.start - 1..value.end)
}

/// Where a slice lies in the received bytes; `None` when it lies in scratch.
#[inline]
fn place(arena: &Arena, span: Span) -> Option<Range<usize>> {
    let (bytes, input) = (arena.bytes(span), arena.input());
    let start = bytes.as_ptr().addr().wrapping_sub(input.as_ptr().addr());
    let end = start.checked_add(bytes.len())?;
    (end <= input.len()).then_some(start..end)
}

/// Appends a key with its colon.
#[inline]
pub fn write_key(key: &[u8], out: &mut Vec<u8>) {
    // Field names are nearly always plain ASCII, so they are not looked at twice. No early end: this way it is
    // done many bytes at a time.
    let odd = |byte: u8| !(b' '..=b'~').contains(&byte) | (byte == b'"') | (byte == b'\\');
    if !key.iter().fold(false, |any, byte| any | odd(*byte)) {
        out.push(b'"');
        out.extend_from_slice(key);
        out.extend_from_slice(b"\":");
    } else {
        json::write_string(key, out);
        out.push(b':');
    }
}

/// Appends a comma unless the object or array has only just begun.
#[inline]
pub fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[') | None) {
        out.push(b',');
    }
}

/// Rewrites the JSON from `start` on with `\uXXXX` for everything that is not ASCII.
pub fn escape_unicode(out: &mut Vec<u8>, start: usize) {
    if out[start..].is_ascii() {
        return;
    }
    let text = String::from_utf8_lossy(&out[start..]).into_owned();
    out.truncate(start);
    for character in text.chars() {
        if character.is_ascii() {
            out.push(character as u8);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
        }
    }
}

/// The longest part of the inside of a JSON string, at most `limit` bytes, that cuts no character and no escape.
pub fn cut_escaped(inner: &[u8], limit: usize) -> &[u8] {
    let (mut at, mut safe) = (0, 0);
    while at < inner.len() && at <= limit {
        safe = at;
        at += match (inner[at], inner.get(at + 1)) {
            (b'\\', Some(b'u')) => {
                // The second half of a pair is never left behind.
                let high = matches!(
                    inner.get(at + 2..at + 4),
                    Some([b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B'])
                );
                if high { 12 } else { 6 }
            }
            (b'\\', _) => 2,
            (byte, _) => utf8_len(byte),
        };
    }
    let end = if at <= limit { at.min(inner.len()) } else { safe };
    &inner[..end]
}

/// The longest part of UTF-8 text, at most `limit` bytes, that cuts no character.
pub fn cut_text(text: &[u8], limit: usize) -> &[u8] {
    let mut end = limit.min(text.len());
    while end > 0 && end < text.len() && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}

fn utf8_len(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(batch: &model::Batch) -> String {
        let mut live = Vec::new();
        let list = batch.logs[0].fields().unwrap();
        batch.arena.live_fields(list, &mut live);
        let mut out = Vec::new();
        write_members(&batch.arena, &live, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn members_are_copied_or_written() {
        for (record, expected) in [
            (r#"{"a":1,"b":{"c":[1, 2]},"d":null}"#, r#""a":1,"b":{"c":[1, 2]},"d":null"#),
            (r#"{"a": 1 , "b" :2,"c":3}"#, r#""a":1,"b":2,"c":3"#),
            (r#"{"a":1,"b":"x\"y","c":true}"#, r#""a":1,"b":"x\"y","c":true"#),
            (r#"{"a":1,"b":2,"a":3,"c":4}"#, r#""b":2,"a":3,"c":4"#),
            (r#"{"k\n":1,"é":2.50}"#, r#""k\n":1,"é":2.50"#),
            ("{}", ""),
        ] {
            assert_eq!(written(&engine::testing::batch("t", &[record])), expected, "{record}");
        }
    }

    #[test]
    fn a_changed_field_is_not_taken_from_the_received_bytes() {
        let mut batch = engine::testing::batch("t", &[r#"{"a":1,"b":2,"c":3}"#]);
        let mut list = batch.logs[0].fields().unwrap();
        let b = batch.arena.find(list, b"b").unwrap();
        batch.arena.set_value(b, Value::Bool(true));
        let key = batch.arena.store(b"new");
        batch.arena.insert_after(&mut list, b, key, Value::Null);
        let c = batch.arena.find(list, b"c").unwrap();
        let key = batch.arena.store(b"see");
        batch.arena.set_key(c, key);
        batch.logs[0].body = Value::Map(list);
        assert_eq!(written(&batch), r#""a":1,"b":true,"new":null,"see":3"#);
    }

    #[test]
    fn cuts_leave_valid_text() {
        for (inner, limit, expected) in [
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("a\\nb", 2, "a"),
            ("a\\nb", 3, "a\\n"),
            ("\\\\\\\\", 3, "\\\\"),
            ("aéb", 2, "a"),
            ("x\\u00e9y", 6, "x"),
            ("\\ud83d\\ude00!", 11, ""),
            ("\\ud83d\\ude00!", 12, "\\ud83d\\ude00"),
            ("😀", 3, ""),
            ("", 5, ""),
        ] {
            assert_eq!(cut_escaped(inner.as_bytes(), limit), expected.as_bytes(), "{inner} {limit}");
        }
        assert_eq!(cut_text("aé".as_bytes(), 2), b"a");
        assert_eq!(cut_text("aé".as_bytes(), 3), "aé".as_bytes());
    }

    #[test]
    fn unicode_is_escaped() {
        let mut out = "ä\"ä😀\"".as_bytes().to_vec();
        escape_unicode(&mut out, 3);
        assert_eq!(String::from_utf8(out).unwrap(), "ä\"\\u00e4\\ud83d\\ude00\"");
    }
}
