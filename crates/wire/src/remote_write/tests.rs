//! Metrics in, lines of series out. Expectations come from the specifications, and from what Prometheus itself wrote.

use model::{Batch, Signal};

use super::*;
use crate::otlp;

mod decoded;
mod real;
mod told;
use told::told;

fn settings() -> Settings {
    Settings {
        version: Version::One,
        namespace: String::new(),
        external_labels: Vec::new(),
        suffixes: true,
        target_info: true,
        resource_labels: false,
        exclude_service: false,
        scope_labels: true,
        metadata: false,
    }
}

const RESOURCE: &str = r#"{"key":"service.name","value":{"stringValue":"shop"}},
    {"key":"service.namespace","value":{"stringValue":"eu"}},
    {"key":"service.instance.id","value":{"stringValue":"i-1"}}"#;

/// Metrics in OTLP's JSON, of a resource with these attributes.
fn batch(resource: &str, metrics: &str) -> Batch {
    let json = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{resource}]}},"scopeMetrics":[{{"metrics":[{metrics}]}}]}}]}}"#
    );
    let request = otlp::from_json(Signal::Metrics, json.as_bytes()).expect("OTLP in JSON");
    otlp::decode_metrics(request, "t".into()).expect("it is whole")
}

fn write(settings: &Settings, batch: &Batch) -> (Vec<u8>, Added) {
    let mut writer = Writer::new(settings.clone());
    let added = writer.add(batch, 0..batch.rows());
    writer.add_targets(batch);
    (writer.finish(), added)
}

fn lines(settings: &Settings, resource: &str, metrics: &str) -> Vec<String> {
    told(&write(settings, &batch(resource, metrics)).0)
}

fn name_of(name: &str, unit: &str, kind: &str, settings: &Settings) -> String {
    let metric = format!(
        r#"{{"name":"{name}","unit":"{unit}",{}:[{{"asInt":"1","timeUnixNano":"1000000"}}]}}}}"#,
        match kind {
            "counter" => r#""sum":{"isMonotonic":true,"aggregationTemporality":2,"dataPoints""#,
            "sum" => r#""sum":{"aggregationTemporality":2,"dataPoints""#,
            _ => r#""gauge":{"dataPoints""#,
        }
    );
    lines(settings, "", &metric)[0].split('{').next().unwrap_or_default().to_owned()
}

#[test]
fn names_end_in_their_unit() {
    for (name, unit, kind, expected) in [
        ("http.server.active_requests", "{request}", "sum", "http_server_active_requests"),
        ("process.cpu.time", "s", "counter", "process_cpu_time_seconds_total"),
        ("orders.placed", "1", "counter", "orders_placed_total"),
        ("orders_total", "", "counter", "orders_total"),
        ("total.orders", "", "counter", "orders_total"),
        ("memory.usage", "By", "gauge", "memory_usage_bytes"),
        ("memory_bytes", "By", "gauge", "memory_bytes"),
        ("load", "1", "gauge", "load_ratio"),
        ("disk.io", "By/s", "gauge", "disk_io_bytes_per_second"),
        ("speed", "m/s", "gauge", "speed_meters_per_second"),
        ("hits", "{hit}/min", "gauge", "hits_per_min"),
        ("hits", "foo/bar", "gauge", "hits_foo_per_bar"),
        ("usage", "%", "gauge", "usage_percent"),
        ("a..b__c-d", "", "gauge", "a_b_c_d"),
        ("job:rate:5m", "", "gauge", "job:rate:5m"),
        ("2xx", "", "gauge", "_2xx"),
        ("é", "", "gauge", "_"),
    ] {
        assert_eq!(name_of(name, unit, kind, &settings()), expected, "{name} {unit} {kind}");
    }
    let mut plain = settings();
    plain.suffixes = false;
    plain.namespace = "my.app".into();
    assert_eq!(name_of("process.cpu_time", "s", "counter", &plain), "my_app_process_cpu_time");
}

