//! Accepts connections, with or without TLS. Nothing a client does ends the listener.
//!
//! TLS handshakes run beside the accept loop: one slow client must not hold up the others.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use socket2::Socket;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::JoinSet;

use super::bind::{Bound, SocketFile};
use super::prebound::{Loan, Prebound};
use super::stream::{PeerName, Stream};
use super::{BindError, Endpoint};
use crate::tls::ServerTls;

/// Longest TLS handshake; the same as Fluent Bit's `net.accept_timeout`.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// TLS handshakes running at once for one listener. Each costs a key operation and a few KiB, so a
/// client that opens connections without end is made to wait in the backlog.
const MAX_HANDSHAKES: usize = 64;

/// Wait after `accept(2)` failed for want of file descriptors or memory, instead of spinning.
const RESOURCE_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket. Dropping it closes the socket, or gives it back to `Prebound`.
#[derive(Debug)]
pub struct Listener {
    socket: Socketed,
    endpoint: Endpoint,
    tls: Option<Arc<ServerTls>>,
    handshakes: JoinSet<Option<(Stream, PeerName)>>,
    /// Last, so that the socket is closed before its file is removed or its loan ends.
    _keep: Keep,
}

#[derive(Debug)]
enum Socketed {
    Std(Socket),
    Tcp(TcpListener),
    Unix(UnixListener),
}

#[derive(Debug)]
#[expect(dead_code, reason = "held for what their drop does")]
enum Keep {
    File(Option<SocketFile>),
    Loan(Loan),
}

impl Listener {
    /// Takes the socket from the process's `Prebound` registry, or binds it.
    pub fn bind(endpoint: &Endpoint) -> Result<Listener, BindError> {
        Prebound::process().listen(endpoint)
    }

    /// Serves TLS on every connection. On a unix socket it has no effect: file permissions guard it.
    pub fn with_tls(mut self, tls: ServerTls) -> Listener {
        self.tls = Some(Arc::new(tls));
        self
    }

    /// Where it listens, with the port the kernel chose if port 0 was asked for.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn owned(bound: Bound) -> Listener {
        Listener::new(bound.socket, bound.endpoint, Keep::File(bound.file))
    }

    pub(super) fn lent(socket: Socket, endpoint: Endpoint, loan: Loan) -> Listener {
        Listener::new(socket, endpoint, Keep::Loan(loan))
    }

    fn new(socket: Socket, endpoint: Endpoint, keep: Keep) -> Listener {
        Listener {
            socket: Socketed::Std(socket),
            endpoint,
            tls: None,
            handshakes: JoinSet::new(),
            _keep: keep,
        }
    }

    /// The next connection. Safe to cancel; failures of single connections are logged, not returned.
    pub async fn accept(&mut self) -> (Stream, PeerName) {
        loop {
            if let Err(error) = self.register() {
                pause(&self.endpoint, error).await;
                continue;
            }
            let room = self.handshakes.len() < MAX_HANDSHAKES;
            tokio::select! {
                Some(done) = self.handshakes.join_next(), if !self.handshakes.is_empty() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
                accepted = accept_one(&self.socket), if room => match accepted {
                    Ok((Stream::Tcp(stream), peer)) if self.tls.is_some() => self.handshake(stream, peer),
                    Ok(connection) => return connection,
                    Err(error) if is_the_clients(&error) => {}
                    Err(error) => pause(&self.endpoint, error).await,
                },
            }
        }
    }

    /// Moves the socket to the runtime at first use, because binding may happen before there is one.
    fn register(&mut self) -> io::Result<()> {
        let Socketed::Std(socket) = &self.socket else { return Ok(()) };
        let fd = OwnedFd::from(socket.try_clone()?);
        self.socket = match self.endpoint {
            Endpoint::Tcp(_) => Socketed::Tcp(TcpListener::from_std(fd.into())?),
            Endpoint::Unix { .. } => Socketed::Unix(UnixListener::from_std(fd.into())?),
        };
        Ok(())
    }

    fn handshake(&mut self, stream: TcpStream, peer: PeerName) {
        let Some(tls) = self.tls.clone() else { return };
        let endpoint = self.endpoint.clone();
        self.handshakes.spawn(async move {
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => return Some((Stream::tls(stream), peer)),
                Ok(Err(error)) => tracing::warn!(%endpoint, %peer, %error, "TLS handshake failed"),
                Err(_) => tracing::warn!(%endpoint, %peer, "TLS handshake took too long; connection closed"),
            }
            None
        });
    }
}

async fn accept_one(socket: &Socketed) -> io::Result<(Stream, PeerName)> {
    match socket {
        Socketed::Tcp(listener) => {
            let (stream, peer) = listener.accept().await?;
            // Answers are small and waited for: an acknowledgement must not sit out Nagle's delay.
            let _ = stream.set_nodelay(true);
            Ok((Stream::Tcp(stream), PeerName::Tcp(peer)))
        }
        Socketed::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok((Stream::Unix(stream), PeerName::Unix))
        }
        Socketed::Std(_) => Err(io::Error::other("bug: accept before the socket was registered")),
    }
}

/// The connection went away while it waited in the backlog (accept(2) passes on pending network errors).
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | ConnectionRefused
            | Interrupted
            | TimedOut
            | HostUnreachable
            | NetworkUnreachable
            | NetworkDown
    )
}

async fn pause(endpoint: &Endpoint, error: io::Error) {
    tracing::warn!(%endpoint, %error, "cannot accept connections; trying again");
    tokio::time::sleep(RESOURCE_PAUSE).await;
}
