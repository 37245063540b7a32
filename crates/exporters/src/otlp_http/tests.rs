//! What `otlp_http` sends, and what answers mean.

use std::time::Duration;

use engine::Exporter as _;
use model::{Batch, LogRecord, Signal, Value};
use serde_json::json;
use testkit::http::{self, Response, Server};

use super::*;
use crate::otlp::plain;
use crate::trial::{Settled, build, encode, settle};

const LOGS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-logs.body");
const METRICS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-metrics.body");
const TRACES: &[u8] = include_bytes!("../../../../fixtures/otlp/python-traces.body");

fn unread(signal: Signal, request: &[u8]) -> Batch {
    Batch::unread("t".into(), signal, request.to_vec(), wire::otlp::count(signal, request).unwrap())
}

fn read(signal: Signal, request: &[u8]) -> Batch {
    wire::otlp::decode(signal, request.to_vec(), "t".into(), 1).unwrap()
}

fn exporter(url: &str, compression: &str) -> OtlpHttp {
    exporter_of(url, compression, "proto")
}

fn exporter_of(url: &str, compression: &str, encoding: &str) -> OtlpHttp {
    build(&json!({"endpoint": url, "compression": compression, "max_body_bytes": "4k", "encoding": encoding,
        "headers": [{"name": "api-key", "value": "key"}]}))
    .unwrap()
}

/// Read or not, in either encoding: what arrives is what the SDK sent, whatever the signal.
#[test]
fn every_signal_arrives_as_it_was_sent() {
    for (signal, sent) in [(Signal::Logs, LOGS), (Signal::Traces, TRACES), (Signal::Metrics, METRICS)] {
        for (encoding, kind) in [("proto", "application/x-protobuf"), ("json", "application/json")] {
            let exporter = exporter_of("http://127.0.0.1:1", "gzip", encoding);
            let sealed = encode(&exporter, &[read(signal, sent), unread(signal, sent)]);
            let payloads = sealed.payloads();
            let mut arrived = Vec::new();
            for payload in payloads {
                let target = Target::of(&payload.route).unwrap();
                assert_eq!((target.signal, target.content_type()), (signal, kind));
                let plain = plain(payload).unwrap();
                assert_eq!(plain.len() as u64, payload.raw_bytes);
                arrived.extend(match encoding {
                    "json" => wire::otlp::from_json(signal, &plain).unwrap(),
                    _ => plain,
                });
            }
            assert_eq!(arrived, [sent, sent].concat(), "{signal:?} {encoding}");
            let items: u64 = payloads.iter().map(|payload| payload.records).sum();
            assert_eq!(items, 2 * wire::otlp::count(signal, sent).unwrap());
        }
    }
}

/// A metric may hold many points, and what counts is those.
#[test]
fn many_items_are_written_in_strides() {
    let mut batch = read(Signal::Metrics, METRICS);
    let points = batch.metrics[0].points.clone();
    batch.metrics[0].points = points.into_iter().cycle().take(300).collect();
    let items = batch.len() as u64;
    let sealed = encode(&exporter("http://127.0.0.1:1", "none"), &[batch]);
    let sizes: Vec<u64> = sealed.payloads().iter().map(|payload| payload.records).collect();
    assert_eq!(sizes, [300, items - 300]);
}

/// An unread request was looked at only from outside: a trace id of three bytes shows when it becomes JSON.
#[test]
fn what_cannot_be_told_in_json_is_counted() {
    let broken = b"\x0a\x09\x12\x07\x12\x05\x0a\x03abc";
    let exporter = exporter_of("http://127.0.0.1:1", "none", "json");
    let sealed = encode(&exporter, &[unread(Signal::Traces, TRACES), unread(Signal::Traces, broken)]);
    assert_eq!(sealed.discarded(), [(model::Reason::Malformed, 1)]);
    let plain = plain(&sealed.payloads()[0]).unwrap();
    assert_eq!(wire::otlp::from_json(Signal::Traces, &plain).as_deref(), Ok(TRACES));
}

