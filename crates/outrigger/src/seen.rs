//! The lake and the console of a running program, where the configuration has a `lake` exporter.

use std::sync::Arc;

use axum::Router;
use config::topology::Topology;
use config::{Diagnostics, Node};
use console::Console;
use exporters::lake::Config;
use lake::Lake;
use net::{Endpoint, Environment};
use query::{Engine, Limits};
use tracing::error;

use crate::cli::VERSION;

/// The console's routes, guarded; `None` without a lake, and the reason where there must be none.
pub fn routes(topology: &Topology, environment: &Environment, listen: &str) -> Option<Router> {
    let settings = lake_of(topology)?.settings();
    let token = environment.get("OUTRIGGER_TOKEN").filter(|token| !token.is_empty());
    let lake = Lake::shared(settings).map_err(|error| {
        error!(error = &error as &dyn std::error::Error, "the lake cannot be opened; no console");
    });
    let engine = Engine::new(lake.ok()?, Limits::default()).map_err(|error| error!(%error, "no console"));
    let started = (engine::clock::now_nanos() / 1_000_000) as i64;
    let asked = Arc::new(engine.ok()?);
    let console = Console { engine: asked, version: VERSION, started, receivers: receivers(topology) };
    // A loopback address without a token answers to its own names alone.
    let token = token.filter(|_| !is_loopback(listen)).map(str::to_owned);
    Some(console::guarded(console::router(console), token))
}

/// Whether the console would be shown to others without a token. The program does not start then.
pub fn is_open(topology: &Topology, environment: &Environment, listen: &str) -> bool {
    let token = environment.get("OUTRIGGER_TOKEN").is_some_and(|token| !token.is_empty());
    lake_of(topology).is_some() && !token && !is_loopback(listen)
}

fn lake_of(topology: &Topology) -> Option<Config> {
    let exporter = topology.exporters.iter().find(|exporter| &*exporter.component.kind == "lake")?;
    // What is wrong with it was said when it was built.
    config::decode(&exporter.component.settings, "lake", &mut Diagnostics::default())
}

fn is_loopback(listen: &str) -> bool {
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
fn receivers(topology: &Topology) -> Vec<(String, String)> {
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