#[test]
fn labels_are_cleaned_and_say_where_they_come_from() {
    let metric = r#"{"name":"g","gauge":{"dataPoints":[{"asDouble":0.5,"timeUnixNano":"1700000000123456789","attributes":[
        {"key":"b","value":{"boolValue":true}}, {"key":"a.b","value":{"stringValue":"1"}},
        {"key":"a-b","value":{"stringValue":"2"}}, {"key":"1st","value":{"intValue":"-3"}},
        {"key":"_own","value":{"doubleValue":2}}, {"key":"gone","value":{"stringValue":""}},
        {"key":"job","value":{"stringValue":"other"}}, {"key":"region","value":{"stringValue":"r1"}},
        {"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"x"}]}}}]}]}}"#;
    let mut own = settings();
    own.external_labels = vec![("region".into(), "r2".into()), ("zone".into(), "z".into())];
    let resource = format!(r#"{RESOURCE},{{"key":"host.name","value":{{"stringValue":"h"}}}}"#);
    let point = r#"a_b="2;1",b="true",instance="i-1",job="eu/shop",key_1st="-3",key_own="2",list="[1,\"x\"]",region="r1",zone="z""#;
    let target =
        r#"target_info{host_name="h",instance="i-1",job="eu/shop",region="r2",zone="z"} 1 @1700000000123"#;
    assert_eq!(
        lines(&own, &resource, metric),
        [format!("g{{{point}}} 0.5 @1700000000123"), target.to_owned()]
    );
    own.target_info = false;
    own.resource_labels = true;
    own.exclude_service = true;
    let with_host = point.replace("instance=", "host_name=\"h\",instance=");
    assert_eq!(lines(&own, &resource, metric), [format!("g{{{with_host}}} 0.5 @1700000000123")]);
}

#[test]
fn what_identifies_nothing_has_no_target() {
    let metric = r#"{"name":"g","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"1000000"}]}}"#;
    let host = r#"{"key":"host.name","value":{"stringValue":"h"}}"#;
    assert_eq!(lines(&settings(), host, metric), ["g{} 1 @1"]);
    assert_eq!(lines(&settings(), RESOURCE, metric), [r#"g{instance="i-1",job="eu/shop"} 1 @1"#]);
}

const HISTOGRAM: &str = r#"{"name":"d","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[
    {"timeUnixNano":"2000000","startTimeUnixNano":"1000000","count":"6","sum":7.5,"explicitBounds":[0.1,1,2.5],
     "bucketCounts":["1","2","0","3"],"exemplars":[
      {"timeUnixNano":"1500000","asDouble":5,"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"},
      {"timeUnixNano":"1500000","asDouble":1,"filteredAttributes":[{"key":"k","value":{"stringValue":"v"}}]}]}]}}"#;

#[test]
fn histograms_and_summaries_become_several_series() {
    assert_eq!(
        lines(&settings(), "", HISTOGRAM),
        [
            "d_seconds_sum{} 7.5 @2",
            "d_seconds_count{} 6 @2",
            r#"d_seconds_bucket{le="0.1"} 1 @2"#,
            r#"d_seconds_bucket{le="1"} 3 @2"#,
            r#"d_seconds_bucket{le="1"} # {k="v"} 1 @1"#,
            r#"d_seconds_bucket{le="2.5"} 3 @2"#,
            r#"d_seconds_bucket{le="+Inf"} 6 @2"#,
            r#"d_seconds_bucket{le="+Inf"} # {span_id="0102030405060708",trace_id="0102030405060708090a0b0c0d0e0f10"} 5 @1"#,
        ]
    );
    let summary = r#"{"name":"s","summary":{"dataPoints":[{"timeUnixNano":"2000000","count":"2","sum":3,
        "quantileValues":[{"quantile":0.5,"value":1},{"quantile":0.99,"value":2}]}]}}"#;
    assert_eq!(
        lines(&settings(), "", summary),
        ["s_sum{} 3 @2", "s_count{} 2 @2", r#"s{quantile="0.5"} 1 @2"#, r#"s{quantile="0.99"} 2 @2"#]
    );
}

fn exponential(point: &str) -> String {
    format!(
        r#"{{"name":"e","exponentialHistogram":{{"aggregationTemporality":2,"dataPoints":[{{"timeUnixNano":"1000000",{point}}}]}}}}"#
    )
}

