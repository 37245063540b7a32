//! The lake and the console of a running program, where the configuration has a `lake` exporter.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use config::Diagnostics;
use config::topology::Topology;
use console::Console;
use exporters::lake::Config;
use lake::Lake;
use net::Environment;
use query::{Engine, Limits};
use tracing::{error, info};

use crate::cli::VERSION;
use crate::web;

/// The console's routes; `None` without a lake, and the reason where there must be none.
pub fn routes(topology: &Topology, environment: &Environment) -> Option<Router> {
    // What is wrong with them was said when the exporter was built.
    let config = lake_of(topology)?;
    let settings = config.settings(environment).ok()?;
    let lake = Lake::shared(settings).map_err(|error| {
        error!(error = &error as &dyn std::error::Error, "the lake cannot be opened; no console");
    });
    let engine = Engine::new(lake.ok()?, Limits { memory: config.query_memory(), ..Limits::default() })
        .map_err(|error| error!(%error, "no console"));
    let asked = Arc::new(engine.ok()?);
    let receivers = web::receivers(topology);
    Some(console::router(Console { engine: asked, version: VERSION, started: web::started(), receivers }))
}

/// Whether the console would be shown to others without a token. The program does not start then.
pub fn is_open(topology: &Topology, environment: &Environment, listen: &str) -> bool {
    let token = environment.get("OUTRIGGER_TOKEN").is_some_and(|token| !token.is_empty());
    lake_of(topology).is_some() && !token && !web::is_loopback(listen)
}

/// Whether a lake has an object store to send to.
pub fn publishes(topology: &Topology) -> bool {
    lakes_of(topology).any(|config| config.publishes())
}

/// Sends what the lakes hold to their object stores, where they have one, within a time. False where rows are left,
/// which stay in their folder.
pub async fn publish(topology: &Topology, environment: &Environment, within: Duration) -> bool {
    let end = tokio::time::Instant::now() + within;
    let mut whole = true;
    for settings in lakes_of(topology).filter_map(|config| config.settings(environment).ok()) {
        if settings.publish.is_none() {
            continue;
        }
        let opened = tokio::task::spawn_blocking(move || Lake::shared(settings)).await;
        let Ok(Ok(lake)) = opened else {
            error!("the lake cannot be opened; nothing more is published");
            whole = false;
            continue;
        };
        whole &= publish_one(&lake, end).await;
    }
    whole
}

async fn publish_one(lake: &Lake, end: tokio::time::Instant) -> bool {
    let done = tokio::time::timeout_at(end, lake.publish()).await;
    let published = lake.published().unwrap_or_default();
    if matches!(done, Ok(Ok(()))) && published.waiting_rows == 0 {
        info!(to = published.to, segments = published.segments, "everything is published");
        return true;
    }
    let (folder, rows) = (lake.folder().display(), published.waiting_rows);
    let because = published.error.unwrap_or_else(|| "the shutdown's time is over".into());
    let help = "they stay in the lake's folder and go up after the next start, if its disk is still there";
    error!(%folder, rows, to = published.to, because, help, "rows are not published");
    false
}

fn lakes_of(topology: &Topology) -> impl Iterator<Item = Config> {
    let lakes = topology.exporters.iter().filter(|exporter| &*exporter.component.kind == "lake");
    // What is wrong with one was said when it was built.
    lakes.filter_map(|lake| config::decode(&lake.component.settings, "lake", &mut Diagnostics::default()))
}

fn lake_of(topology: &Topology) -> Option<Config> {
    lakes_of(topology).next()
}
