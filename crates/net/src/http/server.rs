//! Serves our own pages and HTTP intakes, safe against slow and oversized clients.
//!
//! Every wait on a client is bounded: the head, the body, a reader that stops reading, and the number of
//! connections. The body cap applies before axum's extractors see anything, which answer 413.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http_body_util::Limited;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use crate::{Listener, PeerName, Stream};

mod stall;

use stall::StallGuard;

#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// Largest request body; more is answered 413.
    pub max_body_bytes: usize,
    /// Longest wait for a complete request head; also how long an idle connection is kept.
    pub head_timeout: Duration,
    /// Longest time for a request body to arrive.
    pub body_timeout: Duration,
    /// Longest time a client may leave an answer unread.
    pub stall_timeout: Duration,
    /// Connections at once; more wait in the backlog.
    pub max_connections: usize,
    /// How long requests in progress may go on after the stop.
    pub grace: Duration,
    pub version: Version,
}

impl Default for ServeSettings {
    fn default() -> Self {
        ServeSettings {
            max_body_bytes: 8 << 20,
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(30),
            max_connections: 1024,
            grace: Duration::from_secs(5),
            version: Version::Http1,
        }
    }
}

/// What clients speak. Over TLS the listener must offer the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    #[default]
    Http1,
    /// From the first byte, as gRPC does.
    Http2,
}

/// Requests of one HTTP/2 connection at once; a client waits with more.
const MAX_STREAMS: u32 = 100;

/// A silent HTTP/2 client is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(60);

/// Largest request head: hyper's buffer, which bounds the request line and headers together.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Serves until `shutdown` resolves, then lets requests in progress finish. A handler finds the client's
/// `PeerName` in the request's extensions.
pub async fn serve(listener: Listener, router: Router, shutdown: impl Future<Output = ()> + Send) {
    serve_with(listener, router, shutdown, ServeSettings::default()).await;
}

pub async fn serve_with(
    mut listener: Listener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
    settings: ServeSettings,
) {
    let settings = Arc::new(settings);
    let room = Arc::new(Semaphore::new(settings.max_connections));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            // Taken before accepting, so that a full house leaves clients in the kernel's backlog.
            let place = room.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, (stream, peer)) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let connection = connection(stream, peer, router.clone(), settings.clone(), stopped.clone());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = stop.send(());
    let finish = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(settings.grace, finish).await;
}

async fn connection(
    stream: Stream,
    peer: PeerName,
    router: Router,
    settings: Arc<ServeSettings>,
    mut stopped: watch::Receiver<()>,
) {
    let limits = settings.clone();
    let service = hyper::service::service_fn(move |request: ::http::Request<Incoming>| {
        let mut router = router.clone();
        let mut request = request.map(|body| {
            let body = Limited::new(body, limits.max_body_bytes);
            axum::body::Body::new(Deadline { body, deadline: Box::pin(sleep(limits.body_timeout)) })
        });
        request.extensions_mut().insert(peer);
        async move { Ok::<_, Infallible>(router.call(request).await.unwrap_or_else(|never| match never {})) }
    });
    let io = TokioIo::new(StallGuard::new(stream, settings.stall_timeout));
    // Two builders without a trait in common.
    macro_rules! serve {
        ($connection:expr) => {{
            let mut connection = std::pin::pin!($connection.serve_connection(io, service));
            tokio::select! {
                served = connection.as_mut() => served,
                _ = stopped.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }};
    }
    let served = match settings.version {
        Version::Http1 => serve!(
            hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(settings.head_timeout)
                .max_buf_size(MAX_HEAD_BYTES)
        ),
        Version::Http2 => serve!(
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_header_list_size(MAX_HEAD_BYTES as u32)
                .max_concurrent_streams(MAX_STREAMS)
                .keep_alive_interval(PING_EVERY)
        ),
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "http connection ended early");
    }
}

/// A request body that must be complete by a deadline.
struct Deadline<B> {
    body: B,
    deadline: Pin<Box<Sleep>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the request body did not arrive in time")]
struct BodyTooSlow;

impl<B> Body for Deadline<B>
where
    B: Body<Data = Bytes, Error = Box<dyn std::error::Error + Send + Sync>> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending => this.deadline.as_mut().poll(cx).map(|()| Some(Err(BodyTooSlow.into()))),
            ready => ready,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
