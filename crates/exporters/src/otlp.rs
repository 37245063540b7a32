//! What the two ways to send OTLP share: requests and how they are filled, halved and told; answers.

pub mod answer;
mod requests;
mod target;

use std::borrow::Cow;

use engine::Payload;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::otlp;

use crate::compress::{Compression, compress, decompress};

pub use requests::{Requests, stride};
pub use target::Target;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Protobuf.
    #[default]
    Proto,
    Json,
}

/// The request in a payload, as it was before compression.
pub fn plain(payload: &Payload) -> Option<Vec<u8>> {
    let body = payload.wire().ok()?;
    decompress(Compression::of(&body), &body, payload.raw_bytes).ok()
}

/// Two requests with the items of one.
pub fn halve(payload: &Payload, compression: Compression) -> Option<(Payload, Payload)> {
    let target = Target::of(&payload.route)?;
    let mut plain = plain(payload)?;
    if target.encoding == Encoding::Json {
        plain = otlp::from_json(target.signal, &plain).ok()?;
    }
    let (first, second) = otlp::halve(&plain)?;
    let part = |raw: &[u8]| {
        let records = otlp::count(target.signal, raw).ok()?;
        let raw = match target.encoding {
            Encoding::Proto => Cow::Borrowed(raw),
            Encoding::Json => Cow::Owned(otlp::to_json(target.signal, raw).ok()?),
        };
        let body = compress(compression, &raw);
        Some(Payload::new(body, payload.route.clone(), records, raw.len() as u64))
    };
    Some((part(first)?, part(second)?))
}

/// The request as a person reads it: as JSON, however it is sent.
pub fn show(payload: &Payload) -> String {
    let plain = plain(payload).unwrap_or_default();
    let json = |target: Target| match target.encoding {
        Encoding::Json => Some(String::from_utf8_lossy(&plain).into_owned()),
        Encoding::Proto => String::from_utf8(otlp::to_json(target.signal, &plain).ok()?).ok(),
    };
    let target = Target::of(&payload.route);
    let sent = match target.as_ref().map(|target| target.encoding) {
        Some(Encoding::Json) => String::new(),
        _ => format!("\n({} items, {} bytes of protobuf)\n", payload.records, plain.len()),
    };
    sent + &target.and_then(json).map_or_else(String::new, |json| format!("\n{json}\n"))
}
