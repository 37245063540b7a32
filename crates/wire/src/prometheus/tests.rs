//! Both text formats, pages of real clients among them, and lines that are refused.

use super::*;

fn lines(page: &str, format: Format) -> Result<Vec<String>, Malformed> {
    let mut parser = Parser::new(page.as_bytes(), format)?;
    let mut lines = Vec::new();
    while let Some(entry) = parser.advance()? {
        lines.push(match entry {
            Entry::Type { family, kind } => format!("type {family} {}", kind.as_str()),
            Entry::Help { family, text } => format!("help {family} {text:?}"),
            Entry::Unit { family, unit } => format!("unit {family} {unit}"),
            Entry::Sample => {
                let Sample { name, labels, value, timestamp, exemplar, .. } = parser.sample();
                let timestamp = timestamp.map_or(String::new(), |at| format!(" @{at}"));
                let exemplar = exemplar.as_ref().map_or(String::new(), |exemplar| {
                    format!(" # {:?} {:?} @{:?}", exemplar.labels, exemplar.value, exemplar.timestamp)
                });
                format!("{name} {labels:?} {value:?}{timestamp}{exemplar}")
            }
        });
    }
    Ok(lines)
}

#[track_caller]
fn check(format: Format, page: &str, expected: &[&str]) {
    assert_eq!(lines(page, format).unwrap(), expected);
}

#[track_caller]
fn refused(format: Format, page: &str, line: u64) {
    assert_eq!(lines(page, format).map_err(|error| error.line), Err(line), "{page}");
}

/// The example of Prometheus' own page on its formats.
#[test]
fn the_text_format_of_the_documentation() {
    let page = r#"# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds_sum 1.7560473e+07
"#;
    let expected = [
        "help http_requests_total \"The total number of HTTP requests.\"",
        "type http_requests_total counter",
        r#"http_requests_total [("method", "post"), ("code", "200")] 1027.0 @1395066363000000000"#,
        r#"http_requests_total [("method", "post"), ("code", "400")] 3.0 @1395066363000000000"#,
        r#"msdos_file_access_time_seconds [("path", "C:\\DIR\\FILE.TXT"), ("error", "Cannot find file:\n\"FILE.TXT\"")] 1458255915.0"#,
        "metric_without_timestamp_and_labels [] 12.47",
        r#"something_weird [("problem", "division by zero")] inf @-3982045000000"#,
        "type rpc_duration_seconds summary",
        r#"rpc_duration_seconds [("quantile", "0.01")] 3102.0"#,
        "rpc_duration_seconds_sum [] 17560473.0",
    ];
    check(Format::Text, page, &expected);
}

#[test]
fn open_metrics_has_units_exemplars_and_an_end() {
    let page = r#"# TYPE foo histogram
# UNIT foo seconds
# HELP foo Says "\"hi\"" and \\.
foo_bucket{le="0.01"} 0
foo_bucket{le="1"} 11 123.5 # {trace_id="KOO5S4vxi0o"} 0.67
foo_bucket{le="+Inf"} 17 # {} 9.8 1520879607.789
foo_created 1520430000.123
# EOF
"#;
    let expected = [
        "type foo histogram",
        "unit foo seconds",
        r#"help foo "Says \"\"hi\"\" and \\.""#,
        r#"foo_bucket [("le", "0.01")] 0.0"#,
        r#"foo_bucket [("le", "1")] 11.0 @123500000000 # [("trace_id", "KOO5S4vxi0o")] 0.67 @None"#,
        r#"foo_bucket [("le", "+Inf")] 17.0 # [] 9.8 @Some(1520879607789000000)"#,
        "foo_created [] 1520430000.123",
    ];
    check(Format::OpenMetrics, page, &expected);
    refused(Format::OpenMetrics, "a 1\n", 1);
    refused(Format::OpenMetrics, "# EOF\na 1\n", 2);
    check(Format::OpenMetrics, "a 1\n# EOF", &["a [] 1.0"]);
    check(Format::Text, "a 1\n# EOF\nb 2", &["a [] 1.0", "b [] 2.0"]);
}

/// Prometheus 3 writes names that are no identifiers in quotes.
#[test]
fn names_in_quotes() {
    let page = "# TYPE \"http.requests\" counter\n{\"http.requests\",\"user.id\"=\"\\\"x\\\"\", b=\"\u{e4}\"} 1\n{\"a b\"} 2\n";
    let expected = [
        "type http.requests counter",
        r#"http.requests [("user.id", "\"x\""), ("b", "ä")] 1.0"#,
        "a b [] 2.0",
    ];
    check(Format::Text, page, &expected);
}

