//! What each verbosity tells, of what real SDKs sent.

use engine::testing::batch;
use serde_json::json;
use wire::otlp;

use super::*;
use crate::trial::{build, encode};

const LOGS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-logs.body");
const TRACES: &[u8] = include_bytes!("../../../../fixtures/otlp/node-traces.body");
const METRICS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-metrics.body");

fn told(verbosity: &str, batches: &[Batch]) -> String {
    let debug: Debug = build(&json!({ "verbosity": verbosity })).unwrap();
    let sealed = encode(&debug, batches);
    String::from_utf8(sealed.payloads()[0].wire().unwrap().to_vec()).unwrap()
}

fn read(signal: Signal, request: &[u8]) -> Batch {
    otlp::decode(signal, request.to_vec(), "t".into(), 0).unwrap()
}

/// Each of these lines, in this order.
fn check(told: &str, expected: &[&str]) {
    let mut lines = told.lines();
    for line in expected {
        assert!(lines.any(|told| told == *line), "no `{line}`, or not there, in:\n{told}");
    }
}

#[test]
fn each_verbosity_tells_more() {
    let batches = [batch("a", &[r#"{"a":1}"#]), Batch::unread("t".into(), Signal::Traces, vec![1, 2, 3], 5)];
    let basic = told("basic", &batches);
    assert!(basic.starts_with("debug: 1 log records, "), "{basic}");
    assert!(basic.ends_with("debug: 5 spans, 3 bytes\n") && !basic.contains("{\"a\":1}"), "{basic}");
    assert!(told("normal", &batches).contains("\n  {\"a\":1}\ndebug: 5"));
    let detailed = told("detailed", &batches);
    check(
        &detailed,
        &["LogRecord #0", "SeverityNumber: Unspecified(0)", "Body: Map({\"a\":1})", "Trace ID: "],
    );
}

#[test]
fn normal_has_a_line_for_each_item() {
    let spans = told("normal", &[read(Signal::Traces, TRACES)]);
    let items = otlp::count(Signal::Traces, TRACES).unwrap();
    assert_eq!(spans.lines().filter(|line| line.starts_with("  GET /buy ")).count() as u64, items);
    let metrics = told("normal", &[read(Signal::Metrics, METRICS)]);
    check(
        &metrics,
        &[
            "  orders.placed{\"region\":\"eu\"} 3",
            "  exp.hist{} count=3 sum=16.75",
            "  queue.depth{\"q\":\"mail\"} 17",
        ],
    );
}

/// The lines that the specification lists for log records.
#[test]
fn log_records_are_told_as_the_collector_does() {
    check(
        &told("detailed", &[read(Signal::Logs, LOGS)]),
        &[
            "ResourceLog #0",
            "Resource SchemaURL: ",
            "Resource attributes:",
            "     -> service.name: Str(shop)",
            "ScopeLogs #0",
            "ScopeLogs SchemaURL: ",
            "LogRecord #0",
            "SeverityText: INFO",
            "SeverityNumber: Info(9)",
            "Body: Str(served order 0)",
            "Attributes:",
        ],
    );
}

#[test]
fn spans_are_told_with_events() {
    check(
        &told("detailed", &[read(Signal::Traces, TRACES)]),
        &[
            "ResourceSpans #0",
            "ScopeSpans #0",
            "Span #2",
            "    Name           : GET /buy",
            "    Kind           : Server",
            "    Status code    : Error",
            "    Status message : kaboom",
            "     -> big: Int(9007199254740992)",
            "     -> ratio: Double(0.25)",
            "     -> tags: Slice([\"a\",\"b\"])",
            "SpanEvent #0",
            "     -> Name: exception",
            "     -> DroppedAttributesCount: 0",
            "          -> exception.type: Str(Error)",
        ],
    );
}

#[test]
fn metrics_are_told_with_points() {
    check(
        &told("detailed", &[read(Signal::Metrics, METRICS)]),
        &[
            "ResourceMetrics #0",
            "Metric #0",
            "     -> Name: orders.placed",
            "     -> DataType: Sum",
            "     -> IsMonotonic: true",
            "     -> AggregationTemporality: Cumulative",
            "NumberDataPoints #0",
            "     -> region: Str(eu)",
            "Value: 3",
            "     -> DataType: Histogram",
            "Count: 3",
            "ExplicitBounds #1: 5.000000",
            "Buckets #15, Count: 0",
            "     -> DataType: ExponentialHistogram",
            "Max: 12.250000",
            "     -> DataType: Gauge",
            "Value: 17",
        ],
    );
}

/// A time is written as Go does: only as many decimals as there are.
#[test]
fn times_and_severities_are_spelled_as_in_go() {
    let mut batch = Batch::new("t".into(), Vec::new());
    for (time, severity) in [(0, 0), (1_581_452_772_000_000_321, 10), (1_544_712_660_500_000_000, 24)] {
        let mut record = model::LogRecord::new(time, model::Value::Null);
        record.severity = model::Severity(severity);
        batch.logs.push(record);
    }
    check(
        &told("detailed", &[batch]),
        &[
            "Timestamp: 1970-01-01 00:00:00 +0000 UTC",
            "SeverityNumber: Unspecified(0)",
            "Body: Empty()",
            "Timestamp: 2020-02-11 20:26:12.000000321 +0000 UTC",
            "SeverityNumber: Info2(10)",
            "Timestamp: 2018-12-13 14:51:00.5 +0000 UTC",
            "SeverityNumber: Fatal4(24)",
        ],
    );
}
