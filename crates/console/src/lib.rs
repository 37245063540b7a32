//! The web console: its pages, and the HTTP API they ask. `docs/decisions/0008-languages-and-console.md` lists the routes.

mod answers;
mod cloudwatch;
mod logs;
mod metrics;
mod parameters;
mod patterns;
mod prometheus;
mod query_tab;
mod status;
mod tail;
mod tasks;
mod traces;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use query::Engine;

/// What the routes share.
#[derive(Clone)]
pub struct Console {
    pub engine: Arc<Engine>,
    /// Of this program, as it calls itself.
    pub version: &'static str,
    /// Milliseconds since the epoch.
    pub started: i64,
    /// Receivers and where they listen, for the page that says how to send more.
    pub receivers: Vec<(String, String)>,
}

/// The pages and the API, below any prefix.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/api/status", get(status::status))
        .route("/api/logs", get(logs::logs))
        .route("/api/logs/histogram", get(logs::histogram))
        .route("/api/logs/facets", get(logs::facets))
        .route("/api/logs/around", get(logs::around))
        .route("/api/logs/patterns", get(patterns::patterns))
        .route("/api/logs/tail", get(tail::tail))
        .route("/api/fields", get(status::fields))
        .route("/api/query", post(query_tab::query))
        .route("/api/traces", get(traces::traces))
        .route("/api/traces/{id}", get(traces::trace))
        .route("/api/traces/{id}/logs", get(traces::logs))
        .route("/api/metrics", get(metrics::metrics))
        .route("/api/tasks", get(tasks::tasks))
        .route("/api/usage", get(tasks::usage))
        .merge(prometheus_routes("/api/v1"))
        .merge(prometheus_routes("/prometheus/api/v1"))
        .with_state(console.clone())
        .merge(cloudwatch::routes(console))
        .fallback(page)
}

async fn page(uri: Uri, headers: HeaderMap) -> Response {
    pages::CONSOLE.answer(&uri, &headers)
}

/// Where Prometheus has them, and below a path for who serves several sources from one address.
fn prometheus_routes(base: &str) -> Router<Console> {
    let at = |path: &str| format!("{base}/{path}");
    Router::new()
        .route(&at("query"), get(prometheus::query).post(prometheus::query))
        .route(&at("query_range"), get(prometheus::query_range).post(prometheus::query_range))
        .route(&at("labels"), get(prometheus::labels).post(prometheus::labels))
        .route(&at("label/{name}/values"), get(prometheus::label_values))
        .route(&at("series"), get(prometheus::series).post(prometheus::series))
        .route(&at("metadata"), get(prometheus::metadata))
        .route(&at("query_exemplars"), get(prometheus::exemplars).post(prometheus::exemplars))
        .route(&at("status/buildinfo"), get(prometheus::build_info))
        .route(&at("rules"), get(prometheus::rules))
        .route(&at("alerts"), get(prometheus::alerts))
}
