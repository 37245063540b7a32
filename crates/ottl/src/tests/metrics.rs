//! Functions of metrics: what they leave of the metric, and what they make.

use model::Value;
use model::metric::{Buckets, ExponentialHistogram, Histogram, MetricKind, Point, PointValue, Summary};

use super::Bench;
use crate::Context;

/// A metric `m` in `By`, with points of these attributes and values.
fn bench(kind: MetricKind, points: &[(&str, PointValue)]) -> Bench {
    let mut bench = Bench::new("", "");
    (bench.metric.name, bench.metric.unit) = (bench.text("m"), bench.text("By"));
    bench.metric.description = bench.text("d");
    bench.metric.kind = kind;
    bench.metric.temporality = 1;
    for (place, (attributes, value)) in points.iter().enumerate() {
        let attributes = bench.map(attributes);
        let time = 10 + place as u64;
        bench.metric.points.push(Point {
            start: 1,
            time,
            attributes,
            value: value.clone(),
            ..Point::default()
        });
    }
    bench
}

fn histogram(buckets: &[u64]) -> PointValue {
    PointValue::Histogram(Box::new(Histogram {
        count: buckets.iter().sum(),
        sum: Some(12.0),
        min: Some(0.0),
        max: Some(40.0),
        bounds: vec![10.0, 20.0, 30.0],
        buckets: buckets.to_vec(),
    }))
}

fn exponential() -> PointValue {
    PointValue::Exponential(Box::new(ExponentialHistogram {
        count: 5,
        sum: Some(20.0),
        zero_count: 1,
        // 1 to 2, 2 to 4, 4 to 8.
        positive: Some(Buckets { offset: 0, counts: vec![1, 1, 2] }),
        ..ExponentialHistogram::default()
    }))
}

fn summary() -> PointValue {
    PointValue::Summary(Box::new(Summary { count: 4, sum: 6.5, quantiles: vec![(0.5, 1.0), (0.99, 3.0)] }))
}

/// A metric in one line: name, kind, temporality, monotonic, unit, and its points.
fn show(bench: &mut Bench, metric: &model::Metric) -> String {
    let text = |span| String::from_utf8_lossy(bench.arena.bytes(span)).into_owned();
    let mut out = format!(
        "{} {:?} {} {} {}",
        text(metric.name),
        metric.kind,
        metric.temporality,
        metric.monotonic,
        text(metric.unit)
    );
    for point in &metric.points {
        let attributes = bench.json(Value::Map(point.attributes));
        let value = match &point.value {
            PointValue::Int(int) => int.to_string(),
            PointValue::Double(double) => format!("{double:?}"),
            PointValue::Histogram(histogram) => format!("{:?}/{:?}", histogram.bounds, histogram.buckets),
            other => format!("{other:?}"),
        };
        out.push_str(&format!("; {attributes}={value}"));
    }
    out
}

