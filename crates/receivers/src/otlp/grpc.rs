//! OTLP over gRPC: one unary call a signal, the status in trailers.
//!
//! Source: gRPC over HTTP2, the project's protocol page.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use http_body_util::{BodyExt, Full};
use model::Signal;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tracing::warn;
use wire::grpc;

use super::intake::Intake;
use super::reply::{Code, Refusal};

/// What `grpc-message` escapes: all but printable ASCII, and the escape itself.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

pub(super) fn router(intake: Arc<Intake>) -> Router {
    Router::new().fallback(answer).with_state(intake)
}

async fn answer(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let _busy = intake.traffic.busy();
    match take(&intake, request).await {
        Ok(()) => accepted(),
        Err(Refusal(_, code, why)) => {
            warn!(component = %intake.out.id(), code = code as u8, why, "call refused");
            refused(code, &why)
        }
    }
}

async fn take(intake: &Intake, request: Request) -> Result<(), Refusal> {
    let path = request.uri().path();
    let Some(signal) = signal_of(path) else {
        let why = format!("unknown method {path}");
        return Err(Refusal(axum::http::StatusCode::NOT_FOUND, Code::Unimplemented, why));
    };
    intake.admit(request.headers()).await?;
    let encoding = request.headers().get("grpc-encoding").cloned();
    let most = intake.max_bytes.saturating_add(grpc::HEAD_BYTES);
    let mut body = intake.read(request.into_body(), most).await?;
    let bytes = body.len() as u64;
    let message = match grpc::unframe(&body) {
        Ok(Some(frame)) => frame,
        Ok(None) => return Err(intake.malformed("the call holds no message", bytes)),
        Err(why) => return Err(intake.malformed(why, bytes)),
    };
    body.drain(..message.message.start);
    if message.compressed {
        let encoding = encoding.as_ref().map(HeaderValue::as_bytes).unwrap_or_default();
        body = intake.inflate(encoding, body)?;
    }
    intake.take(signal, body, bytes).await
}

fn signal_of(path: &str) -> Option<Signal> {
    match path {
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Signal::Logs),
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(Signal::Traces),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        _ => None,
    }
}

/// A response message that says no more than that all was taken is empty.
fn accepted() -> Response {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let message = Bytes::from_static(&[0; grpc::HEAD_BYTES]);
    let body = Full::new(message).with_trailers(async move { Some(Ok(trailers)) });
    respond(Body::new(body))
}

/// Without a message the trailers are the headers.
fn refused(code: Code, why: &str) -> Response {
    let mut response = respond(Body::empty());
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(code as u16));
    if let Ok(why) = HeaderValue::try_from(utf8_percent_encode(why, ESCAPED).to_string()) {
        headers.insert("grpc-message", why);
    }
    response
}

fn respond(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
