//! Exporters: what each one's keys become.

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Delivery, Secret, Setting};
use serde::Deserialize;

use super::draft::Draft;
use super::helper::Helper;
use super::http::ClientConfig;
use super::table::{ALL, Absent, Entry, LOGS, METRICS};
use super::{loki, otlp_file, remote_write};

/// An exporter of ours.
pub(super) struct Exporter {
    pub kind: &'static str,
    pub settings: Setting,
    pub delivery: Delivery,
    /// Steps for its records alone, at the end of each pipeline.
    pub last: Vec<(&'static str, Setting)>,
}

type Lower = fn(Draft<'_>) -> Option<Exporter>;

pub(super) static EXPORTERS: &[Entry<Lower>] = &[
    Entry { name: "awscloudwatchlogs", older: &[], signals: LOGS, lower: cloudwatch_logs },
    Entry { name: "datadog", older: &[], signals: LOGS, lower: datadog },
    Entry { name: "otlp_grpc", older: &["otlp"], signals: ALL, lower: otlp_grpc },
    Entry { name: "otlp_http", older: &["otlphttp"], signals: ALL, lower: otlp_http },
    Entry {
        name: "prometheus_remote_write",
        older: &["prometheusremotewrite"],
        signals: METRICS,
        lower: remote_write::lower,
    },
    Entry { name: "debug", older: &[], signals: ALL, lower: debug },
    Entry { name: "file", older: &[], signals: ALL, lower: otlp_file::lower },
    Entry { name: "lake", older: &[], signals: ALL, lower: lake },
    Entry { name: "loki", older: &[], signals: LOGS, lower: loki::lower },
    Entry { name: "nop", older: &[], signals: ALL, lower: nop },
];

pub(super) const ABSENT: &[Absent] = &[
    ("logging", "use the `debug` exporter"),
    ("awsemf", "send OTLP to CloudWatch: `otlp_http` with `sigv4auth`"),
    ("awskinesis", ""),
    ("awss3", ""),
    (
        "awsxray",
        "write `otlp_http: {traces_endpoint: 'https://xray.<region>.amazonaws.com/v1/traces', auth: {authenticator: \
         sigv4auth}}`; Transaction Search must be on, and the role needs xray:PutSpans",
    ),
    ("clickhouse", ""),
    ("elasticsearch", ""),
    ("googlecloud", ""),
    ("kafka", ""),
    ("load_balancing", ""),
    ("prometheus", ""),
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

/// What arrives is in the lake this soon, so that it can be watched arriving.
const LAKE_FLUSH: Duration = Duration::from_millis(100);

/// Ours, with its own keys beside the Collector's for queues and retry.
fn lake(mut draft: Draft<'_>) -> Option<Exporter> {
    let delivery = draft.group::<Helper>().lower(Duration::from_secs(30), &mut draft);
    let settings = std::mem::replace(&mut draft.declared.setting, Setting::map());
    let delivery = Delivery { flush: LAKE_FLUSH, concurrency: 4, ..delivery };
    Some(Exporter { kind: "lake", settings: draft.finish(settings)?, delivery, last: Vec::new() })
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
    Some(Exporter { kind: "otlp_http", settings: draft.finish(settings)?, delivery, last: Vec::new() })
}

/// Keys of `sigv4auth` as the exporter has them.
pub(super) fn signed(mut aws: Setting, settings: &mut Setting) {
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
    Some(Exporter { kind: "otlp_grpc", settings: draft.finish(settings)?, delivery, last: Vec::new() })
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
    Some(Exporter { kind: "debug", settings: draft.finish(settings)?, delivery, last: Vec::new() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CloudWatchLogsConfig {
    log_group_name: Option<String>,
    log_stream_name: Option<String>,
    log_retention: Option<u32>,
    tags: BTreeMap<String, String>,
    raw_log: bool,
    region: Option<String>,
    endpoint: Option<String>,
    role_arn: Option<String>,
    external_id: Option<String>,
    profile: Option<String>,
}

/// Options of the AWS sessions of the Collector that change nothing here.
const AWS_SESSION: [&str; 9] = [
    "num_workers",
    "request_timeout_seconds",
    "max_retries",
    "no_verify_ssl",
    "proxy_address",
    "local_mode",
    "resource_arn",
    "imds_retries",
    "certificate_file_path",
];

fn cloudwatch_logs(mut draft: Draft<'_>) -> Option<Exporter> {
    let config = draft.group::<CloudWatchLogsConfig>();
    let delivery = draft.group::<Helper>().lower(Duration::from_secs(30), &mut draft);
    for name in AWS_SESSION {
        if draft.take(name).is_some() {
            draft.note(format!("`{name}` changes nothing here"));
        }
    }
    let mut settings = Setting::map().with("create_group", true);
    for (name, ours, written) in [
        ("log_group_name", "log_group", config.log_group_name),
        ("log_stream_name", "log_stream", config.log_stream_name),
    ] {
        let Some(written) = written.filter(|written| !written.is_empty()) else {
            draft.error(format!("'{name}' must be set"), format!("write `{name}: ...`"));
            continue;
        };
        settings.set(ours, placeholders(&written, |attribute| format!("$resource['{attribute}']")));
        if written.contains('{') {
            settings.set(format!("{ours}_default"), placeholders(&written, |_| "undefined".into()));
        }
    }
    let told = [
        ("region", config.region),
        ("endpoint", config.endpoint),
        ("role_arn", config.role_arn),
        ("external_id", config.external_id),
        ("profile", config.profile),
    ];
    for (name, value) in told {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            settings.set(name, value);
        }
    }
    if let Some(days) = config.log_retention.filter(|days| *days > 0) {
        settings.set("retention_days", days);
    }
    if !config.tags.is_empty() {
        let tag = |(name, value)| Setting::map().with("name", name).with("value", value);
        let tags: Vec<Setting> =
            config.tags.into_iter().map(|(name, value): (String, String)| tag((name, value))).collect();
        settings.set("group_tags", Setting::list(tags));
    }
    if config.raw_log {
        settings.set("log_key", "body");
    }
    let last = vec![("otel_record", Setting::map())];
    Some(Exporter { kind: "cloudwatch_logs", settings: draft.finish(settings)?, delivery, last })
}

/// Fills in `{TaskId}` and its like, each standing for an attribute of the resource.
fn placeholders(text: &str, fill: impl Fn(&str) -> String) -> String {
    let mut text = text.to_owned();
    for (name, attribute) in [
        ("{ClusterName}", "aws.ecs.cluster.name"),
        ("{TaskId}", "aws.ecs.task.id"),
        ("{NodeName}", "k8s.node.name"),
        ("{PodName}", "k8s.pod.name"),
        ("{ServiceName}", "service.name"),
        ("{ContainerInstanceId}", "aws.ecs.container.instance.id"),
        ("{TaskDefinitionFamily}", "aws.ecs.task.family"),
        ("{InstanceId}", "service.instance.id"),
        ("{FaasName}", "faas.name"),
        ("{FaasVersion}", "faas.version"),
    ] {
        text = text.replace(name, &fill(attribute));
    }
    text
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DatadogConfig {
    api: Api,
    logs: DatadogLogs,
    hostname: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Api {
    key: Secret,
    site: Option<String>,
    #[allow(dead_code)] // A wrong key is told when it is refused.
    fail_on_invalid_key: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DatadogLogs {
    endpoint: Option<String>,
    use_compression: Option<bool>,
    #[allow(dead_code)] // Chosen by load.
    compression_level: Option<u32>,
    batch_wait: Option<u64>,
    dump_payloads: Option<bool>,
}

fn datadog(mut draft: Draft<'_>) -> Option<Exporter> {
    let config = draft.group::<DatadogConfig>();
    let client = draft.group::<ClientConfig>();
    let mut delivery = draft.group::<Helper>().lower(Duration::from_secs(15), &mut draft);
    for name in ["metrics", "traces", "host_metadata", "orchestrator_explorer", "only_metadata"] {
        draft.take(name);
    }
    let _ = config.logs.dump_payloads;
    if let Some(seconds) = config.logs.batch_wait {
        delivery.flush = Duration::from_secs(seconds);
    }
    let mut settings = Setting::map();
    if let Some(tls) = client.lower(&mut draft).remove("tls") {
        settings.set("tls", tls);
    }
    if config.api.key.is_empty() {
        draft.error("api.key is not set", "write `api: {key: ${env:DD_API_KEY}}`");
    }
    let site = config.api.site.unwrap_or_else(|| "datadoghq.com".into());
    let endpoint = config.logs.endpoint.unwrap_or_else(|| format!("https://http-intake.logs.{site}"));
    settings.set("endpoint", endpoint);
    settings.set("api_key", Setting::from(config.api.key.reveal()).hide());
    settings.set("message_key", "message");
    settings.set("compression", if config.logs.use_compression == Some(false) { "none" } else { "gzip" });
    if let Some(hostname) = config.hostname {
        settings.set("hostname", hostname);
    }
    let last = vec![("otel_record", Setting::map().with("layout", "datadog"))];
    Some(Exporter { kind: "datadog_logs", settings: draft.finish(settings)?, delivery, last })
}

fn nop(draft: Draft<'_>) -> Option<Exporter> {
    let settings = draft.finish(Setting::map())?;
    Some(Exporter { kind: "null", settings, delivery: Delivery::default(), last: Vec::new() })
}
