//! Settings that know where they were written, the topology as data, diagnostics.
//!
//! A front end builds [`Setting`]s and a [`Topology`]; a component's `Config` is read from its settings by
//! [`decode()`], which reports every fault at the place the user wrote it. Nothing here opens a file.

mod decode;
mod diagnostic;
mod origin;
mod pattern;
mod quantity;
mod secret;
mod setting;
mod suggest;
pub mod topology;

pub use decode::{decode, fields_of};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use origin::{FileId, Origin};
pub use pattern::{Captures, Pattern, PatternError};
pub use quantity::{ByteSize, Interval, QuantityError};
pub use secret::Secret;
pub use setting::{Key, Node, Setting};
pub use suggest::closest;
pub use topology::*;
