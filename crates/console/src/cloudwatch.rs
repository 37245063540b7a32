//! `POST /`: the calls of CloudWatch Logs' API that read, so that scripts written for it ask the lake.
//!
//! A call names its operation in `X-Amz-Target`, its body is JSON, and so is the answer. Nothing is signed for: the guard
//! decides who may ask. docs/cloudwatch-api.md says what is answered and what log groups are.

mod events;
mod groups;
mod queries;
mod results;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use query::QueryError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Console, page};
use queries::Queries;

/// What the operations share.
#[derive(Clone)]
struct Api {
    console: Console,
    queries: Arc<Queries>,
}

pub(crate) fn routes(console: Console) -> Router {
    let api = Api { console, queries: Arc::default() };
    Router::new().route("/", post(answer).fallback(page)).with_state(api)
}

const TARGET: &str = "Logs_20140328.";

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

async fn answer(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match operation(&api, target, &body).await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(failure) => failure.into_response(),
    }
}

async fn operation(api: &Api, target: &str, body: &[u8]) -> Result<String, Failure> {
    let Some(name) = target.strip_prefix(TARGET) else {
        let message = "the header X-Amz-Target names no operation of CloudWatch Logs";
        return Err(Failure::new("UnknownOperationException", message));
    };
    match name {
        "StartQuery" => queries::start(api, input(body)?).await,
        "GetQueryResults" => queries::results(api, &input(body)?),
        "StopQuery" => queries::stop(api, &input(body)?),
        "DescribeQueries" => queries::describe(api, &input(body)?),
        "DescribeLogGroups" => groups::describe(api, &input(body)?).await,
        "DescribeLogStreams" => groups::describe_streams(api, &input(body)?).await,
        "FilterLogEvents" => events::filter(api, input(body)?).await,
        "GetLogEvents" => events::get(api, input(body)?).await,
        "GetLogRecord" => events::record(api, &input(body)?).await,
        "StartLiveTail" => Err(Failure::new(
            "InvalidOperationException",
            "StartLiveTail's event stream is not supported; GET api/logs/tail tells records as they come",
        )),
        other => {
            let message = format!("{other} is not answered here; docs/cloudwatch-api.md lists what is");
            Err(Failure::new("UnknownOperationException", message))
        }
    }
}

fn input<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Failure::new("SerializationException", format!("the body: {error}")))
}

/// Why a call is not answered, as AWS' clients read it.
#[derive(Debug)]
struct Failure {
    kind: &'static str,
    message: String,
    more: Map<String, Value>,
    status: StatusCode,
}

impl Failure {
    fn new(kind: &'static str, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into(), more: Map::new(), status: StatusCode::BAD_REQUEST }
    }

    fn parameter(message: impl Into<String>) -> Failure {
        Failure::new("InvalidParameterException", message)
    }

    fn no_such(what: &str, name: &str) -> Failure {
        Failure::new("ResourceNotFoundException", format!("The specified {what} does not exist: {name}"))
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Failure {
        if error.refused {
            return Failure::parameter(error.message);
        }
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Failure { status, ..Failure::new("ServiceUnavailableException", error.message) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = self.more;
        body.insert("__type".into(), self.kind.into());
        body.insert("message".into(), self.message.into());
        let head = [(header::CONTENT_TYPE, CONTENT_TYPE)];
        (self.status, head, Value::Object(body).to_string()).into_response()
    }
}
