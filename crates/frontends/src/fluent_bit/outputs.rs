//! `[OUTPUT]` sections, each lowered to an exporter and a route, in file order.

mod cloudwatch;
mod cloudwatch_go;
mod datadog;
mod duplicates;
mod endpoint;
mod file;
mod forward;
mod http;
mod null;
mod s3;
mod stdout;

use config::{Component, ComponentId, Diagnostic, Exporter, Route, TagMatch};

use super::context::Context;
use super::document::{Document, Kind, Section};
use super::draft::Draft;
use super::table::{Field, Plugin, To, field};
use super::{common, plugin};

pub(super) use endpoint::host_and_port;

pub(super) const PLUGINS: &[&Plugin] = &[
    &datadog::PLUGIN,
    &cloudwatch::PLUGIN,
    &cloudwatch_go::PLUGIN,
    &s3::PLUGIN,
    &http::PLUGIN,
    &forward::PLUGIN,
    &stdout::PLUGIN,
    &null::PLUGIN,
    &file::PLUGIN,
];

pub(super) const KNOWN: &[&str] = &[
    "azure",
    "azure_blob",
    "azure_kusto",
    "azure_logs_ingestion",
    "bigquery",
    "chronicle",
    "counter",
    "es",
    "exit",
    "firehose",
    "flowcounter",
    "gelf",
    "influxdb",
    "kafka",
    "kafka-rest",
    "kinesis",
    "kinesis_firehose",
    "kinesis_streams",
    "logdna",
    "loki",
    "nats",
    "newrelic",
    "nrlogs",
    "opensearch",
    "opentelemetry",
    "oracle_log_analytics",
    "pgsql",
    "plot",
    "prometheus_exporter",
    "prometheus_remote_write",
    "skywalking",
    "slack",
    "splunk",
    "stackdriver",
    "sumologic",
    "syslog",
    "tcp",
    "td",
    "udp",
    "vivo_exporter",
    "websocket",
    "zig_demo",
];

/// What every output to AWS may say about its region, its credentials and where the service is.
const AWS: &[Field] = &[
    field("region", "region", To::Text),
    field("role_arn", "role_arn", To::Text),
    field("external_id", "external_id", To::Text),
    field("profile", "profile", To::Text),
    field("extra_user_agent", "user_agent", To::Text),
];

pub(super) fn lower(cx: &mut Context<'_>, document: &Document, section: &Section) {
    let Some((found, id)) = plugin::find(cx, section, "output", PLUGINS, KNOWN) else { return };
    let label = format!("output `{id}`");
    let matching = matching(cx, document, section, &label);
    let mut draft = Draft::new(cx, section, id, label);
    let aws: &[Field] = if matches!(found.kind, "cloudwatch_logs" | "s3" | "http") { AWS } else { &[] };
    draft.apply(&[
        found.fields,
        aws,
        common::ANY_PLUGIN,
        common::MATCHING,
        common::OUTPUT,
        common::OUTPUT_TLS,
    ]);
    common::delivery(&mut draft);
    (found.finish)(&mut draft);
    if draft.cx.service.escape_unicode
        && matches!(found.kind, "datadog_logs" | "cloudwatch_logs" | "s3" | "http")
    {
        draft.set("escape_unicode", true.into());
    }
    if !draft.usable {
        return;
    }
    let (id, settings, delivery, label): (ComponentId, _, _, _) =
        (draft.id.as_str().into(), draft.settings, draft.delivery, draft.label);
    let Some(matching) = matching else { return };
    for processor in &section.processors {
        let message = format!("a processor of {label} is not supported and left out");
        let help = "write it as a filter; it then changes the record for every output that matches";
        cx.diagnostics.push(Diagnostic::warning(message).at(processor.origin).help(help));
    }
    let component =
        Component { id: id.clone(), kind: found.kind.into(), settings, origin: Some(section.origin) };
    duplicates::warn(cx, &component, &matching);
    cx.topology.exporters.push(Exporter { component, delivery });
    cx.pipeline.routes.push(Route { exporter: id, matching });
}

/// What the output gets. Without a rule it gets nothing, except where one input and one output, neither with
/// a rule, leave no doubt.
fn matching(cx: &mut Context<'_>, document: &Document, section: &Section, label: &str) -> Option<TagMatch> {
    if let Some(matching) = common::matching(cx, section, label) {
        return Some(matching);
    }
    if section.last("match_regex").is_some() {
        return None;
    }
    let count = |kind: Kind| document.sections.iter().filter(|section| section.kind == kind).count();
    if count(Kind::Input) == 1 && count(Kind::Output) == 1 {
        return Some(common::everything());
    }
    let message = match section.last("match") {
        Some(_) => format!("the `Match` of {label} comes out empty, so no record reaches it"),
        None => format!("{label} has no `Match`, so no record reaches it"),
    };
    cx.diagnostics
        .push(Diagnostic::warning(message).at(section.origin).help("add `Match *` to send it everything"));
    None
}
