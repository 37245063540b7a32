//! Reads the head of one value: scalars whole, text and bytes as a place in the input, containers as a length.

use super::Skipper;

/// Why no value could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The value goes on behind the end of the slice.
    #[error("the value is cut off")]
    Incomplete,
    #[error("{0}")]
    Malformed(&'static str),
}

/// A place in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    pub start: usize,
    pub end: usize,
}

impl Slice {
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }

    pub fn len(self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// What stands at a place. The items of arrays and maps follow it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token {
    Nil,
    Bool(bool),
    Int(i64),
    /// Only for numbers above `i64::MAX`.
    Uint(u64),
    Float(f64),
    /// Meant to be UTF-8, but senders put any bytes in it.
    Str(Slice),
    Bin(Slice),
    Ext(i8, Slice),
    Array(u32),
    /// Pairs, not values.
    Map(u32),
}

/// Reads what stands at `at`, and moves `at` behind it.
#[inline]
pub fn next(bytes: &[u8], at: &mut usize) -> Result<Token, Error> {
    let first = *bytes.get(*at).ok_or(Error::Incomplete)?;
    let body = *at + 1;
    match first {
        0xa0..=0xbf => slice(bytes, at, body, usize::from(first & 31)).map(Token::Str),
        0xd9 => counted::<1>(bytes, at, body).map(Token::Str),
        0xda => counted::<2>(bytes, at, body).map(Token::Str),
        0x00..=0x7f => done(at, body, Token::Int(i64::from(first))),
        0x80..=0x8f => done(at, body, Token::Map(u32::from(first & 15))),
        0x90..=0x9f => done(at, body, Token::Array(u32::from(first & 15))),
        _ => uncommon(bytes, at, first, body),
    }
}

fn uncommon(bytes: &[u8], at: &mut usize, first: u8, body: usize) -> Result<Token, Error> {
    match first {
        0xc0 => done(at, body, Token::Nil),
        0xc2 => done(at, body, Token::Bool(false)),
        0xc3 => done(at, body, Token::Bool(true)),
        0xc4 => counted::<1>(bytes, at, body).map(Token::Bin),
        0xc5 => counted::<2>(bytes, at, body).map(Token::Bin),
        0xc6 => counted::<4>(bytes, at, body).map(Token::Bin),
        0xc7 => extension::<1>(bytes, at, body),
        0xc8 => extension::<2>(bytes, at, body),
        0xc9 => extension::<4>(bytes, at, body),
        0xca => fixed(bytes, at, body, |raw| Token::Float(f64::from(f32::from_be_bytes(raw)))),
        0xcb => fixed(bytes, at, body, |raw| Token::Float(f64::from_be_bytes(raw))),
        0xcc => fixed(bytes, at, body, |raw| Token::Int(i64::from(u8::from_be_bytes(raw)))),
        0xcd => fixed(bytes, at, body, |raw| Token::Int(i64::from(u16::from_be_bytes(raw)))),
        0xce => fixed(bytes, at, body, |raw| Token::Int(i64::from(u32::from_be_bytes(raw)))),
        0xcf => fixed(bytes, at, body, |raw| unsigned(u64::from_be_bytes(raw))),
        0xd0 => fixed(bytes, at, body, |raw| Token::Int(i64::from(i8::from_be_bytes(raw)))),
        0xd1 => fixed(bytes, at, body, |raw| Token::Int(i64::from(i16::from_be_bytes(raw)))),
        0xd2 => fixed(bytes, at, body, |raw| Token::Int(i64::from(i32::from_be_bytes(raw)))),
        0xd3 => fixed(bytes, at, body, |raw| Token::Int(i64::from_be_bytes(raw))),
        0xd4..=0xd8 => extension_body(bytes, at, body, 1 << (first - 0xd4)),
        0xdb => counted::<4>(bytes, at, body).map(Token::Str),
        0xdc => fixed(bytes, at, body, |raw| Token::Array(u32::from(u16::from_be_bytes(raw)))),
        0xdd => fixed(bytes, at, body, |raw| Token::Array(u32::from_be_bytes(raw))),
        0xde => fixed(bytes, at, body, |raw| Token::Map(u32::from(u16::from_be_bytes(raw)))),
        0xdf => fixed(bytes, at, body, |raw| Token::Map(u32::from_be_bytes(raw))),
        0xe0..=0xff => done(at, body, Token::Int(i64::from(first as i8))),
        _ => Err(Error::Malformed("the byte 0xc1, which msgpack never uses")),
    }
}

fn unsigned(value: u64) -> Token {
    i64::try_from(value).map_or(Token::Uint(value), Token::Int)
}

#[inline]
fn done(at: &mut usize, end: usize, token: Token) -> Result<Token, Error> {
    *at = end;
    Ok(token)
}

#[inline]
fn slice(bytes: &[u8], at: &mut usize, start: usize, len: usize) -> Result<Slice, Error> {
    let end = start.checked_add(len).filter(|end| *end <= bytes.len()).ok_or(Error::Incomplete)?;
    *at = end;
    Ok(Slice { start, end })
}

