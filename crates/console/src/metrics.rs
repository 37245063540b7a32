//! `api/metrics`: which metrics there are.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::Console;
use crate::answers::{Refusal, object};
use crate::logs::objects;
use crate::parameters::Parameters;

pub(crate) async fn metrics(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let part = asked.get("q").unwrap_or_default().to_lowercase();
    let rows = objects(&console.engine.metrics(asked.range()?).await?);
    let metrics: Vec<_> = rows
        .into_iter()
        .filter(|row| {
            row.get("metric").and_then(Value::as_str).is_some_and(|name| name.to_lowercase().contains(&part))
        })
        .map(|mut row| {
            let name = prometheus_name(row.get("metric").and_then(Value::as_str).unwrap_or_default());
            row.insert("name".into(), Value::from(name));
            row
        })
        .collect();
    Ok(object(&json!({ "metrics": metrics })))
}

/// A name as PromQL writes it: what is no letter, digit or colon is `_`.
pub(crate) fn prometheus_name(name: &str) -> String {
    let mut out: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' }).collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}
