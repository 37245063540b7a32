//! What happens to entries that are too much for the intake: a payload is halved, an entry is cut.

use std::io;
use std::ops::Range;

use engine::Payload;
use model::{json, number, text};

use crate::compress::{Compression, compress, decompress};
use crate::fields::cut_escaped;

/// The attribute that tells how many bytes of an entry's longest value were left out.
const CUT_MARK: &[u8] = b",\"outrigger.cut_bytes\":";

/// A payload's body before compression.
pub fn raw(payload: &Payload) -> io::Result<Vec<u8>> {
    let body = payload.wire()?;
    decompress(Compression::of(&body), &body, payload.raw_bytes)
}

/// Two payloads with half of the entries each.
pub fn halve(payload: &Payload, compression: Compression) -> Option<(Payload, Payload)> {
    let body = raw(payload).ok()?;
    let mut entries = Vec::new();
    json::items(&body, |entry| entries.push(entry)).ok()?;
    let (first, second) = entries.split_at(entries.len() / 2);
    let part = |entries: &[Range<usize>]| {
        let (start, end) = (entries.first()?.start, entries.last()?.end);
        let raw = [b"[", &body[start..end], b"]"].concat();
        let records = entries.len() as u64;
        Some(Payload::new(compress(compression, &raw), payload.route.clone(), records, raw.len() as u64))
    };
    Some((part(first)?, part(second)?))
}

/// An entry that is too long.
pub struct Oversize<'a> {
    entry: &'a [u8],
    longest: Range<usize>,
}

impl<'a> Oversize<'a> {
    pub fn of(entry: &'a [u8]) -> Option<Self> {
        let mut longest = 0..0;
        json::members(entry, |member| {
            if member.value.len() > longest.len() {
                longest = member.value;
            }
        })
        .ok()?;
        (!longest.is_empty()).then_some(Oversize { entry, longest })
    }

    /// The entry with its longest value cut, and a mark. What was no text becomes text.
    pub fn cut_to(&self, limit: usize) -> Option<Vec<u8>> {
        let value = &self.entry[self.longest.clone()];
        let mark_bytes = CUT_MARK.len() + 20 + 2;
        let room = limit.checked_sub(self.entry.len() - value.len() + mark_bytes)?;
        let (mut escaped, mut out) = (Vec::new(), Vec::with_capacity(limit));
        let inner = match value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")) {
            Some(inner) => inner,
            None => {
                text::escape_dense(value, &mut escaped);
                &escaped
            }
        };
        let kept = cut_escaped(inner, room);
        out.extend_from_slice(&self.entry[..self.longest.start]);
        out.push(b'"');
        out.extend_from_slice(kept);
        out.push(b'"');
        out.extend_from_slice(self.entry[self.longest.end..].strip_suffix(b"}")?);
        out.extend_from_slice(CUT_MARK);
        number::write_uint((inner.len() - kept.len()) as u64, &mut out);
        out.push(b'}');
        Some(out)
    }
}
