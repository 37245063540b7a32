//! Opens connections for the client: address, proxy, TLS, within one connect timeout.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::error::peer_name;
use super::proxy::{Proxies, tunnel};
use super::{HttpError, Resolver};
use crate::tls::{ClientTls, TlsProblem};

/// Head start of one address over the next (RFC 8305 recommends 250 ms).
const STAGGER: Duration = Duration::from_millis(250);

/// When the kernel starts to ask a silent peer whether it is still there. NAT gateways forget a
/// connection after 350 s.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Connector {
    pub(super) resolver: Resolver,
    pub(super) proxies: Proxies,
    pub(super) tls: ClientTls,
    pub(super) timeout: Duration,
}

/// How many requests a connection has carried, so that an end of a reused one is told from a refusal.
#[derive(Clone, Default)]
pub(super) struct Uses(pub(super) Arc<AtomicU32>);

pub(super) struct Conn {
    io: Io,
    /// Plain HTTP through a proxy wants the whole URI in the request line.
    proxied: bool,
    uses: Uses,
}

enum Io {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

type Connecting = Pin<Box<dyn Future<Output = Result<TokioIo<Conn>, HttpError>> + Send>>;

impl Service<Uri> for Connector {
    type Response = TokioIo<Conn>;
    type Error = HttpError;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        let connector = self.clone();
        Box::pin(async move {
            let limit = connector.timeout;
            let peer = peer_name(&uri);
            let connected = timeout(limit, connector.connect(&uri)).await;
            connected.unwrap_or_else(|_| {
                let detail = format!(
                    "no connection within {} s; check routes, security groups and the port",
                    limit.as_secs_f64()
                );
                Err(HttpError::Connect { peer, detail })
            })
        })
    }
}

impl Connector {
    async fn connect(&self, uri: &Uri) -> Result<TokioIo<Conn>, HttpError> {
        let peer = peer_name(uri);
        let (host, port, secure) = target(uri)?;
        let proxy = self.proxies.of(uri);
        let stream = match &proxy {
            None => open_tcp(&self.resolver, host, port, &peer).await?,
            Some(proxy) => {
                let (proxy_host, proxy_port, proxy_secure) = target(&proxy.uri)?;
                if proxy_secure {
                    let text = "a proxy reached by `https://` is not supported; use its `http://` address";
                    return Err(HttpError::Request(text.into()));
                }
                let stream = open_tcp(&self.resolver, proxy_host, proxy_port, &peer_name(&proxy.uri)).await?;
                if secure { tunnel(stream, proxy, host, port).await? } else { stream }
            }
        };
        let io = if secure {
            let handshake = self.tls.connect(host, stream).await;
            let tls = handshake
                .map_err(|error| HttpError::Tls { peer: peer.clone(), problem: TlsProblem::of(&error) })?;
            Io::Tls(Box::new(tls))
        } else {
            Io::Tcp(stream)
        };
        Ok(TokioIo::new(Conn { io, proxied: proxy.is_some() && !secure, uses: Uses::default() }))
    }
}

/// Looks the name up and connects. `peer` is for messages.
pub(crate) async fn open_tcp(
    resolver: &Resolver,
    host: &str,
    port: u16,
    peer: &str,
) -> Result<TcpStream, HttpError> {
    let addresses = resolver.addresses(host).await?;
    let stream = race(addresses, port)
        .await
        .map_err(|error| HttpError::Connect { peer: peer.into(), detail: explain(&error) })?;
    let _ = stream.set_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(Duration::from_secs(15));
    let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    Ok(stream)
}

/// Tries every address, each a little after the one before, and keeps the first that answers.
async fn race(addresses: Vec<IpAddr>, port: u16) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut tries = JoinSet::new();
    let mut last_error = io::Error::other("the name has no address");
    loop {
        let next = waiting.next();
        let more = next.is_some();
        if let Some(address) = next {
            tries.spawn(TcpStream::connect(SocketAddr::new(address, port)));
        }
        // Without another address to start there is nothing to be in a hurry for.
        let head_start = if more && waiting.len() > 0 { STAGGER } else { Duration::MAX };
        match timeout(head_start, tries.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => last_error = error,
            Ok(Some(Err(error))) => last_error = io::Error::other(error),
            Ok(None) => return Err(last_error),
            Err(_) => {}
        }
    }
}

fn target(uri: &Uri) -> Result<(&str, u16, bool), HttpError> {
    let host = uri.host().ok_or_else(|| HttpError::Request("its URL has no host".into()))?;
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(HttpError::Request("its URL starts with neither `http://` nor `https://`".into())),
    };
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    Ok((host, port, secure))
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused; nothing listens on that port".into(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("{error}; check the subnet's routes")
        }
        _ => error.to_string(),
    }
}

impl Connection for Conn {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.proxied).extra(self.uses.clone())
    }
}

impl AsyncRead for Conn {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Tcp(io) => Pin::new(io).poll_read(cx, into),
            Io::Tls(io) => Pin::new(io).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Conn {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Tcp(io) => Pin::new(io).poll_write(cx, bytes),
            Io::Tls(io) => Pin::new(io).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Tcp(io) => Pin::new(io).poll_flush(cx),
            Io::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Tcp(io) => Pin::new(io).poll_shutdown(cx),
            Io::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Tcp(io) => Pin::new(io).poll_write_vectored(cx, bytes),
            Io::Tls(io) => Pin::new(io).poll_write_vectored(cx, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Tcp(io) => io.is_write_vectored(),
            Io::Tls(io) => io.is_write_vectored(),
        }
    }
}
