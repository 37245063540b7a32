//! The exporter `prometheus_remote_write`: what its keys become.

use std::collections::BTreeMap;
use std::time::Duration;

use config::Setting;
use serde::Deserialize;

use super::draft::Draft;
use super::exporters::{Exporter, signed};
use super::helper::Helper;
use super::http::ClientConfig;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RemoteWriteConfig {
    namespace: Option<String>,
    external_labels: BTreeMap<String, String>,
    remote_write_queue: RemoteWriteQueue,
    resource_to_telemetry_conversion: ResourceConversion,
    target_info: TargetInfo,
    disable_scope_info: Option<bool>,
    add_metric_suffixes: Option<bool>,
    translation_strategy: Option<String>,
    send_metadata: Option<bool>,
    protobuf_message: Option<String>,
    max_batch_size_bytes: Option<u64>,
    max_batch_request_parallelism: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RemoteWriteQueue {
    enabled: Option<bool>,
    queue_size: Option<u64>,
    num_consumers: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResourceConversion {
    enabled: bool,
    exclude_service_attributes: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TargetInfo {
    enabled: Option<bool>,
}

pub(super) fn lower(mut draft: Draft<'_>) -> Option<Exporter> {
    let own = draft.group::<RemoteWriteConfig>();
    let mut delivery = draft.group::<Helper>().lower(Duration::from_secs(5), &mut draft);
    // Prometheus refuses a sample that is older than the last of its series.
    delivery.concurrency = 1;
    let mut client = draft.group::<ClientConfig>();
    // Everything that takes remote write takes snappy, and not everything takes anything else.
    client.compression = client.compression.filter(|compression| compression != "snappy");
    if draft.take("wal").is_some() {
        draft.note("`wal`: what waits goes to the disk queue, as that of other exporters");
    }
    let endpoint = client.endpoint.clone().unwrap_or_default();
    if endpoint.is_empty() {
        draft.error("endpoint must be specified", "write `endpoint: https://host/api/v1/write`");
    }
    let mut settings = client.lower(&mut draft);
    if settings.remove("compression").is_some() {
        draft.note("`compression`: requests are snappy blocks, as remote write says");
    }
    if let Some(aws) = settings.remove("aws_auth") {
        signed(aws, &mut settings);
    }
    settings.set("endpoint", endpoint);
    own.lower(&mut settings, &mut draft);
    let settings = draft.finish(settings)?;
    Some(Exporter { kind: "prometheus_remote_write", settings, delivery, last: Vec::new() })
}

impl RemoteWriteConfig {
    fn lower(self, settings: &mut Setting, draft: &mut Draft<'_>) {
        self.remote_write_queue.check(draft);
        if self.max_batch_request_parallelism.is_some() {
            draft.note(
                "`max_batch_request_parallelism`: one request at a time, so that samples stay in order",
            );
        }
        let suffixes = suffixes(self.translation_strategy.as_deref(), draft).or(self.add_metric_suffixes);
        for (name, flag) in [
            ("disable_scope_info", self.disable_scope_info),
            ("add_metric_suffixes", suffixes),
            ("send_metadata", self.send_metadata),
        ] {
            if let Some(flag) = flag {
                settings.set(name, flag);
            }
        }
        for (name, text) in [("namespace", self.namespace), ("protobuf_message", self.protobuf_message)] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                settings.set(name, text);
            }
        }
        if let Some(bytes) = self.max_batch_size_bytes.filter(|bytes| *bytes > 0) {
            settings.set("max_body_bytes", bytes);
        }
        if let Some(enabled) = self.target_info.enabled {
            settings.set("target_info", Setting::map().with("enabled", enabled));
        }
        let ResourceConversion { enabled, exclude_service_attributes } =
            self.resource_to_telemetry_conversion;
        if enabled {
            let conversion = Setting::map().with("enabled", true);
            let conversion = conversion.with("exclude_service_attributes", exclude_service_attributes);
            settings.set("resource_to_telemetry_conversion", conversion);
        }
        if !self.external_labels.is_empty() {
            let labels = self.external_labels.into_iter();
            let label =
                |(name, value): (String, String)| Setting::map().with("name", name).with("value", value);
            settings.set("external_labels", Setting::list(labels.map(label)));
        }
    }
}

impl RemoteWriteQueue {
    fn check(&self, draft: &mut Draft<'_>) {
        if self.num_consumers == Some(0) {
            draft.error("remote_write_queue: `num_consumers` must be positive", "the default is 5");
        }
        if self.enabled.is_some() || self.queue_size.is_some() || self.num_consumers.is_some() {
            draft.note(
                "`remote_write_queue`: payloads always wait in a queue here, which memory and disk bound, and leave \
                 one at a time, so that samples stay in order",
            );
        }
    }
}

/// Whether names get their unit; `None` where the strategy is not told.
fn suffixes(strategy: Option<&str>, draft: &mut Draft<'_>) -> Option<bool> {
    match strategy? {
        "UnderscoreEscapingWithSuffixes" => Some(true),
        "UnderscoreEscapingWithoutSuffixes" => Some(false),
        other => {
            let message = format!("translation_strategy `{other}`: names are always escaped here");
            let help = "use UnderscoreEscapingWithSuffixes or UnderscoreEscapingWithoutSuffixes";
            draft.error(message, help);
            None
        }
    }
}
