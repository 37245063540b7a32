//! Outgoing connections that carry no HTTP: TCP, TLS over it, or a unix socket.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::http::{HttpError, Resolver, open_tcp};
use crate::tls::{ClientTls, TlsProblem};

/// A connection, whichever kind.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Opens connections to one peer.
pub struct Dialer {
    to: To,
    tls: Option<ClientTls>,
    resolver: Resolver,
    /// Longest time to an open connection: lookup, TCP and TLS together.
    timeout: Duration,
}

enum To {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Dialer {
    pub fn tcp(host: &str, port: u16) -> Dialer {
        Dialer::to(To::Tcp { host: host.into(), port })
    }

    pub fn unix(path: impl Into<PathBuf>) -> Dialer {
        Dialer::to(To::Unix(path.into()))
    }

    fn to(to: To) -> Dialer {
        Dialer { to, tls: None, resolver: Resolver::system(), timeout: Duration::from_secs(10) }
    }

    /// Speaks TLS on TCP connections; unix sockets are guarded by file permissions.
    pub fn with_tls(mut self, tls: ClientTls) -> Dialer {
        self.tls = Some(tls);
        self
    }

    /// The peer as a person knows it.
    pub fn peer(&self) -> String {
        match &self.to {
            To::Tcp { host, port } => format!("{host}:{port}"),
            To::Unix(path) => path.display().to_string(),
        }
    }

    pub async fn dial(&self) -> Result<Box<dyn Duplex>, HttpError> {
        let dialled = timeout(self.timeout, self.open()).await;
        dialled.unwrap_or_else(|_| Err(self.failed(format!("no connection within {:?}", self.timeout))))
    }

    async fn open(&self) -> Result<Box<dyn Duplex>, HttpError> {
        let (host, port) = match &self.to {
            To::Tcp { host, port } => (host, *port),
            To::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                return Ok(Box::new(stream.map_err(|error| self.failed(error.to_string()))?));
            }
        };
        let stream = open_tcp(&self.resolver, host, port, &self.peer()).await?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let stream = tls.connect(host, stream).await;
        let problem = |error| HttpError::Tls { peer: self.peer(), problem: TlsProblem::of(&error) };
        Ok(Box::new(stream.map_err(problem)?))
    }

    fn failed(&self, detail: String) -> HttpError {
        HttpError::Connect { peer: self.peer(), detail }
    }
}
