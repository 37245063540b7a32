//! Sends OTLP, OpenTelemetry's protocol, over gRPC.
//!
//! ```yaml
//! otlp_grpc:
//!   endpoint: https://otlp.example.com:4317
//! ```
//!
//! `http://` sends in the clear. Calls that fail with a code the protocol calls retryable are made again, after the
//! wait the server asks for; others are refusals for ever. What an answer says it refused in part is counted.
//! Source of the rules: the OTLP specification 1.x, OTLP/gRPC.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use bytes::Bytes;
use config::ByteSize;
use engine::{ALL_SIGNALS, BuildContext, ConfigError, Outcome, Payload};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use model::Signal;
use net::http::{Client, Response};
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::grpc::{self, code};

use crate::auth::{Auth, AuthConfig};
use crate::compress::Compression;
use crate::http_destination::{self, Header, describe, no_answer};
use crate::otlp::answer::in_protobuf;
use crate::otlp::{self, Encoding, Requests};

/// The engine's own time limit is shorter; this one is for settings that turn it off.
const TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Scheme, host and port.
    pub endpoint: String,
    /// How messages are compressed.
    #[serde(default = "gzip")]
    pub compression: Compression,
    /// Headers sent with each call.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// Sets a header whose value changes while the program runs.
    #[serde(default)]
    pub auth: Option<AuthConfig>,
    /// A call is made once it holds this much before compression. Servers take 4 MiB when nobody told them otherwise.
    #[serde(default = "two_mebibytes")]
    pub max_body_bytes: ByteSize,
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

pub struct OtlpGrpc {
    endpoint: String,
    compression: Compression,
    max_bytes: u64,
    headers: Vec<(HeaderName, HeaderValue)>,
    auth: Auth,
    client: Client,
}

impl engine::Exporter for OtlpGrpc {
    const NAME: &'static str = "otlp_grpc";
    const SIGNALS: &'static [Signal] = ALL_SIGNALS;
    const TAKES_UNREAD: bool = true;
    type Config = Config;
    type Encoder = Requests;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let endpoint = http_destination::endpoint(&config.endpoint, "endpoint", cx);
        let headers = http_destination::headers(&config.headers, cx);
        let client = http_destination::http2_client(&config.tls, cx);
        let auth = Auth::of(config.auth.as_ref(), cx);
        let max_bytes = config.max_body_bytes.get();
        let (endpoint, headers, client, auth) = (endpoint?, headers?, client?, auth?);
        Ok(OtlpGrpc { endpoint, compression: config.compression, max_bytes, headers, auth, client })
    }

    fn encoder(&self) -> Requests {
        Requests::new(Encoding::Proto, self.compression, self.max_bytes)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let message = match payload.wire() {
            Ok(message) => message,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        let mut request = match self.request(&payload.route, &message) {
            Ok(request) => request,
            Err(error) => {
                return http_destination::until_mended(format!("the request cannot be made: {error}"));
            }
        };
        if let Err(outcome) = self.auth.add(&mut request).await {
            return outcome;
        }
        match self.client.send(request, TIMEOUT).await {
            Ok(response) => self.auth.settle(&response, judge(&response, payload)).await,
            Err(error) => no_answer(&error),
        }
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        otlp::halve(payload, self.compression)
    }

    fn show(&self, payload: &Payload) -> String {
        let method = method(&payload.route);
        let mut text = format!("POST {}{method}\ncontent-type: {GRPC}\n", self.endpoint);
        for (name, _) in &self.headers {
            text.push_str(&format!("{name}: ***\n"));
        }
        text + &self.auth.show() + &otlp::show(payload)
    }
}

const GRPC: &str = "application/grpc";

/// The method for a payload's route, which is the path over HTTP.
fn method(route: &str) -> &'static str {
    match route {
        "/v1/traces" => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "/v1/metrics" => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        _ => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

impl OtlpGrpc {
    fn request(&self, route: &str, message: &[u8]) -> Result<Request<Bytes>, http::Error> {
        let encoding = Compression::of(message).content_encoding();
        let mut request = Request::post(format!("{}{}", self.endpoint, method(route)))
            .header(CONTENT_TYPE, GRPC)
            .header("te", "trailers");
        if let Some(encoding) = encoding {
            request = request.header("grpc-encoding", encoding);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut body = Vec::with_capacity(grpc::HEAD_BYTES + message.len());
        body.extend_from_slice(&grpc::head(encoding.is_some(), message.len()));
        body.extend_from_slice(message);
        request.body(body.into())
    }
}

/// The status stands in the trailers, or in the headers of an answer without a body.
fn judge(response: &Response, payload: &Payload) -> Outcome {
    let told =
        [&response.trailers, &response.headers].into_iter().find(|map| map.contains_key("grpc-status"));
    let Some(told) = told else {
        // Something in between answered, in HTTP.
        return match response.status.as_u16() {
            429 | 502..=504 => http_destination::later(response),
            _ => Outcome::rejected(payload, format!("no gRPC status in the answer: {}", describe(response))),
        };
    };
    let status = text(told, "grpc-status").and_then(|status| status.parse().ok()).unwrap_or(u8::MAX);
    if status == code::OK {
        return accepted(response, payload);
    }
    let wait = text(told, "grpc-status-details-bin").and_then(|details| {
        grpc::retry_delay(&BASE64_STANDARD_NO_PAD.decode(details.trim_end_matches('=')).ok()?)
    });
    let why = text(told, "grpc-message").map(unescape).unwrap_or_default();
    let reason = format!("gRPC status {status}: {why}");
    // The one refusal that smaller calls may get around: gRPC libraries word it alike.
    if status == code::RESOURCE_EXHAUSTED && wait.is_none() && why.contains("larger than max") {
        return Outcome::Split { reason };
    }
    match grpc::is_retryable(status, wait) {
        true => Outcome::Retry { after: wait.filter(|wait| !wait.is_zero()), reason },
        false => Outcome::rejected(payload, reason),
    }
}

fn accepted(response: &Response, payload: &Payload) -> Outcome {
    let message = match grpc::unframe(&response.body) {
        Ok(Some(frame)) if !frame.compressed => &response.body[frame.message],
        // An answer that cannot be read takes nothing back.
        _ => return Outcome::Sent,
    };
    match in_protobuf(message) {
        Ok((refused @ 1.., reason)) => Outcome::Rejected { records: refused.min(payload.records), reason },
        Ok(_) | Err(_) => Outcome::Sent,
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// `grpc-message` is percent-encoded.
fn unescape(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests;
