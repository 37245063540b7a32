//! The server against clients that are slow, greedy or gone.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get as on_get, post};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::http::{ServeSettings, serve_with};
use crate::testing::{SOON, client, get, listener};

/// Long enough for a busy machine to send a whole request in.
const SHORT: Duration = Duration::from_millis(250);

fn impatient() -> ServeSettings {
    ServeSettings {
        max_body_bytes: 10,
        head_timeout: SHORT,
        body_timeout: SHORT,
        stall_timeout: SHORT,
        max_connections: 2,
        grace: SOON,
        ..ServeSettings::default()
    }
}

fn start(router: Router, settings: ServeSettings) -> (u16, oneshot::Sender<()>) {
    let (listener, port) = listener();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move {
        let _ = stopped.await;
    };
    tokio::spawn(serve_with(listener, router, shutdown, settings));
    (port, stop)
}

/// Echoes bodies; axum's own limit is off, so that what is tested is ours.
fn echo() -> Router {
    Router::new().route("/", post(|body: Bytes| async move { body })).layer(DefaultBodyLimit::disable())
}

/// Sends some bytes and reads until the server ends the connection.
async fn exchange(port: u16, text: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // The server may close before it has read all.
    let _ = stream.write_all(text.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the server must end it");
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn nobody_waits_for_a_slow_client() {
    let (port, _stop) = start(echo(), impatient());
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n";
    let cases = [
        ("nothing at all", String::new(), ""),
        ("half a head", "POST / HTTP/1.1\r\nhos".into(), ""),
        ("half a body", format!("{head}ab"), "HTTP/1.1 400 Bad Request"),
        ("a whole body", format!("{head}abcde"), "HTTP/1.1 200 OK"),
        ("too large", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n".to_owned() + "abcdefghijk", "HTTP/1.1 413 Payload Too Large"),
        (
            "too large in chunks",
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n".into(),
            "HTTP/1.1 413 Payload Too Large",
        ),
        (
            "an endless head",
            format!("GET / HTTP/1.1\r\nx: {}\r\n", "y".repeat(70_000)),
            "HTTP/1.1 431 Request Header Fields Too Large",
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(exchange(port, &text).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let huge = || async { vec![0u8; 64 << 20] };
    let (port, _stop) = start(Router::new().route("/", on_get(huge)), impatient());
    let mut deaf = Vec::new();
    // Both places are taken by clients that never read, and yet a third is served.
    for _ in 0..2 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        deaf.push(stream);
    }
    let url = format!("http://127.0.0.1:{port}/nothing");
    let response = client().send(get(&url), SOON).await.unwrap();
    assert_eq!(response.status.as_u16(), 404);
}

#[tokio::test]
async fn a_request_in_progress_is_finished_at_the_stop() {
    let (begun, has_begun) = tokio::sync::mpsc::channel::<()>(1);
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let may_go_on = std::sync::Arc::new(tokio::sync::Mutex::new(Some(may_go_on)));
    let slow = move || async move {
        begun.send(()).await.unwrap();
        let wait = may_go_on.lock().await.take().unwrap();
        let _ = wait.await;
        "done"
    };
    let (port, stop) = start(Router::new().route("/", on_get(slow)), ServeSettings::default());
    let url = format!("http://127.0.0.1:{port}/");
    let asking = tokio::spawn(async move { client().send(get(&url), SOON).await });
    let mut has_begun = has_begun;
    has_begun.recv().await.unwrap();
    stop.send(()).unwrap();
    // The port is closed at once, while the request goes on.
    while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.send(()).unwrap();
    assert_eq!(asking.await.unwrap().unwrap().body, "done");
}
