//! Prometheus itself as the receiver.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use testkit::http::get;
use testkit::process::{PATIENCE, wait_until};
use testkit::{need, tools};

use super::*;

/// Stops when dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start() -> Prometheus {
        let folder = tempfile::tempdir().unwrap();
        let configuration = folder.path().join("prometheus.yml");
        std::fs::write(&configuration, "{}").unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], tools::free_port()));
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--web.enable-remote-write-receiver")
            .arg("--enable-feature=exemplar-storage,native-histograms")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Prometheus { child, address, _folder: folder };
        let is_ready = || get(address, "/-/ready").is_ok_and(|answer| answer.status == 200);
        assert!(wait_until(PATIENCE, is_ready), "Prometheus does not start");
        prometheus
    }

    /// The values that a query finds, with their labels.
    fn query(&self, query: &str) -> Vec<Value> {
        let query = percent_encoding::utf8_percent_encode(query, percent_encoding::NON_ALPHANUMERIC);
        let answer = get(self.address, &format!("/api/v1/query?query={query}")).unwrap();
        let mut answer: Value = serde_json::from_str(&answer.text()).unwrap();
        answer["data"]["result"].as_array_mut().map(std::mem::take).unwrap_or_default()
    }
}

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
    let prometheus = Prometheus::start();
    let exporter = exporter(&of(&format!("http://{}", prometheus.address)));
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
