//! Everything that changes records on their way.
//!
//! One file a processor; the list below is all there is. A processor accounts for every record: it goes on,
//! is discarded with a reason, or is held and counted.

mod fields;
mod grep;
mod held;
mod join_partials;
mod modify;
pub mod parser;
mod parsing;
mod partials;
mod record_modifier;
#[cfg(test)]
mod testing;
mod uuid;

use engine::{ProcessorEntry, processor};

/// Every processor, in the order of the reference pages.
pub const PROCESSORS: &[ProcessorEntry] = &[
    processor::<grep::Grep>(),
    processor::<join_partials::JoinPartials>(),
    processor::<modify::Modify>(),
    processor::<parser::ParserProcessor>(),
    processor::<record_modifier::RecordModifier>(),
];
