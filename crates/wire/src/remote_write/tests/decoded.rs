//! Requests in, metrics out: what the writer wrote, what Prometheus wrote, and requests made by hand.

use model::metric::{ExemplarValue, Metric, MetricKind, Point, PointValue};
use model::{Arena, Batch, List, Signal, json};
use proptest::prelude::*;

use super::{Settings, Version, settings, told, write};
use crate::otlp::{self, generated};
use crate::protobuf::{
    close_message, open_message, write_bytes, write_fixed64, write_message, write_number, write_varint,
};
use crate::remote_write::{Decoded, Unreadable, Writer, decode};

/// Writes what is there and nothing else.
fn plain(version: Version) -> Settings {
    let mut plain = settings();
    (plain.version, plain.suffixes, plain.target_info, plain.scope_labels) = (version, false, false, false);
    plain
}

fn decoded(version: Version, request: &[u8]) -> Decoded {
    decode(version, request.to_vec(), "t".into()).expect("the request is whole")
}

fn rewritten(version: Version, batch: &Batch) -> Vec<u8> {
    let mut writer = Writer::new(plain(version));
    writer.add(batch, 0..batch.rows());
    writer.finish()
}

/// The lines of samples, histograms and exemplars, sorted.
fn series(request: &[u8]) -> Vec<String> {
    let mut lines = told(request);
    lines.retain(|line| line.contains("{"));
    lines.sort();
    lines
}

proptest! {
    /// What was written and read is written again the same, in either version.
    #[test]
    fn what_is_read_is_what_was_written(dice in generated::dice(), two in any::<bool>()) {
        let request = generated::request(Signal::Metrics, dice);
        let batch = otlp::decode_metrics(request, "t".into()).expect("a generated request is whole");
        let version = if two { Version::Two } else { Version::One };
        let mut own = settings();
        (own.version, own.resource_labels) = (version, true);
        let (sent, _) = write(&own, &batch);
        let Decoded { batch, samples, histograms, exemplars, refused } = decoded(version, &sent);
        let lines = series(&sent);
        let of_exemplars = lines.iter().filter(|line| line.contains("} # {")).count() as u64;
        prop_assert_eq!(exemplars <= of_exemplars, true);
        let left_out: u64 = refused.iter().map(|cause| cause.records).sum();
        prop_assert_eq!(samples + histograms + left_out, lines.len() as u64 - of_exemplars);
        prop_assert_eq!(samples + histograms, batch.len() as u64);
        // Counts beyond 63 bits do not fit what native histograms tell.
        if left_out == 0 {
            prop_assert_eq!(series(&rewritten(version, &batch)), lines);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), two in any::<bool>()) {
        let version = if two { Version::Two } else { Version::One };
        if let Ok(decoded) = decode(version, bytes, "t".into()) {
            prop_assert_eq!(decoded.samples + decoded.histograms, decoded.batch.len() as u64);
        }
    }
}

#[test]
fn what_prometheus_wrote_is_read() {
    let inflate = |body| snap::raw::Decoder::new().decompress_vec(body).expect("a snappy block");
    let sent = inflate(include_bytes!("../../../../../fixtures/prometheus-remote-write/samples.body"));
    let Decoded { batch, samples, refused, .. } = decoded(Version::One, &sent);
    assert_eq!((samples as usize, refused.len()), (told(&sent).len(), 0));
    assert_eq!(series(&rewritten(Version::One, &batch)), series(&sent));
    // One job's one instance, of which no label is left on the points.
    assert_eq!((batch.resources.len(), batch.scopes.len()), (1, 1));
    let resource = pairs(&batch.arena, batch.resources[0].attributes);
    assert!(
        resource.starts_with("service.name=") && resource.contains(" service.instance.id="),
        "{resource}"
    );
    for point in batch.metrics.iter().flat_map(|metric| &metric.points) {
        let attributes = pairs(&batch.arena, point.attributes);
        assert!(!format!(" {attributes}").contains(" job="), "{attributes}");
    }
    let metadata = inflate(include_bytes!("../../../../../fixtures/prometheus-remote-write/metadata.body"));
    assert!(decoded(Version::One, &metadata).batch.is_empty());
}

