//! Requests of real SDKs: `fixtures/otlp` says of which.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use model::Signal;

use super::recovered::{of_log, of_span, sent_log, sent_span};
use super::rows;
use crate::Table;

const LOGS: &[u8] = include_bytes!("../../../../../fixtures/otlp/python-logs.body");
const NODE_LOGS: &[u8] = include_bytes!("../../../../../fixtures/otlp/node-logs.body");
const TRACES: &[u8] = include_bytes!("../../../../../fixtures/otlp/python-traces.body");
const NODE_TRACES: &[u8] = include_bytes!("../../../../../fixtures/otlp/node-traces.body");
const METRICS: &[u8] = include_bytes!("../../../../../fixtures/otlp/python-metrics.body");

fn decoded(signal: Signal, request: &[u8]) -> model::Batch {
    wire::otlp::decode(signal, request.to_vec(), "t".into(), 1).expect("a request")
}

pub fn texts(rows: &RecordBatch, name: &str) -> Vec<String> {
    let column = cast(rows.column_by_name(name).expect(name), &DataType::Utf8).expect("text");
    column.as_string::<i32>().iter().map(|text| text.unwrap_or("-").to_owned()).collect()
}

pub fn numbers(rows: &RecordBatch, name: &str) -> Vec<i64> {
    let column = cast(rows.column_by_name(name).expect(name), &DataType::Int64).expect("numbers");
    column.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default).collect()
}

/// Values of a column, each once.
fn distinct(rows: &RecordBatch, name: &str) -> Vec<String> {
    let mut all = texts(rows, name);
    all.sort();
    all.dedup();
    all
}

#[test]
fn logs() {
    for (request, service) in [(LOGS, "shop"), (NODE_LOGS, "shop-node")] {
        let sent = decoded(Signal::Logs, request);
        let tables = rows(&sent);
        let kept = &tables[&Table::Logs];
        assert_eq!(distinct(kept, "service"), [service]);
        for row in 0..kept.num_rows() {
            assert_eq!(of_log(kept, row), sent_log(&sent, row));
        }
    }
}

#[test]
fn columns_of_a_log_record() {
    let tables = rows(&decoded(Signal::Logs, LOGS));
    let kept = &tables[&Table::Logs];
    assert_eq!(texts(kept, "message")[0], "served order 0");
    let first = |name| texts(kept, name)[0].clone();
    assert_eq!(
        ["env", "version", "task", "severity", "severity_text", "scope"].map(first),
        ["test", "1.2.3", "0123456789abcdef0123456789abcdef", "INFO", "INFO", "shop"]
    );
    assert_eq!(first("body"), "-");
    assert_eq!(first("trace_id").len(), 32);
    assert_eq!(numbers(kept, "severity_number")[0], 9);
}

#[test]
fn spans_and_their_traces() {
    for (request, service) in [(TRACES, "shop"), (NODE_TRACES, "shop-node")] {
        let sent = decoded(Signal::Traces, request);
        let tables = rows(&sent);
        let (kept, traces) = (&tables[&Table::Spans], &tables[&Table::Traces]);
        for row in 0..kept.num_rows() {
            assert_eq!(of_span(kept, row), sent_span(&sent, row));
        }
        assert_eq!(distinct(kept, "trace_id"), distinct(traces, "trace_id"));
        assert_eq!(distinct(traces, "root_service"), [service]);
        assert_eq!(numbers(traces, "span_count").iter().sum::<i64>(), kept.num_rows() as i64);
        let longest = numbers(kept, "duration_ns").into_iter().max();
        assert_eq!(numbers(traces, "max_duration_ns").into_iter().max(), longest);
    }
}

#[test]
fn series_and_their_points() {
    let sent = decoded(Signal::Metrics, METRICS);
    let tables = rows(&sent);
    let (series, points) = (&tables[&Table::Series], &tables[&Table::Points]);
    let histograms = &tables[&Table::Histograms];
    let known = distinct(series, "series_id");
    assert_eq!(known.len(), series.num_rows(), "a series is there twice");
    let mut told = [distinct(points, "series_id"), distinct(histograms, "series_id")].concat();
    told.sort();
    assert_eq!(told, known);
    assert_eq!(distinct(series, "kind"), ["counter", "exp_histogram", "gauge", "histogram", "updown"]);
    assert_eq!(points.num_rows() + histograms.num_rows(), sent.len());
    // Buckets of a histogram add up to its count.
    let buckets = histograms.column_by_name("buckets").expect("buckets").as_list::<i32>();
    for row in 0..histograms.num_rows() {
        let sum: i64 = buckets.value(row).as_primitive::<Int64Type>().iter().flatten().sum();
        let zeros = numbers(histograms, "zero_count")[row];
        let negative = histograms.column_by_name("negative_buckets").expect("buckets").as_list::<i32>();
        let below: i64 = match negative.is_valid(row) {
            true => negative.value(row).as_primitive::<Int64Type>().iter().flatten().sum(),
            false => 0,
        };
        assert_eq!(sum + zeros + below, numbers(histograms, "count")[row]);
    }
}
