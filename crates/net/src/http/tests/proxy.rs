//! Proxies: plain requests, tunnels, passwords, exceptions.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Client, ClientSettings, HttpError};
use crate::testing::{SOON, get, listener};
use crate::tls::{ServerTls, TlsClientConfig, TlsServerConfig};
use crate::{Environment, http};

/// Answers plain requests itself, opens tunnels to one port, and remembers what it was asked.
struct Proxy {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

async fn proxy(tunnel_to: u16, refusal: Option<&'static str>) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = heads.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut head).await.unwrap();
            }
            let head = String::from_utf8(head).unwrap();
            let is_tunnel = head.starts_with("CONNECT ");
            record.lock().unwrap().push(head);
            if let Some(refusal) = refusal {
                stream.write_all(refusal.as_bytes()).await.unwrap();
            } else if is_tunnel {
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                let mut onward = TcpStream::connect(("127.0.0.1", tunnel_to)).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut stream, &mut onward).await });
            } else {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nproxy").await.unwrap();
            }
        }
    });
    Proxy { address, heads }
}

impl Proxy {
    fn client(&self, variables: &[(&str, &str)], tls: TlsClientConfig) -> Client {
        let url = format!("http://user:pa%20ss@{}", self.address);
        let mut environment: Environment = variables.iter().copied().collect();
        for name in ["HTTP_PROXY", "https_proxy"] {
            environment = environment.with(name, url.clone());
        }
        let mut settings = ClientSettings::new(&environment);
        settings.tls = tls;
        Client::new(settings).unwrap()
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn has_password(head: &str) -> bool {
    // `user:pa ss`
    let wanted = "proxy-authorization: Basic dXNlcjpwYSBzcw==";
    head.lines().any(|line| line.eq_ignore_ascii_case(wanted))
}

#[tokio::test]
async fn a_plain_request_names_its_whole_target() {
    let proxy = proxy(0, None).await;
    let client = proxy.client(&[("NO_PROXY", "exempt.example")], TlsClientConfig::default());
    let response = client.send(get("http://intake.example/logs?x=1"), SOON).await.unwrap();
    assert_eq!(response.body, "proxy");
    let head = &proxy.heads()[0];
    assert!(head.starts_with("GET http://intake.example/logs?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(has_password(head), "{head}");
    assert!(!format!("{client:?}").contains("pa"), "{client:?}");
}

#[tokio::test]
async fn exceptions_go_direct() {
    let direct = crate::testing::Scripted::new(vec![crate::testing::answer(200, "direct")]);
    let proxy = proxy(0, None).await;
    let client = proxy.client(&[("NO_PROXY", "10.0.0.0/8, 127.0.0.0/8")], TlsClientConfig::default());
    assert_eq!(client.send(get(&direct.url), SOON).await.unwrap().body, "direct");
    assert!(direct.asked()[0].header("proxy-authorization").is_empty());
    assert!(proxy.heads().is_empty());
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_and_the_password_stays_outside() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["intake.example".to_owned()]).unwrap();
    let (certificate_file, key_file) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate_file, made.cert.pem()).unwrap();
    std::fs::write(&key_file, made.signing_key.serialize_pem()).unwrap();
    let tls = TlsClientConfig { ca_file: Some(certificate_file.clone()), ..TlsClientConfig::default() };
    let server =
        TlsServerConfig { certificate_file, key_file, client_ca_file: None, min_version: Default::default() };
    let (listener, port) = listener();
    let inside: Arc<Mutex<String>> = Arc::default();
    let record = inside.clone();
    let handler = move |request: axum::extract::Request| async move {
        *record.lock().unwrap() = format!("{:?}", request.headers());
        "inside"
    };
    let listener = listener.with_tls(ServerTls::new(&server).unwrap());
    tokio::spawn(http::serve(listener, axum::Router::new().fallback(handler), std::future::pending()));

    let proxy = proxy(port, None).await;
    let client = proxy.client(&[], tls);
    // The name resolves nowhere here: only the proxy needs to know it.
    for _ in 0..2 {
        let response = client.send(get("https://intake.example/logs"), SOON).await.unwrap();
        assert_eq!(response.body, "inside");
    }
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "the tunnel is kept");
    assert!(heads[0].starts_with("CONNECT intake.example:443 HTTP/1.1\r\nHost: intake.example:443\r\n"));
    assert!(has_password(&heads[0]));
    assert!(!inside.lock().unwrap().to_lowercase().contains("proxy"));
}

#[tokio::test]
async fn a_proxy_that_refuses_says_why() {
    let cases = [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "it wants a user and password; write `http://user:password@host:port`",
        ),
        ("HTTP/1.1 403 Forbidden\r\nx: y\r\n\r\n", "it answers 403"),
        ("garbage\r\n\r\n", "it answers "),
    ];
    for (refusal, expected) in cases {
        let proxy = proxy(0, Some(refusal)).await;
        let client = proxy.client(&[], TlsClientConfig::default());
        let error = client.send(get("https://intake.example/"), SOON).await.unwrap_err();
        let text = format!(
            "cannot connect to intake.example:443 (through the proxy http://{}: {expected})",
            proxy.address
        );
        assert_eq!(error.to_string(), text);
        assert!(matches!(error, HttpError::Connect { .. }));
    }
}
