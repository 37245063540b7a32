//! What `forward` sends, case by case.

use std::fs;

use config::Setting;
use engine::testing::{batch, exporter};
use engine::{Encoder as _, Exporter as _, Surroundings};
use net::tls::{ServerTls, TlsServerConfig, TlsVersion};
use net::{Endpoint, Listener};
use testkit::certificate::Certificate;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::mpsc;
use wire::forward::handshake::{Helo, Ping, Secrets};

use super::*;
use crate::golden;

/// How the receiver behaves.
#[derive(Clone, Default)]
struct Manners {
    secrets: Option<Secrets>,
    /// Answers with another chunk.
    confused: bool,
    silent: bool,
    /// Hangs up after so many messages.
    hang_up_after: Option<usize>,
    no_keepalive: bool,
}

/// What a receiver tells: a connection was opened, or records came.
#[derive(Debug)]
enum Event {
    Opened,
    Records(String),
}

struct Receiver {
    address: String,
    events: mpsc::Receiver<Event>,
}

async fn receiver(manners: Manners) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, events) = mpsc::channel(100);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tell.send(Event::Opened).await.unwrap();
            tokio::spawn(serve(stream, manners.clone(), tell.clone()));
        }
    });
    Receiver { address, events }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, manners: Manners, tell: mpsc::Sender<Event>) {
    if let Some(secrets) = &manners.secrets
        && !shake(&mut stream, secrets, &manners).await
    {
        return;
    }
    let mut decoder = Decoder::new(Settings::default());
    for message in 1.. {
        let Some((lines, acks)) = next(&mut stream, &mut decoder).await else { return };
        tell.send(Event::Records(lines)).await.unwrap();
        for ack in acks {
            let reply = if manners.confused { handshake_ack("other") } else { ack };
            if !manners.silent {
                stream.write_all(&reply).await.unwrap();
            }
        }
        if manners.hang_up_after == Some(message) {
            return;
        }
    }
}

fn handshake_ack(chunk: &str) -> Vec<u8> {
    wire::forward::handshake::ack(chunk)
}

async fn next(
    stream: &mut (impl AsyncRead + Unpin),
    decoder: &mut Decoder,
) -> Option<(String, Vec<Vec<u8>>)> {
    loop {
        let mut bytes = decoder.take_buffer();
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let decoded = decoder.decode(bytes, &Context::at(1));
        assert!(decoded.close.is_none() && decoded.refused.is_empty());
        if !decoded.batches.is_empty() {
            return Some((lines(&decoded.batches), decoded.acks.into_iter().map(|ack| ack.reply).collect()));
        }
    }
}

async fn shake(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    secrets: &Secrets,
    manners: &Manners,
) -> bool {
    let auth = if secrets.users.is_empty() { Vec::new() } else { vec![9; 16] };
    let helo = Helo { nonce: vec![7; 16], auth, keepalive: !manners.no_keepalive };
    stream.write_all(&helo.write()).await.unwrap();
    let mut bytes = Vec::new();
    let ping = loop {
        match Ping::read(&bytes) {
            Ok((ping, _)) => break ping,
            Err(_) if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 => return false,
            Err(_) => {}
        }
    };
    let pong = helo.check(&ping, secrets);
    stream.write_all(&pong.write()).await.unwrap();
    pong.ok
}

impl Receiver {
    fn settings(&self) -> Setting {
        Setting::map().with("endpoint", self.address.as_str())
    }

    async fn records(&mut self) -> String {
        loop {
            match self.events.recv().await.unwrap() {
                Event::Records(lines) => return lines,
                Event::Opened => {}
            }
        }
    }

    /// Connections opened since the last call.
    fn opened(&mut self) -> usize {
        let mut opened = 0;
        while let Ok(event) = self.events.try_recv() {
            opened += usize::from(matches!(event, Event::Opened));
        }
        opened
    }
}

fn built(settings: Setting) -> Forward {
    exporter(settings, &Surroundings::for_tests()).unwrap()
}

fn encoded(forward: &Forward, batches: &[Batch]) -> Sealed {
    let (mut encoder, mut out) = (forward.encoder(), Sealed::default());
    batches.iter().for_each(|batch| encoder.encode(batch, &mut out));
    encoder.seal(&mut out);
    let records: u64 = out.payloads().iter().map(|payload| payload.records).sum();
    assert_eq!(records, batches.iter().map(Batch::len).sum::<usize>() as u64);
    out
}

