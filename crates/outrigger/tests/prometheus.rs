//! Prometheus on every side of a Collector configuration: it is scraped, takes what was scraped as remote write, and
//! scrapes the program's own metrics.
#![allow(clippy::disallowed_methods)] // Tests may wait.

mod support;

use std::time::Duration;

use serde_json::Value;
use support::{outrigger, settled};
use testkit::process::{Folder, wait_until};
use testkit::prometheus::Prometheus;
use testkit::tools::free_port;
use testkit::{need, tools};

/// The first series that a query finds.
fn value(prometheus: &Prometheus, query: &str) -> Option<f64> {
    let found = prometheus.query(query);
    found.first().and_then(|found| found["value"][1].as_str()).and_then(|text| text.parse().ok())
}

#[test]
fn prometheus_is_scraped_written_to_and_scrapes() {
    need!(tools::debian("prometheus", "prometheus"));
    let (folder, own) = (Folder::new(), free_port());
    let store = Prometheus::start(&format!(
        "scrape_configs: [{{job_name: sidecar, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{own}']}}]}}]"
    ));
    let file = folder.write(
        "otel.yaml",
        format!(
            "
receivers:
  prometheus:
    config:
      scrape_configs:
        - job_name: store
          scrape_interval: 1s
          static_configs: [{{targets: ['{target}'], labels: {{team: shop}}}}]
          metric_relabel_configs: [{{source_labels: [__name__], regex: go_memstats_.*, action: drop}}]
        - {{job_name: nobody, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{nobody}']}}]}}
processors:
  batch: {{timeout: 200ms}}
exporters:
  prometheusremotewrite: {{endpoint: '{url}/api/v1/write', resource_to_telemetry_conversion: {{enabled: true}}}}
service:
  telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {own}}}}}}}}}]}}}}
  pipelines:
    metrics: {{receivers: [prometheus], processors: [batch], exporters: [prometheusremotewrite]}}
",
            target = store.address(),
            nobody = free_port(),
            url = store.url(),
        ),
    );
    let mut running =
        outrigger().arg("--config").arg(file).env("OUTRIGGER_DATA", folder.join("data")).start();
    running.ready();
    let wanted = [
        // A gauge with the version of the very binary, of the job and with the target's labels.
        r#"prometheus_build_info{job="store",team="shop",version!=""}"#,
        r#"prometheus_http_requests_total{job="store",handler="/metrics"}"#,
        // A histogram, whole again.
        r#"prometheus_http_request_duration_seconds_bucket{job="store",handler="/metrics",le="+Inf"} > 0"#,
        r#"go_gc_duration_seconds{job="store",quantile="1"}"#,
        r#"up{job="store"} == 1"#,
        r#"up{job="nobody"} == 0"#,
        // What the store scraped of us.
        r#"otelcol_receiver_accepted_metric_points{job="sidecar",receiver="prometheus"} > 0"#,
        r#"otelcol_exporter_sent_metric_points{job="sidecar",exporter="prometheusremotewrite"} > 0"#,
    ];
    let missing = || wanted.iter().find(|query| value(&store, query).is_none());
    let all = wait_until(Duration::from_secs(20), || missing().is_none());
    let exit = running.stop();
    settled(&exit);
    assert!(all, "{:?} is missing\n{}", missing(), exit.stderr);
    let dropped: Vec<Value> = store.query(r#"{__name__=~"go_memstats_.*",job="store"}"#);
    assert!(dropped.is_empty(), "{dropped:?}");
}
