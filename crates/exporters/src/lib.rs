//! Everything that sends records out.
//!
//! One file an exporter; a stranger adds one by writing it and putting it on the list below.

mod dated;
#[cfg(test)]
mod golden;
mod inspect;
mod null;
mod stdout;

/// All exporters.
pub const EXPORTERS: &[engine::ExporterEntry] =
    &[engine::exporter::<null::Null>(), engine::exporter::<stdout::Stdout>()];
