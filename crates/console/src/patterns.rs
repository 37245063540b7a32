//! `api/logs/patterns`: what matching messages look like, with what differs left out.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::Console;
use crate::answers::{Refusal, object};
use crate::parameters::Parameters;

pub(crate) async fn patterns(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let found = console.engine.patterns(&asked.search()?, asked.range()?).await?;
    let all: u64 = found.iter().map(|pattern| pattern.count).sum();
    let patterns: Vec<_> = found
        .into_iter()
        .map(|pattern| {
            json!({
                "pattern": pattern.text,
                "count": pattern.count,
                "share": pattern.count as f64 / all.max(1) as f64,
                "severity": pattern.severity,
                "service": pattern.service,
                "first": pattern.first,
                "last": pattern.last,
                "spark": pattern.spark,
            })
        })
        .collect();
    Ok(object(&json!({ "patterns": patterns })))
}
