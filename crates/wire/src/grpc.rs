//! gRPC's framing of messages, and its status.
//!
//! A unary call is one message each way, behind a flag and a length; the status comes in trailers.
//! Source: gRPC over HTTP2 (the project's protocol page) and `google/rpc/{code,status,error_details}.proto`.

use std::ops::Range;
use std::time::Duration;

use crate::protobuf::Message;

/// Flag and length before a message.
pub const HEAD_BYTES: usize = 5;

/// `google.rpc.Code`, those that are named here.
pub mod code {
    pub const OK: u8 = 0;
    pub const CANCELLED: u8 = 1;
    pub const INVALID_ARGUMENT: u8 = 3;
    pub const DEADLINE_EXCEEDED: u8 = 4;
    pub const RESOURCE_EXHAUSTED: u8 = 8;
    pub const ABORTED: u8 = 10;
    pub const OUT_OF_RANGE: u8 = 11;
    pub const UNIMPLEMENTED: u8 = 12;
    pub const UNAVAILABLE: u8 = 14;
    pub const DATA_LOSS: u8 = 15;
}

/// A message of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub compressed: bool,
    /// Where it lies in the body.
    pub message: Range<usize>,
}

/// The only message of a body. An empty body holds none.
pub fn unframe(body: &[u8]) -> Result<Option<Frame>, &'static str> {
    if body.is_empty() {
        return Ok(None);
    }
    let Some((head, message)) = body.split_at_checked(HEAD_BYTES) else {
        return Err("the body ends within the head of a message");
    };
    let compressed = match head[0] {
        0 => false,
        1 => true,
        _ => return Err("the flag of a message is neither 0 nor 1"),
    };
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    match message.len().cmp(&length) {
        std::cmp::Ordering::Less => Err("the body ends within a message"),
        std::cmp::Ordering::Greater => Err("the body holds more than one message"),
        std::cmp::Ordering::Equal => Ok(Some(Frame { compressed, message: HEAD_BYTES..body.len() })),
    }
}

/// What comes before a message of so many bytes.
pub fn head(compressed: bool, length: usize) -> [u8; HEAD_BYTES] {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [u8::from(compressed), length[0], length[1], length[2], length[3]]
}

/// Whether a client may send the same call again. `RESOURCE_EXHAUSTED` only where the server says when (OTLP
/// specification, OTLP/gRPC).
pub fn is_retryable(status: u8, wait: Option<Duration>) -> bool {
    match status {
        code::CANCELLED
        | code::DEADLINE_EXCEEDED
        | code::ABORTED
        | code::OUT_OF_RANGE
        | code::UNAVAILABLE
        | code::DATA_LOSS => true,
        code::RESOURCE_EXHAUSTED => wait.is_some(),
        _ => false,
    }
}

/// `RetryInfo.retry_delay` of a `google.rpc.Status`, as `grpc-status-details-bin` holds one.
pub fn retry_delay(status: &[u8]) -> Option<Duration> {
    let mut message = Message::within(0..status.len());
    while let Some(field) = message.next(status).ok()? {
        if field.number != 3 {
            continue;
        }
        let (mut detail, mut is_retry_info) = (field.message().ok()?, false);
        while let Some(field) = detail.next(status).ok()? {
            match field.number {
                1 => is_retry_info = status[field.range().ok()?].ends_with(b"/google.rpc.RetryInfo"),
                2 if is_retry_info => return delay_of(status, field.message().ok()?),
                _ => {}
            }
        }
    }
    None
}

/// The duration in field 1 of a `RetryInfo`.
fn delay_of(input: &[u8], mut retry_info: Message) -> Option<Duration> {
    let field = retry_info.next(input).ok()?.filter(|field| field.number == 1)?;
    let (mut duration, mut seconds, mut nanos) = (field.message().ok()?, 0, 0);
    while let Some(field) = duration.next(input).ok()? {
        match field.number {
            1 => seconds = field.varint().ok()?,
            2 => nanos = u32::try_from(field.varint().ok()?).ok()?,
            _ => {}
        }
    }
    Some(Duration::new(seconds.min(24 * 3600), nanos.min(999_999_999)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::{write_bytes, write_message, write_number};

    #[test]
    fn a_body_is_one_message() {
        let framed = |flag: u8, length: u32, message: &[u8]| {
            [&[flag], length.to_be_bytes().as_slice(), message].concat()
        };
        let whole = Frame { compressed: true, message: 5..8 };
        for (body, expected) in [
            (Vec::new(), Ok(None)),
            (framed(1, 3, b"abc"), Ok(Some(whole))),
            (framed(0, 0, b""), Ok(Some(Frame { compressed: false, message: 5..5 }))),
            (framed(0, 4, b"abc"), Err("the body ends within a message")),
            (framed(0, 2, b"abc"), Err("the body holds more than one message")),
            (framed(2, 3, b"abc"), Err("the flag of a message is neither 0 nor 1")),
            (vec![0, 0], Err("the body ends within the head of a message")),
        ] {
            assert_eq!(unframe(&body), expected, "{body:?}");
        }
        assert_eq!(head(true, 258), [1, 0, 0, 1, 2]);
    }

    #[test]
    fn the_wait_is_found_among_the_details() {
        let mut status = Vec::new();
        write_number(&mut status, 1, 8);
        write_message(&mut status, 3, |out| write_bytes(out, 1, b"type.googleapis.com/google.rpc.DebugInfo"));
        write_message(&mut status, 3, |out| {
            write_bytes(out, 1, b"type.googleapis.com/google.rpc.RetryInfo");
            write_message(out, 2, |out| {
                write_message(out, 1, |out| {
                    write_number(out, 1, 2);
                    write_number(out, 2, 500_000_000);
                });
            });
        });
        assert_eq!(retry_delay(&status), Some(Duration::from_millis(2500)));
        assert_eq!(retry_delay(b""), None);
        assert_eq!(retry_delay(&status[..status.len() - 3]), None);
    }

    #[test]
    fn exhausted_is_retried_only_when_told() {
        assert!(is_retryable(code::UNAVAILABLE, None));
        assert!(!is_retryable(code::RESOURCE_EXHAUSTED, None));
        assert!(is_retryable(code::RESOURCE_EXHAUSTED, Some(Duration::ZERO)));
        assert!(!is_retryable(code::INVALID_ARGUMENT, None));
    }
}
