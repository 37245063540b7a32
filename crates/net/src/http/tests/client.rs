//! Requests that work, and each way in which they do not.

use std::time::Duration;

use ::http::Request;
use axum::Router;
use axum::body::Body;
use axum::routing::{get as on_get, post};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Environment;
use crate::http::{Client, ClientSettings, HttpError};
use crate::testing::{SOON, Scripted, answer, client, get, serving};

/// Reads one request's head and body-less end.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let n = stream.read_buf(&mut text).await.unwrap();
        assert!(n > 0, "the client hung up");
    }
    String::from_utf8(text).unwrap()
}

/// A server whose connections are handled by hand.
async fn raw() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn any_status_is_an_answer() {
    let server = Scripted::new(vec![(418, vec![("retry-after", "3".into())], "short\nand  stout".into())]);
    let request = Request::post(&server.url).header("x-key", "v").body(Bytes::from_static(b"in")).unwrap();
    let response = client().send(request, SOON).await.unwrap();
    assert_eq!((response.status.as_u16(), &response.body[..]), (418, &b"short\nand  stout"[..]));
    assert_eq!(
        (response.retry_after(), response.excerpt().as_str()),
        (Some(Duration::from_secs(3)), "short and stout")
    );
    let asked = &server.asked()[0];
    assert_eq!((asked.body.as_str(), asked.header("x-key")), ("in", "v"));
    assert!(asked.header("user-agent").starts_with("outrigger/"));
}

#[tokio::test]
async fn large_answers_are_refused_whether_announced_or_not() {
    let announced = || async { vec![b'x'; 5000] };
    let chunked = || async { Body::new(Chunks(5)) };
    let router = Router::new().route("/a", on_get(announced)).route("/c", on_get(chunked));
    let url = serving(router);
    let client = client();
    for path in ["/a", "/c"] {
        let target = format!("{url}{path}");
        let whole = client.send_capped(get(&target), SOON, 5000).await.unwrap();
        assert_eq!(whole.body.len(), 5000);
        let error = client.send_capped(get(&target), SOON, 4999).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { limit: 4999, .. }), "{path}: {error}");
        assert!(!error.is_transient());
    }
}

/// So many chunks of a thousand bytes.
struct Chunks(usize);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or_default();
        std::task::Poll::Ready(left.map(|_| Ok(hyper::body::Frame::data(Bytes::from(vec![b'x'; 1000])))))
    }
}

#[tokio::test]
async fn an_idle_connection_that_died_costs_no_failure() {
    let (listener, url) = raw().await;
    let server = tokio::spawn(async move {
        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let (mut first, _) = listener.accept().await.unwrap();
        request(&mut first).await;
        first.write_all(ok).await.unwrap();
        // The second request arrives on the kept connection, which then ends without an answer.
        request(&mut first).await;
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        request(&mut second).await;
        second.write_all(ok).await.unwrap();
        // A connection that never answered anything is not tried again.
        request(&mut second).await;
        drop(second);
        let (mut third, _) = listener.accept().await.unwrap();
        request(&mut third).await;
        drop(third);
    });
    let client = client();
    for _ in 0..2 {
        assert_eq!(client.send(get(&url), SOON).await.unwrap().body, "ok");
    }
    let error = client.send(get(&url), SOON).await.unwrap_err();
    assert!(matches!(error, HttpError::Closed { .. }) && error.is_transient(), "{error}");
    server.await.unwrap();
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let ports = async |peer: axum::Extension<crate::PeerName>| peer.0.to_string();
    let url = serving(Router::new().route("/", post(ports)));
    let client = client();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let request = Request::post(format!("{url}/")).body(Bytes::from_static(b"x")).unwrap();
        seen.insert(client.send(request, SOON).await.unwrap().body);
    }
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn each_failure_is_told_apart_and_keeps_the_key_to_itself() {
    let closed = { raw().await.1 };
    let (silent, silent_url) = raw().await;
    let (garbled, garbled_url) = raw().await;
    tokio::spawn(async move {
        let (mut stream, _) = garbled.accept().await.unwrap();
        request(&mut stream).await;
        stream.write_all(b"SSH-2.0-OpenSSH_9\r\n").await.unwrap();
        stream.read_u8().await
    });
    let client = client();
    let fail = async |url: &str, limit: u64| {
        let target = format!("{url}/v1/input/SECRETKEY?api_key=SECRETKEY");
        client.send(get(&target), Duration::from_millis(limit)).await.unwrap_err()
    };
    let refused = fail(&closed, 5000).await;
    assert_eq!(
        refused.to_string(),
        format!("cannot connect to {closed} (connection refused; nothing listens on that port)")
    );
    let timeout = fail(&silent_url, 50).await;
    assert_eq!(timeout.to_string(), format!("no answer from {silent_url} within 0.05s"));
    let garbled = fail(&garbled_url, 5000).await;
    assert!(garbled.to_string().ends_with("does it speak HTTP/1.1 on this port?)"), "{garbled}");
    let plain = fail(&closed.replace("http:", "ftp:"), 5000).await;
    assert!(matches!(plain, HttpError::Request(_)) && !plain.is_transient(), "{plain}");
    let tls = fail(&silent_url.replace("http:", "https:"), 50).await;
    assert!(matches!(tls, HttpError::Timeout { .. }), "{tls}");
    for error in [refused, timeout, garbled, plain, tls] {
        assert!(!format!("{error} {error:?}").contains("SECRETKEY"));
    }
    drop(silent);
}

#[tokio::test]
async fn connecting_has_its_own_limit() {
    // A listener that never accepts a TLS handshake stands for a black hole.
    let (_listener, url) = raw().await;
    let mut settings = ClientSettings::new(&Environment::default());
    settings.connect_timeout = Duration::from_millis(50);
    let client = Client::new(settings).unwrap();
    let error = client.send(get(&url.replace("http:", "https:")), SOON).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("(no connection within 0.05 s; check routes, security groups and the port)")
    );
}

#[tokio::test]
async fn the_next_address_is_tried() {
    let server = Scripted::new(vec![answer(200, "ok")]);
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let mut settings = ClientSettings::new(&Environment::default());
    // Nothing listens on the first, whose refusal comes at once.
    settings.resolver = crate::http::Resolver::with(|_| {
        Box::pin(async { Ok(vec!["127.0.0.9".parse().unwrap(), "127.0.0.1".parse().unwrap()]) })
    });
    let client = Client::new(settings).unwrap();
    let response = client.send(get(&format!("http://intake.example:{port}/")), SOON).await.unwrap();
    assert_eq!(response.body, "ok");
    assert_eq!(server.asked()[0].header("host"), format!("intake.example:{port}"));
}
