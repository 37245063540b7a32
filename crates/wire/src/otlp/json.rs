//! OTLP's JSON, as a second spelling of the same requests: JSON to protobuf and back, by the table of messages.
//!
//! It is protobuf's JSON with differences: trace and span ids are hexadecimal, enumerations are numbers. Taken as well
//! are names of enumerations, numbers of 64 bits that are no text, field names in snake case, and `null` for what is
//! unset; fields that nobody knows are left out.
//! Source: the OTLP specification 1.x, "JSON Protobuf Encoding"; protobuf's "ProtoJSON Format".

mod letters;
mod number;
mod read;
mod write;

pub use read::{JsonFault, from_json};
pub use write::to_json;

#[cfg(test)]
mod tests;
