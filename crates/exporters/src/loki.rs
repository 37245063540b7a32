//! Sends log records to Grafana Loki over its push API.
//!
//! ```yaml
//! loki:
//!   endpoint: https://loki.example.com/loki/api/v1/push
//!   tenant_id: shop
//!   resource_labels: [deployment.environment]
//! ```
//!
//! A record's labels are `exporter`, `job` (`service.namespace/service.name`), `instance` (`service.instance.id`) and
//! `level`, and the attributes that `resource_labels` and `attribute_labels` name, or that the record itself names: its
//! attributes `loki.resource.labels` and `loki.attribute.labels` are lists with commas. What is no letter or digit of a
//! label's name becomes `_`. Each set of labels is a stream of Loki's, so name attributes with few values. What Loki never
//! takes is not sent: labels beyond 15 stay in the line, long values and lines are cut. 429 and 5xx are tried again. After
//! 400 Loki has stored what it could; what it says it ignored is counted as refused, with its reason.
//! Loki 3 takes OTLP as well, with structured metadata: `otlp_http` with the endpoint `https://host/otlp`.
//! Source of the rules: Loki's push API, and the hints of the Collector's former exporter of this name.

mod labels;
mod line;
mod push;
mod streams;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use config::ByteSize;
use engine::{BuildContext, ConfigError, Outcome, Payload};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request, Uri};
use model::Signal;
use net::http::Response;
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::{Auth, AuthConfig};
use crate::http_destination::{self, Header, describe, later, until_mended};
use crate::sender::Sender;
use crate::transport::Transport;
use streams::Streams;

const AGENT: &str = concat!("outrigger/", env!("CARGO_PKG_VERSION"));
const PATH: &str = "/loki/api/v1/push";
const TENANT: &str = "x-scope-orgid";
/// Loki answers so where a policy of its operators refuses a stream.
const BLOCKED: u16 = 260;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address; `/loki/api/v1/push` is added where it has no path.
    pub endpoint: String,
    /// Whose data it is: the header `X-Scope-OrgID`. An attribute that `loki.tenant` names comes first.
    pub tenant_id: Option<String>,
    /// How a line is written, unless a record's `loki.format` says otherwise.
    pub format: Format,
    /// Labels of every stream.
    pub labels: Vec<Label>,
    /// Attributes of the resource that become labels.
    pub resource_labels: Vec<String>,
    /// Attributes of the record that become labels.
    pub attribute_labels: Vec<String>,
    /// Labels that are made without being asked for.
    pub default_labels_enabled: DefaultLabels,
    /// Longer lines are cut. Loki's own limit is 256 KiB unless its operators have changed it.
    pub max_line_bytes: ByteSize,
    /// A request is sent once it holds this much before compression.
    pub max_body_bytes: ByteSize,
    /// Headers sent with each request.
    pub headers: Vec<Header>,
    /// Sets a header whose value changes while the program runs.
    pub auth: Option<AuthConfig>,
    /// Proxy to go through instead of the one in `HTTP_PROXY` or `HTTPS_PROXY`.
    pub proxy: Option<String>,
    /// TLS towards the endpoint.
    pub tls: TlsClientConfig,
}

/// How a record is written as a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// An object of `body`, `traceid`, `spanid`, `severity`, `attributes`, `resources` and `instrumentation_scope`.
    #[default]
    Json,
    /// The same as `key=value`, where keys of attributes begin with `attribute_`, those of resources with `resource_`.
    Logfmt,
    /// The body alone.
    Raw,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Label {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DefaultLabels {
    /// `exporter="OTLP"`.
    pub exporter: bool,
    pub job: bool,
    pub instance: bool,
    pub level: bool,
}

impl Default for DefaultLabels {
    fn default() -> Self {
        DefaultLabels { exporter: true, job: true, instance: true, level: true }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: String::new(),
            tenant_id: None,
            format: Format::default(),
            labels: Vec::new(),
            resource_labels: Vec::new(),
            attribute_labels: Vec::new(),
            default_labels_enabled: DefaultLabels::default(),
            max_line_bytes: ByteSize::bytes(256 << 10),
            max_body_bytes: ByteSize::mib(1),
            headers: Vec::new(),
            auth: None,
            proxy: None,
            tls: TlsClientConfig::default(),
        }
    }
}

/// What the encoder goes by.
pub struct Settings {
    format: Format,
    labels: Vec<Label>,
    resource_labels: Vec<String>,
    attribute_labels: Vec<String>,
    defaults: DefaultLabels,
    max_line_bytes: usize,
    max_body_bytes: usize,
}

