//! OTLP, OpenTelemetry's protocol: export requests to batches and back.
//!
//! A request's bytes become the arena of its batch; keys and values are never copied. Where nobody looks inside,
//! [`count()`] tells how many items a request holds, and its bytes go on as they came. Two requests written one
//! after the other are one request, since all they hold is a repeated field.
//! Source: opentelemetry-proto 1.x, `collector/*/v1` and `common/v1`; unknown fields are left out.

mod count;
mod logs;
mod value;

pub use count::{count, halve};
pub use logs::{decode_logs, encode_logs};

pub use crate::protobuf::Damaged;
