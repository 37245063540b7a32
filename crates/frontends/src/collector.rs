//! OpenTelemetry Collector's configuration, lowered into the topology.
//!
//! Reads what the Collector reads: several sources merged in order, `${…}` in values, ids `type/name`, one pipeline
//! for each of the service's. What a component's keys become is a function in `receivers.rs`, `processors.rs`,
//! `exporters.rs` and `extensions.rs`; the tables there name every component, with its older names.
//! Source of the rules: the Collector's confmap, service and config packages, as of v0.156.

mod connectors;
mod context;
mod document;
mod draft;
mod expand;
mod exporters;
mod extensions;
mod file_log;
mod helper;
mod http;
mod load;
mod loki;
mod matching;
mod otlp_file;
mod processors;
mod receivers;
mod remote_write;
mod service;
mod table;
#[cfg(test)]
mod tests;
mod tls;
mod values;

use config::{Diagnostics, Topology};

use crate::{Files, Source};
use context::Context;
pub use table::Line;

/// Looks up a variable of the process's environment.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// What to do where a component is not to be had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Leave it out with a warning, instead of refusing the configuration.
    pub skip_unsupported: bool,
}

/// Reads the sources in order, merges them, and lowers what they say.
///
/// Whatever could be lowered is in the topology, whatever could not is in the diagnostics.
pub fn lower(
    sources: &[Source],
    files: &dyn Files,
    environment: Environment<'_>,
    options: Options,
) -> (Topology, Diagnostics) {
    let mut cx = Context::new(options);
    let merged = load::read(sources, files, environment, &mut cx.diagnostics);
    let expanded = expand::expand(merged, files, environment, &mut cx.diagnostics);
    if let Some(document) = document::read(expanded, &mut cx.diagnostics) {
        service::lower(&mut cx, document);
    }
    (cx.topology, cx.diagnostics)
}

/// Every component of the Collector's that is lowered: its role, its name today, its older names, its signals.
pub fn components() -> Vec<Line> {
    fn of<L>(role: &'static str, table: &'static [table::Entry<L>]) -> Vec<Line> {
        let signals =
            |entry: &table::Entry<L>| entry.signals.iter().map(|signal| table::signal_name(*signal));
        table.iter().map(|entry| (role, entry.name, entry.older, signals(entry).collect())).collect()
    }
    let mut all = of("receiver", receivers::RECEIVERS);
    all.extend(of("processor", processors::PROCESSORS));
    all.extend(of("exporter", exporters::EXPORTERS));
    all.extend(of("connector", connectors::CONNECTORS));
    all.extend(of("extension", extensions::EXTENSIONS));
    all
}

/// Whether sources are in this language: a map with pipelines in its `service`, or a source only the Collector has.
pub fn speaks(sources: &[Source], files: &dyn Files, environment: Environment<'_>) -> bool {
    sources.iter().any(|source| load::is_ours(source, files, environment))
}
