//! Outrigger's own pages that anybody may read who reaches its address: `/health`, `/metrics`, `/ledger`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::Ledger;
use serde_json::json;
use tokio::time::Instant;

use crate::metrics;

/// Where the pages are served unless `OUTRIGGER_LISTEN` says otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:7070";

/// What the pages show.
#[derive(Clone)]
pub struct Pages {
    pub ledger: Arc<Ledger>,
}

pub fn router(pages: Pages) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics_page))
        .route("/ledger", get(ledger))
        .with_state(pages)
}

async fn metrics_page(State(pages): State<Pages>) -> Response {
    ([(header::CONTENT_TYPE, telemetry::metrics::CONTENT_TYPE)], metrics::page(&pages.ledger.snapshot()))
        .into_response()
}

/// The Collector's page of its own metrics.
pub fn collector_metrics(pages: Pages) -> Router {
    let started = Instant::now();
    let page = async move |State(pages): State<Pages>| {
        let text = crate::collector_metrics::page(&pages.ledger.snapshot(), started.elapsed().as_secs_f64());
        ([(header::CONTENT_TYPE, telemetry::metrics::CONTENT_TYPE)], text)
    };
    Router::new().route("/metrics", get(page)).with_state(pages)
}

async fn ledger(State(pages): State<Pages>) -> Response {
    let snapshot = pages.ledger.snapshot();
    let mut body = serde_json::to_value(&snapshot).unwrap_or_default();
    body["balances"] = json!(snapshot.balances());
    json_answer(StatusCode::OK, &body)
}

/// `mode=alive`: it answers. `mode=ingesting`: no receiver waits to be started again. `mode=delivering`: no destination's oldest unsent record is older than `max_age`.
async fn health(State(pages): State<Pages>, Query(query): Query<HashMap<String, String>>) -> Response {
    let max_age = match query.get("max_age").map(|text| text.parse::<config::Interval>()) {
        None => Duration::from_secs(60),
        Some(Ok(interval)) => interval.0,
        Some(Err(error)) => {
            let body = json!({"status": "error", "message": format!("max_age: {error}")});
            return json_answer(StatusCode::BAD_REQUEST, &body);
        }
    };
    let snapshot = pages.ledger.snapshot();
    let down: Vec<_> =
        snapshot.receivers.iter().filter(|(_, counts)| counts.down).map(|(id, _)| id).collect();
    let (ingesting, down) = (down.is_empty(), json!(down));
    let late: Vec<_> = snapshot
        .destinations
        .into_iter()
        .filter(|d| d.oldest_unsent_seconds.is_some_and(|age| age > max_age.as_secs_f64()))
        .map(|d| json!({"destination": d.id, "oldest_unsent_seconds": d.oldest_unsent_seconds, "last_error": d.last_error}))
        .collect();
    let delivering = late.is_empty();
    let (wanted, word) = match query.get("mode").map(String::as_str) {
        None | Some("alive") => (true, "ok"),
        Some("ingesting") => (ingesting, if ingesting { "ok" } else { "down" }),
        Some(_) => (delivering, if delivering { "ok" } else { "late" }),
    };
    let status = if wanted { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body =
        json!({"status": word, "ingesting": ingesting, "down": down, "delivering": delivering, "late": late});
    json_answer(status, &body)
}

fn json_answer(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}
