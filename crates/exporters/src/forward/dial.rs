//! Opens connections to the receiver.

use std::io;

use engine::{BuildContext, ConfigError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::Config;

/// A connection, whichever kind.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(super) enum Dialer {
    Tcp { host: String, port: u16 },
    Unix(String),
}

impl Dialer {
    pub(super) fn new(config: &Config, cx: &mut BuildContext<'_>) -> Result<Dialer, ConfigError> {
        if config.tls.is_some() && config.unix_path.is_none() {
            let help = "send through a TLS proxy beside this process until it is";
            return Err(cx.refuse("tls", "TLS is not supported by this exporter yet", help));
        }
        if let Some(path) = &config.unix_path {
            return Ok(Dialer::Unix(path.clone()));
        }
        let parts =
            config.endpoint.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        match parts {
            Some((host, port)) if !host.is_empty() => {
                Ok(Dialer::Tcp { host: host.trim_matches(['[', ']']).into(), port })
            }
            _ => {
                let message = format!("`{}` is no address", config.endpoint);
                Err(cx.refuse("endpoint", message, "write `HOST:PORT`, such as `aggregator.internal:24224`"))
            }
        }
    }

    /// The receiver as a person knows it.
    pub(super) fn peer(&self) -> String {
        match self {
            Dialer::Tcp { host, port } => format!("{host}:{port}"),
            Dialer::Unix(path) => path.clone(),
        }
    }

    pub(super) async fn dial(&self) -> io::Result<Box<dyn Io>> {
        match self {
            Dialer::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Dialer::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        }
    }
}
