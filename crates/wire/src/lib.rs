//! Bytes to model and back, for protocols that several components speak. No I/O.
//!
//! [`msgpack`] reads and writes values; [`forward`] is Fluentd's forward protocol on top of it. A decoder is a
//! function from bytes, so that one function serves test, golden case and fuzzer.

pub mod forward;
pub mod msgpack;
