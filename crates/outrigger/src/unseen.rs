//! The lean build has neither lake nor console.

use std::time::Duration;

use axum::Router;
use config::topology::Topology;
use net::Environment;

pub fn routes(_: &Topology, _: &Environment) -> Option<Router> {
    None
}

pub fn is_open(_: &Topology, _: &Environment, _: &str) -> bool {
    false
}

pub async fn publish(_: &Topology, _: &Environment, _: Duration) -> bool {
    true
}

pub fn publishes(_: &Topology) -> bool {
    false
}
