//! Sends OTLP, OpenTelemetry's protocol, over HTTP.
//!
//! ```yaml
//! otlp_http:
//!   endpoint: https://otlp.example.com
//!   headers:
//!     - name: api-key
//!       value: ${KEY}
//! ```
//!
//! Each signal goes to its own path below `endpoint`: `/v1/logs`, `/v1/traces`, `/v1/metrics`. 429, 502, 503 and 504
//! are tried again, after the wait the answer asks for; after 413 the request is halved; other 4xx and 5xx are
//! refusals for ever. What an answer says it refused in part is counted. JSON is larger than protobuf and takes more
//! work to write; it is for destinations that take nothing else.
//! Source of the rules: the OTLP specification 1.x, OTLP/HTTP.

use bytes::Bytes;
use config::ByteSize;
use engine::{ALL_SIGNALS, BuildContext, ConfigError, Outcome, Payload};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Request, Uri};
use model::Signal;
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::{Auth, AuthConfig};
use crate::compress::Compression;
use crate::http_destination::{self, Header};
use crate::otlp::answer::judge;
use crate::otlp::{self, Encoding, Requests, Target};
use crate::sender::Sender;
use crate::transport::{Sigv4, Transport};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Scheme, host and, if need be, the path before `/v1/`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The whole address for log records, where it is another.
    #[serde(default)]
    pub logs_endpoint: Option<String>,
    /// The whole address for spans, where it is another.
    #[serde(default)]
    pub traces_endpoint: Option<String>,
    /// The whole address for metrics, where it is another.
    #[serde(default)]
    pub metrics_endpoint: Option<String>,
    /// How requests are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// How bodies are compressed.
    #[serde(default = "gzip")]
    pub compression: Compression,
    /// Headers sent with each request.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// Sets a header whose value changes while the program runs.
    #[serde(default)]
    pub auth: Option<AuthConfig>,
    /// A request is sent once it holds this much before compression.
    #[serde(default = "two_mebibytes")]
    pub max_body_bytes: ByteSize,
    /// Signs requests for AWS. Service and region are those of the address, when they are not set.
    #[serde(default)]
    pub sigv4: Option<Sigv4>,
    /// Role to sign as.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// Proxy to go through instead of the one in `HTTP_PROXY` or `HTTPS_PROXY`.
    #[serde(default)]
    pub proxy: Option<String>,
    /// TLS towards the endpoint.
    #[serde(default)]
    pub tls: TlsClientConfig,
}

fn gzip() -> Compression {
    Compression::Gzip
}

fn two_mebibytes() -> ByteSize {
    ByteSize::mib(2)
}

pub struct OtlpHttp {
    addresses: Addresses,
    encoding: Encoding,
    compression: Compression,
    max_bytes: u64,
    sender: Sender,
}

impl engine::Exporter for OtlpHttp {
    const NAME: &'static str = "otlp_http";
    const SIGNALS: &'static [Signal] = ALL_SIGNALS;
    const TAKES_UNREAD: bool = true;
    type Config = Config;
    type Encoder = Requests;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let addresses = Addresses::read(&config, cx);
        let headers = http_destination::headers(&config.headers, cx);
        let client = http_destination::client(Some(&config.tls), config.proxy.as_deref(), cx);
        let auth = Auth::of(config.auth.as_ref(), cx);
        let max_bytes = config.max_body_bytes.get();
        let (addresses, headers, client, auth) = (addresses?, headers?, client?, auth?);
        let endpoint: Uri = addresses.any().and_then(|address| address.parse().ok()).unwrap_or_default();
        let transport =
            Transport::of(config.sigv4.as_ref(), config.role_arn.as_deref(), &endpoint, client, cx)?;
        let Config { encoding, compression, .. } = config;
        let sender = Sender { headers, auth, transport };
        Ok(OtlpHttp { addresses, encoding, compression, max_bytes, sender })
    }

    fn encoder(&self) -> Requests {
        Requests::new(self.encoding, self.compression, self.max_bytes)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let Some((target, url)) = self.place(payload) else {
            return Outcome::rejected(payload, format!("no endpoint is set for `{}`", payload.route));
        };
        let request = |body| request(&target, &url, body);
        self.sender.send(payload, request, |response| judge(response, payload)).await
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        otlp::halve(payload, self.compression)
    }

    fn show(&self, payload: &Payload) -> String {
        let Some((target, url)) = self.place(payload) else { return String::new() };
        let text = format!("POST {url}\ncontent-type: {}\n", target.content_type());
        text + &self.sender.show() + &otlp::show(payload)
    }
}

impl OtlpHttp {
    fn place(&self, payload: &Payload) -> Option<(Target, String)> {
        let target = Target::of(&payload.route)?;
        let url = self.addresses.url(&target)?;
        Some((target, url))
    }
}

fn request(target: &Target, url: &str, body: Bytes) -> Result<Request<Bytes>, http::Error> {
    let mut request = Request::post(url).header(CONTENT_TYPE, target.content_type());
    if let Some(encoding) = Compression::of(&body).content_encoding() {
        request = request.header(CONTENT_ENCODING, encoding);
    }
    request.body(body)
}

/// Where each signal goes; at least one is told.
struct Addresses {
    base: Option<String>,
    of: [(Signal, Option<String>); 3],
}

impl Addresses {
    fn read(config: &Config, cx: &mut BuildContext<'_>) -> Result<Addresses, ConfigError> {
        let mut read = |text: &Option<String>, key: &str| match text {
            Some(text) => http_destination::endpoint(text, key, cx).map(Some),
            None => Ok(None),
        };
        let base = read(&config.endpoint, "endpoint");
        let logs = read(&config.logs_endpoint, "logs_endpoint");
        let traces = read(&config.traces_endpoint, "traces_endpoint");
        let metrics = read(&config.metrics_endpoint, "metrics_endpoint");
        let of = [(Signal::Logs, logs?), (Signal::Traces, traces?), (Signal::Metrics, metrics?)];
        let addresses = Addresses { base: base?, of };
        if addresses.any().is_none() {
            let help = "write `endpoint: https://host:4318`, or an endpoint for each signal";
            return Err(cx.refuse("endpoint", "no endpoint is set", help));
        }
        Ok(addresses)
    }

    fn any(&self) -> Option<&str> {
        self.base.as_deref().or_else(|| self.of.iter().find_map(|(_, address)| address.as_deref()))
    }

    fn url(&self, target: &Target) -> Option<String> {
        let own =
            self.of.iter().find(|(signal, _)| *signal == target.signal).and_then(|(_, own)| own.clone());
        own.or_else(|| Some(format!("{}{}", self.base.as_deref()?, target.path())))
    }
}

#[cfg(test)]
mod tests;
