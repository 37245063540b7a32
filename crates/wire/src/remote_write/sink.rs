//! Series as protobuf. The two versions differ in how texts are told and where metadata stands.

use std::collections::{HashMap, HashSet};

use super::Version;
use super::exemplars::Exemplar;
use super::labels::Labels;
use super::native::{Native, Spans};
use crate::protobuf::{to_zigzag, write_bytes, write_fixed64, write_message, write_number, write_varint};

pub(super) enum Datum<'a> {
    Sample(f64),
    Native(&'a Native),
}

/// `MetricType` of both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unknown = 0,
    Counter = 1,
    Gauge = 2,
    Histogram = 3,
    Summary = 5,
}

/// What several series of one metric share.
pub(super) struct Family<'a> {
    pub name: &'a str,
    pub kind: Kind,
    pub help: &'a str,
    pub unit: &'a str,
}

pub(super) struct Series<'a> {
    pub labels: &'a Labels,
    pub datum: Datum<'a>,
    /// Nanoseconds since the epoch, as the next.
    pub time: u64,
    /// Since when it counts; 0 is unknown.
    pub created: u64,
    pub exemplars: &'a [Exemplar],
    pub family: &'a Family<'a>,
}

pub(super) struct Sink {
    version: Version,
    metadata: bool,
    series: Vec<u8>,
    symbols: Symbols,
    /// Whose metadata this request holds, in version 1.0.
    told: HashSet<String>,
}

/// Texts of a request of version 2.0, each once; the first is empty.
#[derive(Default)]
struct Symbols {
    places: HashMap<Box<str>, u64>,
    written: Vec<u8>,
}

impl Symbols {
    fn place(&mut self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        write_bytes(&mut self.written, 4, text.as_bytes());
        let place = self.places.len() as u64 + 1;
        self.places.insert(text.into(), place);
        place
    }
}

impl Sink {
    pub fn new(version: Version, metadata: bool) -> Sink {
        let (series, symbols, told) = Default::default();
        Sink { version, metadata, series, symbols, told }
    }

    pub fn len(&self) -> usize {
        self.series.len() + self.symbols.written.len()
    }

    pub fn finish(&mut self) -> Vec<u8> {
        self.told.clear();
        let series = std::mem::take(&mut self.series);
        let symbols = std::mem::take(&mut self.symbols);
        if self.version == Version::One || series.is_empty() {
            return series;
        }
        let mut request = Vec::with_capacity(2 + symbols.written.len() + series.len());
        write_bytes(&mut request, 4, b"");
        request.extend_from_slice(&symbols.written);
        request.extend_from_slice(&series);
        request
    }

    pub fn write(&mut self, series: &Series<'_>) {
        let Sink { version, metadata, series: out, symbols, told } = self;
        match version {
            Version::One => {
                write_message(out, 1, |out| write_one(series, out));
                if *metadata && !told.contains(series.family.name) {
                    told.insert(series.family.name.to_owned());
                    write_message(out, 3, |out| write_metadata(series.family, out));
                }
            }
            Version::Two => write_message(out, 5, |out| write_two(series, *metadata, symbols, out)),
        }
    }
}

fn write_one(series: &Series<'_>, out: &mut Vec<u8>) {
    write_labels(series.labels, out);
    if let Datum::Sample(value) = series.datum {
        write_message(out, 2, |out| write_sample(value, series.time, out));
    }
    for exemplar in series.exemplars {
        write_message(out, 3, |out| {
            write_labels(&exemplar.labels, out);
            write_double(out, 2, exemplar.value);
            write_time(out, 3, exemplar.time);
        });
    }
    if let Datum::Native(native) = series.datum {
        write_message(out, 4, |out| write_native(native, series.time, out));
    }
}

fn write_labels(labels: &Labels, out: &mut Vec<u8>) {
    for (name, value) in labels.iter() {
        write_message(out, 1, |out| {
            write_bytes(out, 1, name.as_bytes());
            write_bytes(out, 2, value.as_bytes());
        });
    }
}

fn write_metadata(family: &Family<'_>, out: &mut Vec<u8>) {
    write_known(out, 1, family.kind as u64);
    write_text(out, 2, family.name);
    write_text(out, 4, family.help);
    write_text(out, 5, family.unit);
}

fn write_two(series: &Series<'_>, metadata: bool, symbols: &mut Symbols, out: &mut Vec<u8>) {
    write_refs(series.labels, symbols, out);
    match series.datum {
        Datum::Sample(value) => write_message(out, 2, |out| write_sample(value, series.time, out)),
        Datum::Native(native) => write_message(out, 3, |out| write_native(native, series.time, out)),
    }
    for exemplar in series.exemplars {
        write_message(out, 4, |out| {
            write_refs(&exemplar.labels, symbols, out);
            write_double(out, 2, exemplar.value);
            write_time(out, 3, exemplar.time);
        });
    }
    write_message(out, 5, |out| {
        write_known(out, 1, series.family.kind as u64);
        if metadata {
            write_known(out, 3, symbols.place(series.family.help));
            write_known(out, 4, symbols.place(series.family.unit));
        }
    });
    if series.created > 0 {
        write_time(out, 6, series.created);
    }
}

fn write_refs(labels: &Labels, symbols: &mut Symbols, out: &mut Vec<u8>) {
    write_message(out, 1, |out| {
        for (name, value) in labels.iter() {
            write_varint(out, symbols.place(name));
            write_varint(out, symbols.place(value));
        }
    });
}

fn write_sample(value: f64, time: u64, out: &mut Vec<u8>) {
    write_double(out, 1, value);
    write_time(out, 2, time);
}

fn write_native(native: &Native, time: u64, out: &mut Vec<u8>) {
    write_number(out, 1, native.count);
    write_double(out, 3, native.sum);
    write_known(out, 4, u64::from(to_zigzag(native.schema)));
    write_double(out, 5, native.zero_threshold);
    write_number(out, 6, native.zero_count);
    write_spans(&native.negative, 8, out);
    write_spans(&native.positive, 11, out);
    write_time(out, 15, time);
}

fn write_spans(spans: &Spans, number: u32, out: &mut Vec<u8>) {
    for (offset, length) in &spans.spans {
        write_message(out, number, |out| {
            write_known(out, 1, u64::from(to_zigzag(*offset)));
            write_number(out, 2, u64::from(*length));
        });
    }
    if !spans.deltas.is_empty() {
        write_message(out, number + 1, |out| {
            let zigzag = |delta: i64| (delta << 1 ^ delta >> 63) as u64;
            spans.deltas.iter().for_each(|delta| write_varint(out, zigzag(*delta)));
        });
    }
}

/// Zero and empty are what is read where nothing stands.
fn write_double(out: &mut Vec<u8>, number: u32, value: f64) {
    if value.to_bits() != 0 {
        write_fixed64(out, number, value.to_bits());
    }
}

fn write_known(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        write_number(out, number, value);
    }
}

fn write_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        write_bytes(out, number, text.as_bytes());
    }
}

/// Milliseconds, from nanoseconds.
fn write_time(out: &mut Vec<u8>, number: u32, nanoseconds: u64) {
    write_known(out, number, nanoseconds / 1_000_000);
}
