//! Tables of components: what each is called, and what stands in for what is not here.

use config::{Diagnostic, Origin, closest};
use model::Signal;

use super::document::Id;
use super::draft::Draft;

pub(super) const ALL: &[Signal] = &[Signal::Logs, Signal::Metrics, Signal::Traces];
pub(super) const LOGS: &[Signal] = &[Signal::Logs];
pub(super) const LOGS_AND_TRACES: &[Signal] = &[Signal::Logs, Signal::Traces];
pub(super) const METRICS: &[Signal] = &[Signal::Metrics];

/// Makes our component of the Collector's.
pub(super) type Lower<C> = fn(Draft<'_>) -> Option<C>;

/// A component's line: its name today, its older names, the signals it takes, and how it is lowered.
pub(super) struct Entry<L: 'static> {
    pub name: &'static str,
    pub older: &'static [&'static str],
    pub signals: &'static [Signal],
    pub lower: L,
}

/// A component's table: how each is lowered to a `C`.
pub(super) type Table<C> = &'static [Entry<Lower<C>>];

/// Role, name today, older names, signals.
pub type Line = (&'static str, &'static str, &'static [&'static str], Vec<&'static str>);

/// What exists upstream and not here, and what to use instead; empty where there is nothing yet.
pub(super) type Absent = (&'static str, &'static str);

/// The entry for a type. An underscore more or less makes no difference.
pub(super) fn find<L>(table: &'static [Entry<L>], kind: &str) -> Option<&'static Entry<L>> {
    let plain = |name: &str| name.replace('_', "");
    let kind = plain(kind);
    table
        .iter()
        .find(|entry| plain(entry.name) == kind || entry.older.iter().any(|older| plain(older) == kind))
}

/// Why a type cannot be had: unknown, or known and not here.
pub(super) fn unsupported<L>(
    table: &'static [Entry<L>],
    absent: &[Absent],
    id: &Id,
    what: &str,
    origin: Option<Origin>,
) -> Diagnostic {
    let plain = id.kind.replace('_', "");
    if let Some((name, instead)) = absent.iter().find(|(name, _)| name.replace('_', "") == plain) {
        let message = format!("the Collector's {what} `{name}` is not part of this program");
        let help = match instead.is_empty() {
            true => "remove it, or leave such components out with --skip-unsupported".to_owned(),
            false => (*instead).to_owned(),
        };
        return Diagnostic::error(message).at(origin).help(help);
    }
    let names: Vec<&str> = table.iter().map(|entry| entry.name).collect();
    let kind = &id.kind;
    let message = format!("unknown type: \"{kind}\" for id: \"{id}\" (valid values: {names:?})");
    let diagnostic = Diagnostic::error(message).at(origin);
    match closest(kind, names) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

pub(super) fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Logs => "logs",
        Signal::Metrics => "metrics",
        Signal::Traces => "traces",
    }
}
