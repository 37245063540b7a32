//! Halves a request body between two records, after an endpoint called it too large.

use engine::Payload;
use model::json;
use serde::de::IgnoredAny;
use wire::msgpack;

use super::Format;
use crate::compress::{Compression, compress, decompress};

/// Two payloads of about as many records each; `None` when there is only one record.
pub(super) fn halve(
    payload: &Payload,
    format: Format,
    compression: Compression,
) -> Option<(Payload, Payload)> {
    let first = payload.records / 2;
    if first == 0 {
        return None;
    }
    let body = payload.wire().ok()?;
    let plain = decompress(Compression::of(&body), &body, payload.raw_bytes).ok()?;
    let (a, b) = cut(&plain, first as usize, format)?;
    let part = |text: Vec<u8>, records: u64| {
        let raw = text.len() as u64;
        Payload::new(compress(compression, &text), payload.route.clone(), records, raw)
    };
    Some((part(a, first), part(b, payload.records - first)))
}

/// The body's first `records` records, and the others.
fn cut(plain: &[u8], records: usize, format: Format) -> Option<(Vec<u8>, Vec<u8>)> {
    let place = match format {
        Format::Json | Format::Gelf => return cut_array(plain, records),
        Format::JsonLines => {
            let ends = plain.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            ends.map(|(place, _)| place + 1).nth(records - 1)?
        }
        Format::JsonStream => {
            let mut objects = serde_json::Deserializer::from_slice(plain).into_iter::<IgnoredAny>();
            objects.by_ref().take(records).last()?.ok()?;
            objects.byte_offset()
        }
        Format::Msgpack => {
            let mut at = 0;
            for _ in 0..records {
                msgpack::skip(plain, &mut at).ok()?;
            }
            at
        }
    };
    Some((plain[..place].to_vec(), plain[place..].to_vec()))
}

fn cut_array(plain: &[u8], records: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut count, mut place) = (0, None);
    json::items(plain, |item| {
        count += 1;
        if count == records {
            place = Some(item.end);
        }
    })
    .ok()?;
    // At `place` stands the comma.
    let place = place.filter(|_| count > records)?;
    let first = [&plain[..place], b"]"].concat();
    let second = [b"[", &plain[place + 1..]].concat();
    Some((first, second))
}
