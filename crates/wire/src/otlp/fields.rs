//! Single fields as the messages of OpenTelemetry have them: left out where they say nothing.

use model::{Arena, Span};

use crate::protobuf::{
    Damaged, Field, write_bytes, write_fixed32, write_fixed64, write_number, write_varint,
};

/// Text of a field, as a slice of the arena.
#[inline]
pub(super) fn text(arena: &Arena, field: Field) -> Result<Span, Damaged> {
    let range = field.text(arena.input())?;
    Ok(Span::input(range.start, range.end))
}

pub(super) fn trace_id(arena: &Arena, field: Field) -> Result<[u8; 16], Damaged> {
    field.array(arena.input(), "a trace id that is not 16 bytes")
}

pub(super) fn span_id(arena: &Arena, field: Field) -> Result<[u8; 8], Damaged> {
    field.array(arena.input(), "a span id that is not 8 bytes")
}

/// A value of an enumeration. What no version of the protocol knows is unspecified.
pub(super) fn choice(field: &Field) -> Result<u8, Damaged> {
    field.varint().map(|value| u8::try_from(value).unwrap_or(0))
}

pub(super) fn double(field: &Field) -> Result<f64, Damaged> {
    field.fixed64().map(f64::from_bits)
}

pub(super) fn write_id(out: &mut Vec<u8>, number: u32, id: &[u8]) {
    if id.iter().any(|byte| *byte != 0) {
        write_bytes(out, number, id);
    }
}

pub(super) fn write_count(out: &mut Vec<u8>, number: u32, count: u32) {
    if count != 0 {
        write_number(out, number, u64::from(count));
    }
}

pub(super) fn write_flags(out: &mut Vec<u8>, number: u32, flags: u32) {
    if flags != 0 {
        write_fixed32(out, number, flags);
    }
}

/// A time or a count of 64 bits.
pub(super) fn write_long(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        write_fixed64(out, number, value);
    }
}

/// A double; negative zero is not the default.
pub(super) fn write_double(out: &mut Vec<u8>, number: u32, value: f64) {
    write_long(out, number, value.to_bits());
}

/// A double that is written whenever it is known.
pub(super) fn write_known(out: &mut Vec<u8>, number: u32, value: Option<f64>) {
    if let Some(value) = value {
        write_fixed64(out, number, value.to_bits());
    }
}

/// Repeated numbers of eight bytes, packed.
pub(super) fn write_longs(out: &mut Vec<u8>, number: u32, values: impl ExactSizeIterator<Item = u64>) {
    if values.len() > 0 {
        write_varint(out, u64::from(number << 3 | 2));
        write_varint(out, 8 * values.len() as u64);
        values.for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
    }
}
