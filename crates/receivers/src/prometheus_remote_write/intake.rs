//! From a request to the pipelines.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use engine::Outlet;
use model::{Reason, Signal};
use tracing::warn;
use wire::inflate;
use wire::remote_write::{Decoded, Unreadable, Version, decode};

use super::reply::{Refusal, Written, respond};
use crate::auth::Guard;
use crate::connections::{Traffic, is_too_long};

/// Prometheus' own path, that of Cortex and Mimir, and what is left of an address without one.
const PATHS: [&str; 3] = ["/api/v1/write", "/api/v1/push", "/"];

pub(super) struct Intake {
    pub out: Outlet,
    /// Of a request, as sent and after decompression.
    pub max_bytes: usize,
    pub traffic: Arc<Traffic>,
    /// Lets everybody in when absent.
    pub guard: Option<Guard>,
}

pub(super) async fn answer(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let _busy = intake.traffic.busy();
    let version = version(request.headers());
    let mut written = Written::default();
    let taken = intake.take(request, version, &mut written).await;
    if let Err(Refusal(status, why)) = &taken {
        warn!(component = %intake.out.id(), status = status.as_u16(), why, "request refused");
    }
    respond(version, taken, &written)
}

/// The message that the content type names; a request without one is of the first version.
fn version(headers: &HeaderMap) -> Option<Version> {
    let kind = headers.get(CONTENT_TYPE).map_or(Ok(""), |kind| kind.to_str()).ok()?;
    let mut parts = kind.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    if !kind.is_empty() && !kind.eq_ignore_ascii_case("application/x-protobuf") {
        return None;
    }
    let proto = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| {
        let name = name.trim();
        name.eq_ignore_ascii_case("proto")
    });
    match proto.map(|(_, value)| value.trim().trim_matches('"')) {
        None | Some("prometheus.WriteRequest") => Some(Version::One),
        Some("io.prometheus.write.v2.Request") => Some(Version::Two),
        Some(_) => None,
    }
}

impl Intake {
    async fn take(
        &self,
        request: Request,
        version: Option<Version>,
        written: &mut Written,
    ) -> Result<(), Refusal> {
        let path = request.uri().path();
        if !PATHS.contains(&path) {
            let why = format!("nothing is served at {path}; write to /api/v1/write");
            return Err(Refusal(StatusCode::NOT_FOUND, why));
        }
        if *request.method() != Method::POST {
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "write with POST".into()));
        }
        let Some(version) = version else {
            let why =
                "send application/x-protobuf, of prometheus.WriteRequest or io.prometheus.write.v2.Request";
            return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, why.into()));
        };
        self.admit(request.headers()).await?;
        let encoding = request.headers().get(CONTENT_ENCODING).map(|name| name.as_bytes());
        if !matches!(encoding, None | Some(b"" | b"snappy")) {
            let why = "compress with snappy, as one block: `Content-Encoding: snappy`";
            return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, why.into()));
        }
        let body = self.read(request.into_body()).await?;
        let bytes = body.len() as u64;
        let decoded = self.decode(version, &body)?;
        drop(body);
        self.send(decoded, bytes, written).await
    }

    /// Refuses who shows no credential, before anything is read of what he sends.
    async fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match &self.guard {
            Some(guard) if !guard.admits(headers).await => {
                Err(Refusal(StatusCode::UNAUTHORIZED, "no credentials that are known here".into()))
            }
            _ => Ok(()),
        }
    }

    async fn read(&self, body: Body) -> Result<Vec<u8>, Refusal> {
        match to_bytes(body, self.max_bytes).await {
            Ok(body) => Ok(Vec::from(body)),
            Err(error) if is_too_long(&error) => Err(self.too_large("the request")),
            // A sender drops what is answered with 400, and this is not its fault.
            Err(_) => Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, "the body did not arrive".into())),
        }
    }

    fn decode(&self, version: Version, body: &[u8]) -> Result<Decoded, Refusal> {
        let bytes = body.len() as u64;
        let inflated = inflate::snappy_block(body, self.max_bytes);
        match inflated.broken {
            _ if inflated.too_large => return Err(self.too_large("the request, decompressed,")),
            Some(why) => return Err(self.malformed(why, bytes)),
            None => {}
        }
        decode(version, inflated.bytes, self.out.id().clone()).map_err(|error| match error {
            Unreadable::Damaged(damage) => {
                self.malformed(&format!("the body is no remote write: {damage}"), bytes)
            }
            Unreadable::TooLarge => {
                self.out.refuse(Reason::TooLarge, 1, bytes);
                Refusal(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
            }
        })
    }

    async fn send(&self, decoded: Decoded, bytes: u64, written: &mut Written) -> Result<(), Refusal> {
        let Decoded { batch, samples, histograms, exemplars, refused } = decoded;
        for cause in &refused {
            self.out.refuse(cause.reason, cause.records, cause.bytes);
        }
        if !batch.is_empty() {
            if !self.out.takes(Signal::Metrics) {
                self.out.refuse(Reason::Unmatched, batch.len() as u64, bytes);
                return Err(Refusal(StatusCode::NOT_FOUND, "no pipeline takes metrics".into()));
            }
            self.out.send(batch, bytes).await.map_err(|_| {
                let why = "not every destination took the samples".into();
                Refusal(StatusCode::SERVICE_UNAVAILABLE, why)
            })?;
        }
        *written = Written { samples, histograms, exemplars };
        if refused.is_empty() {
            return Ok(());
        }
        let causes: Vec<String> =
            refused.iter().map(|cause| format!("{} for {}", cause.records, cause.why)).collect();
        let why = format!("taken but for some samples: {}", causes.join(", "));
        Err(Refusal(StatusCode::BAD_REQUEST, why))
    }

    fn malformed(&self, why: &str, bytes: u64) -> Refusal {
        self.out.refuse(Reason::Malformed, 1, bytes);
        Refusal(StatusCode::BAD_REQUEST, why.into())
    }

    fn too_large(&self, what: &str) -> Refusal {
        self.out.refuse(Reason::TooLarge, 1, 0);
        let why = format!("{what} is larger than max_request_body_bytes, which is {}", self.max_bytes);
        Refusal(StatusCode::PAYLOAD_TOO_LARGE, why)
    }
}
