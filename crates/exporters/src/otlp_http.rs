//! Sends OTLP, OpenTelemetry's protocol, over HTTP as protobuf.
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
//! refusals for ever. What an answer says it refused in part is counted.
//! Source of the rules: the OTLP specification 1.x, OTLP/HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::ByteSize;
use engine::{BuildContext, ConfigError, Encoder, Outcome, Payload, Sealed};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request};
use model::{Batch, Signal};
use net::http::{Client, Response};
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::otlp;
use wire::protobuf::{Damaged, Message};

use crate::compress::{Compression, Compressor, compress, decompress};
use crate::http_destination::{self, Header, describe, later, no_answer};

/// The engine's own time limit is shorter; this one is for settings that turn it off.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Records written at a time, so that a payload does not pass its size by much.
const STRIDE: usize = 256;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Scheme, host and, if need be, the path before `/v1/`.
    pub endpoint: String,
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

fn gzip() -> Compression {
    Compression::Gzip
}

fn two_mebibytes() -> ByteSize {
    ByteSize::mib(2)
}

pub struct OtlpHttp {
    endpoint: String,
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
        Ok(OtlpHttp { endpoint, compression: config.compression, max_bytes, headers, client })
    }

    fn encoder(&self) -> Requests {
        Requests { max_bytes: self.max_bytes, compression: self.compression, open: Vec::new() }
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let body = match payload.wire() {
            Ok(body) => body,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        let request = match self.request(&payload.route, body) {
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
        let signal = signal_of(&payload.route)?;
        let plain = plain(payload)?;
        let (first, second) = otlp::halve(&plain)?;
        let part = |raw: &[u8]| {
            let records = otlp::count(signal, raw).ok()?;
            let body = compress(self.compression, raw);
            Some(Payload::new(body, payload.route.clone(), records, raw.len() as u64))
        };
        Some((part(first)?, part(second)?))
    }

    fn show(&self, payload: &Payload) -> String {
        let mut text = format!("POST {}{}\ncontent-type: {PROTOBUF}\n", self.endpoint, payload.route);
        for (name, _) in &self.headers {
            text.push_str(&format!("{name}: ***\n"));
        }
        let bytes = plain(payload).map_or(0, |plain| plain.len());
        text + &format!("\n({} items, {bytes} bytes of protobuf)\n", payload.records)
    }
}

const PROTOBUF: &str = "application/x-protobuf";

fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Logs => "/v1/logs",
        Signal::Traces => "/v1/traces",
        Signal::Metrics => "/v1/metrics",
    }
}

fn signal_of(route: &str) -> Option<Signal> {
    [Signal::Logs, Signal::Traces, Signal::Metrics].into_iter().find(|signal| path(*signal) == route)
}

fn plain(payload: &Payload) -> Option<Vec<u8>> {
    let body = payload.wire().ok()?;
    decompress(Compression::of(&body), &body, payload.raw_bytes).ok()
}

impl OtlpHttp {
    fn request(&self, path: &str, body: Bytes) -> Result<Request<Bytes>, http::Error> {
        let mut request = Request::post(format!("{}{path}", self.endpoint)).header(CONTENT_TYPE, PROTOBUF);
        if let Some(encoding) = Compression::of(&body).content_encoding() {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(body)
    }
}

fn judge(response: &Response, payload: &Payload) -> Outcome {
    match response.status.as_u16() {
        200..300 => match refused_in_part(&response.body) {
            Ok(Some((refused, reason))) => {
                Outcome::Rejected { records: refused.min(payload.records), reason }
            }
            // An answer that cannot be read takes nothing back.
            Ok(None) | Err(_) => Outcome::Sent,
        },
        413 => Outcome::Split { reason: describe(response) },
        429 | 502..=504 => later(response),
        _ => Outcome::rejected(payload, describe(response)),
    }
}

/// `partial_success` of the answer: how many items were refused, and why. The fields are the same for all signals.
fn refused_in_part(answer: &[u8]) -> Result<Option<(u64, String)>, Damaged> {
    let mut message = Message::within(0..answer.len());
    let (mut refused, mut why) = (0, String::new());
    while let Some(field) = message.next(answer)? {
        if field.number != 1 {
            continue;
        }
        let mut partial = field.message()?;
        while let Some(field) = partial.next(answer)? {
            match field.number {
                1 => refused = field.varint()?,
                2 => why = String::from_utf8_lossy(&answer[field.range()?]).into_owned(),
                _ => {}
            }
        }
    }
    Ok((refused > 0).then_some((refused, why)))
}

/// Fills requests, one a signal.
pub struct Requests {
    max_bytes: u64,
    compression: Compression,
    open: Vec<Open>,
}

struct Open {
    signal: Signal,
    route: Arc<str>,
    body: Compressor,
    items: u64,
}

impl Requests {
    fn open(&mut self, signal: Signal) -> &mut Open {
        let place = self.open.iter().position(|open| open.signal == signal).unwrap_or_else(|| {
            let body = Compressor::new(self.compression);
            self.open.push(Open { signal, route: path(signal).into(), body, items: 0 });
            self.open.len() - 1
        });
        &mut self.open[place]
    }

    /// Adds what `write` writes; a request that has become full is sealed.
    fn add(&mut self, signal: Signal, items: u64, out: &mut Sealed, write: impl FnOnce(&mut Vec<u8>)) {
        let max_bytes = self.max_bytes;
        let open = self.open(signal);
        write(open.body.buffer());
        open.items += items;
        open.body.step();
        if open.body.raw_bytes() >= max_bytes {
            open.seal(out);
        }
    }
}

impl Encoder for Requests {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        if let Some(unread) = batch.unread {
            let request = batch.arena.input();
            return self.add(unread.signal, unread.items, out, |body| body.extend_from_slice(request));
        }
        for start in (0..batch.logs.len()).step_by(STRIDE) {
            let records = start..batch.logs.len().min(start + STRIDE);
            let items = records.len() as u64;
            self.add(Signal::Logs, items, out, |body| otlp::encode_logs(batch, records, body));
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        self.open.iter_mut().for_each(|open| open.seal(out));
    }
}

impl Open {
    fn seal(&mut self, out: &mut Sealed) {
        if self.items == 0 {
            return;
        }
        let raw_bytes = self.body.raw_bytes();
        out.push(Payload::new(self.body.finish(), self.route.clone(), self.items, raw_bytes));
        self.items = 0;
    }
}

#[cfg(test)]
mod tests;
