//! OTLP over HTTP: paths, encodings, answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use model::Signal;
use tracing::warn;
use wire::otlp;

use super::cors::Cors;
use super::intake::Intake;
use super::reply::{Code, Encoding, Refusal, respond};

struct Site {
    intake: Arc<Intake>,
    cors: Option<Cors>,
}

pub(super) fn router(intake: Arc<Intake>, cors: Option<Cors>) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(Site { intake, cors }))
}

async fn answer(State(site): State<Arc<Site>>, request: Request) -> Response {
    let _busy = site.intake.traffic.busy();
    let allowed = site.cors.as_ref().map(|cors| cors.allow(request.headers())).unwrap_or_default();
    if request.method() == Method::OPTIONS && !allowed.is_empty() {
        return with(allowed, Response::default());
    }
    let encoding = Encoding::of(request.headers());
    let taken = take(&site.intake, request, encoding).await;
    if let Err(Refusal(status, _, why)) = &taken {
        warn!(component = %site.intake.out.id(), status = status.as_u16(), why, "request refused");
    }
    with(allowed, respond(encoding, taken))
}

fn with(headers: HeaderMap, mut response: Response) -> Response {
    response.headers_mut().extend(headers);
    response
}

async fn take(intake: &Intake, request: Request, encoding: Option<Encoding>) -> Result<(), Refusal> {
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
    let body = intake.read(request.into_body(), intake.max_bytes).await?;
    let bytes = body.len() as u64;
    let compression = compression.as_ref().map(|name| name.as_bytes()).unwrap_or_default();
    let body = intake.inflate(compression, body)?;
    let body = match encoding {
        Encoding::Protobuf => body,
        Encoding::Json => otlp::from_json(signal, &body).map_err(|fault| intake.malformed(fault, bytes))?,
    };
    intake.take(signal, body, bytes).await
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