#[test]
fn exponential_histograms_become_native_ones() {
    for (point, expected) in [
        (
            // Bucket 0 reaches to the base, which is bucket 1 there.
            r#""scale":3,"count":"7","sum":9,"zeroCount":"1","positive":{"offset":0,"bucketCounts":["1","2","3"]}"#,
            "9 @1 count 7 schema 3 within 1e-128 zero 1 pos1+3 [1, 1, 1]",
        ),
        (
            // Two empty buckets are bridged, three are not; the end counts nothing.
            r#""scale":0,"count":"4","positive":{"offset":-3,"bucketCounts":["1","0","0","1","0","0","0","2","0"]}"#,
            "0 @1 count 4 zero 0 within 1e-128 pos-2+4 pos3+1 [1, -1, 0, 1, 1]",
        ),
        (
            // Finer than Prometheus knows: four buckets of ours are one of its.
            r#""scale":10,"count":"10","zeroThreshold":0.5,"negative":{"offset":-2,"bucketCounts":["1","2","3","4"]}"#,
            "0 @1 count 10 schema 8 within 5e-1 zero 0 neg0+2 [3, 4]",
        ),
        (r#""flags":1,"scale":10"#, "stale @1 count 0 zero 0"),
    ] {
        let told = lines(&settings(), "", &exponential(point)).remove(0);
        let sorted = |text: &str| {
            let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            words.sort();
            words
        };
        assert_eq!(sorted(&told), sorted(&format!("e{{}} histogram {expected}")), "{point}: {told}");
    }
}

#[test]
fn what_prometheus_has_no_form_for_is_counted() {
    let point = r#"{"asInt":"1","count":"1","timeUnixNano":"1"}"#;
    let sum = |kind: &str, temporality: u8| {
        format!(
            r#"{{"name":"m","{kind}":{{"aggregationTemporality":{temporality},"dataPoints":[{point},{point}]}}}}"#
        )
    };
    let two = Added { not_cumulative: 2, ..Added::default() };
    for (metric, expected) in [
        (sum("sum", 1), two),
        (sum("sum", 0), two),
        (sum("histogram", 1), two),
        (sum("exponentialHistogram", 1), two),
        (sum("sum", 2), Added { written: 2, ..Added::default() }),
        (exponential(r#""scale":-5"#), Added { unwritable: 1, ..Added::default() }),
        (
            exponential(r#""scale":0,"positive":{"offset":2147483647,"bucketCounts":["1"]}"#),
            Added { unwritable: 1, ..Added::default() },
        ),
        (r#"{"name":"g","gauge":{"dataPoints":[{}]}}"#.into(), Added { empty: 1, ..Added::default() }),
    ] {
        let (request, added) = write(&settings(), &batch("", &metric));
        assert_eq!((added, request.is_empty()), (expected, expected.written == 0), "{metric}");
    }
}

#[test]
fn a_series_that_ended_is_marked() {
    let ended = r#""flags":1,"timeUnixNano":"1000000""#;
    for (metric, expected) in [
        (format!(r#"{{"name":"m","gauge":{{"dataPoints":[{{{ended}}}]}}}}"#), 1),
        (
            format!(
                r#"{{"name":"m","histogram":{{"aggregationTemporality":2,"dataPoints":[{{{ended},"sum":1}}]}}}}"#
            ),
            3,
        ),
        (format!(r#"{{"name":"m","summary":{{"dataPoints":[{{{ended}}}]}}}}"#), 2),
    ] {
        let told = lines(&settings(), "", &metric);
        assert_eq!(told.len(), expected, "{told:?}");
        assert!(told.iter().all(|line| line.ends_with(" stale @1")), "{told:?}");
    }
}

#[test]
fn the_second_version_tells_texts_once() {
    let mut two = settings();
    (two.version, two.metadata) = (Version::Two, true);
    let counter = r#"{"name":"c","unit":"s","description":"Help.","sum":{"isMonotonic":true,"aggregationTemporality":2,
        "dataPoints":[{"asInt":"3","timeUnixNano":"2000000","startTimeUnixNano":"1000000"}]}}"#;
    let expected =
        [r#"c_seconds_total{instance="i-1",job="eu/shop"} 3 @2"#, r#"is 1 "Help." "s""#, "since 1"];
    assert_eq!(lines(&two, RESOURCE, counter), expected);
    let both = batch(RESOURCE, &format!("{counter},{HISTOGRAM}"));
    let (request, _) = write(&two, &both);
    let text = String::from_utf8_lossy(&request);
    assert_eq!(text.matches("eu/shop").count(), 1);
    assert_eq!(text.matches("d_seconds_bucket").count(), 1);
    let mut one = settings();
    one.metadata = true;
    let with_metadata = told(&write(&one, &both).0);
    let is_series = |line: &&String| line.contains('{');
    let of_two = told(&request);
    assert!(of_two.iter().filter(is_series).eq(with_metadata.iter().filter(is_series)));
    let rest: Vec<&String> = with_metadata.iter().filter(|line| !is_series(line)).collect();
    assert_eq!(rest, [r#"c_seconds_total is 1 "Help." "s""#, r#"d_seconds is 3 "" "s""#]);
}
