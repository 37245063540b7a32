//! One function a command. `run` is the long one: the order in which things start and stop.

mod components;
#[cfg(feature = "full")]
mod demo;
mod explain;
mod health;
#[cfg(not(feature = "full"))]
mod lean;
#[cfg(feature = "full")]
mod query;
mod replay;
mod run;

use std::io::{IsTerminal, Write, stderr, stdout};

pub use components::components;
#[cfg(feature = "full")]
pub use demo::demo;
pub use explain::explain;
pub use health::health;
#[cfg(not(feature = "full"))]
pub use lean::{demo, query};
#[cfg(feature = "full")]
pub use query::query;
pub use replay::replay;
pub use run::{fluent_bit, run};

use config::Diagnostics;
use engine::Catalog;

use crate::Exit;
use crate::cli::ConfigOptions;
use crate::configuration::{self, Extra, Resolved};

/// Everything this program can receive, process and export.
pub const CATALOG: Catalog = Catalog {
    receivers: receivers::RECEIVERS,
    processors: processors::PROCESSORS,
    exporters: exporters::EXPORTERS,
};

/// Writes data to standard output. A reader that has gone away wants no more of it.
fn print(text: &str) {
    let _ = stdout().write_all(text.as_bytes());
}

/// Says something to whoever sits there, on standard error.
fn complain(text: &str) {
    let _ = stderr().write_all(format!("{text}\n").as_bytes());
}

/// Shows what was found wrong, on standard error.
pub fn show(diagnostics: &Diagnostics, json: bool) {
    if diagnostics.is_empty() {
        return;
    }
    let terminal = stderr().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut text = String::new();
    for diagnostic in diagnostics.iter() {
        if json {
            text.push_str(&format!("{}\n", configuration::diagnostic_json(diagnostic)));
        } else {
            text.push_str(&diagnostic.render(colour));
            text.push('\n');
        }
    }
    let _ = stderr().write_all(text.as_bytes());
}

/// `outrigger validate`: parse, resolve, build; open nothing.
pub fn validate(options: &ConfigOptions) -> Exit {
    validate_with(options, &[])
}

/// The same with configuration that came as flags.
fn validate_with(options: &ConfigOptions, extra: &[Extra]) -> Exit {
    let resolved = match resolve(options, extra) {
        Ok(resolved) => resolved,
        Err(exit) => return exit,
    };
    let Resolved { topology, mut diagnostics, surroundings, .. } = resolved;
    let plan = engine::plan(&topology, &CATALOG, &surroundings, &mut diagnostics);
    show(&diagnostics, options.json);
    if plan.is_none() || diagnostics.has_errors() {
        return Exit::Refused;
    }
    if !options.json {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        print(&format!(
            "configuration is good: {}, {}, {}\n",
            count(topology.receivers.len(), "receiver"),
            count(topology.processors.len(), "processor"),
            count(topology.exporters.len(), "exporter")
        ));
    }
    Exit::Drained
}

/// Resolves a configuration for a command that runs nothing.
fn resolve(options: &ConfigOptions, extra: &[Extra]) -> Result<Resolved, Exit> {
    let runtime = run::runtime(1).map_err(|_| Exit::Failed)?;
    let environment = net::Environment::process();
    Ok(runtime.block_on(configuration::resolve(options, extra, &environment, net::Prebound::default())))
}
