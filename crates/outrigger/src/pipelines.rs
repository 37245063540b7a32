//! `api/pipelines`: who feeds whom, and what the ledger counts at each of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use config::topology::{Pipeline, Topology};
use engine::{DestinationView, Ledger};
use serde_json::{Value, json};

#[derive(Clone)]
struct Shown {
    ledger: Arc<Ledger>,
    /// As the program was started: a reload does not redraw it.
    pipelines: Arc<Vec<Value>>,
}

pub fn router(ledger: Arc<Ledger>, topology: &Topology) -> Router {
    let pipelines = Arc::new(topology.pipelines.iter().enumerate().map(drawn).collect());
    Router::new().route("/api/pipelines", get(pipelines_now)).with_state(Shown { ledger, pipelines })
}

fn drawn((at, pipeline): (usize, &Pipeline)) -> Value {
    let name = if pipeline.name.is_empty() { at.to_string() } else { pipeline.name.clone() };
    let steps: Vec<&str> = pipeline.steps.iter().map(|step| &*step.processor).collect();
    let destinations: Vec<&str> = pipeline.routes.iter().map(|route| &*route.exporter).collect();
    let receivers: Vec<&str> = pipeline.receivers.iter().map(|id| &**id).collect();
    json!({"id": name, "receivers": receivers, "steps": steps, "destinations": destinations})
}

async fn pipelines_now(State(shown): State<Shown>) -> Response {
    let snapshot = shown.ledger.snapshot();
    let receivers: Vec<_> = snapshot
        .receivers
        .iter()
        .map(|(id, counts)| {
            let refused: u64 = counts.refused.values().sum();
            json!({"id": id, "received": counts.records, "refused": refused, "down": counts.down})
        })
        .collect();
    let steps: Vec<_> = snapshot
        .processors
        .iter()
        .map(|(id, counts)| {
            json!({"id": id, "in": counts.records_in, "out": counts.records_out, "held": counts.held, "dropped": counts.dropped})
        })
        .collect();
    let destinations: Vec<_> = snapshot.destinations.iter().map(destination).collect();
    let body = json!({
        "receivers": receivers,
        "pipelines": *shown.pipelines,
        "steps": steps,
        "destinations": destinations,
    });
    ([(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}

fn destination(view: &DestinationView) -> Value {
    let counts = &view.counts;
    json!({
        "id": view.id,
        "accepted": counts.accepted,
        "delivered": counts.delivered,
        "waiting": counts.open + counts.queued + counts.in_flight,
        "saved": counts.saved,
        "dropped": counts.dropped,
        "retries": counts.retries,
        "oldest_unsent_seconds": view.oldest_unsent_seconds,
        "last_error": view.last_error,
    })
}
