//! The only opener of sockets: listeners, HTTP, TLS, size caps, AWS signing.
//!
//! Whatever waits on the network here has a bound in time and in bytes. Errors are worded for the person
//! who reads one log line, and never carry a key, a token or a password.

pub mod aws;
mod dial;
pub mod ecs;
mod environment;
pub mod http;
pub mod listen;
#[cfg(test)]
mod testing;
pub mod tls;

pub use dial::{Dialer, Duplex};
pub use environment::Environment;
pub use listen::{BindError, Endpoint, Listener, PeerName, Prebound, Stream};
