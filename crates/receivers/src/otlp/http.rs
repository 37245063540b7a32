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

use super::HttpConfig;
use super::cors::Cors;
use super::intake::Intake;
use super::reply::{Code, Encoding, Refusal, respond};

struct Site {
    intake: Arc<Intake>,
    cors: Option<Cors>,
    paths: [(Signal, String); 3],
}

pub(super) fn router(intake: Arc<Intake>, config: &HttpConfig) -> Router {
    let paths = [
        (Signal::Logs, config.logs_path.clone()),
        (Signal::Traces, config.traces_path.clone()),
        (Signal::Metrics, config.metrics_path.clone()),
    ];
    Router::new().fallback(answer).with_state(Arc::new(Site { intake, cors: config.cors.clone(), paths }))
}

async fn answer(State(site): State<Arc<Site>>, request: Request) -> Response {
    let _busy = site.intake.traffic.busy();
    let allowed = site.cors.as_ref().map(|cors| cors.allow(request.headers())).unwrap_or_default();
    if request.method() == Method::OPTIONS && !allowed.is_empty() {
        return with(allowed, Response::default());
    }
    let encoding = Encoding::of(request.headers());
    let taken = take(&site, request, encoding).await;
    if let Err(Refusal(status, _, why)) = &taken {
        warn!(component = %site.intake.out.id(), status = status.as_u16(), why, "request refused");
    }
    with(allowed, respond(encoding, taken))
}

fn with(headers: HeaderMap, mut response: Response) -> Response {
    response.headers_mut().extend(headers);
    response
}

async fn take(site: &Site, request: Request, encoding: Option<Encoding>) -> Result<(), Refusal> {
    let intake = &site.intake;
    let signal = site.signal_of(request.uri().path())?;
    if *request.method() != Method::POST {
        let why = "405 method not allowed, supported: [POST]".into();
        return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, why));
    }
    let Some(encoding) = encoding else {
        let why = "415 unsupported media type, supported: [application/json, application/x-protobuf]";
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Invalid, why.into()));
    };
    intake.admit(request.headers()).await?;
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

impl Site {
    fn signal_of(&self, path: &str) -> Result<Signal, Refusal> {
        let served = self.paths.iter().find(|(_, served)| served == path);
        served.map(|(signal, _)| *signal).ok_or_else(|| {
            let why = format!("nothing is served at {path}");
            Refusal(StatusCode::NOT_FOUND, Code::Unimplemented, why)
        })
    }
}
