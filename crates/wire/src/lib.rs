//! Bytes to model and back, for protocols that several components speak. No I/O.
//!
//! [`msgpack`] reads and writes values; [`forward`] is Fluentd's forward protocol on top of it; [`otlp`] is
//! OpenTelemetry's, on top of [`protobuf`]; [`prometheus`] reads the pages that Prometheus scrapes and [`remote_write`]
//! writes what it takes, and reads it; [`text`] makes records of JSON and of lines. A decoder is a function from bytes, so that one
//! function serves test, golden case and fuzzer.

pub mod forward;
pub mod grpc;
pub mod inflate;
pub mod msgpack;
pub mod otlp;
pub mod prometheus;
pub mod protobuf;
mod refused;
pub mod remote_write;
pub mod text;

pub use refused::{Refused, add_refusal};
