//! Listening sockets: where to listen, binding with errors that say what to do, accepting.
//!
//! A receiver calls `Listener::bind`. Whether the socket was bound there or milliseconds after the
//! process started is not its concern: well-known sockets wait in `Prebound` until taken.

mod accept;
mod bind;
mod endpoint;
mod prebound;
mod stream;
#[cfg(test)]
mod tests;

pub use accept::Listener;
pub use bind::BindError;
pub use endpoint::{Endpoint, EndpointError};
pub use prebound::Prebound;
pub use stream::{PeerName, Stream};
