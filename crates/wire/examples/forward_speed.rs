//! Prints what decoding costs: `cargo run --release -p wire --example forward_speed`.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::time::Instant;

use wire::forward::{Context, Decoder, Settings};
use wire::msgpack::write;

/// A record as Docker's driver sends it: 701 bytes, 525 of them the line.
fn record(number: usize) -> Vec<u8> {
    let mut line = format!(
        r#"{{"timestamp":"2025-06-10T06:13:20.{number:06}Z","level":"info","logger":"shop.orders","message":"order accepted","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","http":{{"method":"POST","path":"/api/orders","status":201}},"note":""#
    );
    line.extend(std::iter::repeat_n('x', 523 - line.len()));
    line.push_str("\"}");
    let mut out = Vec::new();
    write::array(4, &mut out);
    write::str(b"shop-firelens-0123456789abcdef0123456789abcdef", &mut out);
    write::fixext8(0, [0x66, 0x66, 0x99, 0x80, 0, 0, 0, 1], &mut out);
    write::map(4, &mut out);
    for (key, value) in [
        ("container_name", "/ecs-shop-12-app-0123"),
        ("source", "stdout"),
        ("log", line.as_str()),
        ("container_id", "a37f702e2f7acab8637d9346032e8b94d3b5cb2ef1bee6c3a5f49d4ada61aeee"),
    ] {
        write::str(key.as_bytes(), &mut out);
        write::str(value.as_bytes(), &mut out);
    }
    write::map(0, &mut out);
    out
}

fn main() {
    let stream: Vec<u8> = (0..20_000).flat_map(record).collect();
    println!("{} bytes a record", stream.len() / 20_000);
    for (name, read) in
        [("64 KiB reads", 64 << 10), ("16 KiB reads", 16 << 10), ("one record a read", stream.len() / 20_000)]
    {
        let (mut best, mut copying) = (f64::MAX, f64::MAX);
        for _ in 0..20 {
            let started = Instant::now();
            let records = run(&stream, read);
            best = best.min(started.elapsed().as_nanos() as f64 / records as f64);
            let started = Instant::now();
            let mut buffer = Vec::with_capacity(read);
            for piece in stream.chunks(read) {
                buffer.clear();
                buffer.extend_from_slice(std::hint::black_box(piece));
                std::hint::black_box(&buffer);
            }
            copying = copying.min(started.elapsed().as_nanos() as f64 / records as f64);
        }
        println!("{name}: {best:.0} ns a record, {copying:.0} of them to copy it into the read buffer");
    }
}

fn run(stream: &[u8], read: usize) -> usize {
    let mut decoder = Decoder::new(Settings::default());
    let mut records = 0;
    for piece in stream.chunks(read) {
        let mut buffer = decoder.take_buffer();
        buffer.extend_from_slice(piece);
        let decoded = decoder.decode(buffer, &Context::at(1));
        records += decoded.batches.iter().map(model::Batch::len).sum::<usize>();
    }
    records
}
