//! A connection, whichever kind: TCP, unix socket, TLS.
//!
//! The hot path of a receiver is `try_read`, then `readable().await` when it would block. Nothing there
//! is boxed, and no buffer is held while a connection is idle.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// Largest piece `try_read_buf` takes from a TLS connection: one TLS record.
const TLS_PIECE_BYTES: usize = 16 << 10;

#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Tls),
}

/// TLS over TCP, server side.
#[derive(Debug)]
pub struct Tls {
    io: Box<TlsStream<TcpStream>>,
    /// The last read would have blocked, so nothing decrypted is left in memory and waiting for the
    /// socket is right. While false, `readable` must return at once.
    drained: bool,
}

/// Who is at the other end, for log lines and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerName {
    Tcp(SocketAddr),
    Unix,
}

impl Stream {
    pub(super) fn tls(io: TlsStream<TcpStream>) -> Stream {
        Stream::Tls(Tls { io: Box::new(io), drained: false })
    }

    /// Waits until a read may succeed. May wake for nothing, as tokio's own does.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.readable().await,
            Stream::Unix(stream) => stream.readable().await,
            Stream::Tls(tls) if tls.drained => tls.io.get_ref().0.readable().await,
            Stream::Tls(_) => Ok(()),
        }
    }

    /// Reads what is there; `WouldBlock` when nothing is, `Ok(0)` at the end.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.try_read(buffer),
            Stream::Unix(stream) => stream.try_read(buffer),
            Stream::Tls(tls) => tls.try_read(buffer),
        }
    }

    /// As `try_read`, into the spare capacity of a growing buffer, which need not be zeroed.
    pub fn try_read_buf(&mut self, buffer: &mut impl BufMut) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.try_read_buf(buffer),
            Stream::Unix(stream) => stream.try_read_buf(buffer),
            Stream::Tls(tls) => {
                let mut piece = [0; TLS_PIECE_BYTES];
                let wanted = buffer.remaining_mut().min(TLS_PIECE_BYTES);
                let n = tls.try_read(&mut piece[..wanted])?;
                buffer.put_slice(&piece[..n]);
                Ok(n)
            }
        }
    }
}

impl Tls {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The waker is not needed: when this is pending, `readable` registers its own.
        let mut cx = Context::from_waker(Waker::noop());
        let mut into = ReadBuf::new(buffer);
        match self.poll_read(&mut cx, &mut into) {
            Poll::Ready(result) => result.map(|()| into.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut *self.io).poll_read(cx, into);
        self.drained = polled.is_pending();
        match polled {
            // A client that closes without a TLS goodbye is an end like any other; framing is ours to check.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            polled => polled,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, into),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, into),
            Stream::Tls(tls) => tls.poll_read(cx, into),
        }
    }
}

/// Every write goes to whichever kind of connection it is.
macro_rules! forward {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp(io) => {
                let $stream = Pin::new(io);
                $call
            }
            Stream::Unix(io) => {
                let $stream = Pin::new(io);
                $call
            }
            Stream::Tls(tls) => {
                let $stream = Pin::new(&mut *tls.io);
                $call
            }
        }
    };
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, io => io.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, io => io.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, io => io.poll_write_vectored(cx, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        !matches!(self, Stream::Tls(_))
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerName::Tcp(address) => address.fmt(f),
            PeerName::Unix => f.write_str("unix socket"),
        }
    }
}
