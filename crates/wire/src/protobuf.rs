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
    /// Where in the input it stands, for a complaint.
    pub fn at(&self) -> usize {
        self.at
    }

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

    /// Calls `each` for the numbers of a repeated field: one, or any number packed together.
    pub fn each_varint(self, input: &[u8], mut each: impl FnMut(u64)) -> Result<(), Damaged> {
        let Content::Bytes(range) = self.content else { return self.varint().map(each) };
        let mut packed = Message::within(range);
        while packed.at < packed.end {
            each(packed.varint(input)?);
        }
        Ok(())
    }

    /// Like [`Field::each_varint`], for numbers of eight bytes.
    pub fn each_fixed64(self, input: &[u8], mut each: impl FnMut(u64)) -> Result<(), Damaged> {
        let Content::Bytes(range) = self.content else { return self.fixed64().map(each) };
        let mut packed = Message::within(range);
        while packed.at < packed.end {
            each(u64::from_le_bytes(packed.fixed(input)?));
        }
        Ok(())
    }

    /// A number of the type `sint32`.
    pub fn sint32(&self) -> Result<i32, Damaged> {
        self.varint().map(|value| from_zigzag(value as u32))
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

/// What `sint32` makes of a number, so that small negative ones are short.
pub fn to_zigzag(value: i32) -> u32 {
    (value << 1 ^ value >> 31) as u32
}

pub fn from_zigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

/// Appends a message that `write` writes.
pub fn write_message(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let opened = open_message(out, number);
    write(out);
    close_message(out, opened);
}

/// Where the length of a message is going to stand.
pub struct Opened(usize);

/// Begins a message, or packed numbers, whose content is appended next. Most are shorter than 128 bytes, so one byte
/// is kept for the length; a longer one is moved once.
pub fn open_message(out: &mut Vec<u8>, number: u32) -> Opened {
    write_key(out, number, 2);
    out.push(0);
    Opened(out.len() - 1)
}

/// Ends a message: all that was appended since is its content.
pub fn close_message(out: &mut Vec<u8>, Opened(start): Opened) {
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
mod tests;
