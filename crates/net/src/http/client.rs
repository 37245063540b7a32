//! A pooled HTTP client: one request, one answer held in memory, both bounded.
//!
//! Retrying is the caller's, with one exception: a request that failed because an idle connection had
//! died meanwhile is sent again at once on another.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ::http::header::{PROXY_AUTHORIZATION, USER_AGENT};
use ::http::{Extensions, HeaderMap, HeaderValue, Request, StatusCode};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connector::{Connector, Uses};
use super::error::peer_name;
use super::proxy::Proxies;
use super::{HttpError, Resolver};
use crate::Environment;
use crate::tls::{ClientTls, TlsClientConfig, TlsConfigError};

#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Longest time to an open connection: lookup, TCP, proxy and TLS together.
    pub connect_timeout: Duration,
    /// Idle connections are closed after this. Below 60 s, when load balancers close them.
    pub idle_timeout: Duration,
    /// Idle connections kept for one destination; 0 closes each after its request.
    pub max_idle_per_host: usize,
    /// Largest answer held in memory.
    pub max_response_bytes: usize,
    pub tls: TlsClientConfig,
    /// Source of the proxy variables and `SSL_CERT_FILE`.
    pub environment: Environment,
    /// Whether to follow the proxy variables. Off for link-local addresses such as task metadata.
    pub use_proxy: bool,
    pub user_agent: String,
    /// Speak HTTP/2 from the first byte, as gRPC does.
    pub http2: bool,
    pub resolver: Resolver,
}

impl ClientSettings {
    pub fn new(environment: &Environment) -> ClientSettings {
        ClientSettings {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(50),
            max_idle_per_host: 8,
            max_response_bytes: 1 << 20,
            tls: TlsClientConfig::default(),
            environment: environment.clone(),
            use_proxy: true,
            user_agent: concat!("outrigger/", env!("CARGO_PKG_VERSION")).into(),
            http2: false,
            resolver: Resolver::system(),
        }
    }
}

/// A silent HTTP/2 server is asked whether it is still there; NAT gateways forget a connection after 350 s.
const PING_EVERY: Duration = Duration::from_secs(60);

/// Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Client {
    pool: hyper_util::client::legacy::Client<Connector, Full<Bytes>>,
    proxies: Proxies,
    user_agent: HeaderValue,
    max_response_bytes: usize,
}

/// `Debug` leaves out the body, which may hold keys or somebody's records.
#[derive(Clone)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What came behind the body, as gRPC's status does.
    pub trailers: HeaderMap,
}

impl Client {
    pub fn new(settings: ClientSettings) -> Result<Client, TlsConfigError> {
        let proxies = match settings.use_proxy {
            true => Proxies::from_environment(&settings.environment),
            false => Proxies::default(),
        };
        let tls = match settings.http2 {
            true => ClientTls::for_http2(&settings.tls, &settings.environment)?,
            false => ClientTls::new(&settings.tls, &settings.environment)?,
        };
        let connector = Connector {
            resolver: settings.resolver,
            proxies: proxies.clone(),
            tls,
            timeout: settings.connect_timeout,
        };
        let pool = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(settings.max_idle_per_host)
            .http2_only(settings.http2)
            .http2_keep_alive_interval(settings.http2.then_some(PING_EVERY))
            .timer(TokioTimer::new())
            .build(connector);
        let user_agent = HeaderValue::from_str(&settings.user_agent)
            .map_err(|_| TlsConfigError::Settings("the user agent holds a control character".into()))?;
        Ok(Client { pool, proxies, user_agent, max_response_bytes: settings.max_response_bytes })
    }

