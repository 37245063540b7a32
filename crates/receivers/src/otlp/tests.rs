//! What `otlp` takes and refuses.

use std::io::Write;

use config::Setting;
use engine::outlet::Phase;
use engine::testing::{Catch, receiver, stop};
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use model::{Batch, Signal};
use testkit::tools::free_port;
use wire::otlp;

use super::*;

const LOGS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-logs.body");
const TRACES: &[u8] = include_bytes!("../../../../fixtures/otlp/python-traces.body");
const METRICS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-metrics.body");
const JSON_TRACES: &[u8] = include_bytes!("../../../../fixtures/otlp/node-traces.json");
const JSON_METRICS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-metrics.json");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

async fn connect(port: u16) -> TcpStream {
    for _ in 0..200 {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody listens")
}

/// Sends requests, each on a connection of its own; returns the statuses, the answers' bodies and the batches.
async fn check(requests: &[(&str, &str, &[u8])]) -> (Vec<(u16, String)>, Vec<Batch>) {
    check_with(Setting::map(), requests).await
}

async fn check_with(http: Setting, requests: &[(&str, &str, &[u8])]) -> (Vec<(u16, String)>, Vec<Batch>) {
    let port = free_port();
    let http = http.with("listen", format!("127.0.0.1:{port}")).with("max_request_body_bytes", "20k");
    let settings = Setting::map().with("http", http);
    let otlp = receiver::<Otlp>(settings).unwrap();
    let (catch, (phase, stop)) = (Catch::default(), stop());
    let served = tokio::spawn(otlp.run(catch.outlet(), stop));
    let mut answers = Vec::new();
    for (line, headers, body) in requests {
        let mut stream = connect(port).await;
        let head = format!(
            "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        answers.push((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()));
    }
    phase.send_replace(Phase::Draining);
    served.await.unwrap().unwrap();
    (answers, catch.take())
}

#[tokio::test]
async fn what_an_sdk_sends_becomes_records() {
    let plain = "Content-Type: application/x-protobuf\r\n";
    let packed = "Content-Type: application/x-protobuf; v=1\r\nContent-Encoding: gzip\r\n";
    let (answers, batches) = check(&[
        ("POST /v1/logs", plain, LOGS),
        ("POST /v1/logs", packed, &gzip(LOGS)),
        ("POST /v1/logs", plain, b""),
    ])
    .await;
    assert_eq!(answers, vec![(200, String::new()); 3]);
    let records = otlp::count(Signal::Logs, LOGS).unwrap() as usize;
    assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [records, records]);
    let mut again = Vec::new();
    otlp::encode_logs(&batches[1], 0..records, &mut again);
    assert_eq!(again, LOGS);
}

#[tokio::test]
async fn each_signal_is_read_in_either_encoding() {
    let protobuf = "Content-Type: application/x-protobuf\r\n";
    let json = "Content-Type: Application/JSON; charset=utf-8\r\n";
    let requests = [
        ("POST /v1/traces", protobuf, TRACES),
        ("POST /v1/metrics", protobuf, METRICS),
        ("POST /v1/traces", json, JSON_TRACES),
        ("POST /v1/metrics", json, JSON_METRICS),
        ("POST /v1/traces", json, b""),
    ];
    let (answers, batches) = check(&requests).await;
    let bodies: Vec<&str> = answers.iter().map(|(_, body)| body.as_str()).collect();
    assert_eq!(bodies, ["", "", "{}", "{}", "{}"]);
    assert!(answers.iter().all(|(status, _)| *status == 200));
    let rows: Vec<_> = batches.iter().map(|batch| (batch.spans.len(), batch.metrics.len())).collect();
    // What the two programs record: Python a child of each span and five metrics, JavaScript three spans.
    let (python, node) = (spans(TRACES), 3);
    assert_eq!(rows, [(python, 0), (0, 5), (node, 0), (0, 5)]);
    let mut again = Vec::new();
    otlp::encode(&batches[1], 0..5, &mut again);
    assert_eq!(again, METRICS);
}

#[tokio::test]
async fn senders_show_a_credential_and_paths_can_be_chosen() {
    let http = Setting::map()
        .with("auth", Setting::map().with("values", Setting::list(["Bearer t0ken"])))
        .with("logs_path", "/otlp/logs");
    let plain = "Content-Type: application/x-protobuf\r\n";
    let shown = format!("{plain}Authorization: Bearer t0ken\r\n");
    let wrong = format!("{plain}Authorization: Bearer token\r\n");
    let (answers, batches) = check_with(
        http,
        &[
            ("POST /otlp/logs", plain, LOGS),
            ("POST /otlp/logs", &wrong, LOGS),
            ("POST /otlp/logs", &shown, LOGS),
            ("POST /v1/logs", &shown, LOGS),
        ],
    )
    .await;
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [401, 401, 200, 404]);
    // google.rpc.Status: unauthenticated.
    assert!(answers[0].1.starts_with("\u{8}\u{10}\u{12}"), "{:?}", answers[0].1);
    assert_eq!(batches.len(), 1);
    let nobody = Setting::map().with("listen", "127.0.0.1:0").with("auth", Setting::map());
    let refused = receiver::<Otlp>(Setting::map().with("http", nobody)).err().unwrap();
    assert!(refused.contains("no credentials are given"), "{refused}");
}

