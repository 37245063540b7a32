//! Connectors: exporters of some pipelines that are receivers of others.
//!
//! Nothing of ours stands for one. `service.rs` joins the pipelines in front of it with those behind it; here is what
//! each one's keys mean, and what is checked before anything is joined.

use std::collections::HashSet;

use config::{Diagnostic, Origin, Setting};
use serde::Deserialize;

use super::context::Context;
use super::document::Declared;
use super::draft::Draft;
use super::service::{Wanted, name_of};
use super::table::{ALL, Absent, Entry, signal_name};

pub(super) enum Connector {
    /// All of it goes to every pipeline behind it.
    Forward,
    /// A table tells to which.
    Routing(Routing),
}

type Lower = fn(Draft<'_>) -> Option<Connector>;

pub(super) static CONNECTORS: &[Entry<Lower>] = &[
    Entry { name: "forward", older: &[], signals: ALL, lower: forward },
    Entry { name: "routing", older: &[], signals: ALL, lower: routing },
];

pub(super) const ABSENT: &[Absent] = &[
    ("count", ""),
    ("datadog", ""),
    ("exceptions", ""),
    ("failover", "payloads wait in each destination's queue until it is back"),
    ("grafanacloud", ""),
    ("otlpjson", ""),
    ("roundrobin", ""),
    ("servicegraph", ""),
    ("signaltometrics", ""),
    ("slowsqlconnector", ""),
    ("spanmetrics", ""),
    ("sum", ""),
];

fn forward(draft: Draft<'_>) -> Option<Connector> {
    draft.finish(Setting::map())?;
    Some(Connector::Forward)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RoutingConfig {
    error_mode: Option<String>,
    default_pipelines: Vec<String>,
    match_once: Option<bool>,
}

#[derive(Debug)]
pub(super) struct Routing {
    error_mode: String,
    all_matches: bool,
    lines: Vec<Line>,
    default: Vec<String>,
    origin: Option<Origin>,
}

#[derive(Debug)]
struct Line {
    context: String,
    condition: Option<Setting>,
    copy: bool,
    pipelines: Vec<String>,
}

fn routing(mut draft: Draft<'_>) -> Option<Connector> {
    let config = draft.group::<RoutingConfig>();
    let table = draft.take("table").unwrap_or_default();
    if table.items().is_empty() {
        draft.error("invalid routing table: the routing table is empty", "write lines below `table`");
    }
    let error_mode = config.error_mode.unwrap_or_else(|| "propagate".into());
    if !["propagate", "ignore", "silent"].contains(&error_mode.as_str()) {
        draft.error(format!("unknown error mode {error_mode}"), "propagate, ignore or silent");
    }
    let lines: Vec<_> = table.items().iter().map(|item| line(item, &mut draft)).collect();
    let origin = draft.declared.origin;
    draft.finish(Setting::map())?;
    Some(Connector::Routing(Routing {
        origin,
        error_mode,
        all_matches: config.match_once == Some(false),
        lines: lines.into_iter().collect::<Option<_>>()?,
        default: config.default_pipelines,
    }))
}

/// One line of the table; faults are reported at it.
fn line(written: &Setting, draft: &mut Draft<'_>) -> Option<Line> {
    let mut rest = written.clone();
    let mut fault = |message: String, help: &str| {
        let message = format!("{}: table: {message}", draft.label);
        draft.cx.diagnostics.push(Diagnostic::error(message).at(written.origin).help(help));
    };
    let text = |setting: Option<Setting>| setting.and_then(|setting| setting.as_str().map(str::to_owned));
    let context = text(rest.remove("context")).unwrap_or_else(|| "resource".into());
    let (statement, condition) = (rest.remove("statement"), rest.remove("condition"));
    let action = text(rest.remove("action")).unwrap_or_else(|| "move".into());
    let pipelines: Vec<String> =
        rest.remove("pipelines").map(|list| list.items().iter().map(name_of).collect()).unwrap_or_default();
    let mut good = true;
    let mut refuse = |message: String, help: &str| {
        good = false;
        fault(message, help);
    };
    match context.as_str() {
        "resource" | "span" | "metric" | "datapoint" | "log" => {}
        "request" => refuse(
            "context `request`: what senders' requests say of themselves is not kept".into(),
            "route by an attribute of the resource",
        ),
        other => refuse(format!("invalid context: {other}"), "resource, span, metric, datapoint or log"),
    }
    if !["move", "copy"].contains(&action.as_str()) {
        refuse(format!("invalid action: {action}"), "move or copy");
    }
    if pipelines.is_empty() {
        refuse("invalid route: no pipelines defined".into(), "write `pipelines: [...]`");
    }
    let condition = match (statement, condition) {
        (None, Some(condition)) => Some(condition),
        (Some(statement), None) => match condition_of(&statement) {
            Ok(condition) => condition,
            Err(message) => {
                refuse(message, "write `route() where ...`, and change records with a `transform` before");
                None
            }
        },
        _ => {
            refuse("either `condition` or `statement` must be given".into(), "write one of the two");
            None
        }
    };
    for (key, _) in rest.entries() {
        refuse(format!("has invalid keys: {}", key.name), "context, condition, statement, pipelines, action");
    }
    good.then_some(Line { context, condition, copy: action == "copy", pipelines })
}

/// What stands behind `where`; `None` for a statement without it, which always holds.
fn condition_of(statement: &Setting) -> Result<Option<Setting>, String> {
    let text = statement.as_str().unwrap_or_default().trim();
    let rest = text.strip_prefix("route").map(str::trim_start).and_then(|rest| rest.strip_prefix('('));
    let rest = rest.map(str::trim_start).and_then(|rest| rest.strip_prefix(')')).map(str::trim);
    match rest {
        Some("") => Ok(None),
        Some(rest) if rest.starts_with("where") && rest[5..].starts_with([' ', '(', '\t', '\n']) => {
            Ok(Some(Setting::from(rest[5..].trim()).at(statement.origin)))
        }
        _ => Err(format!("statement \"{text}\" does more than route, which is not done here")),
    }
}

impl Routing {
    fn pipelines(&self) -> impl Iterator<Item = &String> {
        self.lines.iter().flat_map(|line| &line.pipelines).chain(&self.default)
    }

    /// Settings of the step in front of a pipeline. One of the steps counts what no pipeline gets.
    pub fn step(&self, pipeline: &str, counts: bool) -> Setting {
        let lines = self.lines.iter().map(|line| {
            let mut written = Setting::map().with("context", line.context.as_str());
            if let Some(condition) = &line.condition {
                written.set("condition", condition.clone());
            }
            if line.pipelines.iter().any(|name| name == pipeline) {
                written.set("take", true);
            }
            if line.copy {
                written.set("copy", true);
            }
            written
        });
        let mut settings = Setting::map().at(self.origin).with("error_mode", self.error_mode.as_str());
        settings.set("table", Setting::list(lines).at(self.origin));
        if self.all_matches {
            settings.set("all_matches", true);
        }
        let is_default = self.default.iter().any(|name| name == pipeline);
        if is_default || (counts && self.default.is_empty()) {
            settings.set("otherwise", if is_default { "take" } else { "drop" });
        }
        settings
    }
}

/// Pipelines that take from a connector what pipelines of that signal give it.
pub(super) fn behind<'w>(
    wanted: &'w [Wanted],
    connector: &str,
    before: &Wanted,
) -> impl Iterator<Item = &'w Wanted> {
    let signal = before.signal;
    wanted.iter().filter(move |pipeline| pipeline.signal == signal && names(&pipeline.receivers, connector))
}

