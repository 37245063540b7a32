//! The targets: functions that take any bytes and must neither panic nor grow without bound.
//!
//! Each also holds what it decodes to a property, so that it finds wrong answers and not only crashes.

pub mod mutate;
mod patterns;
mod statements;

use std::io;

use frontends::Files;
use frontends::Source;
use frontends::fluent_bit::lower;
use model::{Arena, Batch, Signal, Span, Value};
pub use patterns::filter_pattern;
pub use statements::ottl;
use wire::forward::{Context, Decoder, Settings};
use wire::inflate;
use wire::otlp;
use wire::prometheus::{Entry, Families, Format, Parser, protobuf};
use wire::protobuf::Message;
use wire::remote_write::{self, Added, Version, Writer};
use wire::text::{Form, Splitter};

/// A function that takes any bytes.
pub type Target = fn(&[u8]);

/// All targets by name, with the fixtures that seed them: a folder, and how the files' names end.
pub const TARGETS: &[(&str, Target, &str, &str)] = &[
    ("forward", forward, "fixtures", ".forward .stream"),
    ("configuration", configuration, "fixtures/fluent-bit", ".conf .yaml"),
    ("json", json, "fixtures/fluent-bit", ".json"),
    ("text", text, "fixtures/fluent-bit", ".json .conf"),
    ("otlp", otlp, "fixtures/otlp", ".body"),
    ("otlp_json", otlp_json, "fixtures/otlp", ".body .json"),
    ("remote_write", remote_write, "fixtures/otlp", ".body"),
    ("remote_write_decode", remote_write_decode, "fixtures/prometheus-remote-write", ".body"),
    ("ottl", ottl, "fixtures/ottl", ".ottl"),
    ("filter_pattern", filter_pattern, "fixtures/filter-pattern", ".pattern"),
    ("prometheus", prometheus, "fixtures/prometheus", ".txt .openmetrics"),
    ("prometheus_protobuf", prometheus_protobuf, "fixtures/prometheus", ".protobuf"),
];

/// The caps of this run: small, so that breaking one shows.
const CAP: usize = 1 << 20;

/// The Forward decoder, however the bytes are cut into reads: the records must be the same.
pub fn forward(data: &[u8]) {
    let (cuts, stream) = data.split_at(data.len().min(4));
    let piece = 1 + cuts.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    let (whole, pieces) = (decode_forward(stream, usize::MAX), decode_forward(stream, piece));
    if whole != pieces {
        let same = whole.iter().zip(&pieces).take_while(|(a, b)| a == b).count();
        let show = |bytes: &[u8]| {
            String::from_utf8_lossy(&bytes[same.saturating_sub(80)..]).chars().take(300).collect::<String>()
        };
        panic!("in one read:\n{}\nin reads of {piece} bytes:\n{}", show(&whole), show(&pieces));
    }
}

/// A request of any signal: what was read and written once stays the same, and a count agrees with what was read.
pub fn otlp(data: &[u8]) {
    for signal in [Signal::Logs, Signal::Traces, Signal::Metrics] {
        let counted = otlp::count(signal, data);
        let Ok(batch) = otlp::decode(signal, data.to_vec(), "t".into(), 1) else { continue };
        match counted {
            // Points of a kind that the same metric takes back are counted but not kept.
            Ok(counted) if signal == Signal::Metrics => assert!(counted >= batch.len() as u64),
            counted => assert_eq!(counted, Ok(batch.len() as u64)),
        }
        let written = encode_otlp(&batch);
        let again = otlp::decode(signal, written.clone(), "t".into(), 1).expect("what we write can be read");
        assert_eq!(encode_otlp(&again), written);
    }
}

/// Any metrics as a remote write, in both versions: each point is written or counted by what kept it out, and the
/// request is whole.
pub fn remote_write(data: &[u8]) {
    let Ok(batch) = otlp::decode(Signal::Metrics, data.to_vec(), "t".into(), 1) else { return };
    for version in [Version::One, Version::Two] {
        let settings = remote_write::Settings {
            version,
            namespace: "n".into(),
            external_labels: vec![("region".into(), "eu".into())],
            suffixes: true,
            target_info: true,
            resource_labels: version == Version::One,
            exclude_service: false,
            scope_labels: true,
            metadata: true,
        };
        let mut writer = Writer::new(settings);
        let Added { written, not_cumulative, unwritable, empty } = writer.add(&batch, 0..batch.rows());
        assert_eq!(written + not_cumulative + unwritable + empty, batch.len() as u64);
        writer.add_targets(&batch);
        let request = writer.finish();
        let mut message = Message::within(0..request.len());
        while message.next(&request).expect("the request is whole").is_some() {}
        assert!(writer.is_empty());
    }
}

/// A remote write of either version, in a snappy block or without: all that was counted is in the batch, and has a
/// name and a place.
pub fn remote_write_decode(data: &[u8]) {
    let inflated = inflate::snappy_block(data, CAP);
    let request = if inflated.broken.is_none() { inflated.bytes.as_slice() } else { data };
    for version in [Version::One, Version::Two] {
        let Ok(decoded) = remote_write::decode(version, request.to_vec(), "t".into()) else { continue };
        let (batch, taken) = (decoded.batch, decoded.samples + decoded.histograms);
        assert_eq!(batch.len() as u64, taken);
        let exemplars =
            batch.metrics.iter().flat_map(|metric| &metric.points).map(|point| point.exemplars.len());
        assert_eq!(exemplars.sum::<usize>() as u64, decoded.exemplars);
        assert!(batch.byte_size() <= 1 << 30, "holds {} bytes", batch.byte_size());
        for metric in &batch.metrics {
            assert!(!batch.arena.bytes(metric.name).is_empty() && !metric.points.is_empty());
            assert!(batch.scopes.get(metric.scope as usize).is_some());
        }
    }
}

