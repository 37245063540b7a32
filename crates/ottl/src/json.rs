//! JSON as the language reads and writes it: numbers read are doubles, keys written are sorted.

use std::io::Write;

use model::{Arena, List, Span, Value, json};

use crate::value::Val;

/// Reads one JSON value that `value_range` has accepted, with all that is in it.
pub fn read(arena: &mut Arena, span: Span) -> Value {
    match arena.expand(Value::Json(span)) {
        Value::Map(list) => Value::Map(read_all(arena, list)),
        Value::Array(list) => Value::Array(read_all(arena, list)),
        Value::Int(int) => Value::Double(int as f64),
        Value::Uint(int) => Value::Double(int as f64),
        other => other,
    }
}

fn read_all(arena: &mut Arena, list: List) -> List {
    let mut at = arena.first(list);
    while let Some(id) = at {
        if let Value::Json(span) = arena.node(id).value {
            let value = read(arena, span);
            arena.set_value(id, value);
        }
        at = arena.after(id);
    }
    list
}

/// Appends a value as JSON, keys sorted.
pub fn write(arena: &mut Arena, value: Val, out: &mut Vec<u8>) {
    match value {
        Val::Nil | Val::Part(..) => out.extend_from_slice(b"null"),
        Val::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Val::Int(int) => model::number::write_int(int, out),
        Val::Duration(nanos) => model::number::write_int(nanos, out),
        Val::Double(double) => write_double(double, out),
        Val::Str(span) => json::write_string(arena.bytes(span), out),
        Val::Bytes(span) => {
            let text = crate::functions::encode::base64(arena.bytes(span));
            json::write_string(text.as_bytes(), out);
        }
        Val::Time(time) => {
            json::write_string(crate::functions::format_time::rfc3339(time).as_bytes(), out);
        }
        Val::Id16(id) => write_bytes(&id, out),
        Val::SpanId(id) => write_bytes(&id, out),
        Val::List(list) => {
            out.push(b'[');
            let items: Vec<Value> = arena.iter(list).map(|(_, node)| node.value).collect();
            for (place, item) in items.into_iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                let item = Val::load(arena, item);
                write(arena, item, out);
            }
            out.push(b']');
        }
        Val::Map(list) => write_map(arena, list, out),
    }
}

fn write_map(arena: &mut Arena, list: List, out: &mut Vec<u8>) {
    let mut fields = Vec::new();
    arena.live_fields(list, &mut fields);
    fields.sort_by(|a, b| arena.key(*a).cmp(arena.key(*b)));
    out.push(b'{');
    for (place, id) in fields.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        json::write_string(arena.key(id), out);
        out.push(b':');
        let item = arena.node(id).value;
        let item = Val::load(arena, item);
        write(arena, item, out);
    }
    out.push(b'}');
}

/// Ids are arrays of numbers, which surprises, and which is what the Collector makes of them.
fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        model::number::write_uint(u64::from(*byte), out);
    }
    out.push(b']');
}

/// The shortest text that reads back the same, without a fraction where there is none: `2`, `0.1`, `1e+21`.
pub fn write_double(double: f64, out: &mut Vec<u8>) {
    let size = double.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) && double.is_finite() {
        let text = format!("{double:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let sign = if exponent.starts_with('-') { '-' } else { '+' };
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{digits}e{sign}{}", exponent.trim_start_matches('-'));
    } else {
        let _ = write!(out, "{double}");
    }
}
