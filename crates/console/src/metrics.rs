//! `api/metrics`: which metrics there are.

use axum::extract::State;
use axum::response::Response;
use query::prometheus_name;
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
