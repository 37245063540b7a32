//! The service: its extensions, its pipelines, and what it says of itself.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use config::topology::{self, Component, ComponentId, HealthCheck, Pipeline, Route, Step, TagMatch};
use config::{Diagnostic, Node, Setting, closest};
use model::Signal;

use super::connectors::{self, CONNECTORS, Connector};
use super::context::Context;
use super::document::{Declared, Document, Id};
use super::draft::Draft;
use super::exporters::{self, EXPORTERS, Exporter};
use super::extensions::{self, EXTENSIONS, Extension};
use super::processors::{self, PROCESSORS, Processor};
use super::receivers::{self, RECEIVERS, Receiver};
use super::table::{self, Absent, Table, signal_name};

/// Where the Collector shows its own metrics.
const METRICS: &str = "127.0.0.1:8888";

/// A pipeline as it is written.
pub(super) struct Wanted {
    pub id: Id,
    pub signal: Signal,
    pub receivers: Vec<Setting>,
    pub processors: Vec<Setting>,
    pub exporters: Vec<Setting>,
}

/// A component that was lowered, with the signals it takes; `None` where that failed or it was left out.
struct Lowered<C> {
    id: Id,
    signals: &'static [Signal],
    component: Option<C>,
}

pub(super) fn lower(cx: &mut Context, document: Document) {
    let Document { receivers, processors, exporters, connectors, extensions, service } = document;
    lower_extensions(cx, extensions, &service);
    telemetry(cx, service.get("telemetry"));
    let receivers = all(cx, receivers, "receiver", RECEIVERS, receivers::ABSENT);
    let processors = all(cx, processors, "processor", PROCESSORS, processors::ABSENT);
    let exporters = all(cx, exporters, "exporter", EXPORTERS, exporters::ABSENT);
    let joined = all(cx, connectors.clone(), "connector", CONNECTORS, connectors::ABSENT);
    let wanted = pipelines(cx, &service);
    let shared = shared(&wanted);
    let declared: Vec<_> =
        connectors.into_iter().zip(joined.iter().map(|lowered| lowered.component.as_ref())).collect();
    let can_be_joined = connectors::check(cx, &declared, &wanted);
    let mut builder = Builder {
        cx,
        receivers: &receivers,
        processors: &processors,
        exporters: &exporters,
        joined: &joined,
        shared,
    };
    wanted.iter().for_each(|pipeline| builder.check(pipeline));
    // A way that leads in a circle has no end.
    if can_be_joined {
        wanted.iter().for_each(|pipeline| builder.source(pipeline, &wanted));
    }
}

/// Reports a component that is not to be had; true when it is merely left out.
fn refuse_or_skip(cx: &mut Context, mut diagnostic: Diagnostic) {
    if cx.options.skip_unsupported {
        diagnostic.severity = config::Severity::Warning;
        diagnostic.message = format!("left out: {}", diagnostic.message);
    }
    cx.diagnostics.push(diagnostic);
}

/// Lowers every component of a section, used or not, so that all faults are told at once.
fn all<C>(
    cx: &mut Context,
    declared: Vec<Declared>,
    what: &str,
    table: Table<C>,
    absent: &[Absent],
) -> Vec<Lowered<C>> {
    let mut lowered = Vec::new();
    for declared in declared {
        let id = declared.id.clone();
        let Some(entry) = table::find(table, &id.kind) else {
            refuse_or_skip(cx, table::unsupported(table, absent, &id, what, declared.origin));
            lowered.push(Lowered { id, signals: table::ALL, component: None });
            continue;
        };
        if id.kind != entry.name {
            let message = format!("{what} `{id}`: `{}` is an older name of `{}`", id.kind, entry.name);
            cx.diagnostics.push(Diagnostic::note(message).at(declared.origin));
        }
        let component = (entry.lower)(Draft::new(cx, declared, what));
        lowered.push(Lowered { id, signals: entry.signals, component });
    }
    lowered
}

fn lower_extensions(cx: &mut Context, declared: Vec<Declared>, service: &Setting) {
    let named = service.get("extensions").map(list).unwrap_or_default();
    for name in &named {
        let text = name.as_str().unwrap_or_default();
        if !declared.iter().any(|declared| declared.id.text == text) {
            let message =
                format!("service::extensions: references extension \"{text}\" which is not configured");
            cx.diagnostics.push(Diagnostic::error(message).at(name.origin));
        }
    }
    for lowered in all(cx, declared, "extension", EXTENSIONS, extensions::ABSENT) {
        let is_named = named.iter().any(|name| name.as_str() == Some(&lowered.id.text));
        let Some(extension) = lowered.component.filter(|_| is_named) else { continue };
        match &extension {
            Extension::Storage(folder) => cx.topology.service.storage = Some(folder.into()),
            Extension::HealthCheck { listen, path } => {
                let check = HealthCheck { listen: listen.clone(), path: path.clone() };
                cx.topology.service.health_check = Some(check);
            }
            Extension::Headers(_)
            | Extension::Users(_)
            | Extension::Auth(_)
            | Extension::Sigv4(_)
            | Extension::Nothing => {}
        }
        cx.extensions.push((lowered.id, extension));
    }
}

