//! The lean build has neither lake nor console.

use axum::Router;
use config::topology::Topology;
use net::Environment;

pub fn routes(_: &Topology) -> Option<Router> {
    None
}

pub fn is_open(_: &Topology, _: &Environment, _: &str) -> bool {
    false
}