fn names(list: &[Setting], id: &str) -> bool {
    list.iter().any(|name| name_of(name) == id)
}

/// Whether the pipelines can be joined: each connector has two sides, and none leads back to itself.
pub(super) fn check(
    cx: &mut Context,
    declared: &[(Declared, Option<&Connector>)],
    wanted: &[Wanted],
) -> bool {
    let before = cx.diagnostics.iter().count();
    for (connector, lowered) in declared {
        let id = &connector.id.text;
        one_sided(cx, connector, wanted);
        if let Some(Connector::Routing(routing)) = lowered {
            let mut told = HashSet::new();
            for name in routing.pipelines().filter(|name| told.insert(name.as_str())) {
                let found = wanted.iter().find(|pipeline| pipeline.id.text == *name);
                let (message, help) = match found {
                    None => ("which is not configured", "define it below `service.pipelines`"),
                    Some(pipeline) if !names(&pipeline.receivers, id) => {
                        ("which does not take from it", "name the connector among that pipeline's receivers")
                    }
                    Some(_) => continue,
                };
                let message = format!("connectors::{id}: routes to pipeline \"{name}\", {message}");
                cx.diagnostics.push(Diagnostic::error(message).at(connector.origin).help(help));
            }
        }
    }
    let ids: HashSet<&str> = declared.iter().map(|(connector, _)| connector.id.text.as_str()).collect();
    if let Some((connector, way)) = cycle(&ids, wanted) {
        let origin = declared.iter().find(|(c, _)| c.id.text == connector).and_then(|(c, _)| c.origin);
        cx.diagnostics.push(Diagnostic::error(format!("cycle detected: {way}")).at(origin));
    }
    cx.diagnostics.iter().count() == before
}

