//! The lake and the console of a running program, where the configuration has a `lake` exporter.

use std::sync::Arc;

use axum::Router;
use config::Diagnostics;
use config::topology::Topology;
use console::Console;
use exporters::lake::Config;
use lake::Lake;
use net::Environment;
use query::{Engine, Limits};
use tracing::error;

use crate::cli::VERSION;
use crate::web;

/// The console's routes; `None` without a lake, and the reason where there must be none.
pub fn routes(topology: &Topology) -> Option<Router> {
    let settings = lake_of(topology)?.settings();
    let lake = Lake::shared(settings).map_err(|error| {
        error!(error = &error as &dyn std::error::Error, "the lake cannot be opened; no console");
    });
    let engine = Engine::new(lake.ok()?, Limits::default()).map_err(|error| error!(%error, "no console"));
    let asked = Arc::new(engine.ok()?);
    let receivers = web::receivers(topology);
    Some(console::router(Console { engine: asked, version: VERSION, started: web::started(), receivers }))
}

/// Whether the console would be shown to others without a token. The program does not start then.
pub fn is_open(topology: &Topology, environment: &Environment, listen: &str) -> bool {
    let token = environment.get("OUTRIGGER_TOKEN").is_some_and(|token| !token.is_empty());
    lake_of(topology).is_some() && !token && !web::is_loopback(listen)
}

fn lake_of(topology: &Topology) -> Option<Config> {
    let exporter = topology.exporters.iter().find(|exporter| &*exporter.component.kind == "lake")?;
    // What is wrong with it was said when it was built.
    config::decode(&exporter.component.settings, "lake", &mut Diagnostics::default())
}
