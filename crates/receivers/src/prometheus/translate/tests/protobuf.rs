//! Pages in protobuf: what Go's client writes, and native histograms.

use model::metric::ExponentialHistogram;
use wire::prometheus::native::exponential;
use wire::prometheus::protobuf::NativeHistogram;

use super::*;

const GO: &[u8] = include_bytes!("../../../../../../fixtures/prometheus/go.protobuf");

fn native_of(metric: &Metric, place: usize) -> &ExponentialHistogram {
    match &metric.points[place].value {
        PointValue::Exponential(histogram) => histogram,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_real_page() {
    let mut scraped = Scraped::new(&json!({"scrape_native_histograms": true}));
    let (batch, counts) = scraped.bytes(GO, Exposition::Protobuf);
    // Two counters, a gauge, four samples of the summary, six of the histogram with bounds, three native ones.
    assert_eq!(counts.unwrap(), Counts { bytes: GO.len() as u64, samples: 16, kept: 16 });
    let requests = found(&batch, "shop_requests_total");
    assert_eq!((requests.kind, requests.monotonic, requests.temporality), (MetricKind::Sum, true, 2));
    assert_eq!(text(&batch, requests.description), "Requests by \"method\".");
    let [get, post] = requests.points.as_slice() else { panic!("{:?}", requests.points) };
    assert_eq!(json_of(&batch, post.attributes), json!({"env": "prod", "method": "PO\\ST\n\"x\""}));
    assert!(matches!(get.value, PointValue::Double(3.0)));
    assert_eq!(get.start, 1_795_256_414_179_424_295);
    assert_eq!(get.exemplars[0].span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
    assert_eq!(found(&batch, "shop_temperature_celsius").kind, MetricKind::Gauge);
    let PointValue::Summary(summary) = &found(&batch, "shop_size_bytes").points[0].value else { panic!() };
    assert_eq!((summary.count, summary.sum), (100, 5050.0));
    assert_eq!(summary.quantiles, [(0.5, 50.0), (0.99, 99.0)]);
    let latency = found(&batch, "shop_latency_seconds");
    let PointValue::Histogram(histogram) = &latency.points[0].value else { panic!() };
    assert_eq!((histogram.count, histogram.bounds.as_slice()), (9, &[0.1, 0.5, 1.0][..]));
    assert_eq!(histogram.buckets, [3, 3, 1, 2]);
    assert!(latency.points[0].start > 0);
}

#[test]
fn native_histograms_of_a_real_page() {
    let mut scraped = Scraped::new(&json!({"scrape_native_histograms": true}));
    let (batch, _) = scraped.bytes(GO, Exposition::Protobuf);
    let metric = found(&batch, "shop_native_seconds");
    assert_eq!((metric.kind, metric.temporality), (MetricKind::ExponentialHistogram, 2));
    assert_eq!(json_of(&batch, metric.metadata), json!({"prometheus.type": "histogram"}));
    let busy = native_of(metric, 0);
    assert_eq!(json_of(&batch, metric.points[0].attributes), json!({"env": "prod", "route": "/"}));
    assert_eq!((busy.count, busy.scale, busy.zero_count, busy.zero_threshold), (10, 3, 1, 0.001));
    let positive = busy.positive.as_ref().unwrap();
    for (value, count) in [(0.05f64, 1), (0.2, 3), (0.4, 1), (1.0, 1), (2.0, 1), (1024.0, 1)] {
        // A bucket ends at a power of the base, and holds it.
        let number = (value.log2() * 8.0).ceil() as i32 - 1;
        assert_eq!(positive.counts[(number - positive.offset) as usize], count, "{value}");
    }
    assert_eq!(positive.counts.iter().sum::<u64>(), 8);
    let negative = busy.negative.as_ref().unwrap();
    assert_eq!(
        (negative.offset, negative.counts.as_slice()),
        ((0.3f64.log2() * 8.0).ceil() as i32 - 1, &[1][..])
    );
    assert!(metric.points[0].start > 0);
    assert_eq!(metric.points[0].exemplars[0].trace_id[..4], [0x0a, 0xf7, 0x65, 0x19]);
    let idle = native_of(metric, 1);
    assert!(idle.count == 0 && idle.positive.is_none() && idle.negative.is_none());
    assert_eq!(native_of(found(&batch, "shop_both_seconds"), 0).count, 9);
}

#[test]
fn which_buckets_are_read() {
    let kinds = |config: Json| {
        let (batch, _) = Scraped::new(&config).bytes(GO, Exposition::Protobuf);
        let both = batch.metrics.iter().filter(|metric| text(&batch, metric.name) == "shop_both_seconds");
        both.map(|metric| metric.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(json!({})), [MetricKind::Histogram]);
    assert_eq!(kinds(json!({"scrape_native_histograms": true})), [MetricKind::ExponentialHistogram]);
    let both = json!({"scrape_native_histograms": true, "always_scrape_classic_histograms": true});
    assert_eq!(kinds(both), [MetricKind::ExponentialHistogram, MetricKind::Histogram]);
}

#[test]
fn native_histograms_end_and_are_renamed() {
    let rule = json!({"source_labels": ["__name__"], "regex": "shop_(.*)", "target_label": "__name__"});
    let config = json!({"scrape_native_histograms": true, "always_scrape_classic_histograms": true,
                        "metric_relabel_configs": [rule]});
    let mut scraped = Scraped::new(&config);
    let (batch, _) = scraped.bytes(GO, Exposition::Protobuf);
    assert_eq!(found(&batch, "native_seconds").kind, MetricKind::ExponentialHistogram);
    let again = scraped.bytes(GO, Exposition::Protobuf).0;
    assert!(again.metrics.iter().all(|metric| metric.points.iter().all(|point| point.flags == 0)));
    let (batch, _) = scraped.bytes(b"", Exposition::Protobuf);
    let ended = found(&batch, "native_seconds");
    assert_eq!((ended.kind, ended.points.len()), (MetricKind::ExponentialHistogram, 2));
    assert!(ended.points.iter().all(|point| point.flags == 1));
    assert_eq!(native_of(ended, 0).count, 0);
}

#[test]
fn buckets_far_apart_are_joined() {
    let native =
        |positive: Vec<(i32, u64)>| NativeHistogram { schema: 8, positive, ..NativeHistogram::default() };
    let near = exponential(&native(vec![(1, 2), (2, 0), (5, 3)]));
    let positive = near.positive.unwrap();
    assert_eq!((near.scale, positive.offset, positive.counts), (8, 0, vec![2, 0, 0, 0, 3]));
    let far = exponential(&native(vec![(-20_000, 1), (-19_999, 2), (20_000, 4)]));
    let positive = far.positive.unwrap();
    // Bucket -20,001 of scale 8 lies in -5,001 of scale 6, and 19,999 in 4,999.
    assert_eq!((far.scale, positive.offset, positive.counts.len()), (6, -5001, 10_001));
    assert_eq!((positive.counts[0], positive.counts[1], positive.counts[10_000]), (1, 2, 4));
    let farthest = exponential(&native(vec![(i32::MIN, 1), (i32::MAX, 1)]));
    assert_eq!(farthest.positive.unwrap().counts.iter().sum::<u64>(), 2);
}

/// As for pages of text: whatever comes of a page is whole.
#[test]
fn damaged_pages_do_no_harm() {
    let mut dice = testkit::corpus::Dice(20_261_122);
    let mut scraped = Scraped::new(&json!({"scrape_native_histograms": true}));
    for _ in 0..2000 {
        let mut page = GO.to_vec();
        for _ in 0..dice.below(4) + 1 {
            let at = dice.below(page.len() as u64) as usize;
            page[at] = dice.below(256) as u8;
        }
        let (batch, _) = scraped.bytes(&page, Exposition::Protobuf);
        for metric in &batch.metrics {
            let scope = &batch.scopes[metric.scope as usize];
            assert!((scope.resource as usize) < batch.resources.len() && !metric.points.is_empty());
        }
        shown(&batch);
    }
}
