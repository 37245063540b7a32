//! The receiver as clients meet it, over real sockets.

mod acks;

use std::path::PathBuf;
use std::time::Duration;

use config::Setting;
use engine::outlet::Phase;
use engine::testing::{Catch, json_lines, receiver, stop};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wire::forward::handshake::{Helo, Pong};
use wire::msgpack::write;

use super::*;

struct Running {
    endpoint: Endpoint,
    catch: Catch,
    phase: watch::Sender<Phase>,
    task: JoinHandle<Result<(), Fault>>,
}

fn start(settings: Setting, endpoint: Endpoint) -> Running {
    let receiver = receiver::<FluentForward>(settings).unwrap();
    let listener = Listener::bind(&endpoint).unwrap();
    let endpoint = listener.endpoint().clone();
    let (catch, (phase, stop)) = (Catch::default(), stop());
    let task = tokio::spawn(receiver.serve(listener, catch.outlet(), stop));
    Running { endpoint, catch, phase, task }
}

fn start_tcp(settings: Setting) -> Running {
    start(settings, "127.0.0.1:0".parse().unwrap())
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.endpoint.port().unwrap())).await.unwrap()
    }

    fn refused(&self) -> u64 {
        self.catch.ledger().receivers.iter().flat_map(|(_, counts)| counts.refused.values()).sum()
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/forward").join(name);
    std::fs::read(&path).unwrap()
}

fn message(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write::array(3, &mut out);
    write::str(b"t", &mut out);
    write::uint(1, &mut out);
    write::map(1, &mut out);
    write::str(b"log", &mut out);
    write::str(text.as_bytes(), &mut out);
    out
}

async fn read_exactly(stream: &mut (impl AsyncRead + Unpin), expected: &[u8]) {
    let mut seen = vec![0; expected.len()];
    stream.read_exact(&mut seen).await.unwrap();
    assert_eq!(seen, expected);
}

async fn send(mut stream: impl AsyncWrite + Unpin, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
}

#[tokio::test]
async fn records_come_in_over_tcp_and_unix_sockets() {
    let bytes = fixture("dockerd/002.stream");
    let running = start_tcp(Setting::map().with("tag_prefix", "ecs."));
    send(running.connect().await, &bytes).await;
    let batches = running.catch.records(8).await;
    assert!(batches.iter().all(|batch| batch.tag.starts_with("ecs.shop-firelens-")));
    assert!(batches.iter().all(|batch| batch.logs.iter().all(|record| record.observed > 0)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fluent.sock");
    let running = start(Setting::map(), Endpoint::Unix { path: path.clone(), mode: Some(0o600) });
    send(UnixStream::connect(&path).await.unwrap(), &bytes).await;
    running.catch.records(8).await;
    let ledger = running.catch.ledger();
    assert_eq!((ledger.receivers[0].1.records, ledger.receivers[0].1.bytes), (8, bytes.len() as u64));
}

#[tokio::test]
async fn each_chunk_is_answered_and_one_sent_again_is_left_out() {
    let running = start_tcp(Setting::map());
    let mut stream = running.connect().await;
    stream.write_all(&fixture("dockerd/003.stream")).await.unwrap();
    let first = b"\x81\xa3ack\xb8C8kAawAAAADE/zpA/Lhesg==";
    let second = b"\x81\xa3ack\xb8C8kAawAAAACgYyaioBnnQQ==";
    read_exactly(&mut stream, first).await;
    read_exactly(&mut stream, second).await;
    running.catch.records(2).await;
    // The reconnect of the same capture.
    let mut again = running.connect().await;
    again.write_all(&fixture("dockerd/004.stream")).await.unwrap();
    read_exactly(&mut again, second).await;
    assert!(running.catch.take().is_empty());
    // On its own connection the same id is a new chunk, as Fluent Bit makes ids from the content.
    stream.write_all(&fixture("dockerd/004.stream")).await.unwrap();
    read_exactly(&mut stream, second).await;
    running.catch.records(1).await;
}

#[tokio::test]
async fn who_speaks_http_is_told() {
    let running = start_tcp(Setting::map());
    let mut stream = running.connect().await;
    stream.write_all(&message("kept")).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("forward protocol"), "{answer}");
    assert_eq!(json_lines(&running.catch.records(1).await), "t {\"log\":\"kept\"}\n");
}

async fn shake(running: &Running, key: &str, user: Option<(&str, &str)>) -> (TcpStream, Result<(), String>) {
    let mut stream = running.connect().await;
    let mut buffer = Vec::new();
    let helo = loop {
        stream.read_buf(&mut buffer).await.unwrap();
        if let Ok((helo, _)) = Helo::read(&buffer) {
            break helo;
        }
    };
    let ping = helo.answer("client", b"0123456789abcdef", key, user);
    stream.write_all(&ping.write()).await.unwrap();
    buffer.clear();
    let pong = loop {
        stream.read_buf(&mut buffer).await.unwrap();
        if let Ok((pong, _)) = Pong::read(&buffer) {
            break pong;
        }
    };
    let accepted = helo.accepts(&pong, b"0123456789abcdef", key);
    (stream, accepted)
}

#[tokio::test]
async fn the_handshake_lets_in_who_knows_the_key() {
    let user = Setting::map().with("username", "ann").with("password", "secret");
    let settings = Setting::map().with("shared_key", "key").with("users", Setting::list([user]));
    let running = start_tcp(settings);
    let (stream, accepted) = shake(&running, "key", Some(("ann", "secret"))).await;
    assert_eq!(accepted, Ok(()));
    send(stream, &message("in")).await;
    running.catch.records(1).await;
    for (key, user, why) in [
        ("wrong", Some(("ann", "secret")), "shared_key mismatch"),
        ("key", Some(("ann", "wrong")), "username/password mismatch"),
        ("key", None, "username/password mismatch"),
    ] {
        let (mut stream, accepted) = shake(&running, key, user).await;
        assert_eq!(accepted, Err(why.into()));
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "the connection is closed");
    }
}

