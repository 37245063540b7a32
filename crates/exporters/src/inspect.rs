//! Values as Fluent Bit's `stdout` and `file` outputs print them: `{"key"=>"text", "n"=>1.500000}`.
//!
//! For reading, not for parsing: text is printed as it is, quotes and line ends included.

use std::io::Write;

use model::{Arena, List, Value, json, number};

/// Appends a value.
pub fn write_value(arena: &Arena, value: Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"nil"),
        Value::Bool(flag) => out.extend_from_slice(if flag { b"true" } else { b"false" }),
        Value::Int(int) => number::write_int(int, out),
        Value::Uint(uint) => number::write_uint(uint, out),
        Value::Double(double) => write_double(double, out),
        Value::Str(span) => write_text(arena.bytes(span), out),
        Value::Bytes(span) => write_bytes(arena.bytes(span), out),
        Value::Json(span) => write_json(arena.bytes(span), out),
        Value::Map(list) => write_map(arena, list, out),
        Value::Array(list) => {
            let mut separator = Separator::open(b'[', out);
            for (_, node) in arena.iter(list) {
                separator.next(out);
                write_value(arena, node.value, out);
            }
            out.push(b']');
        }
    }
}

/// Appends a map, repeated keys included.
pub fn write_map(arena: &Arena, list: List, out: &mut Vec<u8>) {
    let mut separator = Separator::open(b'{', out);
    for (_, node) in arena.iter(list) {
        separator.next(out);
        write_text(arena.bytes(node.key), out);
        out.extend_from_slice(b"=>");
        write_value(arena, node.value, out);
    }
    out.push(b'}');
}

pub fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

fn write_json(raw: &[u8], out: &mut Vec<u8>) {
    match raw.first() {
        Some(b'{') => {
            let mut separator = Separator::open(b'{', out);
            // Raw JSON in an arena is valid.
            let _ = json::members(raw, |member| {
                separator.next(out);
                write_text(&json::unescaped(&raw[member.key]), out);
                out.extend_from_slice(b"=>");
                write_json(&raw[member.value], out);
            });
            out.push(b'}');
        }
        Some(b'[') => {
            let mut separator = Separator::open(b'[', out);
            let _ = json::items(raw, |item| {
                separator.next(out);
                write_json(&raw[item], out);
            });
            out.push(b']');
        }
        Some(b'"') => write_text(&json::string_text(raw).unwrap_or_default(), out),
        _ => write_value(&Arena::default(), json::scalar(raw).unwrap_or(Value::Null), out),
    }
}

fn write_double(double: f64, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{double:.6}");
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in bytes {
        let _ = match byte {
            b'"' => out.write_all(b"\\\""),
            b' '..=b'~' => out.write_all(&[*byte]),
            other => write!(out, "\\x{other:02x}"),
        };
    }
    out.push(b'"');
}

struct Separator {
    is_first: bool,
}

impl Separator {
    fn open(bracket: u8, out: &mut Vec<u8>) -> Separator {
        out.push(bracket);
        Separator { is_first: true }
    }

    fn next(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.is_first) {
            out.extend_from_slice(b", ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::batch;

    #[test]
    fn raw_json_prints_like_values() {
        let line = r#"{"s":"q\"u\n","n":null,"m":{"a":[1,"x",{}],"é":-0.5},"t":true}"#;
        let mut batch = batch("t", &[line]);
        let mut out = Vec::new();
        write_value(&batch.arena, batch.logs[0].body, &mut out);
        let raw = model::Span::input(0, line.len());
        out.push(b'|');
        write_value(&batch.arena, Value::Json(raw), &mut out);
        let printed =
            "{\"s\"=>\"q\"u\n\", \"n\"=>nil, \"m\"=>{\"a\"=>[1, \"x\", {}], \"é\"=>-0.500000}, \"t\"=>true}";
        assert_eq!(String::from_utf8(out).unwrap(), format!("{printed}|{printed}"));
        let bytes = batch.arena.store(b"b\"\x00\xff~");
        let mut out = Vec::new();
        write_value(&batch.arena, Value::Bytes(bytes), &mut out);
        assert_eq!(out, br#""b\"\x00\xff~""#);
    }
}