fn pairs(arena: &Arena, list: List) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pair = |node: &model::Node| {
        let mut value = Vec::new();
        json::write_value(arena, node.value, &mut value);
        format!("{}={}", text(arena.bytes(node.key)), text(&value).trim_matches('"'))
    };
    arena.iter(list).map(|(_, node)| pair(node)).collect::<Vec<_>>().join(" ")
}

/// A request by hand, of either version.
struct Request {
    version: Version,
    symbols: Vec<String>,
    rest: Vec<u8>,
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

impl Request {
    fn new(version: Version) -> Request {
        Request { version, symbols: vec![String::new()], rest: Vec::new() }
    }

    fn place(&mut self, text: &str) -> u64 {
        if let Some(place) = self.symbols.iter().position(|known| known == text) {
            return place as u64;
        }
        self.symbols.push(text.into());
        self.symbols.len() as u64 - 1
    }

    fn labels(&mut self, labels: Pairs<'_>, out: &mut Vec<u8>) {
        match self.version {
            Version::One => {
                for (name, value) in labels {
                    write_message(out, 1, |out| {
                        write_bytes(out, 1, name.as_bytes());
                        write_bytes(out, 2, value.as_bytes());
                    });
                }
            }
            Version::Two => {
                let opened = open_message(out, 1);
                for (name, value) in labels {
                    write_varint(out, self.place(name));
                    write_varint(out, self.place(value));
                }
                close_message(out, opened);
            }
        }
    }

    /// A series with whatever `more` writes behind its labels.
    fn series(&mut self, labels: Pairs<'_>, more: impl FnOnce(&mut Request, &mut Vec<u8>)) {
        let mut series = Vec::new();
        self.labels(labels, &mut series);
        more(self, &mut series);
        let number = if self.version == Version::One { 1 } else { 5 };
        write_bytes(&mut self.rest, number, &series);
    }

    fn sample(&mut self, labels: Pairs<'_>, value: f64, time: u64) {
        self.series(labels, |_, out| sample(out, value, time));
    }

    fn exemplar(&mut self, out: &mut Vec<u8>, labels: Pairs<'_>, value: f64, time: u64) {
        let mut exemplar = Vec::new();
        self.labels(labels, &mut exemplar);
        write_fixed64(&mut exemplar, 2, value.to_bits());
        write_number(&mut exemplar, 3, time);
        write_bytes(out, if self.version == Version::One { 3 } else { 4 }, &exemplar);
    }

