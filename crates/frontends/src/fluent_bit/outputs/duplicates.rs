//! Two outputs that send the same records to the same place: paid for twice, seen twice.

use config::{Component, Diagnostic, Setting, TagMatch};

use crate::fluent_bit::common::may_overlap;
use crate::fluent_bit::context::Context;

/// The settings that make two exporters of a kind one destination.
fn identity(kind: &str) -> &'static [&'static str] {
    match kind {
        "datadog_logs" => &["endpoint", "api_key"],
        "cloudwatch_logs" => &["region", "endpoint", "log_group", "log_stream", "stream_prefix"],
        "s3" => &["bucket", "key"],
        "http" => &["endpoint"],
        "forward" => &["endpoint", "unix_path"],
        _ => &[],
    }
}

pub(super) fn warn(cx: &mut Context<'_>, component: &Component, matching: &TagMatch) {
    let keys = identity(&component.kind);
    if keys.is_empty() {
        return;
    }
    let node = |component: &Component, key: &str| {
        component.settings.get(key).map(|setting: &Setting| setting.node.clone())
    };
    let twin = cx.pipeline.routes.iter().find_map(|route| {
        let other = &cx.topology.exporters.iter().find(|e| e.component.id == route.exporter)?.component;
        let same = other.kind == component.kind
            && keys.iter().all(|key| node(other, key) == node(component, key))
            && may_overlap(&route.matching, matching);
        same.then_some(other)
    });
    let Some(twin) = twin else { return };
    let place = twin.origin.map(|origin| format!(", defined at {origin}")).unwrap_or_default();
    let message =
        format!("output `{}` sends the same records to the same place as `{}`{place}", component.id, twin.id);
    let help = "every such record arrives twice; remove one of the two, or give them tags of their own";
    cx.diagnostics.push(Diagnostic::warning(message).at(component.origin).help(help));
}
