//! Protocol Buffers on the wire: fields of a message as they come, and fields written one after the other.
//!
//! Nothing is generated: a decoder asks for the next field and matches on its number, so that bytes go straight
//! into an arena. A field holds places in the input, not slices of it, since the arena owns the input meanwhile.
//! Source of the rules: the Protocol Buffers encoding guide.

use std::ops::Range;

/// The bytes are no message of the kind that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why} at byte {at}")]
pub struct Damaged {
    pub at: usize,
    pub why: &'static str,
}

/// A field of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub number: u32,
    pub content: Content,
    /// Where its content begins, for a complaint.
    at: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Varint(u64),
    Fixed64(u64),
    /// Where text, bytes, packed numbers or a message lie in the input.
    Bytes(Range<usize>),
    Fixed32(u32),
}

/// What is left to read of a message.
#[derive(Debug, Clone)]
pub struct Message {
    at: usize,
    end: usize,
}

impl Message {
    pub fn within(range: Range<usize>) -> Message {
        Message { at: range.start, end: range.end }
    }

    /// The next field; `None` at the end. `input` is the same each time.
    #[inline]
    pub fn next(&mut self, input: &[u8]) -> Result<Option<Field>, Damaged> {
        if self.at == self.end {
            return Ok(None);
        }
        let start = self.at;
        let key = self.varint(input)?;
        let number = u32::try_from(key >> 3).unwrap_or(0);
        if number == 0 {
            return Err(Damaged { at: start, why: "a field without a number" });
        }
        let at = self.at;
        let content = match key & 7 {
            0 => Content::Varint(self.varint(input)?),
            1 => Content::Fixed64(u64::from_le_bytes(self.fixed(input)?)),
            2 => {
                let len = self.varint(input)?;
                let left = (self.end - self.at) as u64;
                if len > left {
                    return Err(Damaged { at, why: "a field longer than its message" });
                }
                let start = self.at;
                self.at += len as usize;
                Content::Bytes(start..self.at)
            }
            5 => Content::Fixed32(u32::from_le_bytes(self.fixed(input)?)),
            _ => return Err(Damaged { at: start, why: "a field of an unknown wire type" }),
        };
        Ok(Some(Field { number, content, at }))
    }

    #[inline]
    fn varint(&mut self, input: &[u8]) -> Result<u64, Damaged> {
        let start = self.at;
        let mut value = 0u64;
        for (place, &byte) in input[start..self.end].iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.at = start + place + 1;
                return Ok(value);
            }
        }
        Err(Damaged { at: start, why: "a number without an end" })
    }

    #[inline]
    fn fixed<const N: usize>(&mut self, input: &[u8]) -> Result<[u8; N], Damaged> {
        let bytes = input[self.at..self.end].first_chunk().copied();
        let bytes = bytes.ok_or(Damaged { at: self.at, why: "a number cut off" })?;
        self.at += N;
        Ok(bytes)
    }
}

impl Field {
    fn wrong(&self) -> Damaged {
        Damaged { at: self.at, why: "a field of another type than expected" }
    }

    /// Where text or bytes lie.
    pub fn range(self) -> Result<Range<usize>, Damaged> {
        match self.content {
            Content::Bytes(range) => Ok(range),
            _ => Err(self.wrong()),
        }
    }

    /// Where valid UTF-8 lies.
    #[inline]
    pub fn text(self, input: &[u8]) -> Result<Range<usize>, Damaged> {
        let range = self.range()?;
        match simdutf8::basic::from_utf8(&input[range.clone()]) {
            Ok(_) => Ok(range),
            Err(_) => Err(Damaged { at: range.start, why: "text that is not UTF-8" }),
        }
    }

    pub fn message(self) -> Result<Message, Damaged> {
        self.range().map(Message::within)
    }

    pub fn varint(&self) -> Result<u64, Damaged> {
        match self.content {
            Content::Varint(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    pub fn fixed64(&self) -> Result<u64, Damaged> {
        match self.content {
            Content::Fixed64(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    pub fn fixed32(&self) -> Result<u32, Damaged> {
        match self.content {
            Content::Fixed32(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    /// Exactly `N` bytes, or none at all, which reads as zeros.
    pub fn array<const N: usize>(self, input: &[u8], why: &'static str) -> Result<[u8; N], Damaged> {
        let range = self.range()?;
        match &input[range.clone()] {
            [] => Ok([0; N]),
            bytes => bytes.try_into().map_err(|_| Damaged { at: range.start, why }),
        }
    }
}

/// Appends a varint.
#[inline]
pub fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn write_key(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    write_varint(out, u64::from(number << 3 | wire_type));
}

/// Appends a number as a varint, zero too.
pub fn write_number(out: &mut Vec<u8>, number: u32, value: u64) {
    write_key(out, number, 0);
    write_varint(out, value);
}

pub fn write_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    write_key(out, number, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn write_fixed32(out: &mut Vec<u8>, number: u32, value: u32) {
    write_key(out, number, 5);
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn write_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    write_key(out, number, 2);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a message that `write` writes. Most are shorter than 128 bytes, so one byte is kept for the length;
/// a longer one is moved once.
pub fn write_message(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    write_key(out, number, 2);
    let start = out.len();
    out.push(0);
    write(out);
    let len = out.len() - start - 1;
    if len < 0x80 {
        out[start] = len as u8;
        return;
    }
    let mut length = Vec::with_capacity(5);
    write_varint(&mut length, len as u64);
    out.resize(out.len() + length.len() - 1, 0);
    out.copy_within(start + 1..start + 1 + len, start + length.len());
    out[start..start + length.len()].copy_from_slice(&length);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(input: &[u8]) -> Result<Vec<(u32, Content)>, Damaged> {
        let mut message = Message::within(0..input.len());
        let mut found = Vec::new();
        while let Some(field) = message.next(input)? {
            found.push((field.number, field.content));
        }
        Ok(found)
    }

    /// The examples of the encoding guide, and one field of each other kind.
    #[test]
    fn fields_are_read_as_the_guide_says() {
        assert_eq!(fields(&[0x08, 0x96, 0x01]), Ok(vec![(1, Content::Varint(150))]));
        assert_eq!(fields(b"\x12\x07testing"), Ok(vec![(2, Content::Bytes(2..9))]));
        assert_eq!(fields(&[0x1d, 1, 0, 0, 0]), Ok(vec![(3, Content::Fixed32(1))]));
        assert_eq!(fields(&[0x09, 0, 1, 0, 0, 0, 0, 0, 0]), Ok(vec![(1, Content::Fixed64(256))]));
    }

    #[test]
    fn damage_is_told_with_its_place() {
        for (input, at, why) in [
            (&[0x12, 0x05, 1][..], 1, "a field longer than its message"),
            (&[0x08, 0xff], 1, "a number without an end"),
            (&[0x08, 1, 0x1d, 0], 3, "a number cut off"),
            (&[0x0b], 0, "a field of an unknown wire type"),
            (&[0x00, 1], 0, "a field without a number"),
        ] {
            assert_eq!(fields(input), Err(Damaged { at, why }), "{input:?}");
        }
    }

    #[test]
    fn a_message_of_any_length_has_the_shortest_length_before_it() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_152] {
            let (mut out, mut expected) = (vec![7], vec![7]);
            write_message(&mut out, 1, |out| out.resize(out.len() + len, 5));
            write_bytes(&mut expected, 1, &vec![5; len]);
            assert_eq!(out, expected, "{len}");
        }
    }
}
