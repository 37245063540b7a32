//! A real Prometheus scrapes itself and writes what it scraped.

use std::collections::BTreeMap;

use model::metric::{Metric, MetricKind, PointValue};
use model::{Arena, List};
use testkit::prometheus::Prometheus;
use testkit::{need, tools};

use super::*;

type LabelSet = BTreeMap<String, String>;

/// Values by labels, for each time in milliseconds. As texts, since quantiles of nothing are no numbers.
type Seen = BTreeMap<u64, BTreeMap<LabelSet, String>>;

fn put(arena: &Arena, list: List, labels: &mut LabelSet) {
    for (_, node) in arena.iter(list) {
        let key = String::from_utf8_lossy(arena.bytes(node.key)).into_owned();
        let key = match key.as_str() {
            "service.name" => "job".to_owned(),
            "service.instance.id" => "instance".to_owned(),
            _ => key,
        };
        let value = arena.text(node.value).expect("labels are texts");
        labels.insert(key, String::from_utf8_lossy(&value).into_owned());
    }
}

fn note(batch: &Batch, metric: &Metric, seen: &mut Seen) {
    let arena = &batch.arena;
    let mut common = LabelSet::new();
    common.insert("__name__".into(), String::from_utf8_lossy(arena.bytes(metric.name)).into_owned());
    let scope = &batch.scopes[metric.scope as usize];
    put(arena, batch.resources[scope.resource as usize].attributes, &mut common);
    for point in &metric.points {
        let PointValue::Double(value) = point.value else { panic!("{:?}", point.value) };
        let mut labels = common.clone();
        put(arena, point.attributes, &mut labels);
        seen.entry(point.time / 1_000_000).or_default().insert(labels, value.to_string());
    }
}

/// What Prometheus has at this moment.
fn stored(prometheus: &Prometheus, time: u64) -> BTreeMap<LabelSet, String> {
    let at = format!("{}.{:03}", time / 1000, time % 1000);
    let answer = prometheus.ask("query", &[("query", r#"{job="team/self"}"#), ("time", &at)]);
    let found = answer["data"]["result"].as_array().expect("a vector").iter().map(|series| {
        let mut labels: LabelSet = serde_json::from_value(series["metric"].clone()).unwrap();
        // Of the external labels, which are put on when it writes.
        labels.insert("cluster".into(), "eu".into());
        let value: f64 = series["value"][1].as_str().unwrap().parse().unwrap();
        (labels, value.to_string())
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_writes_what_it_stores() {
    need!(tools::debian("prometheus", "prometheus"));
    let port = free_port();
    let settings = Setting::map().with("listen", format!("127.0.0.1:{port}"));
    let (catch, (phase, stop)) = (Catch::default(), stop());
    let served = tokio::spawn(receiver::<PrometheusRemoteWrite>(settings).unwrap().run(catch.outlet(), stop));
    let prometheus = tokio::task::block_in_place(|| {
        Prometheus::start_at(|own| {
            format!(
                "global: {{scrape_interval: 1s, external_labels: {{cluster: eu}}}}
scrape_configs: [{{job_name: team/self, static_configs: [{{targets: ['{own}']}}]}}]
remote_write:
  - url: http://127.0.0.1:{port}/api/v1/write
    queue_config: {{batch_send_deadline: 100ms, min_shards: 2}}
    metadata_config: {{send_interval: 1s}}"
            )
        })
    });
    let mut seen = Seen::new();
    // Two scrapes of several hundred series each, and the beginning of a third, so that the second is whole.
    while seen.len() < 3 {
        let batches =
            tokio::time::timeout(Duration::from_secs(30), catch.records(1)).await.expect("it writes");
        for batch in &batches {
            batch.metrics.iter().for_each(|metric| note(batch, metric, &mut seen));
            for metric in &batch.metrics {
                let name = String::from_utf8_lossy(batch.arena.bytes(metric.name));
                let grows = ["_total", "_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end));
                assert_eq!(metric.kind == MetricKind::Sum && metric.monotonic, grows, "{name}");
            }
        }
        // What shards hold of a scrape comes within their deadline.
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    for batch in catch.take() {
        batch.metrics.iter().for_each(|metric| note(&batch, metric, &mut seen));
    }
    let (time, written) = seen.iter().nth(1).expect("a second scrape");
    let stored = tokio::task::block_in_place(|| stored(&prometheus, *time));
    assert!(stored.len() > 200, "{}", stored.len());
    let differ = stored.iter().filter(|(labels, value)| written.get(*labels) != Some(*value));
    assert_eq!((differ.collect::<Vec<_>>(), written.len()), (vec![], stored.len()));
    drop(prometheus);
    phase.send_replace(Phase::Draining);
    served.await.unwrap().unwrap();
    let ledger = refused(&catch).to_lowercase();
    assert!(!ledger.contains("malformed"), "{ledger}");
}
