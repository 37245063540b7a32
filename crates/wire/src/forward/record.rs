//! One entry: its time, its metadata, and its map as nodes over the read buffer.

use model::{Arena, Batch, List, LogRecord, Span, Value, number};

use crate::msgpack::{Error, Slice, Token, next, skip};

/// Deepest nesting of a record, as for JSON.
const MAX_DEPTH: u32 = 64;
/// Most items of one map or array, and most nodes of one batch: a node takes 28 bytes, an empty item on the wire
/// takes one, so that a hostile message must not decide how much memory it becomes.
const MAX_ITEMS: u32 = 1 << 20;
const MAX_NODES: usize = 4 << 20;
const MAX_RECORDS: usize = 1 << 20;

const NOT_A_MAP: Error = Error::Malformed("the record is not a map");
const NOT_A_TIME: Error = Error::Malformed("the time is neither a number nor an EventTime");

/// A place to read from that ends where its message or payload ends.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    pub(super) at: usize,
    pub(super) end: usize,
}

impl Cursor {
    #[inline]
    pub(super) fn next(&mut self, arena: &Arena) -> Result<Token, Error> {
        next(&arena.input()[..self.end], &mut self.at)
    }

    pub(super) fn skip(&mut self, arena: &Arena, values: u32) -> Result<(), Error> {
        for _ in 0..values {
            skip(&arena.input()[..self.end], &mut self.at)?;
        }
        Ok(())
    }
}

/// Reads `[time, record]` or `[[time, metadata], record]` into the batch.
pub(super) fn entry(batch: &mut Batch, cursor: &mut Cursor, now: u64) -> Result<(), Error> {
    let Token::Array(len @ 2..) = cursor.next(&batch.arena)? else {
        return Err(Error::Malformed("the entry is not an array of time and record"));
    };
    let head = cursor.next(&batch.arena)?;
    let Token::Array(parts) = head else {
        let time = time(&batch.arena, head, now)?;
        let body = body(&mut batch.arena, cursor)?;
        cursor.skip(&batch.arena, len - 2)?;
        return push(batch, time, now, body, List::EMPTY);
    };
    if parts == 0 {
        return Err(NOT_A_TIME);
    }
    let stamp = cursor.next(&batch.arena)?;
    let attributes = if parts > 1 { metadata(&mut batch.arena, cursor)? } else { List::EMPTY };
    cursor.skip(&batch.arena, parts.saturating_sub(2))?;
    let body = body(&mut batch.arena, cursor)?;
    cursor.skip(&batch.arena, len - 2)?;
    if is_group_mark(&batch.arena, stamp) {
        return Ok(());
    }
    let time = time(&batch.arena, stamp, now)?;
    push(batch, time, now, body, attributes)
}

pub(super) fn push(
    batch: &mut Batch,
    time: u64,
    now: u64,
    body: List,
    attributes: List,
) -> Result<(), Error> {
    if batch.logs.len() >= MAX_RECORDS {
        return Err(Error::Malformed("more records than one message may hold"));
    }
    batch.logs.push(LogRecord { observed: now, attributes, ..LogRecord::new(time, Value::Map(body)) });
    Ok(())
}

/// Fluent Bit brackets records of one resource with entries whose seconds are -1 and -2: no logs.
fn is_group_mark(arena: &Arena, stamp: Token) -> bool {
    let Token::Ext(0, raw) = stamp else { return false };
    matches!(raw.of(arena.input()), [0xff, 0xff, 0xff, 0xfe | 0xff, ..])
}

/// Nanoseconds since the epoch of a time as the protocol writes it. `now` for what is no time: a record is
/// worth more than its time.
pub(super) fn time(arena: &Arena, token: Token, now: u64) -> Result<u64, Error> {
    Ok(match token {
        Token::Int(value @ 0..) => scaled(value as f64, value as u64, 0.0),
        Token::Uint(value) => value,
        Token::Float(value) if value.is_finite() && value >= 0.0 => {
            scaled(value, value.trunc() as u64, value.fract())
        }
        Token::Ext(0, raw) => event_time(raw.of(arena.input())).ok_or(NOT_A_TIME)?,
        Token::Nil | Token::Int(_) | Token::Float(_) => now,
        _ => return Err(NOT_A_TIME),
    })
}

/// Seconds by the protocol. Node's `fluent-logger` sends milliseconds (fixture `node/004.stream`), and more of
/// the kind may exist: beyond the year 5138 in one unit, the next smaller one is meant.
fn scaled(size: f64, whole: u64, fraction: f64) -> u64 {
    let unit = match size {
        ..1e11 => 1_000_000_000,
        ..1e14 => 1_000_000,
        ..1e17 => 1_000,
        _ => 1,
    };
    whole.saturating_mul(unit).saturating_add((fraction * unit as f64) as u64)
}

fn event_time(raw: &[u8]) -> Option<u64> {
    let seconds = u32::from_be_bytes(raw.get(..4)?.try_into().ok()?);
    let nanoseconds = u32::from_be_bytes(raw.get(4..)?.try_into().ok()?);
    Some(u64::from(seconds) * 1_000_000_000 + u64::from(nanoseconds))
}

