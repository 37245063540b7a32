//! JSON as Go's encoder writes maps: keys sorted on every level, `<`, `>` and `&` escaped.

use std::borrow::Cow;
use std::ops::Range;

use model::{Arena, List, Value, json};

use crate::fields::{comma, write_key};

/// Appends a value.
pub fn write_value(arena: &Arena, value: Value, out: &mut Vec<u8>) {
    let start = out.len();
    write_sorted(arena, value, out);
    escape_html(out, start);
}

fn write_sorted(arena: &Arena, value: Value, out: &mut Vec<u8>) {
    match value {
        Value::Map(list) => write_map(arena, list, out),
        Value::Array(list) => {
            out.push(b'[');
            for (_, node) in arena.iter(list) {
                comma(out);
                write_sorted(arena, node.value, out);
            }
            out.push(b']');
        }
        Value::Json(span) => write_raw(arena.bytes(span), out),
        scalar => json::write_value(arena, scalar, out),
    }
}

fn write_map(arena: &Arena, list: List, out: &mut Vec<u8>) {
    let mut live = Vec::new();
    arena.live_fields(list, &mut live);
    live.sort_by_key(|id| arena.key(*id));
    out.push(b'{');
    for id in live {
        comma(out);
        write_key(arena.key(id), out);
        write_sorted(arena, arena.node(id).value, out);
    }
    out.push(b'}');
}

/// Raw JSON in an arena is valid and nested to a limit, so neither an error nor the recursion needs a care.
fn write_raw(raw: &[u8], out: &mut Vec<u8>) {
    match raw.first() {
        Some(b'{') => {
            let mut members: Vec<(Cow<'_, [u8]>, Range<usize>)> = Vec::new();
            let _ =
                json::members(raw, |member| members.push((json::unescaped(&raw[member.key]), member.value)));
            // Stable, so that the last of repeated keys is the one before another key.
            members.sort_by(|a, b| a.0.cmp(&b.0));
            out.push(b'{');
            for (place, (key, value)) in members.iter().enumerate() {
                if members.get(place + 1).is_some_and(|(next, _)| next == key) {
                    continue;
                }
                comma(out);
                write_key(key, out);
                write_raw(&raw[value.clone()], out);
            }
            out.push(b'}');
        }
        Some(b'[') => {
            out.push(b'[');
            let _ = json::items(raw, |item| {
                comma(out);
                write_raw(&raw[item], out);
            });
            out.push(b']');
        }
        _ => out.extend_from_slice(raw),
    }
}

fn escape_html(out: &mut Vec<u8>, start: usize) {
    // U+2028 and U+2029 are escaped too, because JavaScript reads them as line ends. No early end, so that the
    // bytes are looked at many at a time.
    let special = |byte: u8| matches!(byte, b'<' | b'>' | b'&' | 0xe2);
    if !out[start..].iter().fold(false, |any, byte| any | special(*byte)) {
        return;
    }
    let text = out.split_off(start);
    let mut at = 0;
    while at < text.len() {
        let (escape, used): (&[u8], usize) = match &text[at..] {
            [b'<', ..] => (b"\\u003c", 1),
            [b'>', ..] => (b"\\u003e", 1),
            [b'&', ..] => (b"\\u0026", 1),
            [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
            [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
            rest => (&rest[..1], 1),
        };
        out.extend_from_slice(escape);
        at += used;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_html_is_escaped() {
        for (record, expected) in [
            (
                r#"{"b":1,"a":{"d":[{"y":1,"x":2}],"c":null}}"#,
                r#"{"a":{"c":null,"d":[{"x":2,"y":1}]},"b":1}"#,
            ),
            (r#"{"t":"<a & b>"}"#, r#"{"t":"\u003ca \u0026 b\u003e"}"#),
            ("{\"t\":\"\u{2028}é—\"}", "{\"t\":\"\\u2028é—\"}"),
            (r#"{"n":12345678901234567890,"f":1.5}"#, r#"{"f":1.5,"n":12345678901234567890}"#),
            (
                r#"{"b":1e999,"a":{"y":1,"x":[ 1 , "a,b" ],"y":2}}"#,
                r#"{"a":{"x":[1,"a,b"],"y":2},"b":1e999}"#,
            ),
            (r#"{"é\n":{"z":[],"\u0041":{}}}"#, r#"{"é\n":{"A":{},"z":[]}}"#),
        ] {
            let batch = engine::testing::batch("t", &[record]);
            let mut out = Vec::new();
            write_value(&batch.arena, batch.logs[0].body, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
