//! Sockets bound before anyone needs them: within milliseconds of start, and across a reload.
//!
//! The registry keeps the listening socket and lends duplicates of it. While a receiver is being
//! replaced the kernel goes on queueing connections, so no client sees a refusal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::bind::Bound;
use super::{BindError, Endpoint, Listener};

/// A set of listening sockets, each lent to at most one `Listener` at a time.
#[derive(Debug, Clone, Default)]
pub struct Prebound(Arc<Mutex<Vec<Kept>>>);

#[derive(Debug)]
struct Kept {
    bound: Bound,
    lent: Arc<AtomicBool>,
}

/// Held by the listener that borrowed; its drop gives the socket back.
#[derive(Debug)]
pub(super) struct Loan(Arc<AtomicBool>);

impl Prebound {
    /// The registry of this process. Sockets belong to the process, so one is enough outside tests.
    pub fn process() -> &'static Prebound {
        static REGISTRY: OnceLock<Prebound> = OnceLock::new();
        REGISTRY.get_or_init(Prebound::default)
    }

    /// Binds and keeps a socket. Needs no runtime. Returns the endpoint with the port that was chosen.
    pub fn bind(&self, endpoint: &Endpoint) -> Result<Endpoint, BindError> {
        let bound = Bound::new(endpoint)?;
        let actual = bound.endpoint.clone();
        self.kept().push(Kept { bound, lent: Arc::default() });
        Ok(actual)
    }

    /// Lends the socket bound for this endpoint, until the listener is dropped.
    pub fn take(&self, endpoint: &Endpoint) -> Option<Listener> {
        let kept = self.kept();
        let kept = kept.iter().find(|kept| kept.bound.endpoint.same_socket(endpoint))?;
        if kept.lent.swap(true, Ordering::AcqRel) {
            return None;
        }
        let loan = Loan(kept.lent.clone());
        let socket = kept.bound.socket.try_clone().ok()?;
        if let Endpoint::Unix { mode, .. } = endpoint
            && let Err(error) = kept.bound.set_mode(*mode)
        {
            tracing::warn!(%endpoint, %error, "cannot set the mode of the socket file");
        }
        Some(Listener::lent(socket, kept.bound.endpoint.clone(), loan))
    }

    /// Lends the socket of this endpoint, or binds it. A kept socket that stands in the way (the same port
    /// on another address) and is lent to nobody is closed first: the configuration decides.
    pub fn listen(&self, endpoint: &Endpoint) -> Result<Listener, BindError> {
        if let Some(listener) = self.take(endpoint) {
            return Ok(listener);
        }
        match Bound::new(endpoint) {
            Err(BindError::InUse { .. }) if self.close_in_the_way(endpoint) => {
                Bound::new(endpoint).map(Listener::owned)
            }
            bound => bound.map(Listener::owned),
        }
    }

    /// Closes every socket nobody has taken, once the configuration is known.
    pub fn close_unused(&self) -> Vec<Endpoint> {
        let mut closed = Vec::new();
        self.kept().retain(|kept| {
            let used = kept.lent.load(Ordering::Acquire);
            if !used {
                closed.push(kept.bound.endpoint.clone());
            }
            used
        });
        closed
    }

    fn close_in_the_way(&self, endpoint: &Endpoint) -> bool {
        let Some(port) = endpoint.port() else { return false };
        let mut kept = self.kept();
        let before = kept.len();
        kept.retain(|k| k.bound.endpoint.port() != Some(port) || k.lent.load(Ordering::Acquire));
        kept.len() < before
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
