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

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use config::ByteSize;
use engine::{BuildContext, ConfigError, Outcome, Payload};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request};
use net::http::Client;
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::otlp;

use self::answer::judge;
use self::requests::Requests;
use self::target::Target;
use crate::compress::{Compression, compress, decompress};
use crate::http_destination::{self, Header, no_answer};

mod answer;
mod requests;
mod target;

/// The engine's own time limit is shorter; this one is for settings that turn it off.
const TIMEOUT: Duration = Duration::from_secs(300);
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Scheme, host and, if need be, the path before `/v1/`.
    pub endpoint: String,
    /// How requests are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// How bodies are compressed.
    #[serde(default = "gzip")]
    pub compression: Compression,
    /// Headers sent with each request.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// A request is sent once it holds this much before compression.
    #[serde(default = "two_mebibytes")]
    pub max_body_bytes: ByteSize,
    /// Proxy to go through instead of the one in `HTTP_PROXY` or `HTTPS_PROXY`.
    #[serde(default)]
    pub proxy: Option<String>,
    /// TLS towards the endpoint.
    #[serde(default)]
    pub tls: TlsClientConfig,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Protobuf.
    #[default]
    Proto,
    Json,
}

fn gzip() -> Compression {
    Compression::Gzip
}

fn two_mebibytes() -> ByteSize {
    ByteSize::mib(2)
}

pub struct OtlpHttp {
    endpoint: String,
    encoding: Encoding,
    compression: Compression,
    max_bytes: u64,
    headers: Vec<(HeaderName, HeaderValue)>,
    client: Client,
}

impl engine::Exporter for OtlpHttp {
    const NAME: &'static str = "otlp_http";
    const TAKES_UNREAD: bool = true;
    type Config = Config;
    type Encoder = Requests;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let endpoint = http_destination::endpoint(&config.endpoint, "endpoint", cx);
        let headers = http_destination::headers(&config.headers, cx);
        let client = http_destination::client(Some(&config.tls), config.proxy.as_deref(), cx);
        let max_bytes = config.max_body_bytes.get();
        let (endpoint, headers, client) = (endpoint?, headers?, client?);
        let Config { encoding, compression, .. } = config;
        Ok(OtlpHttp { endpoint, encoding, compression, max_bytes, headers, client })
    }

    fn encoder(&self) -> Requests {
        Requests::new(self.encoding, self.compression, self.max_bytes)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let body = match payload.wire() {
            Ok(body) => body,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        let Some(target) = Target::of(&payload.route) else {
            return Outcome::rejected(
                payload,
                format!("bug: a payload for `{}`, expected a path", payload.route),
            );
        };
        let request = match self.request(&target, body) {
            Ok(request) => request,
            Err(error) => {
                return http_destination::until_mended(format!("the request cannot be made: {error}"));
            }
        };
        match self.client.send(request, TIMEOUT).await {
            Ok(response) => judge(&response, payload),
            Err(error) => no_answer(&error),
        }
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        let target = Target::of(&payload.route)?;
        let mut plain = plain(payload)?;
        if target.encoding == Encoding::Json {
            plain = otlp::from_json(target.signal, &plain).ok()?;
        }
        let (first, second) = otlp::halve(&plain)?;
        let part = |raw: &[u8]| {
            let records = otlp::count(target.signal, raw).ok()?;
            let raw = match target.encoding {
                Encoding::Proto => Cow::Borrowed(raw),
                Encoding::Json => Cow::Owned(otlp::to_json(target.signal, raw).ok()?),
            };
            let body = compress(self.compression, &raw);
            Some(Payload::new(body, payload.route.clone(), records, raw.len() as u64))
        };
        Some((part(first)?, part(second)?))
    }

    fn show(&self, payload: &Payload) -> String {
        let Some(target) = Target::of(&payload.route) else { return String::new() };
        let (url, kind) = (self.url(&target), target.content_type());
        let mut text = format!("POST {url}\ncontent-type: {kind}\n");
        for (name, _) in &self.headers {
            text.push_str(&format!("{name}: ***\n"));
        }
        let plain = plain(payload).unwrap_or_default();
        text + &match target.encoding {
            Encoding::Proto => format!("\n({} items, {} bytes of protobuf)\n", payload.records, plain.len()),
            Encoding::Json => format!("\n{}\n", String::from_utf8_lossy(&plain)),
        }
    }
}

fn plain(payload: &Payload) -> Option<Vec<u8>> {
    let body = payload.wire().ok()?;
    decompress(Compression::of(&body), &body, payload.raw_bytes).ok()
}

impl OtlpHttp {
    fn url(&self, target: &Target) -> String {
        format!("{}{}", self.endpoint, target.path())
    }

    fn request(&self, target: &Target, body: Bytes) -> Result<Request<Bytes>, http::Error> {
        let mut request = Request::post(self.url(target)).header(CONTENT_TYPE, target.content_type());
        if let Some(encoding) = Compression::of(&body).content_encoding() {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(body)
    }
}

#[cfg(test)]
mod tests;
