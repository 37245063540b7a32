//! Pages written by hand after the message definitions.

use super::*;
use crate::protobuf::{write_bytes, write_fixed64, write_message, write_number, write_varint};

const NATIVE: Histograms = Histograms { native: true, always_classic: false };
const BOTH: Histograms = Histograms { native: true, always_classic: true };

/// A family of that type with one metric, of which `field` is the kind's number.
fn family(name: &str, kind: u64, field: u32, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = Vec::new();
    write_bytes(&mut message, 1, name.as_bytes());
    write_bytes(&mut message, 2, b"Help.");
    write_number(&mut message, 3, kind);
    write_message(&mut message, 4, |metric| {
        write_message(metric, 1, |label| {
            write_bytes(label, 1, b"a");
            write_bytes(label, 2, b"b");
        });
        write_message(metric, field, write);
    });
    write_bytes(&mut message, 5, b"seconds");
    let mut page = Vec::new();
    write_varint(&mut page, message.len() as u64);
    page.extend_from_slice(&message);
    page
}

fn double(out: &mut Vec<u8>, number: u32, value: f64) {
    write_fixed64(out, number, value.to_bits());
}

fn timestamp(out: &mut Vec<u8>, number: u32, seconds: u64, nanos: u64) {
    write_message(out, number, |time| {
        write_number(time, 1, seconds);
        write_number(time, 2, nanos);
    });
}

fn span(out: &mut Vec<u8>, number: u32, offset: i32, length: u64) {
    write_message(out, number, |span| {
        write_number(span, 1, crate::protobuf::to_zigzag(offset).into());
        write_number(span, 2, length);
    });
}

fn deltas(out: &mut Vec<u8>, number: u32, deltas: &[i64]) {
    write_message(out, number, |packed| {
        for delta in deltas {
            write_varint(packed, (delta << 1 ^ delta >> 63) as u64);
        }
    });
}

fn shown(page: &[u8], histograms: Histograms) -> Result<Vec<String>, String> {
    let (mut parser, mut lines) = (Parser::new(page, histograms), Vec::new());
    while let Some(entry) = parser.advance().map_err(|fault| fault.to_string())? {
        lines.push(match entry {
            Entry::Type { family, kind } => format!("TYPE {family} {}", kind.as_str()),
            Entry::Help { family, text } => format!("HELP {family} {text}"),
            Entry::Unit { family, unit } => format!("UNIT {family} {unit}"),
            Entry::Sample => {
                let sample = parser.sample_mut();
                let labels: Vec<_> =
                    sample.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let mut line = format!("{}{{{}}}", sample.name, labels.join(","));
                match &sample.histogram {
                    None => line.push_str(&format!(" {}", sample.value)),
                    Some(native) => line.push_str(&format!(
                        " schema {} count {} sum {} zero {}/{} + {:?} - {:?}",
                        native.schema,
                        native.count,
                        native.sum,
                        native.zero_count,
                        native.zero_threshold,
                        native.positive,
                        native.negative
                    )),
                }
                line.extend(sample.timestamp.map(|at| format!(" @{at}")));
                line.extend(sample.start.map(|at| format!(" since {at}")));
                let native = sample.histogram.iter().flat_map(|native| &native.exemplars);
                for exemplar in sample.exemplar.iter().chain(native) {
                    line.push_str(&format!(" # {} {:?}", exemplar.value, exemplar.timestamp));
                }
                line
            }
        });
    }
    Ok(lines)
}

/// The samples alone.
fn samples(page: &[u8], histograms: Histograms) -> Vec<String> {
    let mut lines = shown(page, histograms).unwrap();
    lines.retain(|line| !["TYPE ", "HELP ", "UNIT "].iter().any(|word| line.starts_with(word)));
    lines
}

#[test]
fn values_of_each_kind() {
    let mut page = family("a_total", 0, 3, |counter| {
        double(counter, 1, 3.0);
        write_message(counter, 2, |exemplar| {
            double(exemplar, 2, 0.5);
            timestamp(exemplar, 3, 7, 1);
        });
        timestamp(counter, 3, 5, 250);
    });
    page.extend(family("g", 1, 2, |gauge| double(gauge, 1, -1.5)));
    page.extend(family("u", 3, 5, |untyped| double(untyped, 1, 2.0)));
    let expected = [
        "TYPE a_total counter",
        "HELP a_total Help.",
        "UNIT a_total seconds",
        "a_total{a=b} 3 since 5000000250 # 0.5 Some(7000000001)",
        "TYPE g gauge",
        "HELP g Help.",
        "UNIT g seconds",
        "g{a=b} -1.5",
        "TYPE u unknown",
        "HELP u Help.",
        "UNIT u seconds",
        "u{a=b} 2",
    ];
    assert_eq!(shown(&page, NATIVE).unwrap(), expected);
}

#[test]
fn summaries_and_classic_histograms() {
    let summary = family("s", 2, 4, |summary| {
        write_number(summary, 1, 4);
        double(summary, 2, 2.5);
        write_message(summary, 3, |quantile| {
            double(quantile, 1, 0.5);
            double(quantile, 2, 0.25);
        });
    });
    assert_eq!(samples(&summary, NATIVE), ["s_count{a=b} 4", "s_sum{a=b} 2.5", "s{a=b,quantile=0.5} 0.25"]);
    let write = |histogram: &mut Vec<u8>| {
        write_number(histogram, 1, 4);
        double(histogram, 2, 2.5);
        for (bound, count) in [(0.5, 1), (1.0, 3)] {
            write_message(histogram, 3, |bucket| {
                write_number(bucket, 1, count);
                double(bucket, 2, bound);
            });
        }
    };
    let expected = [
        "h_count{a=b} 4",
        "h_sum{a=b} 2.5",
        "h_bucket{a=b,le=0.5} 1",
        "h_bucket{a=b,le=1.0} 3",
        "h_bucket{a=b,le=+Inf} 4",
    ];
    assert_eq!(samples(&family("h", 4, 7, write), NATIVE), expected);
    let gauges = samples(&family("h", 5, 7, write), NATIVE);
    assert_eq!(gauges[..2], ["h_gcount{a=b} 4", "h_gsum{a=b} 2.5"]);
}

