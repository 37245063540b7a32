//! Finds the end of a value that arrives in pieces, in constant memory.
//!
//! Nesting needs no stack: a container adds its items to the count of values still to come. So the end of a
//! message is found without decoding it, without reading a byte twice, and even when its bytes are thrown away.

use super::Error;

/// Longest head that says how much follows: a type byte and a length of four.
const MAX_HEAD: usize = 5;

/// The state between two pieces of one value.
#[derive(Debug, Clone)]
pub struct Skipper {
    /// Values still to come, the one begun excluded.
    values: u64,
    /// Bytes of text, number or extension still to come.
    body: u64,
    /// A head cut off by the end of the last piece.
    head: [u8; MAX_HEAD],
    head_len: usize,
    seen: u64,
}

impl Default for Skipper {
    fn default() -> Self {
        Skipper { values: 1, body: 0, head: [0; MAX_HEAD], head_len: 0, seen: 0 }
    }
}

impl Skipper {
    /// Takes the next piece. `Some(used)` when the value ended after that many bytes of it.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Option<usize>, Error> {
        let ended = self.advance(piece);
        self.seen += ended.ok().flatten().unwrap_or(piece.len()) as u64;
        ended
    }

    fn advance(&mut self, piece: &[u8]) -> Result<Option<usize>, Error> {
        let mut at = 0;
        loop {
            let here = self.body.min((piece.len() - at) as u64);
            self.body -= here;
            at += here as usize;
            if self.body == 0 && self.values == 0 {
                return Ok(Some(at));
            }
            if at == piece.len() {
                return Ok(None);
            }
            let Some((head, used)) = self.gather_head(&piece[at..]) else { return Ok(None) };
            at += used;
            let (values, body) = follows(&head)?;
            // Cannot overflow before 2^31 heads of the largest arrays; a stream that long is no message.
            self.values = (self.values - 1).saturating_add(values);
            self.body = body;
        }
    }

    /// A complete head, and how many bytes of the piece it took. `None` when it is still cut off.
    #[inline]
    fn gather_head(&mut self, rest: &[u8]) -> Option<([u8; MAX_HEAD], usize)> {
        let first = if self.head_len == 0 { rest[0] } else { self.head[0] };
        let missing = head_len(first) - self.head_len;
        let here = missing.min(rest.len());
        self.head[self.head_len..self.head_len + here].copy_from_slice(&rest[..here]);
        self.head_len += here;
        if here < missing {
            return None;
        }
        self.head_len = 0;
        Some((self.head, here))
    }

    /// Bytes of the value taken so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The least number of bytes the whole value can have, from what is known now.
    pub fn least_total(&self) -> u64 {
        self.seen.saturating_add(self.body).saturating_add(self.values)
    }
}

fn head_len(first: u8) -> usize {
    match first {
        0xc4 | 0xc7 | 0xd9 => 2,
        0xc5 | 0xc8 | 0xda | 0xdc | 0xde => 3,
        0xc6 | 0xc9 | 0xdb | 0xdd | 0xdf => 5,
        _ => 1,
    }
}

/// How many values and how many bytes follow a head.
#[inline]
fn follows(head: &[u8; MAX_HEAD]) -> Result<(u64, u64), Error> {
    let [first, a, b, c, d] = *head;
    let one = u64::from(a);
    let two = || u64::from(u16::from_be_bytes([a, b]));
    let four = || u64::from(u32::from_be_bytes([a, b, c, d]));
    Ok(match first {
        0x80..=0x8f => (2 * u64::from(first & 15), 0),
        0x90..=0x9f => (u64::from(first & 15), 0),
        0xa0..=0xbf => (0, u64::from(first & 31)),
        0xc1 => return Err(Error::Malformed("the byte 0xc1, which msgpack never uses")),
        0xc4 | 0xd9 => (0, one),
        0xc5 | 0xda => (0, two()),
        0xc6 | 0xdb => (0, four()),
        0xc7 => (0, one + 1),
        0xc8 => (0, two() + 1),
        0xc9 => (0, four() + 1),
        0xca | 0xce | 0xd2 => (0, 4),
        0xcb | 0xcf | 0xd3 => (0, 8),
        0xcc | 0xd0 => (0, 1),
        0xcd | 0xd1 => (0, 2),
        0xd4..=0xd8 => (0, 1 + (1 << (first - 0xd4))),
        0xdc => (two(), 0),
        0xdd => (four(), 0),
        0xde => (2 * two(), 0),
        0xdf => (2 * four(), 0),
        _ => (0, 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &[u8] = b"\x94\xa1t\xd7\0\x65\0\0\0\0\0\0\x01\x82\xa3log\xda\0\x02hi\xc4\x01k\xdc\0\x02\xcb\0\0\0\0\0\0\0\0\xc7\x02\x05xx\x80";

    #[test]
    fn the_end_is_found_whatever_the_pieces() {
        let mut bytes = VALUE.to_vec();
        bytes.extend_from_slice(b"\x01\x02");
        for first in 0..VALUE.len() {
            for second in first..VALUE.len() {
                let mut skipper = Skipper::default();
                assert_eq!(skipper.feed(&bytes[..first]), Ok(None));
                assert!(skipper.least_total() <= VALUE.len() as u64);
                assert_eq!(skipper.feed(&bytes[first..second]), Ok(None));
                assert_eq!(skipper.feed(&bytes[second..]), Ok(Some(VALUE.len() - second)));
                assert_eq!(skipper.seen(), VALUE.len() as u64);
            }
        }
    }

    #[test]
    fn what_is_declared_is_known_at_once() {
        let mut skipper = Skipper::default();
        assert_eq!(skipper.feed(b"\x93\xa1t\xc6\x10\0\0\0"), Ok(None));
        assert_eq!(skipper.least_total(), 8 + 0x1000_0000 + 1);
        assert!(Skipper::default().feed(b"\x92\xa1t\xc1").is_err());
    }
}
