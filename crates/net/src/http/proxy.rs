//! Forward proxies as the usual variables name them: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.

use std::fmt;

use ::http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::HttpError;
use super::error::peer_name;
use crate::Environment;

/// Most bytes of a proxy's answer to CONNECT. It is a status line and a few headers.
const MAX_ANSWER_BYTES: usize = 8 << 10;

#[derive(Clone, Default)]
pub(super) struct Proxies(Option<std::sync::Arc<Matcher>>);

/// The proxy for one request. The authorization is a secret and is in no text.
pub(super) struct Proxy {
    pub(super) uri: Uri,
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxies {
    pub(super) fn from_environment(environment: &Environment) -> Proxies {
        let value = |names: &[&str]| environment.first(names).unwrap_or_default().to_owned();
        let all = value(&["ALL_PROXY", "all_proxy"]);
        let http = value(&["HTTP_PROXY", "http_proxy"]);
        let https = value(&["HTTPS_PROXY", "https_proxy"]);
        if all.is_empty() && http.is_empty() && https.is_empty() {
            return Proxies(None);
        }
        let matcher =
            Matcher::builder().all(all).http(http).https(https).no(value(&["NO_PROXY", "no_proxy"])).build();
        Proxies(Some(matcher.into()))
    }

    pub(super) fn of(&self, destination: &Uri) -> Option<Proxy> {
        let intercept = self.0.as_ref()?.intercept(destination)?;
        Some(Proxy { uri: intercept.uri().clone(), authorization: intercept.basic_auth().cloned() })
    }
}

/// Asks the proxy for a tunnel to `host:port` and leaves the connection at its start.
pub(super) async fn tunnel<S>(mut stream: S, proxy: &Proxy, host: &str, port: u16) -> Result<S, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let refused = |detail: String| HttpError::Connect {
        peer: format!("{host}:{port}"),
        detail: format!("through the proxy {}: {detail}", peer_name(&proxy.uri)),
    };
    let broken = |error: std::io::Error| refused(error.to_string());
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(broken)?;

    // The server behind the tunnel speaks only after we do, so what is read here is the proxy's alone.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > MAX_ANSWER_BYTES {
            return Err(refused("its answer to CONNECT does not end".into()));
        }
        if stream.read_buf(&mut answer).await.map_err(broken)? == 0 {
            return Err(refused("it closed the connection".into()));
        }
    }
    let status = answer.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    match status {
        [b'2', ..] => Ok(stream),
        b"407" => Err(refused("it wants a user and password; write `http://user:password@host:port`".into())),
        other => Err(refused(format!("it answers {}", String::from_utf8_lossy(other)))),
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxies({})", if self.0.is_some() { "set" } else { "none" })
    }
}
