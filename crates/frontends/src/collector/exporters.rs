//! Exporters: what each one's keys become.

use std::time::Duration;

use config::{Delivery, Setting};
use serde::Deserialize;

use super::draft::Draft;
use super::helper::Helper;
use super::http::ClientConfig;
use super::table::{ALL, Absent, Entry};

/// An exporter of ours.
pub(super) struct Exporter {
    pub kind: &'static str,
    pub settings: Setting,
    pub delivery: Delivery,
}

type Lower = fn(Draft<'_>) -> Option<Exporter>;

pub(super) static EXPORTERS: &[Entry<Lower>] = &[
    Entry { name: "otlp_grpc", older: &["otlp"], signals: ALL, lower: otlp_grpc },
    Entry { name: "otlp_http", older: &["otlphttp"], signals: ALL, lower: otlp_http },
    Entry { name: "debug", older: &[], signals: ALL, lower: debug },
    Entry { name: "nop", older: &[], signals: ALL, lower: nop },
];

pub(super) const ABSENT: &[Absent] = &[
    ("logging", "use the `debug` exporter"),
    ("awsemf", "send OTLP to CloudWatch: `otlp_http` with `sigv4auth`"),
    ("awskinesis", ""),
    ("awss3", ""),
    ("awsxray", "send OTLP to X-Ray: `otlp_http` with `sigv4auth`"),
    ("awscloudwatchlogs", ""),
    ("clickhouse", ""),
    ("datadog", ""),
    ("elasticsearch", ""),
    ("file", ""),
    ("googlecloud", ""),
    ("kafka", ""),
    ("load_balancing", ""),
    ("loki", ""),
    ("prometheus", ""),
    ("prometheus_remote_write", ""),
    ("sapm", ""),
    ("signalfx", ""),
    ("splunk_hec", ""),
    ("zipkin", "use `otlp_http`"),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OtlpHttpConfig {
    traces_endpoint: Option<String>,
    metrics_endpoint: Option<String>,
    logs_endpoint: Option<String>,
    encoding: Option<String>,
}

fn otlp_http(mut draft: Draft<'_>) -> Option<Exporter> {
    let own = draft.group::<OtlpHttpConfig>();
    let delivery = draft.group::<Helper>().lower(Duration::from_secs(30), &mut draft);
    let client = draft.group::<ClientConfig>();
    let endpoint = client.endpoint.clone();
    let mut settings = client.lower(&mut draft);
    if let Some(aws) = settings.remove("aws_auth") {
        signed(aws, &mut settings);
    }
    let own_endpoints = [
        ("traces_endpoint", own.traces_endpoint),
        ("metrics_endpoint", own.metrics_endpoint),
        ("logs_endpoint", own.logs_endpoint),
    ];
    if endpoint.is_none() && own_endpoints.iter().all(|(_, endpoint)| endpoint.is_none()) {
        draft.error("at least one endpoint must be specified", "write `endpoint: https://host:4318`");
    }
    for (name, endpoint) in own_endpoints {
        if let Some(endpoint) = endpoint {
            settings.set(name, endpoint);
        }
    }
    if let Some(endpoint) = endpoint {
        settings.set("endpoint", endpoint.trim_end_matches('/'));
    }
    if let Some(encoding) = own.encoding {
        settings.set("encoding", encoding);
    }
    Some(Exporter { kind: "otlp_http", settings: draft.finish(settings)?, delivery })
}

/// Keys of `sigv4auth` as the exporter has them.
fn signed(mut aws: Setting, settings: &mut Setting) {
    if let Some(role) = aws.remove("role_arn") {
        settings.set("role_arn", role);
    }
    settings.set("sigv4", aws);
}

fn otlp_grpc(mut draft: Draft<'_>) -> Option<Exporter> {
    let delivery = draft.group::<Helper>().lower(Duration::from_secs(5), &mut draft);
    let client = draft.group::<ClientConfig>();
    let endpoint = client.endpoint.clone().unwrap_or_default();
    let insecure = client.tls.as_ref().is_some_and(|tls| tls.insecure);
    let mut settings = client.lower(&mut draft);
    let (scheme, host) = match endpoint.split_once("://") {
        Some(("http", host)) => ("http", host),
        Some((_, host)) => (if insecure { "http" } else { "https" }, host),
        None => (if insecure { "http" } else { "https" }, endpoint.as_str()),
    };
    let host = host.trim_start_matches('/');
    if host.is_empty() {
        draft.error("requires a non-empty \"endpoint\"", "write `endpoint: host:4317`");
    }
    if settings.remove("aws_auth").is_some() || settings.remove("proxy").is_some() {
        draft.error(
            "calls over gRPC are neither signed for AWS nor sent through a named proxy",
            "use `otlp_http`",
        );
    }
    settings.set("endpoint", format!("{scheme}://{host}"));
    Some(Exporter { kind: "otlp_grpc", settings: draft.finish(settings)?, delivery })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DebugConfig {
    verbosity: Option<String>,
    sampling_initial: Option<u64>,
    sampling_thereafter: Option<u64>,
    use_internal_logger: Option<bool>,
}

fn debug(mut draft: Draft<'_>) -> Option<Exporter> {
    let config = draft.group::<DebugConfig>();
    let delivery = draft.group::<Helper>().lower(Duration::from_secs(5), &mut draft);
    if config.sampling_initial.is_some() || config.sampling_thereafter.is_some() {
        draft.note("`sampling_*`: every batch is told");
    }
    let _ = config.use_internal_logger;
    let mut settings = Setting::map();
    if let Some(verbosity) = config.verbosity {
        settings.set("verbosity", verbosity.to_ascii_lowercase());
    }
    Some(Exporter { kind: "debug", settings: draft.finish(settings)?, delivery })
}

fn nop(draft: Draft<'_>) -> Option<Exporter> {
    let settings = draft.finish(Setting::map())?;
    Some(Exporter { kind: "null", settings, delivery: Delivery::default() })
}
