//! What `prometheus_remote_write` sends, what answers mean, which signals reach it, and what a real Prometheus makes
//! of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::Exporter as _;
use model::{Batch, Reason, Signal};
use serde_json::{Value, json};
use testkit::http::{Request, Response, Server};
use wire::otlp;

use super::*;
use crate::trial::{Settled, build, build_in, discarded, encode, settle};

mod real;
mod signals;

const METRICS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-metrics.body");

/// Five metrics of the Python SDK, all cumulative.
fn read() -> Batch {
    otlp::decode_metrics(METRICS.to_vec(), "t".into()).unwrap()
}

fn exporter(settings: &Value) -> PrometheusRemoteWrite {
    build(settings).unwrap()
}

fn of(url: &str) -> Value {
    json!({"endpoint": format!("{url}/api/v1/write"), "headers": [{"name": "x-scope-orgid", "value": "tenant"}]})
}

fn plain(body: &[u8]) -> String {
    let plain = snap::raw::Decoder::new().decompress_vec(body).expect("a snappy block");
    String::from_utf8_lossy(&plain).into_owned()
}

/// A server that keeps what it was asked.
fn sink(status: u16) -> (Server, Arc<Mutex<Vec<Request>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keep = asked.clone();
    let server = Server::start(move |request| {
        keep.lock().unwrap().push(request);
        Response::new(status, "")
    });
    (server, asked)
}

#[tokio::test]
async fn requests_say_what_they_are() {
    for (message, kind, version) in [
        ("1.0", "application/x-protobuf", "0.1.0"),
        ("2.0", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        (
            "io.prometheus.write.v2.Request",
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            "2.0.0",
        ),
    ] {
        let (server, asked) = sink(204);
        let mut settings = of(&server.url());
        settings["protobuf_message"] = message.into();
        let exporter = exporter(&settings);
        let batch = read();
        let points = batch.len() as u64;
        let sealed = encode(&exporter, &[batch]);
        let [payload] = sealed.payloads() else { panic!("one request") };
        assert!(exporter.show(payload).contains(kind) && !exporter.show(payload).contains("tenant"));
        let settled = settle(&exporter, payload).await;
        assert_eq!(settled, Settled { delivered: points, rejected: 0, requests: 1 });
        let asked = asked.lock().unwrap();
        for (name, value) in [
            ("content-type", kind),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", version),
            ("x-scope-orgid", "tenant"),
            ("user-agent", AGENT),
        ] {
            assert_eq!(asked[0].header(name), Some(value), "{name}");
        }
        assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("POST", "/api/v1/write"));
        let told = plain(&asked[0].body);
        for expected in ["orders_placed_total", "http_server_request_duration_seconds_bucket", "queue_depth"]
        {
            assert!(told.contains(expected), "{expected}");
        }
    }
}

#[tokio::test]
async fn busy_destinations_are_tried_again_and_refusals_are_for_ever() {
    for (status, is_passing) in
        [(429, true), (500, true), (503, true), (599, true), (400, false), (404, false), (413, false)]
    {
        let server = Server::start(move |_| Response::new(status, "why").with("Retry-After", "7"));
        let exporter = exporter(&of(&server.url()));
        let sealed = encode(&exporter, &[read()]);
        let payload = &sealed.payloads()[0];
        let reason = format!("status {status}: why");
        let expected = match is_passing {
            true => Outcome::Retry { after: Some(Duration::from_secs(7)), reason },
            false => Outcome::rejected(payload, reason),
        };
        assert_eq!(exporter.send(payload).await, expected);
    }
}

#[test]
fn what_prometheus_does_not_take_is_counted() {
    let mut batch = read();
    // Two sums and two histograms; the gauge has no temporality.
    batch.metrics.iter_mut().for_each(|metric| metric.temporality = 1);
    let of_changes: usize = batch.metrics[..4].iter().map(|metric| metric.points.len()).sum();
    let exporter = exporter(&of("http://127.0.0.1:1"));
    let sealed = encode(&exporter, &[batch]);
    assert_eq!(discarded(&sealed, Reason::Rejected), of_changes as u64);
    assert_eq!(sealed.payloads().len(), 1);
    let mut only = read();
    only.metrics.truncate(1);
    only.metrics[0].temporality = 1;
    assert!(encode(&exporter, &[only]).payloads().is_empty(), "a `target_info` alone is not sent");
}

#[test]
fn a_full_request_is_sealed() {
    let mut settings = of("http://127.0.0.1:1");
    settings["max_body_bytes"] = "4k".into();
    settings["external_labels"] = json!([{"name": "cluster", "value": "eu-1"}]);
    let exporter = exporter(&settings);
    let batches: Vec<Batch> = (0..8).map(|_| read()).collect();
    let sealed = encode(&exporter, &batches);
    assert!(sealed.payloads().len() > 2);
    for payload in sealed.payloads() {
        let told = plain(&payload.wire().unwrap());
        assert!(payload.raw_bytes < 16 << 10, "{}", payload.raw_bytes);
        assert!(told.contains("cluster") && told.contains("target_info"));
    }
}

#[test]
fn settings_are_checked() {
    for (change, expected) in [
        (json!({"endpoint": "prometheus"}), "is no address"),
        (json!({"external_labels": [{"name": "a-b", "value": "c"}]}), "`a-b` is no name of a label"),
        (json!({"sigv4": {}}), "does not tell what service to sign for"),
        (json!({"protobuf_message": "3.0"}), "3.0"),
    ] {
        let mut settings = of("http://127.0.0.1:1");
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let Err(complaint) = build::<PrometheusRemoteWrite>(&settings) else { panic!("{change} was taken") };
        assert!(complaint.contains(expected), "{complaint}");
    }
    let managed = json!({"sigv4": {},
        "endpoint": "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"});
    let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    let built = build_in::<PrometheusRemoteWrite>(&managed, &keys).unwrap();
    assert!(matches!(built.sender.transport, Transport::Signed(_)));
}
