//! All signals alike: what real SDKs sent, generated requests, and damage.

use model::metric::{MetricKind, PointValue};
use proptest::prelude::*;

use super::generated;
use super::*;
use model::{Batch, Signal};

pub const PYTHON: [(Signal, &[u8]); 3] = [
    (Signal::Logs, include_bytes!("../../../../fixtures/otlp/python-logs.body")),
    (Signal::Traces, include_bytes!("../../../../fixtures/otlp/python-traces.body")),
    (Signal::Metrics, include_bytes!("../../../../fixtures/otlp/python-metrics.body")),
];
pub const NODE: [(Signal, &[u8]); 3] = [
    (Signal::Logs, include_bytes!("../../../../fixtures/otlp/node-logs.body")),
    (Signal::Traces, include_bytes!("../../../../fixtures/otlp/node-traces.body")),
    (Signal::Metrics, include_bytes!("../../../../fixtures/otlp/node-metrics.body")),
];

fn read(signal: Signal, request: &[u8]) -> Result<Batch, Damaged> {
    decode(signal, request.to_vec(), "t".into(), 0)
}

fn written(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    encode(batch, 0..batch.rows(), &mut out);
    out
}

fn text(batch: &Batch, span: model::Span) -> &str {
    std::str::from_utf8(batch.arena.bytes(span)).expect("text is UTF-8")
}

/// The Python SDK writes fields in the order of their numbers, as we do, so the bytes must be the same.
#[test]
fn what_the_python_sdk_sent_goes_out_as_it_came() {
    for (signal, request) in PYTHON {
        let batch = read(signal, request).expect("the request is whole");
        assert_eq!(batch.signal(), signal);
        assert_eq!(batch.len() as u64, count(signal, request).expect("the request is whole"));
        assert_eq!(written(&batch), request, "{signal:?}");
    }
}

/// The JavaScript SDK also writes numbers that are zero; what counts is the content.
#[test]
fn what_the_node_sdk_sent_keeps_its_content() {
    for (signal, request) in NODE {
        let sent = read(signal, request).expect("the request is whole");
        assert_eq!(sent.len() as u64, count(signal, request).expect("the request is whole"));
        let once = written(&sent);
        let again = read(signal, &once).expect("what we write is whole");
        assert_eq!((again.len(), written(&again)), (sent.len(), once));
    }
}

/// What the script that was captured does: three requests to `/buy`, of which the last fails.
#[test]
fn spans_tell_what_the_sdk_was_told() {
    let batch = read(Signal::Traces, NODE[1].1).expect("the request is whole");
    let spans = &batch.spans;
    assert!(spans.iter().all(|span| text(&batch, span.name) == "GET /buy" && span.kind == 2));
    assert!(spans.iter().all(|span| span.start > 0 && span.end >= span.start && span.flags == 257));
    let last = spans.last().expect("three spans");
    let status = last.status.expect("the last one failed");
    assert_eq!((status.code, text(&batch, status.message)), (2, "kaboom"));
    assert_eq!((last.events.len(), text(&batch, last.events[0].name)), (1, "exception"));
    let kind = batch.arena.get(last.events[0].attributes, b"exception.type").expect("it has a type");
    assert_eq!(batch.arena.text(kind).as_deref(), Some(&b"Error"[..]));
}

#[test]
fn every_kind_of_metric_is_told_apart() {
    let batch = read(Signal::Metrics, PYTHON[2].1).expect("the request is whole");
    let told: Vec<_> = batch
        .metrics
        .iter()
        .map(|metric| (text(&batch, metric.name), metric.kind, metric.temporality, metric.monotonic))
        .collect();
    let expected = [
        ("orders.placed", MetricKind::Sum, 2, true),
        ("inflight", MetricKind::Sum, 2, false),
        ("http.server.request.duration", MetricKind::Histogram, 2, false),
        ("exp.hist", MetricKind::ExponentialHistogram, 2, false),
        ("queue.depth", MetricKind::Gauge, 0, false),
    ];
    assert_eq!(told, expected);
    let PointValue::Histogram(duration) = &batch.metrics[2].points[0].value else { panic!("no histogram") };
    assert_eq!((duration.count, duration.bounds.len(), duration.buckets.len()), (3, 15, 16));
    let PointValue::Exponential(growing) = &batch.metrics[3].points[0].value else { panic!("no histogram") };
    assert_eq!((growing.count, growing.sum, growing.max), (3, Some(16.75), Some(12.25)));
    assert_eq!(
        (growing.scale, growing.positive.as_ref().map(|b| b.counts.iter().sum::<u64>())),
        (5, Some(3))
    );
    assert!(matches!(batch.metrics[4].points[0].value, PointValue::Int(17)));
}

/// Built by hand from the definitions: a metric that is said to be a gauge and then a sum is a sum.
#[test]
fn a_metric_is_what_was_said_last() {
    let gauge = b"\x2a\x02\x0a\x00";
    let sum = b"\x3a\x06\x0a\x00\x0a\x00\x18\x01";
    let shells = |metric: &[u8]| {
        let scope = [&[0x12, metric.len() as u8][..], metric].concat();
        let resource = [&[0x12, scope.len() as u8][..], &scope].concat();
        [&[0x0a, resource.len() as u8][..], &resource].concat()
    };
    let batch = read(Signal::Metrics, &shells(&[&gauge[..], sum, sum].concat())).expect("it is whole");
    let metric = &batch.metrics[0];
    assert_eq!((metric.kind, metric.monotonic, metric.points.len()), (MetricKind::Sum, true, 4));
}

proptest! {
    #[test]
    fn canonical_requests_come_out_as_they_went_in(signal in generated::signal(), dice in generated::dice()) {
        let request = generated::request(signal, dice);
        let batch = read(signal, &request).expect("a generated request is whole");
        prop_assert_eq!(written(&batch), request);
    }

    #[test]
    fn any_part_is_read_or_refused(
        signal in generated::signal(),
        dice in generated::dice(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut request = generated::request(signal, dice);
        let len = request.len();
        for (at, byte) in flips.iter().filter(|_| len > 0) {
            request[at.index(len)] = *byte;
        }
        request.truncate(end.index(len + 1));
        if let Ok(batch) = read(signal, &request) {
            let once = written(&batch);
            let again = read(signal, &once).expect("what we write is whole");
            prop_assert_eq!(written(&again), once);
        }
    }
}

/// Every place cut, every bit flipped.
#[test]
fn real_requests_may_be_damaged_anywhere() {
    for (signal, request) in PYTHON {
        for at in 0..request.len() {
            let _ = read(signal, &request[..at]);
            for bit in 0..8 {
                let mut damaged = request.to_vec();
                damaged[at] ^= 1 << bit;
                let _ = (count(signal, &damaged), read(signal, &damaged));
            }
        }
    }
}
