//! msgpack: one value at a time from a slice, whole values skipped across reads, values written.
//!
//! Reading tells "more bytes are needed" from "this is not msgpack", because a stream decoder waits for the one
//! and gives up on the other.

mod read;
mod skip;
pub mod write;

pub use read::{Error, Slice, Token, next, skip};
pub use skip::Skipper;
