//! `AnyValue` and `KeyValue`.

use model::{Arena, List, Span, Value, json};

use super::fields::text;
use crate::protobuf::{Damaged, Field, Message, write_bytes, write_fixed64, write_message, write_number};

/// Deepest nesting of values; deeper ones count as damage.
const MAX_DEPTH: u32 = 64;

/// Appends the `KeyValue` of a field.
pub(super) fn read_attribute(arena: &mut Arena, list: &mut List, field: Field) -> Result<(), Damaged> {
    read_pair(arena, list, field.message()?, 0)
}

fn read_pair(arena: &mut Arena, list: &mut List, mut pair: Message, depth: u32) -> Result<(), Damaged> {
    let (mut key, mut value) = (Span::EMPTY, Value::Null);
    while let Some(field) = pair.next(arena.input())? {
        match field.number {
            1 => key = text(arena, field)?,
            2 => value = read_value(arena, field, depth)?,
            _ => {}
        }
    }
    arena.push(list, key, value);
    Ok(())
}

/// Reads the `AnyValue` of a field. One without content is null.
pub(super) fn read_value(arena: &mut Arena, field: Field, depth: u32) -> Result<Value, Damaged> {
    let range = field.range()?;
    if depth == MAX_DEPTH {
        return Err(Damaged { at: range.start, why: "values nested too deeply" });
    }
    let (mut message, mut value) = (Message::within(range), Value::Null);
    while let Some(field) = message.next(arena.input())? {
        value = match field.number {
            1 => Value::Str(text(arena, field)?),
            2 => Value::Bool(field.varint()? != 0),
            3 => Value::Int(field.varint()? as i64),
            4 => Value::Double(f64::from_bits(field.fixed64()?)),
            5 => Value::Array(read_list(arena, field.message()?, |arena, list, field| {
                let value = read_value(arena, field, depth + 1)?;
                arena.push(list, Span::EMPTY, value);
                Ok(())
            })?),
            6 => Value::Map(read_list(arena, field.message()?, |arena, list, field| {
                read_pair(arena, list, field.message()?, depth + 1)
            })?),
            7 => {
                let range = field.range()?;
                Value::Bytes(Span::input(range.start, range.end))
            }
            _ => value,
        };
    }
    Ok(value)
}

/// The items of field 1, in a new list.
fn read_list(
    arena: &mut Arena,
    mut message: Message,
    mut push: impl FnMut(&mut Arena, &mut List, Field) -> Result<(), Damaged>,
) -> Result<List, Damaged> {
    let mut list = List::EMPTY;
    while let Some(field) = message.next(arena.input())? {
        if field.number == 1 {
            push(arena, &mut list, field)?;
        }
    }
    Ok(list)
}

/// Appends each entry as a `KeyValue` in the field `number`.
pub(super) fn write_attributes(arena: &Arena, list: List, number: u32, out: &mut Vec<u8>) {
    for (id, node) in arena.iter(list) {
        write_pair(number, arena.key(id), |out| write_any(arena, node.value, out), out);
    }
}

fn write_pair(number: u32, key: &[u8], value: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    write_message(out, number, |out| {
        write_text(out, 1, key);
        write_message(out, 2, value);
    });
}

/// Appends text that was received: what is no UTF-8 is replaced, since the protocol takes nothing else.
pub(super) fn write_text(out: &mut Vec<u8>, number: u32, text: &[u8]) {
    if !text.is_empty() {
        write_bytes(out, number, String::from_utf8_lossy(text).as_bytes());
    }
}

/// Appends the content of an `AnyValue`.
pub(super) fn write_any(arena: &Arena, value: Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Bool(value) => write_number(out, 2, u64::from(value)),
        Value::Int(int) => write_number(out, 3, int as u64),
        // The protocol has no unsigned numbers.
        Value::Uint(uint) => write_fixed64(out, 4, (uint as f64).to_bits()),
        Value::Double(double) => write_fixed64(out, 4, double.to_bits()),
        Value::Str(span) => write_bytes(out, 1, String::from_utf8_lossy(arena.bytes(span)).as_bytes()),
        Value::Bytes(span) => write_bytes(out, 7, arena.bytes(span)),
        Value::Json(span) => write_json(arena.bytes(span), out),
        Value::Array(list) => write_message(out, 5, |out| {
            for (_, node) in arena.iter(list) {
                write_message(out, 1, |out| write_any(arena, node.value, out));
            }
        }),
        Value::Map(list) => write_message(out, 6, |out| write_attributes(arena, list, 1, out)),
    }
}

/// Appends valid JSON as the content of an `AnyValue`.
fn write_json(raw: &[u8], out: &mut Vec<u8>) {
    const VALID: &str = "bug: raw JSON in an arena is valid";
    match raw.first() {
        Some(b'{') => write_message(out, 6, |out| {
            json::members(raw, |member| {
                let key = json::unescaped(&raw[member.key.clone()]);
                write_pair(1, &key, |out| write_json(&raw[member.value], out), out);
            })
            .expect(VALID);
        }),
        Some(b'[') => write_message(out, 5, |out| {
            json::items(raw, |item| write_message(out, 1, |out| write_json(&raw[item], out))).expect(VALID);
        }),
        Some(b'"') => write_bytes(out, 1, &json::string_text(raw).expect(VALID)),
        _ => write_any(&Arena::default(), json::scalar(raw).expect(VALID), out),
    }
}
