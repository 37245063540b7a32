//! Takes in OTLP, OpenTelemetry's protocol, over HTTP.
//!
//! ```yaml
//! otlp:
//!   http:
//!     listen: 127.0.0.1:4318
//! ```
//!
//! `POST /v1/logs`, `/v1/traces` and `/v1/metrics` with `application/x-protobuf` or `application/json`, plain or
//! compressed with gzip or zstd. The answer comes in the encoding of the request, once the records have reached the
//! chosen level: 200; 400 for what is no request; 404 for a signal that no pipeline takes; 413 for too much of it;
//! 503 where not every destination took them. Where nothing behind the receiver looks into requests they go on
//! unread.
//! Source of the rules: the OTLP specification 1.x, OTLP/HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use config::ByteSize;
use engine::{Ack, BuildContext, ConfigError, Fault, Outlet, Receiver, Stop, clock};
use model::{Batch, Reason, Signal};
use net::http::{ServeSettings, serve_with};
use net::tls::{ServerTls, TlsServerConfig};
use net::{Endpoint, Listener, Prebound};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::warn;
use wire::{inflate, otlp};

use self::reply::{Code, Encoding, Refusal, respond};
use crate::connections::{Traffic, until_quiet};

mod reply;

/// Longest that requests in progress may go on at the end.
const GRACE: Duration = Duration::from_millis(400);

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

async fn answer(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let _busy = intake.traffic.busy();
    let encoding = Encoding::of(request.headers());
    let taken = intake.take(request, encoding).await;
    if let Err(Refusal(status, _, why)) = &taken {
        warn!(component = %intake.out.id(), status = status.as_u16(), why, "request refused");
    }
    respond(encoding, taken)
}

fn signal_of(path: &str) -> Result<Signal, Refusal> {
    match path {
        "/v1/logs" => Ok(Signal::Logs),
        "/v1/traces" => Ok(Signal::Traces),
        "/v1/metrics" => Ok(Signal::Metrics),
        path => {
            let why = format!("nothing is served at {path}");
            Err(Refusal(StatusCode::NOT_FOUND, Code::Unimplemented, why))
        }
    }
}

impl Intake {
    async fn take(&self, request: Request, encoding: Option<Encoding>) -> Result<(), Refusal> {
        let signal = signal_of(request.uri().path())?;
        if *request.method() != Method::POST {
            let why = "405 method not allowed, supported: [POST]".into();
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, why));
        }
        let Some(encoding) = encoding else {
            let why = "415 unsupported media type, supported: [application/json, application/x-protobuf]";
            return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Invalid, why.into()));
        };
        let compression = request.headers().get(CONTENT_ENCODING).cloned();
        let body = self.read(request.into_body()).await?;
        let bytes = body.len() as u64;
        let body = self.inflate(compression.as_ref(), body)?;
        let body = match encoding {
            Encoding::Protobuf => body,
            Encoding::Json => {
                otlp::from_json(signal, &body).map_err(|fault| self.malformed(&fault, bytes))?
            }
        };
        let batch = self.batch(signal, body)?;
        if batch.is_empty() {
            return Ok(());
        }
        self.out.send(batch, bytes).await.map_err(|_| {
            let why = "not every destination took the records".into();
            Refusal(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, why)
        })
    }

    fn batch(&self, signal: Signal, body: Vec<u8>) -> Result<Batch, Refusal> {
        let (tag, bytes) = (self.out.id().clone(), body.len() as u64);
        if !self.out.takes(signal) {
            self.out.refuse(Reason::Unmatched, otlp::count(signal, &body).unwrap_or(1), bytes);
            let why = "no pipeline takes this signal".into();
            return Err(Refusal(StatusCode::NOT_FOUND, Code::Unimplemented, why));
        }
        let batch = match self.out.reads(signal) {
            true => otlp::decode(signal, body, tag, clock::now_nanos()),
            false => otlp::count(signal, &body).map(|items| Batch::unread(tag, signal, body, items)),
        };
        batch.map_err(|damage| self.malformed(&damage, bytes))
    }

    fn malformed(&self, why: &dyn std::fmt::Display, bytes: u64) -> Refusal {
        self.out.refuse(Reason::Malformed, 1, bytes);
        Refusal(StatusCode::BAD_REQUEST, Code::Invalid, format!("the body is no export request: {why}"))
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
                return Err(Refusal(StatusCode::BAD_REQUEST, Code::Invalid, why));
            }
        };
        match inflated.broken {
            _ if inflated.too_large => Err(self.too_large()),
            Some(why) => {
                self.out.refuse(Reason::Malformed, 1, body.len() as u64);
                Err(Refusal(StatusCode::BAD_REQUEST, Code::Invalid, why.into()))
            }
            None => Ok(inflated.bytes),
        }
    }

    fn too_large(&self) -> Refusal {
        self.out.refuse(Reason::TooLarge, 1, 0);
        let why = format!("the request is larger than {} bytes or did not arrive whole", self.max_bytes);
        Refusal(StatusCode::PAYLOAD_TOO_LARGE, Code::Invalid, why)
    }
}

#[cfg(test)]
mod tests;
