//! Takes in OTLP, OpenTelemetry's protocol, over HTTP.
//!
//! ```yaml
//! otlp:
//!   http:
//!     listen: 127.0.0.1:4318
//! ```
//!
//! `POST /v1/logs` with `application/x-protobuf`, plain or compressed with gzip or zstd. The answer comes once the
//! records have reached the chosen level: 200; 400 for what is no request; 413 for too much of it; 503 where not
//! every destination took them. Where nothing behind the receiver looks into requests they go on as they came,
//! and traces (`/v1/traces`) and metrics (`/v1/metrics`) are taken, too.
//! Source of the rules: the OTLP specification 1.x, OTLP/HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use config::ByteSize;
use engine::{Ack, BuildContext, ConfigError, Fault, Outlet, Receiver, Stop, clock};
use model::{Batch, Reason, Signal};
use net::http::{ServeSettings, serve_with};
use net::tls::{ServerTls, TlsServerConfig};
use net::{Endpoint, Listener, Prebound};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::warn;
use wire::{inflate, otlp, protobuf};

use crate::connections::{Traffic, until_quiet};

/// Longest that requests in progress may go on at the end.
const GRACE: Duration = Duration::from_millis(400);
const PROTOBUF: &str = "application/x-protobuf";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// OTLP over HTTP.
    pub http: HttpConfig,
    /// How far records must have come before the answer.
    #[serde(default)]
    pub ack: Ack,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port to listen on.
    pub listen: Endpoint,
    /// Largest request, as sent and after decompression.
    #[serde(default = "twenty_mebibytes")]
    pub max_request_body_bytes: ByteSize,
    /// Speak TLS.
    #[serde(default)]
    pub tls: Option<TlsServerConfig>,
}

fn twenty_mebibytes() -> ByteSize {
    ByteSize::mib(20)
}

pub struct Otlp {
    http: HttpConfig,
    sockets: Prebound,
    ack: Ack,
}

impl Receiver for Otlp {
    const NAME: &'static str = "otlp";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Otlp { http: config.http, sockets: cx.surroundings.sockets.clone(), ack: config.ack })
    }

    async fn run(self, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let listener =
            self.sockets.listen(&self.http.listen).map_err(|error| Fault::from("cannot listen", error))?;
        self.serve(listener, out, stop).await
    }
}

impl Otlp {
    async fn serve(self, mut listener: Listener, out: Outlet, stop: Stop) -> Result<(), Fault> {
        if let Some(tls) = &self.http.tls {
            let tls = ServerTls::new(tls).map_err(|error| Fault::from("cannot set up TLS", error))?;
            listener = listener.with_tls(tls);
        }
        let max_bytes = self.http.max_request_body_bytes.as_usize();
        let settings = ServeSettings { max_body_bytes: max_bytes, grace: GRACE, ..ServeSettings::default() };
        let traffic = Arc::new(Traffic::default());
        let intake = Intake { out: out.with_ack(self.ack), max_bytes, traffic: traffic.clone() };
        let router = Router::new().fallback(answer).with_state(Arc::new(intake));
        serve_with(listener, router, until_quiet(stop, &traffic), settings).await;
        Ok(())
    }
}

struct Intake {
    out: Outlet,
    max_bytes: usize,
    traffic: Arc<Traffic>,
}

/// An HTTP status, the code of `google.rpc.Code` that goes with it, and why.
struct Refusal(StatusCode, u64, String);

const INVALID: u64 = 3;
const UNIMPLEMENTED: u64 = 12;
const UNAVAILABLE: u64 = 14;

async fn answer(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let _busy = intake.traffic.busy();
    let (status, body) = match intake.take(request).await {
        Ok(()) => (StatusCode::OK, Vec::new()),
        Err(Refusal(status, code, why)) => {
            warn!(component = %intake.out.id(), status = status.as_u16(), why, "request refused");
            let mut body = Vec::new();
            protobuf::write_number(&mut body, 1, code);
            protobuf::write_bytes(&mut body, 2, why.as_bytes());
            (status, body)
        }
    };
    (status, [(CONTENT_TYPE, PROTOBUF)], body).into_response()
}