#[tokio::test]
async fn while_draining_senders_are_heard_until_they_leave() {
    let running = start_tcp(Setting::map());
    let mut stream = running.connect().await;
    stream.write_all(&message("before")).await.unwrap();
    running.catch.records(1).await;
    running.phase.send_replace(Phase::Draining);
    stream.write_all(&message("during")).await.unwrap();
    running.catch.records(1).await;
    send(running.connect().await, &message("a late one")).await;
    running.catch.records(1).await;
    assert!(!running.task.is_finished());
    drop(stream);
    running.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn closing_takes_what_is_there_and_returns() {
    let mut running = start_tcp(Setting::map());
    let mut stream = running.connect().await;
    stream.write_all(&message("first")).await.unwrap();
    running.catch.records(1).await;
    stream.write_all(&message("last")).await.unwrap();
    stream.write_all(&message("cut off")[..5]).await.unwrap();
    running.phase.send_replace(Phase::Closing);
    (&mut running.task).await.unwrap().unwrap();
    assert_eq!(json_lines(&running.catch.take()), "t {\"log\":\"last\"}\n");
    assert_eq!(running.refused(), 1);
}

#[tokio::test]
async fn a_bad_message_is_counted_and_the_connection_goes_on() {
    let running = start_tcp(Setting::map().with("max_message_bytes", "1KiB"));
    let mut stream = running.connect().await;
    stream.write_all(&message(&"x".repeat(5000))).await.unwrap();
    stream.write_all(b"\x93\x01\x01\x80").await.unwrap();
    stream.write_all(&message("good")).await.unwrap();
    assert_eq!(json_lines(&running.catch.records(1).await), "t {\"log\":\"good\"}\n");
    assert_eq!(running.refused(), 2);
}

#[tokio::test]
async fn a_thousand_silent_connections_hold_little() {
    let running = start_tcp(Setting::map());
    let mut streams = Vec::new();
    for _ in 0..500 {
        let mut stream = running.connect().await;
        stream.write_all(&message("x")).await.unwrap();
        stream.write_all(b"\x93").await.unwrap();
        streams.push(stream);
    }
    running.catch.records(500).await;
    let shared = receiver::<FluentForward>(Setting::map()).unwrap().shared;
    let stream = net::Stream::Tcp(running.connect().await);
    let connection = Connection::new(stream, net::PeerName::Unix, Catch::default().outlet(), shared);
    assert!(size_of_val(&connection) < 1024, "{} bytes", size_of_val(&connection));
}

#[tokio::test]
async fn records_come_in_over_tls() {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, ServerName};
    let certificate = testkit::certificate::Certificate::new();
    let tls = Setting::map()
        .with("certificate_file", certificate.cert_file.to_str().unwrap())
        .with("key_file", certificate.key_file.to_str().unwrap());
    let running = start_tcp(Setting::map().with("tls", tls));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificate.ca_file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = connector.connect(name, running.connect().await).await.unwrap();
    // Larger than a TLS record, and answered.
    let bytes = [fixture("dockerd/001.stream"), fixture("dockerd/003.stream")].concat();
    stream.write_all(&bytes).await.unwrap();
    read_exactly(&mut stream, b"\x81\xa3ack\xb8C8kAawAAAADE/zpA/Lhesg==").await;
    running.catch.records(11).await;
    stream.write_all(&message("more")).await.unwrap();
    running.catch.records(1).await;
}

/// Connections change between being watched and being polled; no record may be lost on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_of_busy_and_idle_senders_arrives_in_order() {
    let running = start_tcp(Setting::map());
    let mut senders = Vec::new();
    for sender in 0..8u32 {
        let mut stream = running.connect().await;
        senders.push(tokio::spawn(async move {
            for n in 0..400u32 {
                stream.write_all(&message(&format!("{sender} {n}"))).await.unwrap();
                match (n * (sender + 1)) % 50 {
                    0 => tokio::time::sleep(Duration::from_millis(12)).await,
                    1..20 => tokio::time::sleep(Duration::from_micros(200)).await,
                    _ => {}
                }
            }
        }));
    }
    let text = json_lines(&running.catch.records(8 * 400).await);
    for sender in 0..8 {
        let start = format!("t {{\"log\":\"{sender} ");
        let numbers: Vec<u32> = text
            .lines()
            .filter_map(|line| line.strip_prefix(&start)?.trim_end_matches("\"}").parse().ok())
            .collect();
        assert_eq!(numbers, (0..400).collect::<Vec<_>>(), "sender {sender}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let check = |settings: Setting, expected: &str| {
        let error = receiver::<FluentForward>(settings).err().unwrap_or_default();
        assert!(error.contains(expected), "{error}");
    };
    let map = Setting::map;
    check(map().with("listen", "127.0.0.1:1").with("unix_path", "/x"), "both set");
    check(map().with("listen", "nowhere"), "no address to listen on");
    check(map().with("unix_path", "/x").with("unix_perm", "rw"), "octal");
    check(map().with("max_message_bytes", 0), "no message fits");
    check(map().with("unknown", 1), "unknown");
    let user = map().with("username", "a").with("password", "b");
    check(map().with("users", Setting::list([user])), "empty_shared_key");
}
