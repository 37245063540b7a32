//! How routes answer: one object, lines of JSON, or a refusal with its place.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use query::{Answer, End, QueryError, json};
use serde_json::{Value, json};

/// How often a slow query says how far it is.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// A question that was not answered.
pub(crate) struct Refusal(QueryError);

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Refusal {
        Refusal(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = if self.0.refused { StatusCode::BAD_REQUEST } else { StatusCode::INTERNAL_SERVER_ERROR };
        (status, [(header::CONTENT_TYPE, "application/json")], format!("{}\n", refused(&self.0)))
            .into_response()
    }
}

fn refused(error: &QueryError) -> Value {
    let (start, end) = error.place.unzip();
    json!({"error": {"message": error.message, "start": start, "end": end, "expected": error.expected}})
}

pub(crate) fn object(value: &Value) -> Response {
    let head = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (head, format!("{value}\n")).into_response()
}

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    Objects,
    /// After a line that names the columns.
    Arrays,
}

/// A line for each batch, now and then one that tells how far it is, and one for the end. A connection that closes
/// drops the answer, which ends its query.
pub(crate) fn lines(answer: Answer, rows: Rows) -> Response {
    let head = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let columns = (rows == Rows::Arrays).then(|| line(&columns(&answer)));
    let lines = stream::unfold(Some((answer, columns)), move |state| async move {
        let (mut answer, columns) = state?;
        if let Some(columns) = columns {
            return Some((columns, Some((answer, None))));
        }
        let (text, more) = next(&mut answer, rows).await;
        Some((text, more.then_some((answer, None))))
    });
    let body = futures_util::StreamExt::map(lines, Ok::<Bytes, Infallible>);
    (head, Body::from_stream(body)).into_response()
}

fn columns(answer: &Answer) -> Value {
    let columns = answer
        .schema
        .fields()
        .iter()
        .map(|field| json!({"name": field.name(), "type": kind(field.data_type())}));
    json!({"columns": columns.collect::<Vec<_>>()})
}

/// What a page needs to know to show a column.
fn kind(data_type: &arrow::datatypes::DataType) -> &'static str {
    use arrow::datatypes::DataType;
    match data_type {
        DataType::Timestamp(..) => "time",
        DataType::Boolean => "boolean",
        data_type if data_type.is_numeric() => "number",
        DataType::Map(..) | DataType::List(_) | DataType::Struct(_) => "object",
        _ => "text",
    }
}

/// The next line, and whether there is one after it.
async fn next(answer: &mut Answer, rows: Rows) -> (Bytes, bool) {
    match tokio::time::timeout(TELL_EVERY, answer.next()).await {
        Err(_) => {
            let progress = answer.progress();
            let (rows, bytes) = (progress.scanned_rows(), progress.scanned_bytes());
            (line(&json!({"progress": {"scanned_rows": rows, "scanned_bytes": bytes}})), true)
        }
        Ok(Some(Ok(batch))) => {
            let rows = match rows {
                Rows::Objects => {
                    Value::from(json::objects(&batch).into_iter().map(Value::Object).collect::<Vec<_>>())
                }
                Rows::Arrays => {
                    Value::from(json::arrays(&batch).into_iter().map(Value::from).collect::<Vec<_>>())
                }
            };
            (line(&json!({ "rows": rows })), true)
        }
        Ok(Some(Err(error))) => (line(&refused(&error)), true),
        Ok(None) => (line(&ended(&answer.end())), false),
    }
}

/// The last line.
pub(crate) fn ended(end: &End) -> Value {
    json!({"end": {
        "rows": end.rows, "scanned_rows": end.scanned_rows, "scanned_bytes": end.scanned_bytes,
        "seconds": end.seconds, "partial": end.partial,
    }})
}

fn line(value: &Value) -> Bytes {
    format!("{value}\n").into()
}