    fn bytes(self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.version == Version::Two {
            self.symbols.iter().for_each(|text| write_bytes(&mut out, 4, text.as_bytes()));
        }
        [out, self.rest].concat()
    }
}

fn sample(out: &mut Vec<u8>, value: f64, time: u64) {
    write_message(out, 2, |out| {
        write_fixed64(out, 1, value.to_bits());
        write_number(out, 2, time);
    });
}

fn name(batch: &Batch, metric: &Metric) -> String {
    String::from_utf8_lossy(batch.arena.bytes(metric.name)).into_owned()
}

fn only_point(batch: &Batch) -> &Point {
    let [metric] = batch.metrics.as_slice() else { panic!("{:?}", batch.metrics) };
    let [point] = metric.points.as_slice() else { panic!("{:?}", metric.points) };
    point
}

const VERSIONS: [Version; 2] = [Version::One, Version::Two];

#[test]
fn the_kind_is_told_or_follows_from_the_name() {
    const COUNTER: u64 = 1;
    const GAUGE: u64 = 2;
    for (name, told, kind, monotonic) in [
        ("a_total", None, MetricKind::Sum, true),
        ("a_count", None, MetricKind::Sum, true),
        ("a_sum", None, MetricKind::Sum, true),
        ("a_bucket", None, MetricKind::Sum, true),
        ("a", None, MetricKind::Gauge, false),
        ("a_total", Some(GAUGE), MetricKind::Gauge, false),
        ("a", Some(COUNTER), MetricKind::Sum, true),
        ("a_bucket", Some(3), MetricKind::Sum, true),
        ("a_bucket", Some(4), MetricKind::Gauge, false),
        ("a", Some(5), MetricKind::Gauge, false),
        ("a_info", Some(6), MetricKind::Gauge, false),
    ] {
        for version in VERSIONS {
            let mut request = Request::new(version);
            request.series(&[("__name__", name)], |request, out| {
                sample(out, 1.0, 1);
                if let (Version::Two, Some(told)) = (version, told) {
                    let (help, unit) = (request.place("Help."), request.place("seconds"));
                    write_message(out, 5, |out| {
                        write_number(out, 1, told);
                        write_number(out, 3, help);
                        write_number(out, 4, unit);
                    });
                }
            });
            if let (Version::One, Some(told)) = (version, told) {
                // Behind the series, which is allowed.
                write_message(&mut request.rest, 3, |out| {
                    write_number(out, 1, told);
                    write_bytes(out, 2, name.trim_end_matches("_bucket").as_bytes());
                    write_bytes(out, 4, b"Help.");
                    write_bytes(out, 5, b"seconds");
                });
            }
            let batch = decoded(version, &request.bytes()).batch;
            let metric = &batch.metrics[0];
            assert_eq!((metric.kind, metric.monotonic), (kind, monotonic), "{name} {told:?} {version:?}");
            assert_eq!(metric.temporality, if kind == MetricKind::Sum { 2 } else { 0 });
            let texts = [metric.description, metric.unit].map(|text| batch.arena.bytes(text));
            assert_eq!(texts, if told.is_some() { [&b"Help."[..], b"s"] } else { [&b""[..], b""] });
        }
    }
}

#[test]
fn values_times_and_ends_stay_what_they_were() {
    const STALE: u64 = 0x7ff0_0000_0000_0002;
    for version in VERSIONS {
        let mut request = Request::new(version);
        let labels = [("__name__", "a"), ("instance", "i:1"), ("job", "ns/j"), ("z", "")];
        let values = [0.1, -0.0, f64::INFINITY, f64::from_bits(0x7ff8_0000_0000_0001), f64::from_bits(STALE)];
        request.series(&labels, |_, out| {
            values.iter().zip(1..).for_each(|(value, time)| sample(out, *value, time));
        });
        let batch = decoded(version, &request.bytes()).batch;
        assert_eq!(
            pairs(&batch.arena, batch.resources[0].attributes),
            "service.name=ns/j service.instance.id=i:1"
        );
        let points = &batch.metrics[0].points;
        for ((point, value), time) in points.iter().zip(values).zip(1..) {
            let PointValue::Double(read) = point.value else { panic!("{:?}", point.value) };
            assert_eq!((read.to_bits(), point.time), (value.to_bits(), time * 1_000_000));
            assert_eq!(point.flags, u32::from(value.to_bits() == STALE));
            assert!(point.attributes.is_empty(), "a label without a value is none");
        }
        assert_eq!(points.len(), values.len());
    }
    // Since when it counts: of the sample, or else of the series.
    let mut request = Request::new(Version::Two);
    request.series(&[("__name__", "a_total")], |_, out| {
        write_message(out, 2, |out| {
            write_number(out, 2, 9);
            write_number(out, 3, 4);
        });
        sample(out, 1.0, 10);
        write_number(out, 6, 5);
    });
    let batch = decoded(Version::Two, &request.bytes()).batch;
    let starts: Vec<u64> = batch.metrics[0].points.iter().map(|point| point.start).collect();
    assert_eq!(starts, [4_000_000, 5_000_000]);
}

#[test]
fn series_share_metrics_and_resources_but_no_lists() {
    let mut request = Request::new(Version::One);
    for (job, path, time) in [("a", "/", 1), ("a", "/x", 1), ("b", "/", 1), ("a", "/", 2)] {
        request.sample(&[("__name__", "up"), ("job", job), ("path", path)], 1.0, time);
    }
    request.series(&[("__name__", "up"), ("job", "b"), ("path", "/y")], |_, out| {
        sample(out, 1.0, 1);
        sample(out, 2.0, 2);
    });
    let mut batch = decoded(Version::One, &request.bytes()).batch;
    let shapes: Vec<_> = batch.metrics.iter().map(|m| (name(&batch, m), m.scope, m.points.len())).collect();
    assert_eq!(shapes, [("up".into(), 0, 3), ("up".into(), 1, 3)]);
    assert_eq!(batch.resources.len(), 2);
    let mut changed = batch.metrics[1].points[1].attributes;
    batch.arena.set(&mut changed, b"more", model::Value::Int(1));
    assert_eq!(pairs(&batch.arena, batch.metrics[1].points[2].attributes), "path=/y");
}

#[test]
fn exemplars_go_with_a_sample_of_their_series() {
    const TRACE: &str = "0102030405060708090a0b0c0d0e0f10";
    for version in VERSIONS {
        let mut request = Request::new(version);
        let labels = [("__name__", "a_bucket"), ("le", "1")];
        // Before its sample, as a series of its own, which is how Prometheus sends it.
        request.series(&labels, |request, out| {
            request.exemplar(out, &[("trace_id", TRACE), ("user", "u")], 0.5, 7);
        });
        request.series(&labels, |request, out| {
            sample(out, 3.0, 8);
            request.exemplar(out, &[("span_id", "short")], 0.25, 6);
        });
        // Of a series that is not there, and with a label twice.
        request.series(&[("__name__", "b_bucket")], |request, out| request.exemplar(out, &[], 1.0, 1));
        request.series(&labels, |request, out| request.exemplar(out, &[("x", "1"), ("x", "2")], 1.0, 1));
        let Decoded { batch, samples, exemplars, refused, .. } = decoded(version, &request.bytes());
        assert_eq!((samples, exemplars, refused.len()), (1, 2, 0));
        let [own, alone] = only_point(&batch).exemplars.as_slice() else { panic!("two exemplars") };
        assert!(matches!(alone.value, ExemplarValue::Double(0.5)));
        assert_eq!((alone.time, alone.trace_id[15], alone.span_id), (7_000_000, 0x10, [0; 8]));
        assert_eq!(pairs(&batch.arena, alone.attributes), "user=u");
        assert_eq!(pairs(&batch.arena, own.attributes), "span_id=short");
    }
}

#[test]
fn series_that_break_the_rules_are_left_out_and_counted() {
    let twice: Pairs<'_> = &[("__name__", "a"), ("b", "1"), ("b", "2")];
    for (labels, why) in [
        (twice, "twice"),
        (&[("b", "1")], "without a name"),
        (&[("__name__", "")], "without a name"),
        (&[("", "1"), ("__name__", "a")], "label without a name"),
    ] {
        for version in VERSIONS {
            let mut request = Request::new(version);
            request.sample(labels, 1.0, 1);
            request.sample(&[("z", "1"), ("__name__", "good")], 1.0, 1);
            let Decoded { batch, samples, refused, .. } = decoded(version, &request.bytes());
            assert_eq!((samples, name(&batch, &batch.metrics[0])), (1, "good".into()));
            assert!(
                refused.len() == 1 && refused[0].records == 1 && refused[0].why.contains(why),
                "{refused:?}"
            );
        }
    }
    let mut request = Request::new(Version::One);
    request.sample(&[("__name__", "a")], 1.0, u64::MAX);
    assert_eq!(
        decoded(Version::One, &request.bytes()).refused[0].why,
        "a time before 1970, or too far ahead"
    );
    // Places beyond the table, and one without its partner.
    for (places, why) in [(&[1, 9][..], "table"), (&[1][..], "without its value")] {
        let mut request = Request::new(Version::Two);
        request.place("__name__");
        write_message(&mut request.rest, 5, |out| {
            write_message(out, 1, |out| places.iter().for_each(|place| write_varint(out, *place)));
            sample(out, 1.0, 1);
        });
        let refused = decoded(Version::Two, &request.bytes()).refused;
        assert!(refused[0].why.contains(why), "{refused:?}");
    }
}

/// A series `h` of one histogram, with these fields.
fn histogram(fields: impl FnOnce(&mut Vec<u8>)) -> Decoded {
    let mut request = Request::new(Version::Two);
    request.series(&[("__name__", "h")], |_, out| write_message(out, 3, fields));
    decoded(Version::Two, &request.bytes())
}

fn span(out: &mut Vec<u8>, offset: i32, length: u64) {
    write_message(out, 11, |out| {
        write_number(out, 1, u64::from(crate::protobuf::to_zigzag(offset)));
        write_number(out, 2, length);
    });
}

#[test]
fn native_histograms_of_every_sort() {
    // Counts as floats, and since when.
    let read = histogram(|out| {
        write_fixed64(out, 2, 3f64.to_bits());
        write_fixed64(out, 3, 7.5f64.to_bits());
        span(out, 1, 2);
        write_message(out, 13, |out| [1f64, 2.0].iter().for_each(|n| out.extend(n.to_le_bytes())));
        write_number(out, 15, 5);
        write_number(out, 17, 4);
    });
    let point = only_point(&read.batch);
    let PointValue::Exponential(found) = &point.value else { panic!("{:?}", point.value) };
    let positive = found.positive.as_ref().expect("buckets");
    assert_eq!(
        (found.count, found.sum, positive.offset, positive.counts.as_slice()),
        (3, Some(7.5), 0, &[1, 2][..])
    );
    assert_eq!((read.histograms, point.start, point.time), (1, 4_000_000, 5_000_000));
    // Bounds of its own.
    let custom = |bounds: [f64; 2], deltas: [u64; 3], offset: i32| {
        histogram(|out| {
            write_number(out, 1, 6);
            write_number(out, 4, u64::from(crate::protobuf::to_zigzag(-53)));
            span(out, offset, 3);
            write_message(out, 12, |out| deltas.iter().for_each(|delta| write_varint(out, *delta)));
            write_message(out, 16, |out| bounds.iter().for_each(|bound| out.extend(bound.to_le_bytes())));
        })
    };
    let read = custom([0.5, 1.0], [2, 2, 2], 0);
    let PointValue::Histogram(found) = &only_point(&read.batch).value else {
        panic!("a histogram with bounds")
    };
    assert_eq!((found.bounds.as_slice(), found.buckets.as_slice()), (&[0.5, 1.0][..], &[1, 2, 3][..]));
    // What cannot be kept.
    for (read, why) in [
        (custom([1.0, 0.5], [2, 2, 2], 0), "bounds do not rise"),
        (custom([0.5, 1.0], [2, 2, 2], 1), "out of order"),
        (custom([0.5, 1.0], [1, 2, 2], 0), "negative count"),
        (histogram(|out| write_number(out, 14, 3)), "may fall"),
        (histogram(|out| write_number(out, 4, 2 * 30)), "unknown schema"),
        (histogram(|out| span(out, 1, 2)), "do not fit"),
    ] {
        assert!(read.batch.is_empty() && read.refused[0].why.contains(why), "{why}: {:?}", read.refused);
    }
}

#[test]
fn a_small_request_cannot_become_a_large_memory() {
    // Each histogram has two buckets, so far apart that all between are listed.
    let mut request = Request::new(Version::One);
    request.series(&[("__name__", "h")], |_, out| {
        for time in 1..3000 {
            write_message(out, 4, |out| {
                span(out, 0, 1);
                span(out, 16_000, 1);
                write_message(out, 12, |out| out.extend([2, 0]));
                write_number(out, 15, time);
            });
        }
    });
    let found = decode(Version::One, request.bytes(), "t".into());
    assert_eq!(found.err(), Some(Unreadable::TooLarge));
    // Labels of a series, once more for each of its samples.
    let mut request = Request::new(Version::Two);
    let names: Vec<String> = (0..20_000).map(|place| format!("l{place}")).collect();
    request.symbols.extend(names.iter().cloned());
    let places: Vec<u64> = (1..=20_000).flat_map(|place| [place, 20_001]).collect();
    request.symbols.extend(["v".to_owned(), "__name__".to_owned()]);
    write_message(&mut request.rest, 5, |out| {
        write_message(out, 1, |out| {
            places.iter().chain(&[20_002, 20_001]).for_each(|place| write_varint(out, *place));
        });
        (0..5000).for_each(|_| write_bytes(out, 2, b""));
    });
    let found = decode(Version::Two, request.bytes(), "t".into());
    assert_eq!(found.err(), Some(Unreadable::TooLarge));
}

#[test]
fn damaged_bytes_spoil_the_request() {
    for bytes in [
        &b"\x0a\xff"[..],
        b"\x0a\x03\x0a\x01\x08",
        b"\x0a\x04\x0a\x02\x0a\x05",
        b"\x1a\x02\x12\x09",
        b"\x0a\x02\x12\x03",
    ] {
        let found = decode(Version::One, bytes.to_vec(), "t".into());
        assert!(matches!(found, Err(Unreadable::Damaged(_))), "{bytes:?}: {found:?}");
    }
    // A text that is not UTF-8.
    assert!(decode(Version::Two, b"\x22\x01\xff".to_vec(), "t".into()).is_err());
    assert!(decode(Version::One, b"\x0a\x06\x0a\x04\x0a\x02\xff\xff".to_vec(), "t".into()).is_err());
}
