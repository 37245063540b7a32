//! Receivers: what each one's keys become.

use config::Setting;
use serde::Deserialize;

use super::draft::Draft;
use super::http::ServerConfig;
use super::table::{ALL, Absent, Entry, LOGS, METRICS};

/// A receiver of ours, and steps that its records walk first.
pub(super) struct Receiver {
    pub kind: &'static str,
    pub settings: Setting,
    pub first: Vec<(&'static str, Setting)>,
}

type Lower = fn(Draft<'_>) -> Option<Receiver>;

pub(super) static RECEIVERS: &[Entry<Lower>] = &[
    Entry { name: "awsecscontainermetrics", older: &[], signals: METRICS, lower: container_metrics },
    Entry { name: "file_log", older: &["filelog"], signals: LOGS, lower: super::file_log::lower },
    Entry { name: "host_metrics", older: &["hostmetrics"], signals: METRICS, lower: host_metrics },
    Entry { name: "nginx", older: &[], signals: METRICS, lower: nginx },
    Entry { name: "otlp", older: &[], signals: ALL, lower: otlp },
    Entry { name: "prometheus", older: &[], signals: METRICS, lower: prometheus },
    Entry {
        name: "prometheus_remote_write",
        older: &["prometheusremotewrite"],
        signals: METRICS,
        lower: remote_write,
    },
    Entry { name: "fluent_forward", older: &["fluentforward"], signals: LOGS, lower: fluent_forward },
];

pub(super) const ABSENT: &[Absent] = &[
    ("awscontainerinsightreceiver", "for a task, `awsecscontainermetrics`; for a machine, `hostmetrics`"),
    ("awsxray", "send spans with OTLP"),
    ("awscloudwatch", ""),
    ("awsfirehose", ""),
    ("datadog", ""),
    ("docker_stats", ""),
    ("jaeger", "send spans with OTLP"),
    ("journald", ""),
    ("kafka", ""),
    ("kubeletstats", ""),
    ("k8s_cluster", ""),
    ("loki", ""),
    ("opencensus", "send OTLP"),
    ("otlpjsonfile", ""),
    ("postgresql", ""),
    ("redis", ""),
    ("statsd", ""),
    ("syslog", ""),
    ("tcplog", ""),
    ("udplog", ""),
    ("zipkin", "send spans with OTLP"),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OtlpConfig {
    protocols: Protocols,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Protocols {
    grpc: Option<ServerConfig>,
    http: Option<ServerConfig>,
}

fn otlp(mut draft: Draft<'_>) -> Option<Receiver> {
    draft.present(&["protocols", "grpc"]);
    draft.present(&["protocols", "http"]);
    let protocols = draft.group::<OtlpConfig>().protocols;
    if protocols.grpc.is_none() && protocols.http.is_none() {
        draft.error(
            "must specify at least one protocol when using the OTLP receiver",
            "write `protocols: {grpc: {}, http: {}}`",
        );
    }
    let mut settings = Setting::map();
    if let Some(grpc) = protocols.grpc {
        settings.set("grpc", grpc.lower("localhost:4317", &mut draft));
    }
    if let Some(http) = protocols.http {
        settings.set("http", http.lower("localhost:4318", &mut draft));
    }
    Some(Receiver { kind: "otlp", settings: draft.finish(settings)?, first: Vec::new() })
}

/// A component of ours that takes the Collector's own keys, and checks them itself.
fn same(kind: &'static str, draft: &Draft<'_>) -> Option<Receiver> {
    let mut settings = draft.declared.setting.clone().at(draft.declared.origin);
    settings.entries_mut();
    Some(Receiver { kind, settings, first: Vec::new() })
}

fn container_metrics(draft: Draft<'_>) -> Option<Receiver> {
    same("awsecscontainermetrics", &draft)
}

fn host_metrics(mut draft: Draft<'_>) -> Option<Receiver> {
    for name in ["metadata_collection_interval", "timeout"] {
        if draft.take(name).is_some() {
            draft.note(format!("`{name}` changes nothing here"));
        }
    }
    for name in
        ["cpu", "disk", "filesystem", "load", "memory", "network", "paging", "process", "processes", "system"]
    {
        draft.present(&["scrapers", name]);
    }
    same("host_metrics", &draft)
}

fn nginx(draft: Draft<'_>) -> Option<Receiver> {
    same("nginx", &draft)
}

fn prometheus(mut draft: Draft<'_>) -> Option<Receiver> {
    for name in ["target_allocator", "api_server"] {
        if draft.take(name).is_some() {
            draft.error(format!("`{name}` is not part of this program"), "remove the key");
        }
    }
    for name in [
        "trim_metric_suffixes",
        "use_start_time_metric",
        "start_time_metric_regex",
        "report_extra_scrape_metrics",
    ] {
        if draft.take(name).is_some() {
            draft.note(format!("`{name}` changes nothing here"));
        }
    }
    same("prometheus", &draft)
}

fn remote_write(mut draft: Draft<'_>) -> Option<Receiver> {
    let mut settings = draft.group::<ServerConfig>().lower("localhost:9090", &mut draft);
    for name in ["cors", "traces_path", "metrics_path", "logs_path"] {
        if settings.remove(name).is_some() {
            let written = name.replace("_path", "_url_path");
            draft.note(format!("`{written}` changes nothing here"));
        }
    }
    let settings = draft.finish(settings)?;
    Some(Receiver { kind: "prometheus_remote_write", settings, first: Vec::new() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FluentForwardConfig {
    endpoint: Option<String>,
}

fn fluent_forward(mut draft: Draft<'_>) -> Option<Receiver> {
    let endpoint = draft.group::<FluentForwardConfig>().endpoint.unwrap_or_default();
    let mut settings = Setting::map();
    match endpoint.strip_prefix("unix://").or(endpoint.starts_with('/').then_some(&endpoint)) {
        _ if endpoint.is_empty() => {
            draft.error(
                "`endpoint` is not set",
                "write `endpoint: 0.0.0.0:24224`, or `unix:///var/run/fluent.sock`",
            );
        }
        Some(path) => {
            settings.set("unix_path", path);
            // The log driver on the host must be able to connect.
            settings.set("unix_perm", "0666");
        }
        None => settings.set("listen", endpoint),
    }
    let settings = draft.finish(settings)?;
    let first = vec![("join_partials", Setting::map()), ("fluent_record", Setting::map())];
    Some(Receiver { kind: "fluent_forward", settings, first })
}