fn telemetry(cx: &mut Context, telemetry: Option<&Setting>) {
    let level = telemetry.and_then(|telemetry| telemetry.get("logs")?.get("level")?.as_str());
    cx.topology.service.log_level = level.map(str::to_ascii_lowercase);
    cx.topology.service.collector_metrics = metrics(telemetry.and_then(|telemetry| telemetry.get("metrics")));
}

/// The page of the service's own metrics: on localhost:8888 unless it is written otherwise.
fn metrics(metrics: Option<&Setting>) -> Option<String> {
    let Some(metrics) = metrics else { return Some(METRICS.to_owned()) };
    if metrics.get("level").and_then(Setting::as_str) == Some("none") {
        return None;
    }
    if let Some(address) = metrics.get("address").and_then(Setting::as_str) {
        return Some(super::http::listen(address));
    }
    let Some(readers) = metrics.get("readers") else { return Some(METRICS.to_owned()) };
    let exporters = readers.items().iter().filter_map(|reader| reader.get("pull")?.get("exporter"));
    let page = exporters.filter_map(|exporter| exporter.get("prometheus")).next()?;
    let part = |name: &str, usual: &str| match page.get(name).map(|part| &part.node) {
        Some(Node::Str(text)) => text.clone(),
        Some(Node::Int(number)) => number.to_string(),
        _ => usual.to_owned(),
    };
    Some(super::http::listen(&format!("{}:{}", part("host", "localhost"), part("port", "8888"))))
}

fn pipelines(cx: &mut Context, service: &Setting) -> Vec<Wanted> {
    for (key, _) in service.entries() {
        if !["telemetry", "extensions", "pipelines"].contains(&key.name.as_str()) {
            let message = format!("service: has invalid keys: {}", key.name);
            let diagnostic = Diagnostic::error(message).at(key.origin);
            cx.diagnostics.push(match closest(&key.name, ["telemetry", "extensions", "pipelines"]) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic,
            });
        }
    }
    let written = service.get("pipelines").map(Setting::entries).unwrap_or_default();
    if written.is_empty() {
        let message = "service must have at least one pipeline";
        cx.diagnostics.push(Diagnostic::error(message).at(service.origin));
    }
    let mut wanted = Vec::new();
    for (key, setting) in written {
        match read_pipeline(&key.name, setting) {
            Ok(pipeline) => wanted.push(pipeline),
            Err(why) => cx.diagnostics.push(Diagnostic::error(why).at(key.origin)),
        }
    }
    wanted
}

fn read_pipeline(name: &str, setting: &Setting) -> Result<Wanted, String> {
    let id = Id::parse(name).map_err(|why| format!("service::pipelines: {why}"))?;
    let signal = match id.kind.as_str() {
        "logs" => Signal::Logs,
        "metrics" => Signal::Metrics,
        "traces" => Signal::Traces,
        other => {
            return Err(format!(
                "service::pipelines::{id}: unknown pipeline type \"{other}\": logs, metrics or traces"
            ));
        }
    };
    if let Some((key, _)) = setting
        .entries()
        .iter()
        .find(|(key, _)| !["receivers", "processors", "exporters"].contains(&key.name.as_str()))
    {
        return Err(format!("service::pipelines::{id}: has invalid keys: {}", key.name));
    }
    let part = |name: &str| setting.get(name).map(list).unwrap_or_default();
    let wanted = Wanted {
        signal,
        receivers: part("receivers"),
        processors: part("processors"),
        exporters: part("exporters"),
        id,
    };
    for (what, part) in [("receiver", &wanted.receivers), ("exporter", &wanted.exporters)] {
        if part.is_empty() {
            return Err(format!("service::pipelines::{}: must have at least one {what}", wanted.id));
        }
    }
    Ok(wanted)
}

/// A list, or text that is split at commas.
fn list(setting: &Setting) -> Vec<Setting> {
    let item = |text: &str| Setting::from(text.trim()).at(setting.origin);
    match &setting.node {
        Node::List(items) => items.clone(),
        Node::Str(text) => text.split(',').map(item).collect(),
        _ => Vec::new(),
    }
}