/// Sends one record.
async fn send_one(forward: &Forward) -> Outcome {
    let out = encoded(forward, &[batch("t", &[r#"{"n":1}"#])]);
    forward.send(&out.payloads()[0]).await
}

fn reason(outcome: Outcome) -> String {
    match outcome {
        Outcome::Retry { reason, .. } => reason,
        other => panic!("{other:?} instead of another try"),
    }
}

const ONE: &str = "t 1000000000 {\"n\":1}\n";

#[tokio::test]
async fn records_arrive_in_every_form() {
    for compression in ["none", "gzip"] {
        for ack in [false, true] {
            let mut receiver = receiver(Manners::default()).await;
            let forward =
                built(receiver.settings().with("compression", compression).with("require_ack", ack));
            for _ in 0..3 {
                assert_eq!(send_one(&forward).await, Outcome::Sent);
                assert_eq!(receiver.records().await, ONE);
            }
            assert_eq!(receiver.opened(), 0, "a connection was not used again");
        }
    }
}

#[tokio::test]
async fn another_ack_or_none_means_another_try() {
    let confused = receiver(Manners { confused: true, ..Manners::default() }).await;
    let forward = built(confused.settings().with("require_ack", true));
    assert!(reason(send_one(&forward).await).contains("acknowledged `other` instead of"));

    let silent = receiver(Manners { silent: true, ..Manners::default() }).await;
    let forward = built(silent.settings().with("require_ack", true));
    let wait = tokio::time::timeout(Duration::from_millis(100), send_one(&forward));
    assert!(wait.await.is_err(), "delivered without an answer");
    assert!(forward.idle.lock().unwrap().is_empty(), "a connection that owes an answer was kept");

    let hung_up = receiver(Manners { silent: true, hang_up_after: Some(1), ..Manners::default() }).await;
    let forward = built(hung_up.settings().with("require_ack", true));
    assert!(reason(send_one(&forward).await).contains("no acknowledgement: the connection was closed"));
}

#[tokio::test]
async fn a_connection_that_died_is_replaced_at_once() {
    let mut receiver = receiver(Manners { hang_up_after: Some(1), ..Manners::default() }).await;
    let forward = built(receiver.settings().with("require_ack", true));
    for _ in 0..3 {
        assert_eq!(send_one(&forward).await, Outcome::Sent);
        assert_eq!(receiver.records().await, ONE);
    }
}

#[tokio::test]
async fn idle_connections_are_bounded_and_given_up() {
    let mut receiver = receiver(Manners::default()).await;
    let forward = Arc::new(built(receiver.settings().with("require_ack", true)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let forward = forward.clone();
        tasks.spawn(async move { send_one(&forward).await });
    }
    while let Some(done) = tasks.join_next().await {
        assert_eq!(done.unwrap(), Outcome::Sent);
    }
    let kept = forward.idle.lock().unwrap().len();
    assert!((1..=MAX_IDLE).contains(&kept), "{kept}");
    receiver.opened();
    tokio::time::pause();
    tokio::time::advance(IDLE).await;
    tokio::time::resume();
    assert_eq!(send_one(&forward).await, Outcome::Sent);
    assert_eq!(receiver.opened(), 1);
    assert_eq!(forward.idle.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn both_sides_prove_that_they_know_the_key() {
    let secrets = |users: &[(&str, &str)]| Secrets {
        hostname: "receiver".into(),
        shared_key: "key".into(),
        users: users.iter().map(|(name, word)| (name.to_string(), word.to_string())).collect(),
    };
    let mut plain = receiver(Manners { secrets: Some(secrets(&[])), ..Manners::default() }).await;
    let forward = built(plain.settings().with("shared_key", "key"));
    assert_eq!(send_one(&forward).await, Outcome::Sent);
    assert_eq!(send_one(&forward).await, Outcome::Sent);
    assert_eq!(plain.records().await, ONE);
    let wrong = built(plain.settings().with("shared_key", "other"));
    assert!(reason(send_one(&wrong).await).contains("shared_key mismatch"));
    let keyless = built(plain.settings().with("require_ack", true));
    assert!(reason(send_one(&keyless).await).contains("set `shared_key`"));

    let users = secrets(&[("ann", "a")]);
    let users = receiver(Manners { secrets: Some(users), no_keepalive: true, ..Manners::default() }).await;
    let settings = || users.settings().with("shared_key", "key").with("username", "ann");
    let forward = built(settings().with("password", "a"));
    assert_eq!(send_one(&forward).await, Outcome::Sent);
    assert!(forward.idle.lock().unwrap().is_empty(), "kept although the receiver closes");
    assert!(reason(send_one(&built(settings().with("password", "b"))).await).contains("username/password"));

    let open = Secrets { hostname: "receiver".into(), ..Secrets::default() };
    let open = receiver(Manners { secrets: Some(open), ..Manners::default() }).await;
    assert_eq!(send_one(&built(open.settings().with("empty_shared_key", true))).await, Outcome::Sent);
}

#[tokio::test]
async fn a_receiver_that_closes_in_the_handshake_is_explained() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        let helo = Helo { nonce: vec![7; 16], auth: Vec::new(), keepalive: true };
        stream.write_all(&helo.write()).await.unwrap();
        stream.read_buf(&mut Vec::new()).await.unwrap();
    });
    let forward = built(Setting::map().with("endpoint", address.as_str()).with("shared_key", "key"));
    let reason = reason(send_one(&forward).await);
    assert!(reason.contains("the shared key is wrong") && reason.starts_with(&address), "{reason}");
}

#[tokio::test]
async fn unix_sockets_serve() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fluent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (tell, mut events) = mpsc::channel(10);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, Manners::default(), tell).await;
    });
    let forward = built(Setting::map().with("unix_path", path.to_str().unwrap()));
    assert_eq!(send_one(&forward).await, Outcome::Sent);
    assert!(matches!(events.recv().await, Some(Event::Records(lines)) if lines == ONE));
    let nobody = built(Setting::map().with("unix_path", "/nowhere.sock"));
    assert!(reason(send_one(&nobody).await).starts_with("cannot connect to /nowhere.sock"));
}

