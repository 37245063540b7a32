//! What `otlp_http` sends, and what answers mean.

use engine::Exporter as _;
use model::{LogRecord, Value};
use serde_json::json;
use testkit::http::{self, Response, Server};

use super::*;
use crate::trial::{Settled, build, encode, settle};

const LOGS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-logs.body");
const TRACES: &[u8] = include_bytes!("../../../../fixtures/otlp/python-traces.body");

fn unread(signal: Signal, request: &[u8]) -> Batch {
    Batch::unread("t".into(), signal, request.to_vec(), otlp::count(signal, request).unwrap())
}

fn read(request: &[u8]) -> Batch {
    otlp::decode_logs(request.to_vec(), "t".into(), 1).unwrap()
}

fn exporter(url: &str, compression: &str) -> OtlpHttp {
    build(&json!({"endpoint": url, "compression": compression, "max_body_bytes": "4k",
        "headers": [{"name": "api-key", "value": "key"}]}))
    .unwrap()
}

/// Every way in, two signals: what is sent is what came, and each signal has its own request.
#[test]
fn requests_go_on_as_they_came() {
    for compression in ["none", "gzip", "zstd"] {
        let exporter = exporter("http://127.0.0.1:1", compression);
        let batches = [unread(Signal::Logs, LOGS), unread(Signal::Traces, TRACES), read(LOGS)];
        let sealed = encode(&exporter, &batches);
        let bodies: Vec<_> =
            sealed.payloads().iter().map(|p| (p.route.to_string(), plain(p).unwrap())).collect();
        let expected =
            [("/v1/logs".to_owned(), [LOGS, LOGS].concat()), ("/v1/traces".to_owned(), TRACES.to_vec())];
        assert_eq!(bodies, expected, "{compression}");
    }
}

#[test]
fn a_full_request_is_sealed() {
    let exporter = exporter("http://127.0.0.1:1", "none");
    let batches: Vec<Batch> = (0..10).map(|_| unread(Signal::Logs, LOGS)).collect();
    let sealed = encode(&exporter, &batches);
    // 1,081 bytes each: the fourth passes 4,096.
    let sizes: Vec<u64> =
        sealed.payloads().iter().map(|payload| payload.raw_bytes / LOGS.len() as u64).collect();
    assert_eq!(sizes, [4, 4, 2]);
}

fn sink(answer: impl Fn(&http::Request) -> Response + Send + Sync + 'static) -> Server {
    Server::with(None, Default::default(), move |request| answer(&request))
}

#[tokio::test]
async fn an_answer_settles_the_payload() {
    for (status, body, expected) in [
        (200, &b""[..], Settled { delivered: 8, rejected: 0, requests: 1 }),
        // partial_success: two records refused, "no".
        (200, b"\x0a\x06\x08\x02\x12\x02no", Settled { delivered: 6, rejected: 2, requests: 1 }),
        (400, b"", Settled { delivered: 0, rejected: 8, requests: 1 }),
        (500, b"", Settled { delivered: 0, rejected: 8, requests: 1 }),
    ] {
        let server = sink(move |_| Response::new(status, body));
        let exporter = exporter(&server.url(), "gzip");
        let sealed = encode(&exporter, &eight_records());
        assert_eq!(settle(&exporter, &sealed.payloads()[0]).await, expected, "{status} {body:?}");
    }
}

/// Two batches of four records, so two resources in one request.
fn eight_records() -> Vec<Batch> {
    let batch = || {
        let mut batch = Batch::new("t".into(), Vec::new());
        for time in 1..=4 {
            batch.logs.push(LogRecord::new(time, Value::Int(time as i64)));
        }
        batch
    };
    vec![batch(), batch()]
}

#[tokio::test]
async fn busy_destinations_are_tried_again_and_large_requests_halved() {
    for status in [429, 502, 503, 504] {
        let server = sink(move |_| Response::new(status, "").with("Retry-After", "7"));
        let exporter = exporter(&server.url(), "none");
        let sealed = encode(&exporter, &eight_records());
        let outcome = exporter.send(&sealed.payloads()[0]).await;
        let waits =
            matches!(outcome, Outcome::Retry { after: Some(after), .. } if after == Duration::from_secs(7));
        assert!(waits, "{status}: {outcome:?}");
    }
    let server = sink(|request| {
        let items = otlp::count(Signal::Logs, &request.body).unwrap();
        let key = request.header("api-key").unwrap_or_default();
        assert_eq!((request.path.as_str(), key), ("/v1/logs", "key"));
        Response::new(if items > 4 { 413 } else { 200 }, "")
    });
    let exporter = exporter(&server.url(), "none");
    let sealed = encode(&exporter, &eight_records());
    let settled = settle(&exporter, &sealed.payloads()[0]).await;
    assert_eq!(settled, Settled { delivered: 8, rejected: 0, requests: 3 });
}