fn spans(request: &[u8]) -> usize {
    otlp::count(Signal::Traces, request).unwrap() as usize
}

#[tokio::test]
async fn a_refusal_is_told_in_the_encoding_of_the_request() {
    let json = "Content-Type: application/json\r\n";
    let broken = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}"#;
    let (answers, batches) = check(&[
        ("POST /v1/traces", json, broken),
        ("PUT /v1/traces", json, JSON_TRACES),
        ("POST /v1/traces", "Content-Type: text/json\r\n", JSON_TRACES),
    ])
    .await;
    // google.rpc.Status: invalid argument.
    let status: serde_json::Value = serde_json::from_str(&answers[0].1).unwrap();
    assert_eq!((answers[0].0, &status["code"]), (400, &serde_json::json!(3)));
    let why = status["message"].as_str().unwrap();
    assert!(
        why.contains("resourceSpans[0].scopeSpans[0].spans[0].traceId") && why.contains("32 hex"),
        "{why}"
    );
    assert_eq!(answers[1], (405, "405 method not allowed, supported: [POST]".to_owned()));
    let media = "415 unsupported media type, supported: [application/json, application/x-protobuf]";
    assert_eq!(answers[2], (415, media.to_owned()));
    assert!(batches.is_empty());
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_as_the_protocol_says() {
    let plain = "Content-Type: application/x-protobuf\r\n";
    let bomb = gzip(&vec![0; 1 << 20]);
    let (answers, batches) = check(&[
        ("GET /v1/logs", plain, b""),
        ("POST /v1/log", plain, LOGS),
        ("POST /v1/logs", "Content-Type: text/plain\r\n", LOGS),
        ("POST /v1/logs", "Content-Type: application/x-protobuf\r\nContent-Encoding: br\r\n", LOGS),
        ("POST /v1/logs", plain, b"\x0a\xff"),
        ("POST /v1/logs", "Content-Type: application/x-protobuf\r\nContent-Encoding: gzip\r\n", &bomb),
        ("POST /v1/logs", plain, &vec![0; 30_000]),
    ])
    .await;
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [405, 404, 415, 400, 400, 413, 413]);
    // google.rpc.Status: the code in field 1, the message in field 2.
    assert!(answers[4].1.starts_with("\u{8}\u{3}\u{12}"), "{:?}", answers[4].1);
    assert!(answers[4].1.contains("no export request"), "{:?}", answers[4].1);
    assert!(batches.is_empty());
}
