//! `outrigger explain`: who feeds whom, and what a sample record becomes at each destination.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use config::topology::{Exporter, Overflow, Pipeline, TagMatch, Topology};
use config::{ByteSize, Diagnostic, Diagnostics};
use model::{Batch, LogRecord, Span, Value};

use super::{CATALOG, print, resolve, show};
use crate::Exit;
use crate::cli::ExplainOptions;
use crate::configuration::Resolved;

pub fn explain(options: &ExplainOptions) -> Exit {
    let resolved = match resolve(&options.sources, &[]) {
        Ok(resolved) => resolved,
        Err(exit) => return exit,
    };
    let Resolved { topology, mut diagnostics, surroundings, found, .. } = resolved;
    let plan = engine::plan(&topology, &CATALOG, &surroundings, &mut diagnostics);
    show(&diagnostics, options.sources.json);
    let Some(plan) = plan.filter(|_| !diagnostics.has_errors()) else { return Exit::Refused };
    print(&format!("{found}\n\n{}", describe(&topology)));
    let Some(path) = &options.sample else { return Exit::Drained };
    match sample(path, &options.tag) {
        Ok(batch) => {
            for preview in plan.preview(&batch) {
                print(&format!("\n{} would get\n", preview.exporter));
                for (reason, records) in &preview.refused {
                    print(&format!("  nothing of {records} record(s): {reason}\n"));
                }
                if preview.requests.is_empty() && preview.refused.is_empty() {
                    print("  nothing: its match does not fit the tag, or a filter removed the sample\n");
                }
                preview.requests.iter().for_each(|request| print(&format!("{request}\n")));
            }
            Exit::Drained
        }
        Err(diagnostic) => {
            let mut diagnostics = Diagnostics::new();
            diagnostics.push(diagnostic);
            show(&diagnostics, options.sources.json);
            Exit::Refused
        }
    }
}

/// Reads records, one JSON object a line; any other line becomes `{"log": LINE}`, as a log driver sends it.
fn sample(path: &Path, tag: &str) -> Result<Batch, Diagnostic> {
    let mut text = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut text).map(drop)
    } else {
        std::fs::read(path).map(|bytes| text = bytes)
    };
    read.map_err(|error| {
        Diagnostic::error(format!("the sample `{}` cannot be read", path.display()))
            .because(error.to_string())
    })?;
    let mut places = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        let length = line.trim_ascii_end().len();
        if length > 0 {
            places.push(Span::input(start, start + length));
        }
        start = end;
    }
    let mut batch = Batch::new(tag.into(), text);
    for span in places {
        let fields = batch.arena.parse_object(span).unwrap_or_else(|_| {
            let (mut list, key) = (model::List::EMPTY, batch.arena.store(b"log"));
            batch.arena.push(&mut list, key, Value::Str(span));
            list
        });
        let nodes: Vec<_> = batch.arena.iter(fields).map(|(id, node)| (id, node.value)).collect();
        for (id, value) in nodes {
            // A driver sends text as text: escapes are resolved on the way in.
            if batch.arena.text(value).is_some() {
                let text = batch.arena.expand(value);
                batch.arena.set_value(id, text);
            }
        }
        batch.logs.push(LogRecord::new(engine::clock::now_nanos(), Value::Map(fields)));
    }
    Ok(batch)
}

fn describe(topology: &Topology) -> String {
    let mut text = String::new();
    for pipeline in &topology.pipelines {
        describe_pipeline(topology, pipeline, &mut text);
    }
    text
}

fn describe_pipeline(topology: &Topology, pipeline: &Pipeline, text: &mut String) {
    let _ = writeln!(text, "pipeline {}", pipeline.name);
    for id in &pipeline.receivers {
        let kind = topology.receivers.iter().find(|r| r.id == *id).map_or("?", |r| &r.kind);
        let settings =
            topology.receivers.iter().find(|r| r.id == *id).map(|r| r.settings.to_json().to_string());
        let _ = writeln!(text, "  ← {id} ({kind}) {}", settings.unwrap_or_default());
    }
    for step in &pipeline.steps {
        let kind = topology.processors.iter().find(|p| p.id == step.processor).map_or("?", |p| &p.kind);
        let _ = writeln!(text, "  · {} ({kind})   tags {}", step.processor, tags(&step.matching));
    }
    for route in &pipeline.routes {
        let exporter = topology.exporters.iter().find(|e| e.component.id == route.exporter);
        let kind = exporter.map_or("?", |e| &e.component.kind);
        let _ = writeln!(text, "  → {} ({kind})   tags {}", route.exporter, tags(&route.matching));
        if let Some(exporter) = exporter {
            let _ = writeln!(text, "      {}", exporter.component.settings.to_json());
            let _ = writeln!(text, "      {}", delivery(exporter));
        }
    }
}

fn tags(matching: &TagMatch) -> String {
    match (&matching.wildcard, &matching.expression) {
        (None, None) => "*".into(),
        (Some(wildcard), _) => wildcard.clone(),
        (None, Some(expression)) => format!("/{}/", expression.as_str()),
    }
}

fn delivery(exporter: &Exporter) -> String {
    let delivery = &exporter.delivery;
    let retry = match (delivery.retry.limit, delivery.retry.max_age) {
        (Some(limit), _) => format!("gives a payload up after {limit} retries, as written"),
        (None, Some(age)) => format!("retries a payload for {age:?}"),
        (None, None) => "retries until it is delivered or the queue is full".into(),
    };
    let full = match delivery.overflow {
        Overflow::Auto => "when full: waits while no destination keeps up, else drops its oldest",
        Overflow::Block => "when full: stops reading",
        Overflow::DropOldest => "when full: drops its oldest",
        Overflow::DropNewest => "when full: drops what is new",
    };
    let disk = match &delivery.disk {
        Some(disk) => format!(
            "what memory cannot hold waits in {}, up to {}",
            disk.folder.display(),
            ByteSize(disk.quota_bytes)
        ),
        None => "waits in memory only".into(),
    };
    format!(
        "sends every {:?}, {} at once, answer within {:?}; {retry}; {disk}; {full}",
        delivery.flush, delivery.concurrency, delivery.timeout
    )
}
