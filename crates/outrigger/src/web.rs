//! What people look at in a browser: the console or, without a lake, the page of pipelines; all of it behind the guard.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use config::Node;
use config::topology::Topology;
use engine::Ledger;
use net::{Endpoint, Environment};
use pages::Guard;
use serde_json::{Value, json};
use tracing::info;

use crate::cli::VERSION;
use crate::{pipelines, seen};

const BUILD: &str = if cfg!(feature = "full") { "full" } else { "lean" };

/// The pages, and what they ask.
pub fn router(ledger: &Arc<Ledger>, topology: &Topology, environment: &Environment, listen: &str) -> Router {
    let (console, what) = match seen::routes(topology, environment) {
        Some(console) => (console, "console"),
        None => (without_lake(topology), "pipelines"),
    };
    let guard = Guard::new(is_loopback(listen), environment.get("OUTRIGGER_TOKEN"));
    match &guard {
        Guard::Closed => {
            let help = "set OUTRIGGER_TOKEN to a secret, or let OUTRIGGER_LISTEN be a loopback address";
            info!(
                help,
                "the page of pipelines shows records, so at an address open to others it is not served"
            );
        }
        _ => info!("{what}: http://{listen}"),
    }
    guard.before(pipelines::router(ledger.clone(), topology).merge(console))
}

/// The page of pipelines, and what of the console's API needs no lake.
fn without_lake(topology: &Topology) -> Router {
    let receivers: Vec<_> =
        receivers(topology).iter().map(|(name, listen)| json!({"name": name, "listen": listen})).collect();
    let status = json!({
        "version": VERSION,
        "build": BUILD,
        "started": started(),
        "lake": null,
        "receivers": receivers,
    });
    Router::new()
        .route("/api/status", get(async |State(status): State<Arc<Value>>| object(&status)))
        .with_state(Arc::new(status))
        .fallback(async |uri: Uri, headers: HeaderMap| pages::PIPELINES.answer(&uri, &headers))
}

/// Now, in milliseconds since the epoch.
pub fn started() -> i64 {
    (engine::clock::now_nanos() / 1_000_000) as i64
}

pub fn object(value: &Value) -> Response {
    text(format!("{value}\n"))
}

/// Text that is JSON already.
pub fn text(json: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], json).into_response()
}

pub fn is_loopback(listen: &str) -> bool {
    match listen.parse::<Endpoint>() {
        Ok(endpoint) => match endpoint {
            Endpoint::Tcp(address) => address.ip().is_loopback(),
            Endpoint::Unix { .. } => true,
        },
        // It will not be bound either.
        Err(_) => true,
    }
}

/// What can be sent to, and where: settings whose name says so.
pub fn receivers(topology: &Topology) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for receiver in &topology.receivers {
        let mut listens = Vec::new();
        collect(&receiver.settings, &mut listens);
        let listen = listens.join(", ");
        if !listen.is_empty() {
            found.push((receiver.kind.to_string(), listen));
        }
    }
    found
}

fn collect(setting: &config::Setting, out: &mut Vec<String>) {
    let Node::Map(entries) = &setting.node else { return };
    for (key, value) in entries {
        match &value.node {
            Node::Map(_) => collect(value, out),
            Node::Str(text) if key.name == "listen" => out.push(text.clone()),
            _ => {}
        }
    }
}