pub struct Loki {
    url: String,
    tenant: Option<HeaderValue>,
    settings: Arc<Settings>,
    sender: Sender,
}

impl engine::Exporter for Loki {
    const NAME: &'static str = "loki";
    const SIGNALS: &'static [Signal] = &[Signal::Logs];
    type Config = Config;
    type Encoder = Streams;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        // All is looked at before the first fault ends it, so that all faults are reported.
        let endpoint = http_destination::endpoint(&config.endpoint, "endpoint", cx);
        let headers = http_destination::headers(&config.headers, cx);
        let client = http_destination::client(Some(&config.tls), config.proxy.as_deref(), cx);
        let auth = Auth::of(config.auth.as_ref(), cx);
        let tenant = tenant(config.tenant_id.as_deref(), cx);
        for label in &config.labels {
            if !labels::is_name(&label.name) {
                let message = format!("`{}` is no name of a label", label.name);
                return Err(cx.refuse("labels", message, "use letters, digits and `_`, and no digit first"));
            }
        }
        let settings = Settings {
            format: config.format,
            labels: config.labels,
            resource_labels: config.resource_labels,
            attribute_labels: config.attribute_labels,
            defaults: config.default_labels_enabled,
            max_line_bytes: config.max_line_bytes.as_usize(),
            max_body_bytes: config.max_body_bytes.as_usize(),
        };
        Ok(Loki {
            url: with_path(endpoint?),
            tenant: tenant?,
            settings: Arc::new(settings),
            sender: Sender { headers: headers?, auth: auth?, transport: Transport::Plain(client?) },
        })
    }

    fn encoder(&self) -> Streams {
        Streams::new(self.settings.clone())
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let request = |body| self.request(payload, body);
        self.sender.send(payload, request, |response| self.judge(response, payload)).await
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        push::halve(payload)
    }

    fn show(&self, payload: &Payload) -> String {
        let text = format!("POST {}\ncontent-type: application/x-protobuf\n", self.url);
        text + &self.sender.show() + &push::show(payload)
    }
}

impl Loki {
    fn request(&self, payload: &Payload, body: Bytes) -> Result<Request<Bytes>, http::Error> {
        let mut request =
            Request::post(&self.url).header(CONTENT_TYPE, "application/x-protobuf").header(USER_AGENT, AGENT);
        match (payload.route.is_empty(), &self.tenant) {
            (false, _) => request = request.header(TENANT, &*payload.route),
            (true, Some(tenant)) => request = request.header(TENANT, tenant),
            (true, None) => {}
        }
        request.body(body)
    }

    fn judge(&self, response: &Response, payload: &Payload) -> Outcome {
        match response.status.as_u16() {
            BLOCKED => Outcome::rejected(payload, describe(response)),
            200..300 => Outcome::Sent,
            413 => Outcome::Split { reason: describe(response) },
            401 | 403 => until_mended(format!(
                "Loki does not let this tenant write ({}); check `tenant_id` and `headers`",
                describe(response)
            )),
            404 | 405 => until_mended(format!("{} is no push API ({})", self.url, describe(response))),
            status if http_destination::is_passing(status) => later(response),
            _ => {
                let text = String::from_utf8_lossy(&response.body);
                let records = ignored(&text).map_or(payload.records, |told| told.min(payload.records));
                Outcome::Rejected { records, reason: describe(response) }
            }
        }
    }
}

/// How many entries an answer says were ignored, over all its streams; the others were stored.
fn ignored(answer: &str) -> Option<u64> {
    let told = answer.split("total ignored: ").skip(1);
    let numbers: Vec<u64> = told
        .filter_map(|rest| {
            rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
        })
        .collect();
    (!numbers.is_empty()).then(|| numbers.iter().sum())
}

fn with_path(endpoint: String) -> String {
    match endpoint.parse::<Uri>() {
        Ok(uri) if uri.path() == "/" && uri.query().is_none() => endpoint + PATH,
        _ => endpoint,
    }
}

fn tenant(tenant: Option<&str>, cx: &mut BuildContext<'_>) -> Result<Option<HeaderValue>, ConfigError> {
    let Some(tenant) = tenant.filter(|tenant| !tenant.is_empty()) else { return Ok(None) };
    HeaderValue::try_from(tenant).map(Some).map_err(|_| {
        cx.refuse("tenant_id", "the tenant holds characters that no header has", "look for line breaks")
    })
}
