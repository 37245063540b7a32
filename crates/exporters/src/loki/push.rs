//! The push request: streams of entries in protobuf, as one snappy block.

use std::ops::Range;

use engine::Payload;
use wire::protobuf::{Damaged, Message, write_bytes, write_message, write_number};

const NANOS_A_SECOND: u64 = 1_000_000_000;

pub struct Entry {
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub line: String,
}

/// Bytes of an entry beside its line, at most.
pub const ENTRY_OVERHEAD: usize = 32;

/// Appends a stream to a request.
pub fn write_stream(labels: &str, entries: &[Entry], out: &mut Vec<u8>) {
    write_message(out, 1, |out| {
        write_bytes(out, 1, labels.as_bytes());
        for entry in entries {
            write_message(out, 2, |out| {
                write_message(out, 1, |out| {
                    write_number(out, 1, entry.time / NANOS_A_SECOND);
                    write_number(out, 2, entry.time % NANOS_A_SECOND);
                });
                write_bytes(out, 2, entry.line.as_bytes());
            });
        }
    });
}

/// A request as a payload; `None` only beyond 4 GiB.
pub fn seal(plain: &[u8], tenant: &str, records: u64) -> Option<Payload> {
    let body = snap::raw::Encoder::new().compress_vec(plain).ok()?;
    Some(Payload::new(body, tenant, records, plain.len() as u64))
}

fn plain(payload: &Payload) -> Option<Vec<u8>> {
    let body = payload.wire().ok()?;
    // The length it claims is known, so that a damaged body asks for no memory.
    let claimed = snap::raw::decompress_len(&body).ok()?;
    if claimed as u64 != payload.raw_bytes {
        return None;
    }
    snap::raw::Decoder::new().decompress_vec(&body).ok()
}

/// Labels and entries of a stream, as places in the request.
type Places = (Range<usize>, Vec<Range<usize>>);

fn streams(plain: &[u8]) -> Result<Vec<Places>, Damaged> {
    let mut streams = Vec::new();
    let mut request = Message::within(0..plain.len());
    while let Some(field) = request.next(plain)? {
        let mut stream = field.message()?;
        let (mut labels, mut entries) = (0..0, Vec::new());
        while let Some(field) = stream.next(plain)? {
            match field.number {
                1 => labels = field.range()?,
                _ => entries.push(field.range()?),
            }
        }
        streams.push((labels, entries));
    }
    Ok(streams)
}

/// Two requests with the entries of one.
pub fn halve(payload: &Payload) -> Option<(Payload, Payload)> {
    let plain = plain(payload)?;
    let all = streams(&plain).ok()?;
    let total: usize = all.iter().map(|(_, entries)| entries.len()).sum();
    if total < 2 {
        return None;
    }
    let part = |wanted: Range<usize>| {
        let (mut out, mut at) = (Vec::new(), 0);
        for (labels, entries) in &all {
            let here = at..at + entries.len();
            at = here.end;
            let (start, end) = (wanted.start.max(here.start), wanted.end.min(here.end));
            if start < end {
                write_message(&mut out, 1, |out| {
                    write_bytes(out, 1, &plain[labels.clone()]);
                    for entry in &entries[start - here.start..end - here.start] {
                        write_bytes(out, 2, &plain[entry.clone()]);
                    }
                });
            }
        }
        seal(&out, &payload.route, wanted.len() as u64)
    };
    Some((part(0..total / 2)?, part(total / 2..total)?))
}

/// Streams and lines, as a person reads them.
pub fn show(payload: &Payload) -> String {
    let plain = plain(payload).unwrap_or_default();
    let mut text = String::new();
    if !payload.route.is_empty() {
        text.push_str(&format!("x-scope-orgid: {}\n", payload.route));
    }
    for (labels, entries) in streams(&plain).unwrap_or_default() {
        text.push_str(&format!("\n{}\n", String::from_utf8_lossy(&plain[labels])));
        for entry in entries {
            let mut entry = Message::within(entry);
            while let Ok(Some(field)) = entry.next(&plain) {
                if field.number == 2
                    && let Ok(line) = field.range()
                {
                    text.push_str(&format!("  {}\n", String::from_utf8_lossy(&plain[line])));
                }
            }
        }
    }
    text
}
