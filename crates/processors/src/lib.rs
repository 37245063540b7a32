//! Everything that changes records on their way.
//!
//! One file a processor; the list below is all there is. A processor accounts for every record: it goes on,
//! is discarded with a reason, or is held and counted.

mod fields;
mod parser;
mod parsing;
#[cfg(test)]
mod testing;

use engine::{ProcessorEntry, processor};

/// Every processor, in the order of the reference pages.
pub const PROCESSORS: &[ProcessorEntry] = &[processor::<parser::ParserProcessor>()];
