//! OTLP, OpenTelemetry's protocol: export requests to batches and back.
//!
//! A request's bytes become the arena of its batch; keys and values are never copied. Where nobody looks inside,
//! [`count()`] tells how many items a request holds, and its bytes go on as they came. Two requests written one
//! after the other are one request, since all they hold is a repeated field.
//! Source: opentelemetry-proto 1.x, `collector/*/v1` and `common/v1`; unknown fields are left out.

mod count;
mod fields;
#[cfg(test)]
pub(crate) mod generated;
mod histograms;
mod json;
mod logs;
mod metrics;
mod points;
mod request;
mod schema;
mod spans;
mod value;

pub use count::{count, halve};
pub use json::{JsonFault, from_json, to_json};
pub use request::{
    decode, decode_logs, decode_metrics, decode_spans, encode, encode_logs, encode_metrics, encode_spans,
};

pub use crate::protobuf::Damaged;

#[cfg(test)]
mod tests;
