//! Frames: sealed payloads as bytes with a length and a checksum, the same on disk and in a lifeboat.
//!
//! A frame is a mark, the length of its rest and the rest's CRC-32; the rest is fixed numbers, the route, a note
//! and the body. The mark lets a reader find the next frame behind damage.

use std::time::Duration;

use bytes::Bytes;

use crate::payload::{Body, Payload};

/// First bytes of a frame, so that the next one is found behind damage without trying every offset's checksum.
const MARK: &[u8; 4] = b"\xf5OQ\xfa";
/// The mark, the length of the frame's rest, and its CRC-32.
const HEAD: usize = 12;
/// `since` (8), records (8), raw bytes (8), full size when packed (8), route length (4), note length (4).
const FIXED: usize = 40;
/// Longest frame believed; anything longer is damage.
const MAX_BYTES: u32 = 256 << 20;

/// What was found in a run of frames.
pub(crate) struct Walk {
    pub found: Vec<Seen>,
    /// Offset, length.
    pub damage: Vec<(usize, usize)>,
    /// Behind the last whole frame.
    pub end: usize,
}

/// A frame that is whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub at: usize,
    pub len: usize,
    pub records: u64,
    /// When its first record came in, since the epoch.
    pub since: Duration,
}

/// A frame read back.
#[derive(Debug)]
pub(crate) struct Frame {
    pub payload: Payload,
    /// Why it lies there, where somebody said.
    pub note: String,
}

/// Walks frames from an offset on. After one whose checksum does not fit, the next place where one fits is looked for.
pub(crate) fn walk(bytes: &[u8], from: usize) -> Walk {
    let mut frames = Walk { found: Vec::new(), damage: Vec::new(), end: from };
    let mut at = from;
    while at < bytes.len() {
        if let Some((len, records, since)) = check(&bytes[at..]) {
            if frames.end < at {
                frames.damage.push((frames.end, at - frames.end));
            }
            frames.found.push(Seen { at, len, records, since });
            at += len;
            frames.end = at;
        } else {
            at += 1;
            at +=
                bytes[at..].windows(MARK.len()).position(|window| window == MARK).unwrap_or(bytes.len() - at);
        }
    }
    frames
}

/// Length, records and age of the frame that begins here, if it is whole.
fn check(bytes: &[u8]) -> Option<(usize, u64, Duration)> {
    let len = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
    let crc = u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?);
    if !bytes.starts_with(MARK) || !(FIXED as u32..=MAX_BYTES).contains(&len) {
        return None;
    }
    let rest = bytes.get(HEAD..HEAD + len as usize)?;
    if crc32fast::hash(rest) != crc {
        return None;
    }
    let since = u64::from_le_bytes(rest[..8].try_into().ok()?);
    let records = u64::from_le_bytes(rest[8..16].try_into().ok()?);
    Some((HEAD + len as usize, records, Duration::from_nanos(since)))
}

/// `since` is since the epoch.
pub(crate) fn encode(payload: &Payload, since: Duration, note: &str) -> Vec<u8> {
    let body = match &payload.body {
        Body::Wire(bytes) | Body::Packed(bytes, _) => bytes.len(),
    };
    let mut frame = Vec::with_capacity(HEAD + FIXED + payload.route.len() + note.len() + body);
    encode_into(payload, since, note, &mut frame);
    frame
}

pub(crate) fn encode_into(payload: &Payload, since: Duration, note: &str, out: &mut Vec<u8>) {
    let (body, full_size) = match &payload.body {
        Body::Wire(bytes) => (bytes, 0),
        Body::Packed(bytes, size) => (bytes, *size as u64),
    };
    let start = out.len();
    out.extend_from_slice(MARK);
    out.extend_from_slice(&[0; HEAD - MARK.len()]);
    for number in [since.as_nanos() as u64, payload.records, payload.raw_bytes, full_size] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for text in [&*payload.route, note] {
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    }
    out.extend_from_slice(payload.route.as_bytes());
    out.extend_from_slice(note.as_bytes());
    out.extend_from_slice(body);
    let frame = &mut out[start..];
    let len = (frame.len() - HEAD) as u32;
    let crc = crc32fast::hash(&frame[HEAD..]);
    frame[4..8].copy_from_slice(&len.to_le_bytes());
    frame[8..12].copy_from_slice(&crc.to_le_bytes());
}

pub(crate) fn decode(frame: &[u8]) -> Option<Frame> {
    let (len, records, _) = check(frame)?;
    let rest = &frame[HEAD..len];
    let number =
        |place: usize| Some(u64::from_le_bytes(rest.get(place * 8..place * 8 + 8)?.try_into().ok()?));
    let length = |at: usize| Some(u32::from_le_bytes(rest.get(at..at + 4)?.try_into().ok()?) as usize);
    let (raw_bytes, full_size) = (number(2)?, number(3)?);
    let (route_end, note_end) = (FIXED + length(32)?, FIXED + length(32)? + length(36)?);
    let route = std::str::from_utf8(rest.get(FIXED..route_end)?).ok()?;
    let note = std::str::from_utf8(rest.get(route_end..note_end)?).ok()?.to_owned();
    let body = Bytes::copy_from_slice(rest.get(note_end..)?);
    let mut payload = Payload::new(body.clone(), route, records, raw_bytes);
    if full_size > 0 {
        payload.body = Body::Packed(body, full_size as usize);
    }
    Some(Frame { payload, note })
}
