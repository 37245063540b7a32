//! Reads msgpack into JSON values, for comparing what was sent. Shares no code with the decoder under test.

use serde_json::{Map, Value, json};

/// The values that stand one after the other in `bytes`; `None` where they are malformed or cut.
pub fn decode_all(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (value, rest) = decode(bytes)?;
        values.push(value);
        bytes = rest;
    }
    Some(values)
}

/// The first value, and what follows it. A byte string becomes `{"bin": [...]}`; an EventTime, nanoseconds.
pub fn decode(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (&head, rest) = bytes.split_first()?;
    Some(match head {
        0x00..=0x7f => (json!(head), rest),
        0x80..=0x8f => map(usize::from(head & 0x0f), rest)?,
        0x90..=0x9f => array(usize::from(head & 0x0f), rest)?,
        0xa0..=0xbf => text(usize::from(head & 0x1f), rest)?,
        0xc0 => (Value::Null, rest),
        0xc2 => (json!(false), rest),
        0xc3 => (json!(true), rest),
        0xc4 => sized(1, rest, binary)?,
        0xc5 => sized(2, rest, binary)?,
        0xc6 => sized(4, rest, binary)?,
        0xd9 => sized(1, rest, text)?,
        0xda => sized(2, rest, text)?,
        0xdb => sized(4, rest, text)?,
        0xc7 => sized(1, rest, extension)?,
        0xc8 => sized(2, rest, extension)?,
        0xc9 => sized(4, rest, extension)?,
        0xca => {
            let (bits, rest) = number(4, rest)?;
            (json!(f32::from_bits(bits as u32)), rest)
        }
        0xcb => {
            let (bits, rest) = number(8, rest)?;
            (json!(f64::from_bits(bits)), rest)
        }
        0xcc..=0xcf => {
            let (n, rest) = number(1 << (head - 0xcc), rest)?;
            (json!(n), rest)
        }
        0xd0..=0xd3 => {
            let width = 1usize << (head - 0xd0);
            let (n, rest) = number(width, rest)?;
            let shift = 64 - 8 * width as u32;
            (json!((n << shift) as i64 >> shift), rest)
        }
        0xd4..=0xd8 => extension(1 << (head - 0xd4), rest)?,
        0xdc => sized(2, rest, array)?,
        0xdd => sized(4, rest, array)?,
        0xde => sized(2, rest, map)?,
        0xdf => sized(4, rest, map)?,
        0xe0..=0xff => (json!(head as i8), rest),
        0xc1 => return None,
    })
}

type Read = fn(usize, &[u8]) -> Option<(Value, &[u8])>;

fn sized(width: usize, bytes: &[u8], read: Read) -> Option<(Value, &[u8])> {
    let (length, rest) = number(width, bytes)?;
    read(length as usize, rest)
}

fn number(width: usize, bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(width)?;
    Some((digits.iter().fold(0, |n, digit| n << 8 | u64::from(*digit)), rest))
}

fn text(length: usize, bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (text, rest) = bytes.split_at_checked(length)?;
    Some((Value::from(String::from_utf8_lossy(text)), rest))
}

fn binary(length: usize, bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (data, rest) = bytes.split_at_checked(length)?;
    Some((json!({ "bin": data }), rest))
}

fn array(length: usize, mut bytes: &[u8]) -> Option<(Value, &[u8])> {
    let mut items = Vec::new();
    for _ in 0..length {
        let (item, rest) = decode(bytes)?;
        items.push(item);
        bytes = rest;
    }
    Some((Value::Array(items), bytes))
}

fn map(length: usize, mut bytes: &[u8]) -> Option<(Value, &[u8])> {
    let mut members = Map::new();
    for _ in 0..length {
        let (key, rest) = decode(bytes)?;
        let (value, rest) = decode(rest)?;
        let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        members.insert(key, value);
        bytes = rest;
    }
    Some((Value::Object(members), bytes))
}

fn extension(length: usize, bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let (data, rest) = rest.split_at_checked(length)?;
    if kind == 0 && length == 8 {
        let (time, _) = number(8, data)?;
        return Some((json!((time >> 32) * 1_000_000_000 + (time & 0xffff_ffff)), rest));
    }
    Some((json!({ "ext": kind, "data": data }), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_driver_sends() {
        let example = b"\x94\xa1t\xd7\x00\x65\x00\x00\x00\x00\x00\x00\x01\x81\xa3log\xa2hi\x80";
        let found = decode_all(&[&example[..], b"\xd1\xff\xfe\xcb\x3f\xf8\0\0\0\0\0\0"].concat()).unwrap();
        let message = json!(["t", 1_694_498_816_000_000_001u64, {"log": "hi"}, {}]);
        assert_eq!(found, [message, json!(-2), json!(1.5)]);
        assert_eq!(decode_all(&example[..20]), None);
    }
}
