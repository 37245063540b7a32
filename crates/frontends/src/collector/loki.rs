//! The exporter `loki`, as the Collector had it until 2024: what its keys become.

use std::time::Duration;

use config::Setting;
use serde::Deserialize;

use super::draft::Draft;
use super::exporters::Exporter;
use super::helper::Helper;
use super::http::ClientConfig;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LokiConfig {
    default_labels_enabled: Option<DefaultLabels>,
    tenant_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DefaultLabels {
    exporter: Option<bool>,
    job: Option<bool>,
    instance: Option<bool>,
    level: Option<bool>,
}

pub(super) fn lower(mut draft: Draft<'_>) -> Option<Exporter> {
    let own = draft.group::<LokiConfig>();
    let delivery = draft.group::<Helper>().lower(Duration::from_secs(30), &mut draft);
    let mut client = draft.group::<ClientConfig>();
    let endpoint = client.endpoint.take().unwrap_or_default();
    if endpoint.is_empty() {
        draft
            .error("\"endpoint\" must be a valid URL", "write `endpoint: http://loki:3100/loki/api/v1/push`");
    }
    if draft.take("labels").is_some() {
        let help = "name them in the attributes `loki.resource.labels` and `loki.attribute.labels`, with a \
                    `resource` or `attributes` processor";
        draft.error("`labels`: attributes become labels by hints", help);
    }
    if draft.take("format").is_some() {
        draft.error("`format` is chosen by a hint", "set the attribute `loki.format` to json, logfmt or raw");
    }
    if draft.take("tenant").is_some() {
        draft.error("`tenant` is chosen by a hint", "set the attribute `loki.tenant`, or write `tenant_id`");
    }
    // Requests are snappy blocks, as the push API says.
    if client.compression.take().is_some_and(|compression| !["", "none", "snappy"].contains(&&*compression)) {
        draft.note("`compression`: requests are snappy blocks");
    }
    let mut settings = client.lower(&mut draft);
    if settings.remove("aws_auth").is_some() {
        draft.error("requests to Loki are not signed for AWS", "use another authenticator");
    }
    settings.set("endpoint", endpoint);
    if let Some(tenant) = own.tenant_id.filter(|tenant| !tenant.is_empty()) {
        settings.set("tenant_id", tenant);
    }
    if let Some(DefaultLabels { exporter, job, instance, level }) = own.default_labels_enabled {
        let mut labels = Setting::map();
        for (name, on) in [("exporter", exporter), ("job", job), ("instance", instance), ("level", level)] {
            if let Some(on) = on {
                labels.set(name, on);
            }
        }
        settings.set("default_labels_enabled", labels);
    }
    Some(Exporter { kind: "loki", settings: draft.finish(settings)?, delivery, last: Vec::new() })
}