    /// Sends one request. `timeout` covers everything from the lookup to the last byte of the answer.
    /// Any status is an answer, not an error.
    pub async fn send(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response, HttpError> {
        self.send_capped(request, timeout, self.max_response_bytes).await
    }

    /// As `send`, with another cap on the answer, for downloads.
    pub async fn send_capped(
        &self,
        mut request: Request<Bytes>,
        timeout: Duration,
        max_response_bytes: usize,
    ) -> Result<Response, HttpError> {
        let peer = peer_name(request.uri());
        self.prepare(&mut request);
        match tokio::time::timeout(timeout, self.exchange(request, &peer, max_response_bytes)).await {
            Ok(result) => result,
            Err(_) => Err(HttpError::Timeout { peer, after: timeout }),
        }
    }

    fn prepare(&self, request: &mut Request<Bytes>) {
        if !request.headers().contains_key(USER_AGENT) {
            request.headers_mut().insert(USER_AGENT, self.user_agent.clone());
        }
        // Inside a tunnel the proxy sees no headers; there the connector sends the password.
        if request.uri().scheme_str() == Some("http")
            && let Some(authorization) = self.proxies.of(request.uri()).and_then(|p| p.authorization)
        {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
    }

    async fn exchange(&self, request: Request<Bytes>, peer: &str, cap: usize) -> Result<Response, HttpError> {
        let again = request.clone();
        match self.exchange_once(request, peer, cap).await {
            Err((HttpError::Closed { .. }, Reused(true))) => {
                self.exchange_once(again, peer, cap).await.map_err(|(error, _)| error)
            }
            result => result.map_err(|(error, _)| error),
        }
    }

    async fn exchange_once(
        &self,
        request: Request<Bytes>,
        peer: &str,
        cap: usize,
    ) -> Result<Response, (HttpError, Reused)> {
        let mut request = request.map(Full::new);
        let captured = capture_connection(&mut request);
        let answer = self.pool.request(request).await;
        let reused = Reused(captured.connection_metadata().as_ref().is_some_and(|connected| {
            let mut extensions = Extensions::new();
            connected.get_extras(&mut extensions);
            let uses: Option<&Uses> = extensions.get();
            uses.is_some_and(|Uses(count): &Uses| count_use(count) > 0)
        }));
        let answer = answer.map_err(|error| (HttpError::of(peer, &error), reused))?;
        let (parts, body) = answer.into_parts();
        // From here on an answer has begun, so the end of the connection is no stale connection's.
        let (body, trailers) = read_capped(body, peer, cap).await.map_err(|error| (error, Reused(false)))?;
        Ok(Response { status: parts.status, headers: parts.headers, body, trailers })
    }
}

/// Whether the connection had carried an earlier request.
#[derive(Clone, Copy)]
struct Reused(bool);

fn count_use(count: &AtomicU32) -> u32 {
    count.fetch_add(1, Ordering::Relaxed)
}

async fn read_capped(mut body: Incoming, peer: &str, limit: usize) -> Result<(Bytes, HeaderMap), HttpError> {
    let too_large = || HttpError::TooLarge { peer: peer.into(), limit };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut first = Bytes::new();
    let (mut rest, mut trailers) = (BytesMut::new(), HeaderMap::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| HttpError::of(peer, &error))?;
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(other) => {
                trailers = other.into_trailers().unwrap_or_default();
                continue;
            }
        };
        if first.len() + rest.len() + data.len() > limit {
            return Err(too_large());
        }
        // Most answers are one frame, which is then handed on without a copy.
        match (first.is_empty(), rest.is_empty()) {
            (true, true) => first = data,
            _ => {
                rest.extend_from_slice(&std::mem::take(&mut first));
                rest.extend_from_slice(&data);
            }
        }
    }
    Ok((if rest.is_empty() { first } else { rest.freeze() }, trailers))
}

impl Response {
    /// A header's value, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The start of the body as text, for a log line.
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(256)]);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// `Retry-After` in seconds. The form with a date is rare and the caller's own backoff serves as well.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body_bytes = self.body.len();
        f.debug_struct("Response").field("status", &self.status).field("body_bytes", &body_bytes).finish()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("proxies", &self.proxies).finish_non_exhaustive()
    }
}