#[inline]
fn raw<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Error> {
    bytes.get(at..at + N).and_then(|raw| raw.try_into().ok()).ok_or(Error::Incomplete)
}

fn fixed<const N: usize>(
    bytes: &[u8],
    at: &mut usize,
    body: usize,
    token: impl FnOnce([u8; N]) -> Token,
) -> Result<Token, Error> {
    let raw = raw(bytes, body)?;
    done(at, body + N, token(raw))
}

/// A length of N big-endian bytes.
#[inline]
fn length<const N: usize>(bytes: &[u8], at: usize) -> Result<usize, Error> {
    Ok(raw::<N>(bytes, at)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

#[inline]
fn counted<const N: usize>(bytes: &[u8], at: &mut usize, body: usize) -> Result<Slice, Error> {
    let len = length::<N>(bytes, body)?;
    slice(bytes, at, body + N, len)
}

fn extension<const N: usize>(bytes: &[u8], at: &mut usize, body: usize) -> Result<Token, Error> {
    let len = length::<N>(bytes, body)?;
    extension_body(bytes, at, body + N, len)
}

fn extension_body(bytes: &[u8], at: &mut usize, kind: usize, len: usize) -> Result<Token, Error> {
    let sort = *bytes.get(kind).ok_or(Error::Incomplete)? as i8;
    Ok(Token::Ext(sort, slice(bytes, at, kind + 1, len)?))
}

/// Moves `at` behind the whole value that stands there, however deeply it nests.
pub fn skip(bytes: &[u8], at: &mut usize) -> Result<(), Error> {
    let rest = bytes.get(*at..).ok_or(Error::Incomplete)?;
    *at += Skipper::default().feed(rest)?.ok_or(Error::Incomplete)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Result<Token, Error>, usize) {
        let mut at = 0;
        (next(bytes, &mut at), at)
    }

    #[test]
    fn every_head_is_read() {
        let slice = |start, end| Slice { start, end };
        for (bytes, token) in [
            (&b"\x07"[..], Token::Int(7)),
            (b"\xff", Token::Int(-1)),
            (b"\xc0", Token::Nil),
            (b"\xc2", Token::Bool(false)),
            (b"\xc3", Token::Bool(true)),
            (b"\xca\x3f\xc0\0\0", Token::Float(1.5)),
            (b"\xcb\x3f\xf8\0\0\0\0\0\0", Token::Float(1.5)),
            (b"\xcc\xff", Token::Int(255)),
            (b"\xcd\x01\0", Token::Int(256)),
            (b"\xce\xff\xff\xff\xff", Token::Int(u32::MAX.into())),
            (b"\xcf\0\0\0\0\0\0\0\x01", Token::Int(1)),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", Token::Uint(u64::MAX)),
            (b"\xd0\x80", Token::Int(-128)),
            (b"\xd1\xff\xfe", Token::Int(-2)),
            (b"\xd2\xff\xff\xff\xfe", Token::Int(-2)),
            (b"\xd3\xff\xff\xff\xff\xff\xff\xff\xfe", Token::Int(-2)),
            (b"\xa2hi", Token::Str(slice(1, 3))),
            (b"\xd9\x02hi", Token::Str(slice(2, 4))),
            (b"\xda\0\x02hi", Token::Str(slice(3, 5))),
            (b"\xdb\0\0\0\x02hi", Token::Str(slice(5, 7))),
            (b"\xc4\x02hi", Token::Bin(slice(2, 4))),
            (b"\xc5\0\x02hi", Token::Bin(slice(3, 5))),
            (b"\xc6\0\0\0\x02hi", Token::Bin(slice(5, 7))),
            (b"\xd4\x05x", Token::Ext(5, slice(2, 3))),
            (b"\xd5\xffxx", Token::Ext(-1, slice(2, 4))),
            (b"\xd6\0xxxx", Token::Ext(0, slice(2, 6))),
            (b"\xd7\0xxxxxxxx", Token::Ext(0, slice(2, 10))),
            (b"\xd8\0xxxxxxxxxxxxxxxx", Token::Ext(0, slice(2, 18))),
            (b"\xc7\x01\x05x", Token::Ext(5, slice(3, 4))),
            (b"\xc8\0\x01\x05x", Token::Ext(5, slice(4, 5))),
            (b"\xc9\0\0\0\x01\x05x", Token::Ext(5, slice(6, 7))),
            (b"\x93", Token::Array(3)),
            (b"\xdc\x01\0", Token::Array(256)),
            (b"\xdd\0\0\x01\0", Token::Array(256)),
            (b"\x83", Token::Map(3)),
            (b"\xde\x01\0", Token::Map(256)),
            (b"\xdf\0\0\x01\0", Token::Map(256)),
        ] {
            assert_eq!(read(bytes), (Ok(token), bytes.len()), "{bytes:x?}");
            for cut in 0..bytes.len() {
                assert_eq!(read(&bytes[..cut]), (Err(Error::Incomplete), 0), "{bytes:x?} cut at {cut}");
            }
        }
        assert!(matches!(read(b"\xc1"), (Err(Error::Malformed(_)), 0)));
    }
}