impl Intake {
    async fn take(&self, request: Request) -> Result<(), Refusal> {
        let signal = match request.uri().path() {
            "/v1/logs" => Signal::Logs,
            "/v1/traces" => Signal::Traces,
            "/v1/metrics" => Signal::Metrics,
            path => {
                let why = format!("nothing is served at {path}");
                return Err(Refusal(StatusCode::NOT_FOUND, UNIMPLEMENTED, why));
            }
        };
        if *request.method() != Method::POST {
            let why = "405 method not allowed, supported: [POST]".into();
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, UNIMPLEMENTED, why));
        }
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some(PROTOBUF) {
            let why = format!("415 unsupported media type, supported: [{PROTOBUF}]");
            return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, why));
        }
        let encoding = request.headers().get(CONTENT_ENCODING).cloned();
        let body = self.read(request.into_body()).await?;
        let bytes = body.len() as u64;
        let body = self.inflate(encoding.as_ref(), body)?;
        let batch = self.batch(signal, body)?;
        if batch.is_empty() {
            return Ok(());
        }
        self.out.send(batch, bytes).await.map_err(|_| {
            let why = "not every destination took the records".into();
            Refusal(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, why)
        })
    }

    fn batch(&self, signal: Signal, body: Vec<u8>) -> Result<Batch, Refusal> {
        let (tag, bytes) = (self.out.id().clone(), body.len() as u64);
        let read = match (self.out.reads(signal), signal) {
            (false, _) => otlp::count(signal, &body).map(|items| Batch::unread(tag, signal, body, items)),
            (true, Signal::Logs) => otlp::decode_logs(body, tag, clock::now_nanos()),
            (true, _) => {
                let items = otlp::count(signal, &body).unwrap_or(1);
                self.out.refuse(Reason::Unmatched, items, bytes);
                let why = "traces and metrics are taken where no processor is in their way".into();
                return Err(Refusal(StatusCode::NOT_FOUND, UNIMPLEMENTED, why));
            }
        };
        read.map_err(|error| {
            self.out.refuse(Reason::Malformed, 1, bytes);
            Refusal(StatusCode::BAD_REQUEST, INVALID, format!("the body is no export request: {error}"))
        })
    }

    async fn read(&self, body: Body) -> Result<Vec<u8>, Refusal> {
        // The server cuts off a body that is longer, and one that did not arrive looks alike.
        to_bytes(body, self.max_bytes).await.map(Vec::from).map_err(|_| self.too_large())
    }

    fn inflate(&self, encoding: Option<&HeaderValue>, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        let inflated = match encoding.map(HeaderValue::as_bytes) {
            None | Some(b"" | b"identity") => return Ok(body),
            Some(b"gzip") => inflate::gzip(&body, self.max_bytes),
            Some(b"zstd") => inflate::zstd(&body, self.max_bytes),
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                let why = format!("unsupported Content-Encoding `{other}`; send gzip, zstd or none");
                return Err(Refusal(StatusCode::BAD_REQUEST, INVALID, why));
            }
        };
        match inflated.broken {
            _ if inflated.too_large => Err(self.too_large()),
            Some(why) => {
                self.out.refuse(Reason::Malformed, 1, body.len() as u64);
                Err(Refusal(StatusCode::BAD_REQUEST, INVALID, why.into()))
            }
            None => Ok(inflated.bytes),
        }
    }

    fn too_large(&self) -> Refusal {
        self.out.refuse(Reason::TooLarge, 1, 0);
        let why = format!("the request is larger than {} bytes or did not arrive whole", self.max_bytes);
        Refusal(StatusCode::PAYLOAD_TOO_LARGE, INVALID, why)
    }
}

#[cfg(test)]
mod tests;
