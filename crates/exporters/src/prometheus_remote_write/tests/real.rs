//! Prometheus itself as the receiver.

use testkit::prometheus::Prometheus;
use testkit::{need, tools};

use super::*;

/// The SDK's metrics, as of now.
fn metrics_of_now() -> Batch {
    let now = engine::clock::now_nanos();
    let mut batch = read();
    for point in batch.metrics.iter_mut().flat_map(|metric| &mut metric.points) {
        point.time = now - 1_000_000_000;
    }
    batch
}

#[tokio::test]
async fn prometheus_finds_what_was_sent() {
    need!(tools::debian("prometheus", "prometheus"));
    let prometheus = Prometheus::start("{}");
    let exporter = exporter(&of(&prometheus.url()));
    let sealed = encode(&exporter, &[metrics_of_now()]);
    for payload in sealed.payloads() {
        assert_eq!(exporter.send(payload).await, Outcome::Sent);
    }
    for (query, expected) in [
        ("queue_depth", "17"),
        ("http_server_request_duration_seconds_count", "3"),
        (r#"http_server_request_duration_seconds_bucket{le="+Inf"}"#, "3"),
        ("histogram_count({__name__=~\"exp_hist.*\"})", "3"),
        ("histogram_sum({__name__=~\"exp_hist.*\"})", "16.75"),
        ("count(target_info)", "1"),
    ] {
        let found = prometheus.query(query);
        assert_eq!(
            found.first().map(|found| &found["value"][1]),
            Some(&json!(expected)),
            "{query}: {found:#?}"
        );
    }
}