/// Every way in, two signals: what is sent is what came, and each signal has its own request.
#[test]
fn requests_go_on_as_they_came() {
    for compression in ["none", "gzip", "zstd"] {
        let exporter = exporter("http://127.0.0.1:1", compression);
        let batches = [unread(Signal::Logs, LOGS), unread(Signal::Traces, TRACES), read(Signal::Logs, LOGS)];
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

/// The specification's example of a partial success in JSON, with numbers either way; and an error's message.
#[tokio::test]
async fn an_answer_is_read_in_its_own_encoding() {
    const KIND: &str = "Content-Type";
    for (body, rejected) in [
        (r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#, 3),
        (r#"{"partialSuccess":{"rejectedSpans":2}}"#, 2),
        (r#"{"partialSuccess":{"rejectedDataPoints":"99"}}"#, 8),
        (r#"{"partialSuccess":{"errorMessage":"only a warning"}}"#, 0),
        (r#"{"partialSuccess":{}}"#, 0),
        ("{}", 0),
        ("no JSON", 0),
    ] {
        let server = sink(move |_| Response::new(200, body).with(KIND, "application/json; charset=utf-8"));
        let exporter = exporter_of(&server.url(), "none", "json");
        let sealed = encode(&exporter, &eight_records());
        let expected = Settled { delivered: 8 - rejected, rejected, requests: 1 };
        assert_eq!(settle(&exporter, &sealed.payloads()[0]).await, expected, "{body}");
    }
    let server =
        sink(|_| Response::new(400, &b"\x08\x03\x12\x07bad key"[..]).with(KIND, "application/x-protobuf"));
    let exporter = exporter(&server.url(), "none");
    let outcome = exporter.send(&encode(&exporter, &eight_records()).payloads()[0]).await;
    assert_eq!(outcome, Outcome::Rejected { records: 8, reason: "status 400: bad key".into() });
}

/// Nobody reads protobuf.
#[test]
fn a_request_shows_as_json_however_it_is_sent() {
    let shown = |encoding| {
        let exporter = exporter_of("http://127.0.0.1:1", "gzip", encoding);
        exporter.show(&encode(&exporter, &eight_records()).payloads()[0])
    };
    for (encoding, kind) in [("proto", "x-protobuf"), ("json", "json")] {
        let shown = shown(encoding);
        assert!(shown.contains(&format!("/v1/logs\ncontent-type: application/{kind}\n")), "{shown}");
        assert!(shown.contains("\n{\"resourceLogs\":[{"), "{shown}");
        assert_eq!(shown.contains("(8 items, "), encoding == "proto", "{shown}");
    }
}

#[tokio::test]
async fn large_requests_are_halved_in_json_too() {
    let server = sink(|request| {
        assert_eq!(request.header("content-type"), Some("application/json"));
        let request = wire::otlp::from_json(Signal::Logs, &request.body).unwrap();
        Response::new(if wire::otlp::count(Signal::Logs, &request).unwrap() > 4 { 413 } else { 200 }, "")
    });
    let exporter = exporter_of(&server.url(), "none", "json");
    let sealed = encode(&exporter, &eight_records());
    assert!(exporter.show(&sealed.payloads()[0]).contains("/v1/logs\ncontent-type: application/json\n"));
    let settled = settle(&exporter, &sealed.payloads()[0]).await;
    assert_eq!(settled, Settled { delivered: 8, rejected: 0, requests: 3 });
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
        let items = wire::otlp::count(Signal::Logs, &request.body).unwrap();
        let key = request.header("api-key").unwrap_or_default();
        assert_eq!((request.path.as_str(), key), ("/v1/logs", "key"));
        Response::new(if items > 4 { 413 } else { 200 }, "")
    });
    let exporter = exporter(&server.url(), "none");
    let sealed = encode(&exporter, &eight_records());
    let settled = settle(&exporter, &sealed.payloads()[0]).await;
    assert_eq!(settled, Settled { delivered: 8, rejected: 0, requests: 3 });
}