fn one_sided(cx: &mut Context, connector: &Declared, wanted: &[Wanted]) {
    let id = &connector.id.text;
    type Side = fn(&Wanted) -> &[Setting];
    let sides: [(&str, Side, &str, Side); 2] = [
        ("exporter", |pipeline| &pipeline.exporters, "receiver", |pipeline| &pipeline.receivers),
        ("receiver", |pipeline| &pipeline.receivers, "exporter", |pipeline| &pipeline.exporters),
    ];
    for (used, of, missing, other) in sides {
        let lone = wanted.iter().filter(|pipeline| names(of(pipeline), id)).filter(|pipeline| {
            !wanted.iter().any(|next| next.signal == pipeline.signal && names(other(next), id))
        });
        let lone: Vec<&str> = lone.map(|pipeline| pipeline.id.text.as_str()).collect();
        if !lone.is_empty() {
            let message = format!(
                "connector \"{id}\" used as {used} in [{}] pipeline but not used in any supported {missing} pipeline",
                lone.join(" ")
            );
            cx.diagnostics.push(Diagnostic::error(message).at(connector.origin));
        }
    }
}

/// A way that leads from a connector back to it, in the Collector's words.
fn cycle<'c>(ids: &HashSet<&'c str>, wanted: &[Wanted]) -> Option<(&'c str, String)> {
    fn walk(
        connector: &str,
        at: &Wanted,
        ids: &HashSet<&str>,
        wanted: &[Wanted],
        way: &mut Vec<String>,
        seen: &mut HashSet<String>,
    ) -> bool {
        if !seen.insert(at.id.text.clone()) {
            return false;
        }
        let processors = at.processors.iter().map(name_of);
        let steps = processors.map(|name| format!("processor \"{name}\" in pipeline \"{}\"", at.id));
        let length = way.len();
        way.extend(steps);
        for exporter in at.exporters.iter().map(name_of).filter(|name| ids.contains(name.as_str())) {
            let signal = signal_name(at.signal);
            way.push(format!("connector \"{exporter}\" ({signal} to {signal})"));
            if exporter == connector
                || behind(wanted, &exporter, at).any(|next| walk(connector, next, ids, wanted, way, seen))
            {
                return true;
            }
            way.pop();
        }
        way.truncate(length);
        false
    }
    let mut ids: Vec<&'c str> = ids.iter().copied().collect();
    ids.sort_unstable();
    let all = ids.iter().copied().collect();
    for id in ids {
        for pipeline in wanted.iter().filter(|pipeline| names(&pipeline.receivers, id)) {
            let signal = signal_name(pipeline.signal);
            let mut way = vec![format!("connector \"{id}\" ({signal} to {signal})")];
            if walk(id, pipeline, &all, wanted, &mut way, &mut HashSet::new()) {
                return Some((id, way.join(" -> ")));
            }
        }
    }
    None
}
