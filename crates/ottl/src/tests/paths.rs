//! Paths of each context: what they read, and what they take.

use model::Value;
use model::metric::{Buckets, ExponentialHistogram, Histogram, MetricKind, Point, PointValue, Summary};
use model::trace::SpanEvent;

use super::Bench;
use crate::Context;

/// Runs the first, where there is one, and expects the second to yield the third.
fn check(bench: &mut Bench, context: Context, cases: &[(&str, &str, &str)]) {
    for (statement, expression, expected) in cases {
        if !statement.is_empty() {
            bench.run(context, statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        assert_eq!(bench.value(context, expression).as_deref(), Ok(*expected), "{statement} {expression}");
    }
}

fn refused(bench: &mut Bench, context: Context, cases: &[(&str, &str)]) {
    for (statement, message) in cases {
        let error = bench.run(context, statement).unwrap_err();
        assert!(error.contains(message), "{statement}: {error}");
    }
}

#[test]
fn of_a_log_record() {
    let mut bench = Bench::new(r#"{"a":1}"#, r#"{"msg":"hi","list":[1,2]}"#);
    check(
        &mut bench,
        Context::Log,
        &[
            ("", "attributes", r#"{"a":1}"#),
            ("", "log.body[\"msg\"]", r#""hi""#),
            ("", "body.string", r#""{\"list\":[1,2],\"msg\":\"hi\"}""#),
            (r#"set(body["list"][0], "x")"#, "body", r#"{"list":["x",2],"msg":"hi"}"#),
            ("set(body, \"text\")", "body", r#""text""#),
            ("set(body.string, \"more\")", "body", r#""more""#),
            ("set(time_unix_nano, 1500000000000000001)", "time_unix_nano", "1500000000000000001"),
            ("", "UnixSeconds(time)", "1500000000"),
            (r#"set(time, Time("1970-01-02", "%F", "UTC"))"#, "time_unix_nano", "86400000000000"),
            ("set(observed_time, time)", "observed_time_unix_nano", "86400000000000"),
            ("set(severity_number, SEVERITY_NUMBER_WARN2)", "severity_number", "14"),
            ("set(severity_text, \"WARN\")", "severity_text", r#""WARN""#),
            ("", "trace_id.string", r#""""#),
            (
                "set(trace_id, TraceID(0x0102030405060708090a0b0c0d0e0f10))",
                "trace_id.string",
                r#""0102030405060708090a0b0c0d0e0f10""#,
            ),
            ("set(span_id.string, \"00000000000000ff\")", "span_id.string", r#""00000000000000ff""#),
            ("", "String(span_id)", r#""[0,0,0,0,0,0,0,255]""#),
            ("set(event_name, \"login\")", "event_name", r#""login""#),
            ("set(flags, 1)", "flags", "1"),
            ("set(dropped_attributes_count, 3)", "dropped_attributes_count", "3"),
            (
                r#"set(resource.attributes["service.name"], "shop")"#,
                "resource.attributes",
                r#"{"service.name":"shop"}"#,
            ),
            ("set(resource.schema_url, \"u\")", "resource.schema_url", r#""u""#),
            ("set(scope.name, \"n\")", "instrumentation_scope.name", r#""n""#),
            ("set(scope.version, \"1\")", "scope.version", r#""1""#),
            (r#"set(scope.attributes["a"]["b"], 1)"#, "scope.attributes", r#"{"a":{"b":1}}"#),
            ("", "otelcol.client.addr", "null"),
        ],
    );
    assert_eq!(
        bench.holds(Context::Log, "trace_id == TraceID(0x0102030405060708090a0b0c0d0e0f10)"),
        Ok(true)
    );
    assert_eq!(bench.holds(Context::Log, "span_id == SpanID(\"00000000000000ff\")"), Ok(true));
    refused(
        &mut bench,
        Context::Log,
        &[
            ("set(severity_number, \"warn\")", "expects int64 but got string"),
            ("set(severity_text, 1)", "expects string but got int64"),
            ("set(time, 1)", "expects time.Time but got int64"),
            ("set(attributes, 1)", "always a map"),
            ("set(trace_id, TraceID(0x01))", "16 bytes"),
            ("set(trace_id.string, \"xyz\")", "32 hex digits"),
        ],
    );
}

#[test]
fn a_record_without_scope_gets_one_when_it_is_written_to() {
    let mut bench = Bench::new("", "");
    bench.resources.clear();
    bench.scopes.clear();
    assert_eq!(bench.value(Context::Log, r#"resource.attributes["a"]"#).as_deref(), Ok("null"));
    assert!(bench.scopes.is_empty());
    bench.run(Context::Log, r#"set(resource.attributes["a"], 1)"#).unwrap();
    assert_eq!((bench.resources.len(), bench.scopes.len()), (1, 1));
    assert_eq!(bench.json(Value::Map(bench.resources[0].attributes)), r#"{"a":1}"#);
    bench.log.scope = 7;
    assert!(bench.run(Context::Log, "set(scope.name, \"x\")").unwrap_err().contains("no scope"));
}

#[test]
fn of_a_span_and_its_events() {
    let mut bench = Bench::new(r#"{"a":1}"#, "");
    bench.span.events = vec![SpanEvent::default()];
    bench.span.trace_state = bench.text("k=v, other=1");
    check(
        &mut bench,
        Context::Span,
        &[
            ("set(name, \"GET\")", "span.name", r#""GET""#),
            ("set(kind, SPAN_KIND_SERVER)", "kind", "2"),
            ("", "kind.string", r#""Server""#),
            ("", "kind.deprecated_string", r#""SPAN_KIND_SERVER""#),
            ("set(kind.string, \"Client\")", "kind", "3"),
            ("set(kind.string, \"client\")", "kind", "0"),
            ("", "trace_state[\"k\"]", r#""v""#),
            ("set(trace_state[\"k\"], \"w\")", "trace_state", r#""k=w,other=1""#),
            ("set(trace_state[\"new\"], \"x\")", "trace_state", r#""new=x,k=w,other=1""#),
            ("", "status.code", "0"),
            ("set(status.code, STATUS_CODE_ERROR)", "status.code", "2"),
            ("set(status.message, \"bad\")", "status.message", r#""bad""#),
            ("set(start_time_unix_nano, 5)", "start_time_unix_nano", "5"),
            ("set(end_time_unix_nano, 1005)", "Nanoseconds(end_time - start_time)", "1000"),
            ("", "Len(events)", "1"),
            ("", "Len(links)", "0"),
            (
                "set(parent_span_id.string, \"00000000000000ff\")",
                "parent_span_id.string",
                r#""00000000000000ff""#,
            ),
            ("set(dropped_events_count, 2)", "dropped_events_count", "2"),
            ("delete_key(attributes, \"a\")", "attributes", "{}"),
        ],
    );
    assert_eq!(bench.holds(Context::Span, "IsRootSpan()"), Ok(false));
    check(
        &mut bench,
        Context::SpanEvent,
        &[
            ("set(name, \"exception\")", "spanevent.name", r#""exception""#),
            ("set(attributes[\"x\"], span.name)", "attributes", r#"{"x":"GET"}"#),
            ("set(time_unix_nano, 9)", "time_unix_nano", "9"),
            ("", "event_index", "0"),
            ("set(span.attributes[\"from\"], spanevent.name)", "span.attributes", r#"{"from":"exception"}"#),
        ],
    );
    refused(&mut bench, Context::SpanEvent, &[("set(event_index, 1)", "a path that can be set")]);
}

#[test]
fn of_a_metric_and_its_points() {
    let mut bench = Bench::new("", "");
    bench.metric.kind = MetricKind::Sum;
    bench.metric.points = vec![Point { value: PointValue::Int(7), ..Point::default() }];
    check(
        &mut bench,
        Context::Metric,
        &[
            ("set(name, \"requests\")", "metric.name", r#""requests""#),
            ("set(unit, \"1\")", "unit", r#""1""#),
            ("set(description, \"d\")", "description", r#""d""#),
            ("set(type, METRIC_DATA_TYPE_GAUGE)", "type", "2"),
            ("set(aggregation_temporality, AGGREGATION_TEMPORALITY_DELTA)", "aggregation_temporality", "1"),
            ("set(is_monotonic, true)", "is_monotonic", "true"),
            ("set(metadata[\"a\"], 1)", "metadata", r#"{"a":1}"#),
            ("", "Len(data_points)", "1"),
        ],
    );
    check(
        &mut bench,
        Context::DataPoint,
        &[
            ("set(attributes[\"m\"], metric.name)", "attributes", r#"{"m":"requests"}"#),
            ("", "value_int", "7"),
            ("set(value_int, value_int * 2)", "value_int", "14"),
            ("set(value_double, Double(value_int) / 4)", "value_double", "3.5"),
            ("", "count", "null"),
            ("set(flags, FLAG_NO_RECORDED_VALUE)", "flags", "1"),
            ("set(time_unix_nano, 3)", "time_unix_nano", "3"),
            ("set(start_time_unix_nano, 2)", "start_time_unix_nano", "2"),
            ("set(count, 9)", "count", "null"),
        ],
    );
    bench.metric.kind = MetricKind::Gauge;
    check(
        &mut bench,
        Context::Metric,
        &[("set(is_monotonic, false)", "is_monotonic", "null"), ("", "aggregation_temporality", "null")],
    );
    bench.metric.points[0].value = PointValue::Histogram(Box::new(Histogram {
        count: 3,
        sum: Some(4.5),
        bounds: vec![1.0, 2.0],
        buckets: vec![1, 1, 1],
        ..Histogram::default()
    }));
    check(
        &mut bench,
        Context::DataPoint,
        &[
            ("", "count", "3"),
            ("set(sum, 5.5)", "sum", "5.5"),
            ("", "explicit_bounds", "[1,2]"),
            ("set(bucket_counts, [4, 5])", "bucket_counts", "[4,5]"),
            ("", "value_int", "null"),
            ("", "scale", "null"),
        ],
    );
    bench.metric.points[0].value = PointValue::Exponential(Box::new(ExponentialHistogram {
        scale: 2,
        positive: Some(Buckets { offset: 1, counts: vec![1, 2] }),
        ..ExponentialHistogram::default()
    }));
    check(
        &mut bench,
        Context::DataPoint,
        &[
            ("set(scale, 3)", "scale", "3"),
            ("", "positive.offset", "1"),
            ("", "positive.bucket_counts", "[1,2]"),
            ("set(negative.bucket_counts, [9])", "negative.bucket_counts", "[9]"),
            ("set(zero_count, 4)", "zero_count", "4"),
        ],
    );
    let summary = Summary { count: 2, sum: 3.0, quantiles: vec![(0.5, 1.0)] };
    bench.metric.points[0].value = PointValue::Summary(Box::new(summary));
    check(&mut bench, Context::DataPoint, &[("", "sum", "3"), ("", "Len(quantile_values)", "1")]);
}