fn encode_otlp(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    otlp::encode(batch, 0..batch.rows(), &mut out);
    out
}

/// A request of any signal in JSON or protobuf: what was made JSON can be read, and read once stays the same.
pub fn otlp_json(data: &[u8]) {
    for signal in [Signal::Logs, Signal::Traces, Signal::Metrics] {
        let spell =
            |request: &[u8]| otlp::to_json(signal, request).expect("what JSON told can be told in JSON");
        let json = match otlp::from_json(signal, data) {
            Ok(request) => Ok(spell(&request)),
            Err(_) => otlp::to_json(signal, data),
        };
        let Ok(json) = json else { continue };
        // Protobuf may have told zeros, which are not told twice.
        let once = spell(&otlp::from_json(signal, &json).expect("what we write can be read"));
        let twice = spell(&otlp::from_json(signal, &once).expect("what we write can be read"));
        assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once));
    }
}

/// A page in either format: its samples are no more than its lines, and their labels no more than its bytes.
pub fn prometheus(data: &[u8]) {
    for format in [Format::Text, Format::OpenMetrics] {
        let Ok(mut parser) = Parser::new(data, format) else { return };
        let (mut families, mut samples, mut labels) = (Families::default(), 0, 0);
        while let Ok(Some(entry)) = parser.advance() {
            if entry == Entry::Sample {
                samples += 1;
                labels += parser.sample().labels.len();
                assert!(!parser.sample().name.is_empty());
                families.of(&parser.sample().name);
            } else {
                families.note(entry);
            }
        }
        assert!(samples <= 1 + data.iter().filter(|byte| **byte == b'\n').count());
        assert!(labels <= data.len());
    }
}

/// The same exposition in protobuf. A sample takes two bytes at least; a histogram has three more than it has buckets.
pub fn prometheus_protobuf(data: &[u8]) {
    for (native, always_classic) in [(false, false), (true, false), (true, true)] {
        let mut parser = protobuf::Parser::new(data, protobuf::Histograms { native, always_classic });
        let (mut families, mut samples) = (Families::default(), 0);
        while let Ok(Some(entry)) = parser.advance() {
            if entry != Entry::Sample {
                families.note(entry);
                continue;
            }
            samples += 1;
            let sample = parser.sample_mut();
            assert!(!sample.name.is_empty());
            families.of(&sample.name);
            if let Some(histogram) = &sample.histogram {
                let buckets = [&histogram.positive, &histogram.negative];
                assert!(buckets.iter().all(|buckets| buckets.is_sorted_by(|a, b| a.0 < b.0)));
                assert!(buckets.iter().map(|buckets| buckets.len()).sum::<usize>() <= data.len());
            }
        }
        assert!(samples <= 4 * (data.len() + 1));
    }
}

fn decode_forward(stream: &[u8], piece: usize) -> Vec<u8> {
    let settings = Settings { max_message_bytes: CAP, max_decompressed_bytes: CAP, ..Settings::default() };
    let mut decoder = Decoder::new(settings);
    let mut out = Vec::new();
    for read in stream.chunks(piece.min(stream.len().max(1))) {
        let mut buffer = decoder.take_buffer();
        buffer.extend_from_slice(read);
        let decoded = decoder.decode(buffer, &Context::at(1));
        decoded.batches.iter().for_each(|batch| write_out(batch, &mut out));
        assert!(decoder.held() <= 4 * CAP, "holds {} bytes", decoder.held());
        if decoded.close.is_some() {
            break;
        }
    }
    // A read makes one batch a tag, so the order between tags depends on the reads.
    let mut lines: Vec<&[u8]> = out.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines.join(&b'\n')
}

fn write_out(batch: &Batch, out: &mut Vec<u8>) {
    for record in &batch.logs {
        out.extend_from_slice(batch.tag.as_bytes());
        model::json::write_value(&batch.arena, record.body, out);
        out.push(b'\n');
    }
}

/// Both dialects of Fluent Bit's language: any text gives a topology and diagnostics.
pub fn configuration(data: &[u8]) {
    for name in ["fuzz.conf", "fuzz.yaml"] {
        let variables = |name: &str| (name == "SET").then(|| "value ${SET} ".to_owned());
        let (_, diagnostics) = lower(&[Source::bytes(name, data)], &NoFiles, &variables);
        diagnostics.render(false);
    }
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The JSON path: what it takes as an object is one to an independent parser too, and means the same.
pub fn json(data: &[u8]) {
    let mut arena = Arena::new(data.to_vec());
    let Ok(members) = arena.parse_object(Span::input(0, data.len())) else { return };
    let mut out = Vec::new();
    model::json::write_value(&arena, Value::Map(members), &mut out);
    // Invalid UTF-8 is let through as received and mended where it is written.
    let Ok(before) = serde_json::from_slice::<serde_json::Value>(data) else { return };
    let after = serde_json::from_slice::<serde_json::Value>(&out);
    let same = after
        .as_ref()
        .is_ok_and(|after| testkit::json::canonical(after) == testkit::json::canonical(&before));
    assert!(same, "{before} became {}", String::from_utf8_lossy(&out));
}

/// Lines and JSON documents as the TCP and HTTP inputs take them.
pub fn text(data: &[u8]) {
    for form in [Form::Json, Form::Pieces { separator: b"\n".to_vec() }] {
        let mut splitter = Splitter::new(form, CAP);
        for read in data.chunks(97) {
            let mut buffer = splitter.take_buffer();
            buffer.extend_from_slice(read);
            splitter.split(buffer, "fuzz".into(), 1);
            assert!(splitter.held() <= 4 * CAP, "holds {} bytes", splitter.held());
        }
        splitter.finish("fuzz".into(), 1);
    }
}