/// Runs a statement; expects the metric so, and the ones made. An empty text is not looked at.
fn check(mut bench: Bench, context: Context, statement: &str, after: &str, made: &[&str]) {
    bench.run(context, statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    let metric = bench.metric.clone();
    if !after.is_empty() {
        assert_eq!(show(&mut bench, &metric), after, "{statement}");
    }
    let found: Vec<String> =
        std::mem::take(&mut bench.made).iter().map(|metric| show(&mut bench, metric)).collect();
    assert_eq!(found, made, "{statement}");
}

#[test]
fn kinds_are_converted() {
    let sum = || bench(MetricKind::Sum, &[("", PointValue::Int(1))]);
    let gauge = || bench(MetricKind::Gauge, &[("", PointValue::Int(1))]);
    check(sum(), Context::Metric, "convert_sum_to_gauge()", "m Gauge 0 false By; {}=1", &[]);
    check(
        gauge(),
        Context::Metric,
        "convert_gauge_to_sum(\"cumulative\", true)",
        "m Sum 2 true By; {}=1",
        &[],
    );
    check(
        sum(),
        Context::Metric,
        "convert_gauge_to_sum(\"cumulative\", true)",
        "m Sum 1 false By; {}=1",
        &[],
    );
    check(
        bench(MetricKind::ExponentialHistogram, &[("", exponential())]),
        Context::Metric,
        "convert_exponential_histogram_to_histogram(\"upper\", [1, 4])",
        "m Histogram 1 false By; {}=[1.0, 4.0]/[1, 2, 2]",
        &[],
    );
    check(
        bench(MetricKind::ExponentialHistogram, &[("", exponential())]),
        Context::Metric,
        "convert_exponential_histogram_to_histogram(\"uniform\", [1, 4, 6])",
        "m Histogram 1 false By; {}=[1.0, 4.0, 6.0]/[1, 2, 1, 1]",
        &[],
    );
}

#[test]
fn metrics_are_made_from_others() {
    let of = |kind, value: PointValue| bench(kind, &[(r#"{"a":1}"#, value)]);
    let histogram = || of(MetricKind::Histogram, histogram(&[1, 2, 3, 4]));
    check(
        histogram(),
        Context::Metric,
        "extract_sum_metric(true)",
        "",
        &["m_sum Sum 1 true By; {\"a\":1}=12.0"],
    );
    check(
        histogram(),
        Context::Metric,
        "extract_count_metric(false, \".n\")",
        "",
        &["m.n Sum 1 false 1; {\"a\":1}=10"],
    );
    check(
        of(MetricKind::Summary, summary()),
        Context::Metric,
        "extract_sum_metric(false)",
        "",
        &["m_sum Sum 2 false By; {\"a\":1}=6.5"],
    );
    // The fifth of ten values is two thirds into the bucket from 20 to 30.
    check(
        histogram(),
        Context::Metric,
        "extract_percentile_metric(50)",
        "",
        &["m_p50 Gauge 0 false By; {\"a\":1}=26.666666666666668"],
    );
    check(
        of(MetricKind::Summary, summary()),
        Context::Metric,
        "convert_summary_quantile_val_to_gauge()",
        "",
        &[
            "m.quantiles Gauge 0 false By; {\"a\":1,\"quantile\":\"0.5\"}=1.0; {\"a\":1,\"quantile\":\"0.99\"}=3.0",
        ],
    );
    check(
        of(MetricKind::Summary, summary()),
        Context::DataPoint,
        "convert_summary_count_val_to_sum(\"delta\", true)",
        "",
        &["m_count Sum 1 true By; {\"a\":1}=4"],
    );
    check(
        of(MetricKind::Summary, summary()),
        Context::DataPoint,
        "convert_summary_sum_val_to_sum(\"cumulative\", false, \".s\")",
        "",
        &["m.s Sum 2 false By; {\"a\":1}=6.5"],
    );
    check(histogram(), Context::DataPoint, "convert_summary_sum_val_to_sum(\"delta\", false)", "", &[]);
    check(
        of(MetricKind::Gauge, PointValue::Int(3)),
        Context::Metric,
        "copy_metric(name=\"c\", unit=\"s\")",
        "m Gauge 1 false By; {\"a\":1}=3",
        &["c Gauge 1 false s; {\"a\":1}=3"],
    );
    for (statement, message) in [
        ("extract_sum_metric(true)", "takes a histogram"),
        ("extract_percentile_metric(50)", "takes a histogram"),
        ("extract_percentile_metric(100)", "between 0 and 100"),
        ("convert_gauge_to_sum(\"x\", true)", "one of"),
        ("merge_histogram_buckets(1)", "not known in the context `metric`"),
    ] {
        let error = of(MetricKind::Gauge, PointValue::Int(3)).run(Context::Metric, statement).unwrap_err();
        assert!(error.contains(message), "{statement}: {error}");
    }
}

#[test]
fn points_are_scaled_and_merged() {
    let points = || {
        bench(
            MetricKind::Sum,
            &[
                (r#"{"a":"x","b":1}"#, PointValue::Int(1)),
                (r#"{"a":"x","b":2}"#, PointValue::Int(4)),
                (r#"{"a":"y","b":1}"#, PointValue::Int(7)),
            ],
        )
    };
    for (statement, after) in [
        (
            "scale_metric(2.0, \"kB\")",
            r#"m Sum 1 false kB; {"a":"x","b":1}=2; {"a":"x","b":2}=8; {"a":"y","b":1}=14"#,
        ),
        (r#"aggregate_on_attributes("sum", ["a"])"#, r#"m Sum 1 false By; {"a":"x"}=5; {"a":"y"}=7"#),
        (r#"aggregate_on_attributes("max", [])"#, "m Sum 1 false By; {}=7"),
        (r#"aggregate_on_attributes("min", ["a"])"#, r#"m Sum 1 false By; {"a":"x"}=1; {"a":"y"}=7"#),
        (r#"aggregate_on_attributes("mean", [])"#, "m Sum 1 false By; {}=4"),
        (r#"aggregate_on_attributes("median", [])"#, "m Sum 1 false By; {}=4"),
        (r#"aggregate_on_attributes("count", ["a"])"#, r#"m Sum 1 false By; {"a":"x"}=2; {"a":"y"}=1"#),
        (
            r#"aggregate_on_attributes("sum")"#,
            r#"m Sum 1 false By; {"a":"x","b":1}=1; {"a":"x","b":2}=4; {"a":"y","b":1}=7"#,
        ),
        (
            r#"aggregate_on_attribute_value("sum", "a", ["x", "y"], "all")"#,
            r#"m Sum 1 false By; {"a":"all","b":1}=8; {"a":"all","b":2}=4"#,
        ),
    ] {
        check(points(), Context::Metric, statement, after, &[]);
    }
    check(
        bench(
            MetricKind::Histogram,
            &[(r#"{"a":1}"#, histogram(&[1, 2, 3, 4])), (r#"{"a":2}"#, histogram(&[1, 0, 0, 0]))],
        ),
        Context::Metric,
        r#"aggregate_on_attributes("sum", [])"#,
        "m Histogram 1 false By; {}=[10.0, 20.0, 30.0]/[2, 2, 3, 4]",
        &[],
    );
    let one = || bench(MetricKind::Histogram, &[("", histogram(&[1, 2, 3, 4]))]);
    check(
        one(),
        Context::DataPoint,
        "merge_histogram_buckets(20.0)",
        "m Histogram 1 false By; {}=[10.0, 30.0]/[1, 5, 4]",
        &[],
    );
    check(
        one(),
        Context::DataPoint,
        "merge_histogram_buckets(15)",
        "m Histogram 1 false By; {}=[10.0, 20.0, 30.0]/[1, 2, 3, 4]",
        &[],
    );
    check(
        one(),
        Context::DataPoint,
        "merge_histogram_buckets(2, \"limit_buckets\")",
        "m Histogram 1 false By; {}=[30.0]/[6, 4]",
        &[],
    );
    check(
        one(),
        Context::Metric,
        "scale_metric(0.1)",
        "m Histogram 1 false By; {}=[1.0, 2.0, 3.0]/[1, 2, 3, 4]",
        &[],
    );
    assert!(
        one()
            .run(Context::Metric, r#"aggregate_on_attributes("max", [])"#)
            .unwrap_err()
            .contains("only be aggregated")
    );
    assert_eq!(points().holds(Context::Metric, r#"HasAttrKeyOnDatapoint("a")"#), Ok(true));
    assert_eq!(points().holds(Context::Metric, r#"HasAttrKeyOnDatapoint("c")"#), Ok(false));
    assert_eq!(points().holds(Context::Metric, r#"HasAttrOnDatapoint("a", "y")"#), Ok(true));
    assert_eq!(points().holds(Context::Metric, r#"HasAttrOnDatapoint("a", "z")"#), Ok(false));
}