#[test]
fn spaces_and_commas_are_read_kindly() {
    check(Format::Text, "a { x = \"1\" , } 2\n", &[r#"a [("x", "1")] 2.0"#]);
    check(Format::Text, "\ta\t\t1\t5 \r\n\n#\n# nothing\n", &["a [] 1.0 @5000000"]);
    check(Format::Text, "a{} nan\nb -inf", &["a [] NaN", "b [] -inf"]);
}

#[test]
fn bad_lines_are_refused_with_their_number() {
    for line in [
        "a",
        "a ",
        "{x=\"1\"} 1",
        "a{x=\"1\" 1",
        "a{x=1} 1",
        "a{x=\"1} 1",
        "a{x=\"1\\",
        "a{x=\"1\"y=\"2\"} 1",
        "a{=\"1\"} 1",
        "a{\"b\"} 1",
        "a{x} 1",
        "a{,} 1",
        "a one",
        "a 1_000",
        "a 0x1p3",
        "a 1 2 3",
        "a 1 1.5",
        "a 1 99999999999999999999",
        "# TYPE a teapot",
        "# TYPE a",
    ] {
        refused(Format::Text, &format!("ok 1\n{line}\n"), 2);
    }
    for line in ["a 1 # x", "a 1 # {\"b\"} 1", "a 1 # {b=\"1\"}", "a 1 1e300", "a 1 nan"] {
        refused(Format::OpenMetrics, &format!("ok 1\n{line}\n# EOF\n"), 2);
    }
    assert_eq!(Parser::new(b"a{b=\"\xff\"} 1", Format::Text).err().map(|error| error.line), Some(1));
}

#[test]
fn what_real_clients_show_is_read() {
    let read = |page: &str, format| {
        let lines = lines(page, format).unwrap();
        let samples = lines.iter().filter(|line| line.contains(" [")).count();
        (lines.len() - samples, samples)
    };
    let text = include_str!("../../../../fixtures/prometheus/node-exporter.txt");
    let comments = text.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(read(text, Format::Text), (comments, text.lines().count() - comments));
    let open_metrics = include_str!("../../../../fixtures/prometheus/python.openmetrics");
    // All but `# EOF`.
    let comments = open_metrics.lines().filter(|line| line.starts_with('#')).count();
    let samples = open_metrics.lines().count() - comments;
    assert_eq!(read(open_metrics, Format::OpenMetrics), (comments - 1, samples));
}

#[test]
fn samples_find_their_family() {
    let mut families = Families::default();
    let declared = [
        ("requests", Kind::Counter),
        ("seen_total", Kind::Counter),
        ("latency", Kind::Histogram),
        ("size", Kind::Summary),
        ("build", Kind::Info),
        ("a_count", Kind::Gauge),
    ];
    for (family, kind) in declared {
        families.note(Entry::Type { family: family.into(), kind });
    }
    families.note(Entry::Help { family: "latency".into(), text: "How long.".into() });
    for (sample, expected) in [
        ("requests_total", Some(("requests", Part::Value))),
        ("requests_created", Some(("requests", Part::Created))),
        ("seen_total", Some(("seen_total", Part::Value))),
        ("latency_bucket", Some(("latency", Part::Bucket))),
        ("latency_sum", Some(("latency", Part::Sum))),
        ("latency_count", Some(("latency", Part::Count))),
        ("latency", None),
        ("size", Some(("size", Part::Value))),
        ("size_bucket", None),
        ("build_info", Some(("build", Part::Value))),
        ("a_count", Some(("a_count", Part::Value))),
        ("nobody", None),
        ("", None),
    ] {
        let found = families.of(sample).map(|(family, part)| (family.name.as_str(), part));
        assert_eq!(found, expected, "{sample}");
    }
    assert_eq!(families.of("latency_sum").unwrap().0.help, "How long.");
}

#[test]
fn units_are_spelt_as_ucum() {
    for (unit, expected) in [
        ("seconds", "s"),
        ("bytes", "By"),
        ("bytes_per_second", "By/s"),
        ("ratio", "1"),
        ("apples", "apples"),
    ] {
        assert_eq!(ucum(unit), expected);
    }
}

#[test]
fn content_types_name_the_format() {
    for (content_type, expected) in [
        ("text/plain; version=0.0.4; charset=utf-8", Some(Exposition::Text(Format::Text))),
        ("application/openmetrics-text; version=1.0.0", Some(Exposition::Text(Format::OpenMetrics))),
        (
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            Some(Exposition::Protobuf),
        ),
        ("application/vnd.google.protobuf;encoding=text", None),
        ("text/html", None),
        ("", None),
    ] {
        assert_eq!(Exposition::of(content_type), expected, "{content_type}");
    }
}
