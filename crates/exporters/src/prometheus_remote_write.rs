//! Sends metrics to Prometheus, or to anything else that takes its remote write: Mimir, Thanos, Amazon Managed Service.
//!
//! ```yaml
//! prometheus_remote_write:
//!   endpoint: https://prometheus.example.com/api/v1/write
//!   external_labels:
//!     - name: cluster
//!       value: eu-1
//! ```
//!
//! Names become Prometheus's: `http.server.duration` in `ms` is `http_server_duration_milliseconds`, counters end in
//! `_total`. `service.name` and `service.namespace` are the label `job`, `service.instance.id` is `instance`; other
//! attributes of a resource stand in the series `target_info`. Sums and histograms that tell changes (delta) are dropped
//! and counted, because Prometheus keeps running totals: let the SDK send cumulative ones. 429 and 5xx are tried again,
//! other refusals are for ever, among them samples older than what Prometheus has. It takes each series in the order of
//! time, so one request at a time (`concurrency: 1`) loses least.
//! With `sigv4`, requests are signed for AWS; for Amazon Managed Service the address tells service and region.

mod requests;

use bytes::Bytes;
use config::ByteSize;
use engine::{BuildContext, ConfigError, Outcome, Payload};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{Request, Uri};
use model::Signal;
use net::http::Response;
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::remote_write::{Settings, Version};

use crate::auth::{Auth, AuthConfig};
use crate::http_destination::{self, Header, describe, later};
use crate::sender::Sender;
use crate::transport::{Sigv4, Transport};
use requests::{Requests, version_of};

