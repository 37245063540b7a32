//! Requests that Prometheus wrote, and metrics by chance.

use model::metric::{Metric, MetricKind, Point, PointValue};
use model::{Batch, List, Signal, Value};
use proptest::prelude::*;

use super::{Added, Version, settings, told, write};
use crate::otlp::{self, generated};

/// What Prometheus sent is written again, byte for byte, from gauges with the same labels and values.
#[test]
fn samples_are_written_as_prometheus_writes_them() {
    let sent = snap::raw::Decoder::new()
        .decompress_vec(include_bytes!("../../../../../fixtures/prometheus-remote-write/samples.body"))
        .expect("a snappy block");
    let series = told(&sent);
    assert!(series.len() > 20, "{}", series.len());
    let mut batch = Batch::new("t".into(), Vec::new());
    for line in &series {
        let (name, rest) = line.split_once('{').expect("labels");
        let (labels, rest) = rest.rsplit_once("} ").expect("labels end");
        let (value, time) = rest.split_once(" @").expect("a time");
        let mut attributes = List::EMPTY;
        for (key, value) in labels.split("\",").filter_map(|label| label.split_once("=\"")) {
            let (key, value) =
                (batch.arena.store(key.as_bytes()), value.trim_end_matches('"').replace("\\\"", "\""));
            let value = batch.arena.store(value.as_bytes());
            batch.arena.push(&mut attributes, key, Value::Str(value));
        }
        let value = PointValue::Double(value.parse().expect("a number"));
        let time = time.parse::<u64>().expect("a time") * 1_000_000;
        let name = batch.arena.store(name.as_bytes());
        let points = vec![Point { time, attributes, value, ..Point::default() }];
        batch.metrics.push(Metric { name, kind: MetricKind::Gauge, points, ..Metric::default() });
    }
    let mut plain = settings();
    plain.suffixes = false;
    assert_eq!(write(&plain, &batch).0, sent);
}

#[test]
fn metadata_is_numbered_as_prometheus_numbers_it() {
    let sent = snap::raw::Decoder::new()
        .decompress_vec(include_bytes!("../../../../../fixtures/prometheus-remote-write/metadata.body"))
        .expect("a snappy block");
    let lines = told(&sent);
    let expected = r#"node_cpu_seconds_total is 1 "Seconds the CPUs spent in each mode." """#;
    assert!(lines.iter().any(|line| line == expected), "{lines:#?}");
}

proptest! {
    /// Labels are sorted and whole whatever came, and every point is accounted for.
    #[test]
    fn any_metrics_make_a_whole_request(dice in generated::dice(), two in any::<bool>()) {
        let request = generated::request(Signal::Metrics, dice);
        let batch = otlp::decode_metrics(request, "t".into()).expect("a generated request is whole");
        let mut own = settings();
        (own.metadata, own.resource_labels) = (true, true);
        if two {
            own.version = Version::Two;
        }
        let (written, added) = write(&own, &batch);
        told(&written);
        let Added { written, not_cumulative, unwritable, empty } = added;
        prop_assert_eq!(written + not_cumulative + unwritable + empty, batch.len() as u64);
    }
}
