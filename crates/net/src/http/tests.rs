//! The client and the server against each other and against broken peers.

mod client;
mod proxy;
mod resolve;
mod server;
