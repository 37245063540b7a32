//! `api/traces` and what stands below it.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::Console;
use crate::answers::{Refusal, ended, object};
use crate::logs::objects;
use crate::parameters::Parameters;

const MOST_TRACES: usize = 1000;

pub(crate) async fn traces(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let (search, range) = (asked.search()?, asked.range()?);
    let answer = console.engine.traces(&search, range, asked.size("limit", 200, MOST_TRACES)?)?;
    let (rows, end) = answer.collect().await?;
    let rows: Vec<_> = objects(&rows).into_iter().map(listed).collect();
    let lines = format!("{}\n{}\n", json!({ "rows": rows }), ended(&end));
    let head = [(axum::http::header::CONTENT_TYPE, "application/x-ndjson")];
    Ok(axum::response::IntoResponse::into_response((head, lines)))
}

/// Rows of one trace were summed; what is left is to say each service once, and how long it took.
fn listed(mut row: Map<String, Value>) -> Map<String, Value> {
    let start = row.get("start").and_then(Value::as_i64).unwrap_or_default();
    let end = row.remove("end").and_then(|end| end.as_i64()).unwrap_or(start);
    row.insert("duration_ns".into(), json!((end - start).max(0) * 1000));
    let names =
        row.remove("services").and_then(|names| names.as_str().map(str::to_owned)).unwrap_or_default();
    let mut services: Vec<&str> = names.split(',').filter(|name| !name.is_empty()).collect();
    services.sort_unstable();
    services.dedup();
    row.insert("services".into(), json!(services));
    row
}

pub(crate) async fn trace(
    State(console): State<Console>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = padded(&id);
    let spans: Vec<_> = objects(&console.engine.trace(&id).await?).into_iter().map(span).collect();
    Ok(object(&json!({"trace_id": id, "spans": spans})))
}

/// Ids of 64 bits are written without their zeros by some.
fn padded(id: &str) -> String {
    format!("{:0>32}", id.to_ascii_lowercase())
}

fn span(mut row: Map<String, Value>) -> Map<String, Value> {
    let start = row.remove("time").unwrap_or_default();
    row.insert("start".into(), start);
    for list in ["events", "links"] {
        if let Some(Value::String(text)) = row.get(list) {
            let items = serde_json::from_str(text).unwrap_or(Value::Null);
            row.insert(list.into(), items);
        }
    }
    row
}

pub(crate) async fn logs(
    State(console): State<Console>,
    Path(id): Path<String>,
    asked: Parameters,
) -> Result<Response, Refusal> {
    let rows = console.engine.trace_logs(&padded(&id), asked.get("span")).await?;
    Ok(object(&json!({"rows": objects(&rows)})))
}