/// The record itself.
pub(super) fn body(arena: &mut Arena, cursor: &mut Cursor) -> Result<List, Error> {
    let Token::Map(pairs) = cursor.next(arena)? else { return Err(NOT_A_MAP) };
    map(arena, cursor, pairs, 0)
}

/// The metadata of an entry; what is not a map is left out.
pub(super) fn metadata(arena: &mut Arena, cursor: &mut Cursor) -> Result<List, Error> {
    let start = *cursor;
    if let Token::Map(pairs) = cursor.next(arena)? {
        return map(arena, cursor, pairs, 0);
    }
    *cursor = start;
    cursor.skip(arena, 1)?;
    Ok(List::EMPTY)
}

fn map(arena: &mut Arena, cursor: &mut Cursor, pairs: u32, depth: u32) -> Result<List, Error> {
    check_size(arena, pairs, depth)?;
    let mut list = List::EMPTY;
    for _ in 0..pairs {
        let key = match cursor.next(arena)? {
            Token::Str(text) | Token::Bin(text) => span(text),
            other => unusual_key(arena, other)?,
        };
        let value = value(arena, cursor, depth)?;
        arena.push(&mut list, key, value);
    }
    Ok(list)
}

fn array(arena: &mut Arena, cursor: &mut Cursor, items: u32, depth: u32) -> Result<List, Error> {
    check_size(arena, items, depth)?;
    let mut list = List::EMPTY;
    for _ in 0..items {
        let value = value(arena, cursor, depth)?;
        arena.push(&mut list, Span::EMPTY, value);
    }
    Ok(list)
}

fn check_size(arena: &Arena, items: u32, depth: u32) -> Result<(), Error> {
    if depth >= MAX_DEPTH {
        return Err(Error::Malformed("the record nests more than 64 deep"));
    }
    if items > MAX_ITEMS || arena.mark().0 > MAX_NODES {
        return Err(Error::Malformed("more values than one message may hold"));
    }
    Ok(())
}

#[inline]
fn value(arena: &mut Arena, cursor: &mut Cursor, depth: u32) -> Result<Value, Error> {
    Ok(match cursor.next(arena)? {
        Token::Str(text) => Value::Str(span(text)),
        Token::Nil => Value::Null,
        Token::Bool(flag) => Value::Bool(flag),
        Token::Int(int) => Value::Int(int),
        Token::Uint(uint) => Value::Uint(uint),
        Token::Float(float) => Value::Double(float),
        Token::Bin(bytes) | Token::Ext(_, bytes) => Value::Bytes(span(bytes)),
        Token::Array(items) => Value::Array(array(arena, cursor, items, depth + 1)?),
        Token::Map(pairs) => Value::Map(map(arena, cursor, pairs, depth + 1)?),
    })
}

#[inline]
fn span(slice: Slice) -> Span {
    Span::input(slice.start, slice.end)
}

/// Keys are text here; msgpack allows anything.
fn unusual_key(arena: &mut Arena, token: Token) -> Result<Span, Error> {
    let mut text = Vec::new();
    match token {
        Token::Nil => text.extend_from_slice(b"null"),
        Token::Bool(flag) => text.extend_from_slice(if flag { b"true" } else { b"false" }),
        Token::Int(int) => number::write_int(int, &mut text),
        Token::Uint(uint) => number::write_uint(uint, &mut text),
        Token::Float(float) => number::write_double(float, &mut text),
        _ => return Err(Error::Malformed("a key is a map, an array or an extension")),
    }
    Ok(arena.store(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_form() {
        let arena = Arena::new(b"\x65\0\0\0\0\0\0\x01\x65\0\0\0\xff\xff\xff\xff".to_vec());
        let event = |start| Token::Ext(0, Slice { start, end: start + 8 });
        for (token, expected) in [
            (Token::Int(1_700_000_000), 1_700_000_000_000_000_000),
            (Token::Int(1_700_000_000_123), 1_700_000_000_123_000_000),
            (Token::Int(1_700_000_000_123_456), 1_700_000_000_123_456_000),
            (Token::Int(1_700_000_000_123_456_789), 1_700_000_000_123_456_789),
            (Token::Float(1_700_000_000.5), 1_700_000_000_500_000_000),
            (Token::Float(1_700_000_000_123.0), 1_700_000_000_123_000_000),
            (event(0), 1_694_498_816_000_000_001),
            (event(8), 1_694_498_820_294_967_295),
            (Token::Int(0), 0),
            (Token::Nil, 7),
            (Token::Int(-5), 7),
            (Token::Float(f64::NAN), 7),
            (Token::Float(f64::INFINITY), 7),
        ] {
            assert_eq!(time(&arena, token, 7), Ok(expected), "{token:?}");
        }
        assert!(time(&arena, Token::Bool(true), 7).is_err());
        assert!(time(&arena, Token::Ext(1, Slice { start: 0, end: 8 }), 7).is_err());
        assert!(time(&arena, Token::Ext(0, Slice { start: 0, end: 7 }), 7).is_err());
    }
}