/// Exporters that several signals use: each has one of its own, with its own queue, so that none holds up another.
fn shared(wanted: &[Wanted]) -> HashSet<String> {
    let mut first: HashMap<String, Signal> = HashMap::new();
    let mut shared = HashSet::new();
    for pipeline in wanted {
        for name in pipeline.exporters.iter().map(name_of) {
            if *first.entry(name.clone()).or_insert(pipeline.signal) != pipeline.signal {
                shared.insert(name);
            }
        }
    }
    shared
}

struct Builder<'c> {
    cx: &'c mut Context,
    /// Exporters of several signals.
    shared: HashSet<String>,
    receivers: &'c [Lowered<Receiver>],
    processors: &'c [Lowered<Processor>],
    exporters: &'c [Lowered<Exporter>],
    /// Connectors.
    joined: &'c [Lowered<Connector>],
}

impl Builder<'_> {
    /// Reports what a pipeline names and is not there.
    fn check(&mut self, wanted: &Wanted) {
        let (receivers, processors, exporters, joined) =
            (self.receivers, self.processors, self.exporters, self.joined);
        for name in &wanted.receivers {
            if !is_connector(joined, name) {
                self.named(receivers, name, "receiver", wanted);
            }
        }
        for (place, name) in wanted.processors.iter().enumerate() {
            if wanted.processors[..place].iter().any(|other| other.node == name.node) {
                let (id, name_text) = (&wanted.id, name_of(name));
                let message =
                    format!("service::pipelines::{id}: references processor \"{name_text}\" multiple times");
                self.cx.diagnostics.push(Diagnostic::error(message).at(name.origin));
                continue;
            }
            self.named(processors, name, "processor", wanted);
        }
        for name in &wanted.exporters {
            if !is_connector(joined, name) {
                self.named(exporters, name, "exporter", wanted);
            }
        }
    }

    /// A pipeline of the topology for one that has receivers, and for each way on through connectors.
    fn source(&mut self, wanted: &Wanted, all: &[Wanted]) {
        let name = wanted.id.text.clone();
        let mut pipeline = Pipeline { name, signal: Some(wanted.signal), ..Pipeline::default() };
        for name in &wanted.receivers {
            if let Some(receiver) = found(self.receivers, name, wanted) {
                pipeline.receivers.push(self.receiver(&name_of(name), receiver, &mut pipeline.steps));
            }
        }
        let only_joined = wanted.receivers.iter().all(|name| is_connector(self.joined, name));
        if !only_joined {
            self.pipeline(pipeline, wanted, None, all);
        }
    }

    /// Adds what a pipeline does and where it leads to `pipeline`, which holds what comes before.
    fn pipeline(
        &mut self,
        mut pipeline: Pipeline,
        wanted: &Wanted,
        before: Option<Duration>,
        all: &[Wanted],
    ) {
        let mut flush = before;
        for name in &wanted.processors {
            match found(self.processors, name, wanted) {
                Some(Processor::Step { kind, settings }) => {
                    pipeline.steps.push(self.step(&name_of(name), kind, settings));
                }
                Some(Processor::Flush(wait)) => flush = Some(*wait),
                Some(Processor::Nothing) | None => {}
            }
        }
        let (mut apart, mut onward) = (Vec::new(), Vec::new());
        for name in &wanted.exporters {
            if let Some(connector) = self.joined.iter().find(|joined| joined.id.text == name_of(name)) {
                onward.push(connector);
                continue;
            }
            let Some(exporter) = found(self.exporters, name, wanted) else { continue };
            let mut id = name_of(name);
            if self.shared.contains(&id) {
                id = format!("{id}:{}", signal_name(wanted.signal));
            }
            let route = self.route(&id, exporter, flush);
            match exporter.last.is_empty() {
                true => pipeline.routes.push(route),
                false => apart.push(self.apart(&pipeline, route, exporter)),
            }
        }
        let stem = Pipeline { routes: Vec::new(), ..pipeline.clone() };
        // One that leads nowhere would only count its records as lost.
        if !pipeline.routes.is_empty() || (apart.is_empty() && onward.is_empty()) {
            self.cx.topology.pipelines.push(pipeline);
        }
        self.cx.topology.pipelines.extend(apart);
        for connector in onward {
            self.onward(&stem, connector, wanted, flush, all);
        }
    }

    /// Joins what stands before a connector with each pipeline behind it. Steps that several ways share are made for
    /// each.
    fn onward(
        &mut self,
        stem: &Pipeline,
        connector: &Lowered<Connector>,
        wanted: &Wanted,
        flush: Option<Duration>,
        all: &[Wanted],
    ) {
        let id = &connector.id.text;
        for (place, next) in connectors::behind(all, id, wanted).enumerate() {
            let name = format!("{}.{}", stem.name, next.id);
            let mut way = Pipeline { name, ..stem.clone() };
            match &connector.component {
                Some(Connector::Forward) => {}
                Some(Connector::Routing(routing)) => {
                    let settings = routing.step(&next.id.text, place == 0);
                    way.steps.push(self.step(&format!("{id}.{}", next.id), "route", &settings));
                }
                None => continue,
            }
            self.pipeline(way, next, flush, all);
        }
    }

    /// A copy of the pipeline for an exporter that wants its records in another shape.
    fn apart(&mut self, pipeline: &Pipeline, route: Route, exporter: &Exporter) -> Pipeline {
        let mut apart =
            Pipeline { name: format!("{}.{}", pipeline.name, route.exporter), ..pipeline.clone() };
        for (kind, settings) in &exporter.last {
            apart.steps.push(self.step(&format!("{}.{kind}", route.exporter), kind, settings));
        }
        apart.routes = vec![route];
        apart
    }

    /// Reports a component of that name that is not there or does not take the pipeline's signal.
    fn named<C>(&mut self, lowered: &[Lowered<C>], name: &Setting, what: &str, wanted: &Wanted) {
        let (pipeline, text) = (&wanted.id, name_of(name));
        let Some(found) = lowered.iter().find(|lowered| lowered.id.text == text) else {
            let message = format!(
                "service::pipelines::{pipeline}: references {what} \"{text}\" which is not configured"
            );
            let diagnostic = Diagnostic::error(message).at(name.origin);
            let near = closest(&text, lowered.iter().map(|lowered| lowered.id.text.as_str()));
            self.cx.diagnostics.push(match near {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help(format!("define it below `{what}s`")),
            });
            return;
        };
        if !found.signals.contains(&wanted.signal) {
            let message = format!(
                "service::pipelines::{pipeline}: {what} \"{text}\" does not support {}",
                signal_name(wanted.signal)
            );
            self.cx.diagnostics.push(Diagnostic::error(message).at(name.origin));
        }
    }

    fn receiver(&mut self, id: &str, receiver: &Receiver, steps: &mut Vec<Step>) -> ComponentId {
        let id: ComponentId = id.into();
        if !self.cx.topology.receivers.iter().any(|known| known.id == id) {
            self.cx.topology.receivers.push(component(&id, receiver.kind, &receiver.settings));
        }
        for (kind, settings) in &receiver.first {
            steps.push(self.step(&format!("{id}.{kind}"), kind, settings));
        }
        id
    }

    fn step(&mut self, id: &str, kind: &'static str, settings: &Setting) -> Step {
        let id: ComponentId = id.into();
        if !self.cx.topology.processors.iter().any(|known| known.id == id) {
            self.cx.topology.processors.push(component(&id, kind, settings));
        }
        Step { processor: id, matching: TagMatch::all() }
    }

    /// The longest wait of the pipelines that share an exporter is the exporter's.
    fn route(&mut self, id: &str, exporter: &Exporter, flush: Option<Duration>) -> Route {
        let id: ComponentId = id.into();
        let exporters = &mut self.cx.topology.exporters;
        let place = exporters.iter().position(|known| known.component.id == id).unwrap_or_else(|| {
            let component = component(&id, exporter.kind, &exporter.settings);
            exporters.push(topology::Exporter { component, delivery: exporter.delivery.clone() });
            exporters.len() - 1
        });
        let delivery = &mut exporters[place].delivery;
        delivery.flush = delivery.flush.max(flush.unwrap_or_default());
        Route { exporter: id, matching: TagMatch::all() }
    }
}

/// The component of that name, when it is there and takes the pipeline's signal.
fn found<'l, C>(lowered: &'l [Lowered<C>], name: &Setting, wanted: &Wanted) -> Option<&'l C> {
    let text = name_of(name);
    let found = lowered.iter().find(|lowered| lowered.id.text == text)?;
    found.component.as_ref().filter(|_| found.signals.contains(&wanted.signal))
}

fn is_connector(joined: &[Lowered<Connector>], name: &Setting) -> bool {
    let text = name_of(name);
    joined.iter().any(|connector| connector.id.text == text)
}

pub(super) fn name_of(name: &Setting) -> String {
    let text = name.as_str().unwrap_or_default();
    Id::parse(text).map_or_else(|_| text.to_owned(), |id| id.text)
}

fn component(id: &ComponentId, kind: &str, settings: &Setting) -> Component {
    Component { id: id.clone(), kind: kind.into(), settings: settings.clone(), origin: settings.origin }
}
