//! What an answer means for a payload.

use engine::{Outcome, Payload};
use http::header::CONTENT_TYPE;
use net::http::Response;
use serde_json::Value;
use wire::protobuf::{Damaged, Message};

use crate::http_destination::{describe, later};

/// How each signal calls the number of items that were refused, in JSON.
const REFUSED: [&str; 3] = ["rejectedLogRecords", "rejectedSpans", "rejectedDataPoints"];

pub fn judge(response: &Response, payload: &Payload) -> Outcome {
    match response.status.as_u16() {
        200..300 => match refused_in_part(response) {
            Some((refused, reason)) if refused > 0 => {
                Outcome::Rejected { records: refused.min(payload.records), reason }
            }
            // An answer that cannot be read takes nothing back.
            _ => Outcome::Sent,
        },
        413 => Outcome::Split { reason: told(response) },
        429 | 502..=504 => later(response),
        _ => Outcome::rejected(payload, told(response)),
    }
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("application/json")
}

/// `partial_success`: how many items were refused, and why. In protobuf the fields are the same for all signals.
fn refused_in_part(response: &Response) -> Option<(u64, String)> {
    let answer = &response.body[..];
    if !is_json(response) {
        return in_protobuf(answer).ok();
    }
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let partial = answer.get("partialSuccess")?;
    let refused = match REFUSED.iter().find_map(|name| partial.get(name))? {
        Value::String(text) => text.parse().ok()?,
        number => number.as_u64()?,
    };
    let why = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
    Some((refused, why.to_owned()))
}

/// Of an export response.
pub fn in_protobuf(answer: &[u8]) -> Result<(u64, String), Damaged> {
    let mut message = Message::within(0..answer.len());
    let (mut refused, mut why) = (0, String::new());
    while let Some(field) = message.next(answer)? {
        if field.number != 1 {
            continue;
        }
        let mut partial = field.message()?;
        while let Some(field) = partial.next(answer)? {
            match field.number {
                1 => refused = u64::try_from(field.varint()? as i64).unwrap_or(0),
                2 => why = String::from_utf8_lossy(&answer[field.range()?]).into_owned(),
                _ => {}
            }
        }
    }
    Ok((refused, why))
}

/// The status and, of a `google.rpc.Status` in protobuf, its message; of anything else the beginning.
fn told(response: &Response) -> String {
    let kind = response.headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let message = match kind == Some(b"application/x-protobuf") {
        true => status_message(&response.body).ok().filter(|message| !message.is_empty()),
        false => None,
    };
    match message {
        Some(message) => format!("status {}: {message}", response.status.as_u16()),
        None => describe(response),
    }
}

fn status_message(status: &[u8]) -> Result<String, Damaged> {
    let (mut message, mut found) = (Message::within(0..status.len()), String::new());
    while let Some(field) = message.next(status)? {
        if field.number == 2 {
            found = String::from_utf8_lossy(&status[field.range()?]).into_owned();
        }
    }
    Ok(found)
}
