//! Samples of a page become metrics: types, start times, series that end.

mod protobuf;

use model::metric::{ExemplarValue, MetricKind, Point, PointValue};
use model::{List, Metric, Value};
use serde_json::{Value as Json, json};
use wire::prometheus::{Exposition, Format};

use super::*;
use crate::prometheus::config::GlobalConfig;
use crate::prometheus::job::Job;
use crate::prometheus::page::{Counts, read};
use crate::scraping::{ScrapeError, shown};

const OPEN_METRICS: &str = include_str!("../../../../../fixtures/prometheus/python.openmetrics");
const NODE: &str = include_str!("../../../../../fixtures/prometheus/node-exporter.txt");

/// One job with one target, whose pages are translated one after the other.
struct Scraped {
    job: Job,
    series: Series,
    time: u64,
}

impl Scraped {
    fn new(more: &Json) -> Scraped {
        let mut config = json!({"job_name": "shop", "static_configs": [{"targets": ["web:9102"], "labels": {"env": "prod"}}]});
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        let config = serde_json::from_value(config).unwrap();
        let job = Job::new(config, &GlobalConfig::default()).unwrap();
        Scraped { job, series: Series::default(), time: 1 }
    }

    fn page(&mut self, page: &str, format: Format) -> (Batch, Result<Counts, ScrapeError>) {
        self.bytes(page.as_bytes(), Exposition::Text(format))
    }

    fn bytes(&mut self, page: &[u8], exposition: Exposition) -> (Batch, Result<Counts, ScrapeError>) {
        self.time += 1;
        let groups = [(self.job.config.static_configs[0].clone(), Vec::new())];
        let target = self.job.targets(&groups).0.remove(0);
        let settings = TranslationSettings {
            scheme: "http".into(),
            job: "shop".into(),
            instance: "web:9102".into(),
            trim_suffixes: self.job.trim_suffixes,
        };
        let mut translation = Translation::new(&mut self.series, "t".into(), self.time, settings);
        let outcome = read(page, exposition, &self.job, &target, &mut translation);
        if outcome.is_err() {
            translation.abandon();
        }
        (translation.finish(), outcome)
    }

    fn lines(&mut self, page: &str) -> Vec<String> {
        shown(&self.page(page, Format::Text).0)
    }
}

fn text(batch: &Batch, span: model::Span) -> String {
    String::from_utf8_lossy(batch.arena.bytes(span)).into_owned()
}

