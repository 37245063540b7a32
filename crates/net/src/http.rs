//! HTTP, both sides: a pooled client with caps and proxies, and a server for our own pages.

mod client;
mod connector;
mod error;
mod proxy;
mod resolve;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use connector::open_tcp;

pub use client::{Client, ClientSettings, Response};
pub use error::HttpError;
pub use resolve::Resolver;
pub use server::{ServeSettings, Version, serve, serve_with};
