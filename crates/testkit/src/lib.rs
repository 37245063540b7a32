//! Stand-ins for what Outrigger talks to. Tests and benchmarks only.
//!
//! Everything here is blocking and runs on threads of its own, on real sockets at `127.0.0.1:0`, so that a
//! test needs no runtime and a stand-in can never borrow time from the runtime it is meant to watch. Each
//! stand-in stops when it is dropped.
#![allow(clippy::disallowed_methods)] // It stands for the outside world, which has clocks of its own.

pub mod aws;
pub mod certificate;
pub mod corpus;
pub mod distinct;
pub mod ecs;
pub mod fault;
pub mod forward;
pub mod http;
pub mod intake;
pub mod json;
pub mod loki;
pub mod msgpack;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod series;
pub mod tools;