fn json_of(batch: &Batch, list: List) -> Json {
    let mut out = Vec::new();
    model::json::write_value(&batch.arena, Value::Map(list), &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn found<'b>(batch: &'b Batch, name: &str) -> &'b Metric {
    let mut metrics = batch.metrics.iter();
    metrics.find(|metric| text(batch, metric.name) == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn every_type_of_a_real_page() {
    let (batch, counts) = Scraped::new(&json!({})).page(OPEN_METRICS, Format::OpenMetrics);
    let samples = OPEN_METRICS.lines().filter(|line| !line.starts_with('#')).count() as u64;
    assert_eq!(counts.unwrap(), Counts { bytes: OPEN_METRICS.len() as u64, samples, kept: samples });
    let resource = json!({"service.name": "shop", "service.instance.id": "web:9102", "server.address": "web",
                          "server.port": "9102", "url.scheme": "http"});
    assert_eq!(json_of(&batch, batch.resources[0].attributes), resource);

    let requests = found(&batch, "shop_requests_total");
    assert_eq!((requests.kind, requests.monotonic, requests.temporality), (MetricKind::Sum, true, 2));
    assert_eq!(text(&batch, requests.description), "Requests by \"method\".");
    assert_eq!(json_of(&batch, requests.metadata), json!({"prometheus.type": "counter"}));
    let [get, post] = requests.points.as_slice() else { panic!("{:?}", requests.points) };
    assert_eq!(json_of(&batch, get.attributes), json!({"env": "prod", "method": "GET"}));
    assert_eq!(json_of(&batch, post.attributes), json!({"env": "prod", "method": "PO\\ST\n\"x\""}));
    assert!(matches!(get.value, PointValue::Double(3.0)));
    assert_eq!((get.start / 1000, get.time), (1_795_247_800_867_864, 2));
    let exemplar = &get.exemplars[0];
    assert_eq!(exemplar.trace_id[..4], [0x0a, 0xf7, 0x65, 0x19]);
    assert_eq!(exemplar.span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
    assert!(matches!(exemplar.value, ExemplarValue::Double(3.0)) && exemplar.attributes.is_empty());
    assert_eq!(exemplar.time, 1_795_247_800_867_873_000);

    let temperature = found(&batch, "shop_temperature_celsius");
    assert_eq!((temperature.kind, text(&batch, temperature.unit)), (MetricKind::Gauge, "Cel".into()));
    for (name, kind) in [("shop_build_info", "info"), ("shop_state", "stateset")] {
        let metric = found(&batch, name);
        assert_eq!((metric.kind, metric.monotonic), (MetricKind::Sum, false), "{name}");
        assert_eq!(json_of(&batch, metric.metadata), json!({"prometheus.type": kind}));
    }
}

#[test]
fn histograms_and_summaries_are_gathered() {
    let (batch, _) = Scraped::new(&json!({})).page(OPEN_METRICS, Format::OpenMetrics);
    let latency = found(&batch, "shop_latency_seconds");
    assert_eq!((latency.kind, text(&batch, latency.unit)), (MetricKind::Histogram, "s".into()));
    let [Point { attributes, exemplars, value: PointValue::Histogram(histogram), .. }] = &latency.points[..]
    else {
        panic!("{:?}", latency.points)
    };
    assert_eq!(json_of(&batch, *attributes), json!({"env": "prod", "route": "/"}));
    assert_eq!(histogram.bounds, [0.1, 0.5, 1.0]);
    assert_eq!(histogram.buckets, [1, 2, 0, 1]);
    assert_eq!((histogram.count, histogram.sum, exemplars.len()), (4, Some(2.65), 3));

    let (batch, _) = Scraped::new(&json!({})).page(NODE, Format::Text);
    let pauses = found(&batch, "go_gc_duration_seconds");
    assert_eq!(pauses.kind, MetricKind::Summary);
    let PointValue::Summary(summary) = &pauses.points[0].value else { panic!("{:?}", pauses.points) };
    let quantiles: Vec<f64> = summary.quantiles.iter().map(|(quantile, _)| *quantile).collect();
    assert_eq!(quantiles, [0.0, 0.25, 0.5, 0.75, 1.0]);
}

#[test]
fn what_makes_no_point_is_left_out() {
    let page = "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\n# TYPE b summary\nb{quantile=\"0.5\"} 1\n\
                # TYPE c histogram\nc_bucket{le=\"x\"} 1\nc_count 2\nd NaN\n";
    let lines = Scraped::new(&json!({})).lines(page);
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].contains("count: 2, sum: None") && lines[0].contains("bounds: [], buckets: [2]"),
        "{lines:?}"
    );
    assert_eq!(lines[1], "d{\"env\":\"prod\"} NaN gauge");
}

#[test]
fn series_that_are_gone_end_once() {
    let mut scraped = Scraped::new(&json!({}));
    let both = "a{x=\"1\"} 1\na{x=\"2\"} 2\n# TYPE h histogram\nh_count 1\n";
    assert_eq!(scraped.lines(both).len(), 3);
    let second = scraped.lines("a{x=\"1\"} 1\n");
    assert_eq!(second.len(), 3);
    assert_eq!(second[0], r#"a{"env":"prod","x":"1"} 1.0 gauge"#);
    assert!(second.contains(&r#"a{"env":"prod","x":"2"} stale gauge"#.to_owned()), "{second:?}");
    assert!(second.contains(&r#"h{"env":"prod"} stale histogram"#.to_owned()), "{second:?}");
    assert_eq!(scraped.lines("a{x=\"1\"} 1\n").len(), 1);
    // A page with a fault is no page: everything ends, and nothing of it is sent.
    assert_eq!(scraped.lines("b 1\na{x=\"1\"} 1\noops\n"), [r#"a{"env":"prod","x":"1"} stale gauge"#]);
    assert!(scraped.lines("").is_empty());
}

#[test]
fn series_with_times_of_their_own_do_not_end() {
    let page = "a 1 1700000000000\n";
    let mut scraped = Scraped::new(&json!({}));
    let (batch, _) = scraped.page(page, Format::Text);
    assert_eq!(batch.metrics[0].points[0].time, 1_700_000_000_000_000_000);
    assert!(scraped.lines("").is_empty());
    let mut scraped = Scraped::new(&json!({"track_timestamps_staleness": true}));
    scraped.lines(page);
    assert_eq!(scraped.lines("").len(), 1);
    let mut scraped = Scraped::new(&json!({"honor_timestamps": false}));
    assert_eq!(scraped.page(page, Format::Text).0.metrics[0].points[0].time, 2);
    assert_eq!(scraped.lines("").len(), 1);
}

#[test]
fn a_target_tells_of_itself_and_of_its_libraries() {
    let page = "# TYPE target info\n# TYPE a counter\n\
                a_total{otel_scope_name=\"lib\",otel_scope_version=\"2\",otel_scope_x=\"y\"} 1\n\
                target_info{service_version=\"1.8.2\"} 1\n# EOF\n";
    let (batch, _) = Scraped::new(&json!({})).page(page, Format::OpenMetrics);
    assert_eq!(shown(&batch), [r#"a_total{"env":"prod"} 1.0 counter"#]);
    assert_eq!(json_of(&batch, batch.resources[0].attributes)["service_version"], "1.8.2");
    let scope = batch.scopes[batch.metrics[0].scope as usize];
    assert_eq!((text(&batch, scope.name), text(&batch, scope.version)), ("lib".into(), "2".into()));
    assert_eq!(json_of(&batch, scope.attributes), json!({"x": "y"}));
}

#[test]
fn labels_of_page_and_target_collide() {
    let page = "a{env=\"dev\",exported_env=\"x\",job=\"push\"} 1\n";
    let lines = Scraped::new(&json!({})).lines(page);
    let expected =
        r#"a{"env":"prod","exported_env":"x","exported_exported_env":"dev","exported_job":"push"} 1.0 gauge"#;
    assert_eq!(lines, [expected]);
    let (batch, _) = Scraped::new(&json!({"honor_labels": true})).page(page, Format::Text);
    assert_eq!(shown(&batch), [r#"a{"env":"dev","exported_env":"x"} 1.0 gauge"#]);
    assert_eq!(json_of(&batch, batch.resources[0].attributes)["service.name"], "push");
}

#[test]
fn samples_are_relabelled_and_limited() {
    let rules = json!([
        {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
        {"source_labels": ["path"], "target_label": "path", "regex": "/([a-z]*)/.*", "replacement": "/$1"},
        {"regex": "env", "action": "labeldrop"}]);
    let page = "go_x 1\na{path=\"/shop/17\"} 2\n";
    let mut scraped = Scraped::new(&json!({"metric_relabel_configs": rules, "sample_limit": 1}));
    let (batch, counts) = scraped.page(page, Format::Text);
    assert_eq!(shown(&batch), [r#"a{"path":"/shop"} 2.0 gauge"#]);
    assert_eq!((counts.as_ref().unwrap().samples, counts.unwrap().kept), (2, 1));
    assert!(scraped.page("a 1\nb 2\n", Format::Text).1.is_err());
    for (limit, value) in
        [("label_limit", 3), ("label_name_length_limit", 7), ("label_value_length_limit", 7)]
    {
        assert!(Scraped::new(&json!({ limit: value })).page("a 1\n", Format::Text).1.is_err(), "{limit}");
        assert!(Scraped::new(&json!({ limit: value + 1 })).page("a 1\n", Format::Text).1.is_ok(), "{limit}");
    }
    assert!(scraped.page("a{x=\"1\",x=\"2\"} 1\n", Format::Text).1.is_err());
}

#[test]
fn the_resource_survives_relabelling() {
    let rules = json!([{"regex": "job|instance", "action": "labeldrop"}]);
    let (batch, _) = Scraped::new(&json!({"metric_relabel_configs": rules})).page("a 1\n", Format::Text);
    let resource = json_of(&batch, batch.resources[0].attributes);
    assert_eq!(
        (&resource["service.name"], &resource["service.instance.id"]),
        (&json!("shop"), &json!("web:9102"))
    );
}

#[test]
fn suffixes_are_trimmed_on_request() {
    let mut scraped = Scraped::new(&json!({}));
    scraped.job.trim_suffixes = true;
    let (batch, _) = scraped.page(OPEN_METRICS, Format::OpenMetrics);
    for name in ["shop_requests", "shop_temperature", "shop_latency", "shop_size_bytes", "shop_build_info"] {
        found(&batch, name);
    }
}

#[test]
fn this_machine_has_no_address() {
    for (instance, address) in [
        ("localhost:1", Json::Null),
        ("127.0.0.1:1", Json::Null),
        ("[::1]:1", Json::Null),
        ("0.0.0.0:1", Json::Null),
        ("[fd00::7]:1", json!("fd00::7")),
        ("10.0.0.7:1", json!("10.0.0.7")),
    ] {
        let config = json!({"static_configs": [{"targets": [instance]}]});
        let (batch, _) = Scraped::new(&config).page("a 1\n", Format::Text);
        let resource = json_of(&batch, batch.resources[0].attributes);
        assert_eq!((&resource["server.address"], &resource["server.port"]), (&address, &json!("1")));
    }
}

/// Whatever a page holds, what comes of it is whole: each point in a metric, each metric in a scope, each scope in a
/// resource.
#[test]
fn damaged_pages_do_no_harm() {
    let mut dice = testkit::corpus::Dice(20_261_121);
    let mut scraped = Scraped::new(&json!({}));
    for _ in 0..300 {
        let mut page = if dice.below(2) == 0 { OPEN_METRICS.to_owned() } else { NODE[..4000].to_owned() };
        for _ in 0..dice.below(4) {
            let (at, mark) = (dice.below(page.len() as u64) as usize, dice.below(8) as usize);
            if page.is_char_boundary(at) {
                page.insert_str(at, ["\"", "\\", "{", "}", "\n", "le=\"1\",", " 1e999", "# "][mark]);
            }
        }
        for format in [Format::Text, Format::OpenMetrics] {
            let (batch, _) = scraped.page(&page, format);
            for metric in &batch.metrics {
                let scope = &batch.scopes[metric.scope as usize];
                assert!((scope.resource as usize) < batch.resources.len() && !metric.points.is_empty());
            }
            shown(&batch);
        }
    }
}