/// The example of Prometheus' documentation of native histograms: buckets 0 to 2 and 4, then -1.
fn native(histogram: &mut Vec<u8>) {
    write_number(histogram, 1, 12);
    double(histogram, 2, 18.4);
    write_number(histogram, 5, crate::protobuf::to_zigzag(1).into());
    double(histogram, 6, 0.001);
    write_number(histogram, 7, 2);
    span(histogram, 9, -1, 1);
    deltas(histogram, 10, &[1]);
    span(histogram, 12, 0, 2);
    span(histogram, 12, 1, 2);
    deltas(histogram, 13, &[1, 1, -1, 0]);
    timestamp(histogram, 15, 9, 0);
    write_message(histogram, 16, |exemplar| {
        double(exemplar, 2, 1.5);
        timestamp(exemplar, 3, 10, 0);
    });
}

#[test]
fn native_histograms() {
    let one = "h{a=b} schema 1 count 12 sum 18.4 zero 2/0.001 + [(0, 1), (1, 2), (3, 1), (4, 1)] - [(-1, 1)] \
               since 9000000000 # 1.5 Some(10000000000)";
    let page = family("h", 4, 7, native);
    assert_eq!(samples(&page, NATIVE), [one]);
    assert_eq!(samples(&page, BOTH), [one]);
    let passed_over = samples(&page, Histograms::default());
    assert_eq!(
        passed_over,
        [
            "h_count{a=b} 12 since 9000000000",
            "h_sum{a=b} 18.4 since 9000000000",
            "h_bucket{a=b,le=+Inf} 12 since 9000000000"
        ]
    );
    let page = family("h", 4, 7, |histogram| {
        native(histogram);
        write_message(histogram, 3, |bucket| double(bucket, 2, 1.0));
    });
    assert_eq!(samples(&page, NATIVE).len(), 1);
    assert_eq!(samples(&page, BOTH).len(), 5);
    assert_eq!(samples(&page, Histograms::default()).len(), 4);
    let floats = family("h", 4, 7, |histogram| {
        double(histogram, 4, 4.6);
        double(histogram, 2, 1.0);
        double(histogram, 8, 0.4);
        span(histogram, 12, 3, 2);
        [1.5, 2.0].into_iter().for_each(|count| double(histogram, 14, count));
    });
    assert_eq!(samples(&floats, NATIVE), ["h{a=b} schema 0 count 5 sum 1 zero 0/0 + [(3, 2), (4, 2)] - []"]);
    // A histogram without observations is told by a span of no buckets.
    let empty = family("h", 4, 7, |histogram| span(histogram, 12, 0, 0));
    assert_eq!(samples(&empty, NATIVE), ["h{a=b} schema 0 count 0 sum 0 zero 0/0 + [] - []"]);
}

#[test]
fn damaged_pages_are_refused() {
    let histogram = |write: fn(&mut Vec<u8>)| family("h", 4, 7, write);
    for (page, part) in [
        (vec![5, 1], "longer than the page"),
        (vec![0x80], "cut off"),
        (vec![0xff; 9], "more than a page"),
        (vec![0], "without a name"),
        (histogram(|out| span(out, 12, 0, 2)), "do not fit"),
        (
            histogram(|out| {
                span(out, 12, 0, 1);
                deltas(out, 13, &[-1]);
            }),
            "negative count",
        ),
        (
            histogram(|out| {
                span(out, 12, i32::MAX, 2);
                deltas(out, 13, &[1, 1]);
            }),
            "beyond all numbers",
        ),
        (
            histogram(|out| {
                span(out, 12, 0, 1);
                span(out, 12, -1, 1);
                deltas(out, 13, &[1, 1]);
            }),
            "overlap",
        ),
        (
            histogram(|out| {
                write_number(out, 5, crate::protobuf::to_zigzag(-53).into());
                span(out, 12, 0, 0);
            }),
            "unknown schema",
        ),
    ] {
        let fault = shown(&page, NATIVE).unwrap_err();
        assert!(fault.contains(part), "{fault}");
    }
}

#[test]
fn many_labels_on_many_buckets_end() {
    let mut page = Vec::new();
    let mut message = Vec::new();
    write_bytes(&mut message, 1, b"h");
    write_number(&mut message, 3, 4);
    write_message(&mut message, 4, |metric| {
        for _ in 0..100_000 {
            write_bytes(metric, 1, b"");
        }
        write_message(metric, 7, |histogram| {
            for _ in 0..100_000 {
                write_bytes(histogram, 3, b"");
            }
        });
    });
    write_varint(&mut page, message.len() as u64);
    page.extend_from_slice(&message);
    assert!(shown_count(&page).unwrap_err().contains("too many labels"));
}

fn shown_count(page: &[u8]) -> Result<usize, String> {
    let (mut parser, mut count) = (Parser::new(page, NATIVE), 0);
    while parser.advance().map_err(|fault| fault.to_string())?.is_some() {
        count += 1;
    }
    Ok(count)
}