#[tokio::test]
async fn tls_wraps_all_of_it() {
    let certificate = Certificate::new();
    let config = TlsServerConfig {
        certificate_file: certificate.cert_file.clone(),
        key_file: certificate.key_file.clone(),
        client_ca_file: None,
        min_version: TlsVersion::default(),
    };
    let listener = Listener::bind(&"127.0.0.1:0".parse::<Endpoint>().unwrap()).unwrap();
    let address = listener.endpoint().to_string();
    let mut listener = listener.with_tls(ServerTls::new(&config).unwrap());
    let (tell, mut events) = mpsc::channel(10);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await;
            tokio::spawn(serve(stream, Manners::default(), tell.clone()));
        }
    });
    let settings = Setting::map().with("endpoint", address.as_str()).with("require_ack", true);
    let ca_file = Setting::map().with("ca_file", certificate.ca_file.to_str().unwrap());
    let forward = built(settings.clone().with("tls", ca_file));
    for _ in 0..2 {
        assert_eq!(send_one(&forward).await, Outcome::Sent);
        assert!(matches!(events.recv().await, Some(Event::Records(lines)) if lines == ONE));
    }
    let wary = built(settings.clone().with("tls", Setting::map()));
    assert!(reason(send_one(&wary).await).contains("authority we do not know"));
    let careless = built(settings.with("tls", Setting::map().with("verify", false)));
    assert_eq!(send_one(&careless).await, Outcome::Sent);
}

/// What a recorded or written message says, forms apart.
fn said(message: Vec<u8>) -> (String, Vec<String>, usize) {
    let decoded = Decoder::new(Settings::default()).decode(message, &Context::at(1));
    let mut attributes = Vec::new();
    for batch in &decoded.batches {
        for record in &batch.logs {
            let mut out = Vec::new();
            model::json::write_map(&batch.arena, record.attributes, &mut out);
            attributes.push(String::from_utf8(out).unwrap());
        }
    }
    (lines(&decoded.batches), attributes, decoded.acks.len())
}

#[test]
fn messages_say_what_fluent_bit_says() {
    let options =
        Setting::map().with("time_as_integer", true).with("tag", "other").with("retain_metadata", false);
    for (case, settings) in [
        ("out_forward", Setting::map()),
        ("out_forward_ack", Setting::map().with("require_ack", true)),
        ("out_forward_options", options.with("send_options", true)),
    ] {
        let forward = built(settings);
        let out = encoded(&forward, &golden::batches(case));
        let recorded = fs::read(golden::file(case, "out.forward")).unwrap();
        assert_eq!(said(out.payloads()[0].wire().unwrap().to_vec()), said(recorded), "{case}");
    }
}

#[test]
fn tags_may_come_from_records() {
    let forward = built(Setting::map().with("tag", "app.$svc"));
    let records = [r#"{"svc":"a"}"#, r#"{"svc":"b"}"#, r#"{"svc":"a"}"#];
    let out = encoded(&forward, &[batch("t", &records)]);
    let found: Vec<_> = out.payloads().iter().map(|payload| (&*payload.route, payload.records)).collect();
    assert_eq!(found, [("app.a", 2), ("app.b", 1)]);
    assert!(
        forward
            .show(&out.payloads()[0])
            .ends_with("app.a 1000000000 {\"svc\":\"a\"}\napp.a 1002000000 {\"svc\":\"a\"}\n")
    );
}

#[test]
fn messages_and_tags_are_bounded() {
    let forward = built(Setting::map().with("require_ack", true));
    let (mut encoder, mut out) = (forward.encoder(), Sealed::default());
    let line = format!(r#"{{"log":"{}"}}"#, "x".repeat(300_000));
    (0..8).for_each(|_| encoder.encode(&batch("big", &[&line]), &mut out));
    assert_eq!(out.payloads().iter().map(|payload| payload.records).collect::<Vec<_>>(), [4, 4]);
    for tag in 0..MAX_OPEN + 5 {
        encoder.encode(&batch(&format!("t{tag}"), &["{}"]), &mut out);
    }
    assert_eq!(out.payloads().len(), 7);
    assert_eq!(out.payloads()[6].route.len(), 24);
}

#[test]
fn wrong_settings_are_refused_together() {
    let settings = Setting::map()
        .with("endpoint", "aggregator")
        .with("compression", "zstd")
        .with("tag", "$a[")
        .with("username", "ann");
    let Err(text) = exporter::<Forward>(settings, &Surroundings::for_tests()) else { panic!("accepted") };
    for part in ["`aggregator` is no address", "zstd", "at byte", "together with a shared key"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
