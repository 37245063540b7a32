//! `api/pipelines`: who feeds whom, and what the ledger counts at each of them; `api/pipelines/samples`: what passes.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use config::topology::{Pipeline, Topology};
use engine::ledger::{ReceiverCounts, Snapshot};
use engine::{Border, DestinationView, Ledger};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::web;

#[derive(Clone)]
struct Shown {
    ledger: Arc<Ledger>,
    /// As the program was started: a reload does not redraw it.
    pipelines: Arc<Vec<Value>>,
    /// The ledger knows a place by its name once something has passed there; these it may not know yet.
    places: Arc<[(Border, String)]>,
}

pub fn router(ledger: Arc<Ledger>, topology: &Topology) -> Router {
    let pipelines = Arc::new(topology.pipelines.iter().enumerate().map(drawn).collect());
    Router::new()
        .route("/api/pipelines", get(pipelines_now))
        .route("/api/pipelines/samples", get(samples))
        .with_state(Shown { ledger, pipelines, places: places(topology) })
}

fn places(topology: &Topology) -> Arc<[(Border, String)]> {
    let receivers = topology.receivers.iter().map(|one| (Border::Receiver, one.id.to_string()));
    let steps = topology.processors.iter().map(|one| (Border::Step, one.id.to_string()));
    let destinations =
        topology.exporters.iter().map(|one| (Border::Destination, one.component.id.to_string()));
    receivers.chain(steps).chain(destinations).collect()
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
    let receivers: Vec<_> = snapshot.receivers.iter().map(|(id, counts)| receiver(id, counts)).collect();
    let quiet = shown.places.iter().filter(|(border, id)| {
        *border == Border::Receiver && !snapshot.receivers.iter().any(|(known, _)| known == id)
    });
    let receivers: Vec<_> =
        receivers.into_iter().chain(quiet.map(|(_, id)| receiver(id, &ReceiverCounts::default()))).collect();
    let steps: Vec<_> = snapshot
        .processors
        .iter()
        .map(|(id, counts)| {
            json!({"id": id, "in": counts.records_in, "out": counts.records_out, "held": counts.held, "dropped": counts.dropped})
        })
        .collect();
    let destinations: Vec<_> = snapshot.destinations.iter().map(destination).collect();
    web::object(&json!({
        "receivers": receivers,
        "pipelines": *shown.pipelines,
        "steps": steps,
        "destinations": destinations,
    }))
}

fn receiver(id: &str, counts: &ReceiverCounts) -> Value {
    let refused: u64 = counts.refused.values().sum();
    json!({"id": id, "received": counts.records, "refused": refused, "down": counts.down})
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

#[derive(Deserialize)]
struct Asked {
    id: Option<String>,
    /// Where a receiver and a destination have the same name.
    kind: Option<String>,
}

/// What passed since somebody asked for the first time. Whoever goes on asking goes on seeing.
async fn samples(State(shown): State<Shown>, Query(asked): Query<Asked>) -> Response {
    let kind = match asked.kind.as_deref() {
        None | Some("") => None,
        Some("receiver") => Some(Border::Receiver),
        Some("step") => Some(Border::Step),
        Some("destination") => Some(Border::Destination),
        Some(_) => return refused(StatusCode::BAD_REQUEST, "`kind` is receiver, step or destination"),
    };
    let Some(id) = asked.id.filter(|id| !id.is_empty()) else {
        return refused(StatusCode::BAD_REQUEST, "name a receiver, step or destination in `id`");
    };
    let Some(border) = shown.find(kind, &id) else {
        let message = format!("there is no receiver, step or destination `{id}`; api/pipelines lists them");
        return refused(StatusCode::NOT_FOUND, &message);
    };
    let seen = shown.ledger.taps().look(border, &id);
    web::text(format!("{{\"before\":[{}],\"after\":[{}]}}\n", seen.before.join(","), seen.after.join(",")))
}

impl Shown {
    /// The first place of that name, of the kind if one is given.
    fn find(&self, kind: Option<Border>, id: &str) -> Option<Border> {
        let snapshot = self.ledger.snapshot();
        let borders = [Border::Receiver, Border::Step, Border::Destination].into_iter();
        borders.filter(|border| kind.is_none_or(|kind| kind == *border)).find(|border| {
            self.places.iter().any(|(of, name)| of == border && name == id) || knows(&snapshot, *border, id)
        })
    }
}

/// Whether something passed there: a reload brings places that were not there at the start.
fn knows(snapshot: &Snapshot, border: Border, id: &str) -> bool {
    match border {
        Border::Receiver => snapshot.receivers.iter().any(|(name, _)| name == id),
        Border::Step => snapshot.processors.iter().any(|(name, _)| name == id),
        Border::Destination => snapshot.destination(id).is_some(),
    }
}

fn refused(status: StatusCode, message: &str) -> Response {
    (status, web::object(&json!({"error": {"message": message}}))).into_response()
}
