//! The least the work can cost: decode, JSON parse and compress of the same bytes in one thread, no sockets.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use model::{Arena, Span};
use testkit::corpus::{Corpus, Mix};
use testkit::process::usage;
use wire::forward::{Context, Decoder, Settings};

/// As large as the reads of a receiver.
const READ: usize = 64 << 10;
/// As large as a Datadog body may be, with a margin.
const BODY: usize = 4 << 20;

/// CPU-seconds a million records, for each way to compress.
pub fn measure(records: u64) -> Vec<(String, f64)> {
    let corpus = Corpus::new(Mix::Json);
    let mut wire = Vec::new();
    (0..records).for_each(|number| _ = corpus.write(number, &mut wire));
    let lines: Vec<Vec<u8>> = (0..records).map(|number| corpus.line(number).text.into_bytes()).collect();
    let decode = per_million(records, || decode(&wire));
    let parse = per_million(records, || parse(&lines));
    let bodies = bodies(&lines);
    let gzip = |level| per_million(records, || bodies.iter().for_each(|body| gzip(body, level)));
    let zstd = per_million(records, || bodies.iter().for_each(|body| zstd(body)));
    vec![
        ("decode".into(), decode),
        ("JSON parse".into(), parse),
        ("all, gzip level 1".into(), decode + parse + gzip(1)),
        ("all, gzip level 6".into(), decode + parse + gzip(6)),
        ("all, zstd level 1".into(), decode + parse + zstd),
    ]
}

fn per_million(records: u64, work: impl FnOnce()) -> f64 {
    let cpu = || usage(std::process::id()).map_or(Duration::ZERO, |usage| usage.cpu());
    let before = cpu();
    work();
    (cpu() - before).as_secs_f64() * 1e6 / records as f64
}

fn decode(wire: &[u8]) {
    let mut decoder = Decoder::new(Settings::default());
    let mut count = 0;
    for read in wire.chunks(READ) {
        let mut buffer = decoder.take_buffer();
        buffer.extend_from_slice(read);
        let decoded = decoder.decode(buffer, &Context::at(1));
        count += decoded.batches.iter().map(model::Batch::len).sum::<usize>();
    }
    assert!(count > 0, "bug: the floor decodes nothing");
}

fn parse(lines: &[Vec<u8>]) {
    for some in lines.chunks(100) {
        let input = some.concat();
        let mut arena = Arena::new(input);
        let mut start = 0;
        for line in some {
            let parsed = arena.parse_object(Span::input(start, start + line.len()));
            assert!(parsed.is_ok(), "bug: the corpus is JSON");
            start += line.len();
        }
    }
}

/// The lines as an array of objects, as large as requests are.
fn bodies(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut bodies = vec![Vec::with_capacity(BODY)];
    for line in lines {
        if bodies.last().is_none_or(|body| body.len() + line.len() > BODY) {
            bodies.push(Vec::with_capacity(BODY));
        }
        if let Some(body) = bodies.last_mut() {
            body.push(b',');
            body.extend_from_slice(line);
        }
    }
    bodies
}

fn gzip(body: &[u8], level: u32) {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::new(level));
    encoder.write_all(body).and_then(|()| encoder.finish().map(drop)).expect("memory takes bytes");
}

fn zstd(body: &[u8]) {
    zstd::bulk::compress(body, 1).map(drop).expect("memory takes bytes");
}