const AGENT: &str = concat!("outrigger/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The whole address, with its path.
    pub endpoint: String,
    /// Which message is written: `"1.0"`, which everything takes, or `"2.0"`, which is smaller.
    pub protobuf_message: ProtobufMessage,
    /// Stands before each name, with `_` between.
    pub namespace: String,
    /// Labels of every series that has none of that name.
    pub external_labels: Vec<Label>,
    /// Whether names end in their unit, and counters in `_total`.
    pub add_metric_suffixes: bool,
    /// Whether a resource's attributes are labels of each of its series.
    pub resource_to_telemetry_conversion: ResourceConversion,
    /// The series `target_info`, which tells a resource's attributes.
    pub target_info: TargetInfo,
    /// Leaves out the labels `otel_scope_name`, `otel_scope_version` and what else tells the scope.
    pub disable_scope_info: bool,
    /// Whether unit and description go along, and the type; version 2.0 always tells that.
    pub send_metadata: bool,
    /// Headers sent with each request.
    pub headers: Vec<Header>,
    /// Sets a header whose value changes while the program runs.
    pub auth: Option<AuthConfig>,
    /// A request is sent once it holds this much before compression.
    pub max_body_bytes: ByteSize,
    /// Signs requests for AWS. Service and region are those of the address, when they are not set.
    pub sigv4: Option<Sigv4>,
    /// Role to sign as.
    pub role_arn: Option<String>,
    /// Proxy to go through instead of the one in `HTTP_PROXY` or `HTTPS_PROXY`.
    pub proxy: Option<String>,
    /// TLS towards the endpoint.
    pub tls: TlsClientConfig,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ProtobufMessage {
    /// `prometheus.WriteRequest`.
    #[default]
    #[serde(rename = "1.0", alias = "prometheus.WriteRequest")]
    One,
    /// `io.prometheus.write.v2.Request`.
    #[serde(rename = "2.0", alias = "io.prometheus.write.v2.Request")]
    Two,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Label {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceConversion {
    pub enabled: bool,
    /// Leaves out `service.name`, `service.namespace` and `service.instance.id`.
    pub exclude_service_attributes: bool,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TargetInfo {
    pub enabled: bool,
}

impl Default for TargetInfo {
    fn default() -> Self {
        TargetInfo { enabled: true }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: String::new(),
            protobuf_message: ProtobufMessage::default(),
            namespace: String::new(),
            external_labels: Vec::new(),
            add_metric_suffixes: true,
            resource_to_telemetry_conversion: ResourceConversion::default(),
            target_info: TargetInfo::default(),
            disable_scope_info: false,
            send_metadata: false,
            headers: Vec::new(),
            auth: None,
            max_body_bytes: ByteSize::bytes(3_000_000),
            sigv4: None,
            role_arn: None,
            proxy: None,
            tls: TlsClientConfig::default(),
        }
    }
}

pub struct PrometheusRemoteWrite {
    endpoint: String,
    settings: Settings,
    max_bytes: usize,
    sender: Sender,
}

impl engine::Exporter for PrometheusRemoteWrite {
    const NAME: &'static str = "prometheus_remote_write";
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    type Config = Config;
    type Encoder = Requests;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let endpoint = http_destination::endpoint(&config.endpoint, "endpoint", cx);
        let headers = http_destination::headers(&config.headers, cx);
        let client = http_destination::client(Some(&config.tls), config.proxy.as_deref(), cx);
        let labels = labels(&config.external_labels, cx);
        let auth = Auth::of(config.auth.as_ref(), cx);
        let (endpoint, headers, client, labels, auth) = (endpoint?, headers?, client?, labels?, auth?);
        let uri: Uri = endpoint.parse().unwrap_or_default();
        let transport = Transport::of(config.sigv4.as_ref(), config.role_arn.as_deref(), &uri, client, cx)?;
        let max_bytes = config.max_body_bytes.as_usize();
        let settings = settings(&config, labels);
        let sender = Sender { headers, auth, transport };
        Ok(PrometheusRemoteWrite { endpoint, settings, max_bytes, sender })
    }

    fn encoder(&self) -> Requests {
        Requests::new(self.settings.clone(), self.max_bytes)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let request = |body| self.request(payload, body);
        self.sender.send(payload, request, |response| judge(response, payload)).await
    }

    fn show(&self, payload: &Payload) -> String {
        let (kind, version) = headers_of(version_of(&payload.route));
        let mut text = format!("POST {}\ncontent-type: {kind}\ncontent-encoding: snappy\n", self.endpoint);
        text.push_str(&format!("x-prometheus-remote-write-version: {version}\n"));
        text + &self.sender.show()
            + &format!("\n({} data points, {} bytes of protobuf)\n", payload.records, payload.raw_bytes)
    }
}

impl PrometheusRemoteWrite {
    fn request(&self, payload: &Payload, body: Bytes) -> Result<Request<Bytes>, http::Error> {
        let (kind, version) = headers_of(version_of(&payload.route));
        Request::post(&self.endpoint)
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_ENCODING, "snappy")
            .header(USER_AGENT, AGENT)
            .header("x-prometheus-remote-write-version", version)
            .body(body)
    }
}

fn settings(config: &Config, external_labels: Vec<(String, String)>) -> Settings {
    Settings {
        version: match config.protobuf_message {
            ProtobufMessage::One => Version::One,
            ProtobufMessage::Two => Version::Two,
        },
        namespace: config.namespace.clone(),
        external_labels,
        suffixes: config.add_metric_suffixes,
        target_info: config.target_info.enabled,
        resource_labels: config.resource_to_telemetry_conversion.enabled,
        exclude_service: config.resource_to_telemetry_conversion.exclude_service_attributes,
        scope_labels: !config.disable_scope_info,
        metadata: config.send_metadata,
    }
}

fn labels(labels: &[Label], cx: &mut BuildContext<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let is_name = |name: &str| {
        let belongs = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.chars().all(belongs) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty()
    };
    let read = labels.iter().map(|label| match is_name(&label.name) {
        true => Ok((label.name.clone(), label.value.clone())),
        false => {
            let message = format!("`{}` is no name of a label", label.name);
            Err(cx.refuse("external_labels", message, "use letters, digits and `_`, and no digit first"))
        }
    });
    read.collect()
}

/// `Content-Type` and `X-Prometheus-Remote-Write-Version`.
fn headers_of(version: Version) -> (&'static str, &'static str) {
    match version {
        Version::One => ("application/x-protobuf", "0.1.0"),
        Version::Two => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
    }
}

fn judge(response: &Response, payload: &Payload) -> Outcome {
    match response.status.as_u16() {
        200..300 => Outcome::Sent,
        429 | 500.. => later(response),
        _ => Outcome::rejected(payload, describe(response)),
    }
}

#[cfg(test)]
mod tests;
