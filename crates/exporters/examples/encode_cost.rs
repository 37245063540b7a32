//! Prints what it costs to encode a record, by step: `cargo run --release -p exporters --example encode_cost`.
//!
//! Records are as Docker's log driver sends them, 700 bytes with ECS metadata, their JSON line of 525 bytes
//! promoted to fields. The clock is the wall's, so run it on an idle machine.

use std::hint::black_box;
use std::time::Instant;

use config::Setting;
use engine::{Encoder, Exporter, Sealed, Surroundings};
use exporters::cloudwatch_logs::CloudWatchLogs;
use exporters::datadog_logs::DatadogLogs;
use model::{Batch, LogRecord, Span, Value};

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RECORDS: usize = 500;
const BATCHES: usize = 2;
const ROUNDS: usize = 300;

fn main() {
    let batches: Vec<Batch> = (0..BATCHES).map(batch).collect();
    let bytes: usize = batches.iter().map(|batch| batch.arena.input().len()).sum();
    let lines = &mut std::io::stdout().lock();
    let mut say = |text: String| {
        let _ = std::io::Write::write_fmt(lines, format_args!("{text}\n"));
    };
    say(format!("{} bytes a record", bytes / (BATCHES * RECORDS)));
    for compression in ["none", "gzip", "zstd"] {
        let settings = Setting::map()
            .with("endpoint", "http://127.0.0.1:1")
            .with("api_key", "0000example0000")
            .with("compression", compression)
            .with("service", "shop")
            .with("source", "nodejs")
            .with("tags", "env:prod,team:shop");
        say(cost(&format!("datadog_logs {compression}"), &build::<DatadogLogs>(settings), &batches));
    }
    let settings = Setting::map()
        .with("region", "eu-west-1")
        .with("log_group", "/ecs/shop")
        .with("stream_prefix", "ecs/");
    let exporter = build::<CloudWatchLogs>(settings.clone());
    say(cost("cloudwatch_logs", &exporter, &batches));
    say(hashing(&exporter, &batches));
    let sorted = build::<CloudWatchLogs>(settings.with("sorted_keys", true));
    say(cost("cloudwatch_logs sorted_keys", &sorted, &batches));
}

fn build<E: Exporter>(settings: Setting) -> E {
    engine::testing::exporter(settings, &Surroundings::for_tests())
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The best of several rounds, so that a neighbour's burst does not count.
fn best(mut round: impl FnMut()) -> f64 {
    let time = |()| {
        let start = Instant::now();
        round();
        start.elapsed().as_nanos() as f64 / (BATCHES * RECORDS) as f64
    };
    std::iter::repeat_n((), ROUNDS).map(time).fold(f64::MAX, f64::min)
}

fn cost<E: Exporter>(name: &str, exporter: &E, batches: &[Batch]) -> String {
    let mut encoder = exporter.encoder();
    let mut out_bytes = 0;
    let nanos = best(|| {
        let mut sealed = Sealed::default();
        batches.iter().for_each(|batch| encoder.encode(black_box(batch), &mut sealed));
        encoder.seal(&mut sealed);
        out_bytes = sealed.payloads().iter().map(|payload| payload.held_bytes()).sum();
        black_box(&sealed);
    });
    format!("{name:32} {nanos:6.0} ns/record, {} bytes out", out_bytes / (BATCHES * RECORDS) as u64)
}

fn hashing(exporter: &CloudWatchLogs, batches: &[Batch]) -> String {
    let (mut encoder, mut sealed) = (exporter.encoder(), Sealed::default());
    batches.iter().for_each(|batch| encoder.encode(batch, &mut sealed));
    encoder.seal(&mut sealed);
    let bodies: Vec<_> = sealed.payloads().iter().filter_map(|payload| payload.wire().ok()).collect();
    let nanos = best(|| bodies.iter().for_each(|body| _ = black_box(net::aws::sha256_hex(body))));
    format!("{:32} {nanos:6.0} ns/record", "SHA-256 of CloudWatch bodies")
}

/// The input as a receiver leaves it after the JSON line was promoted: the line's members are raw JSON, the
/// driver's fields and the metadata are text.
fn batch(number: usize) -> Batch {
    let mut input = Vec::new();
    let mut places = Vec::new();
    for n in number * RECORDS..(number + 1) * RECORDS {
        let start = input.len();
        input.extend_from_slice(line(n as u64).as_bytes());
        let metadata = input.len();
        input.extend_from_slice(METADATA.as_bytes());
        places.push((start, metadata));
    }
    let mut batch = Batch::new("web-firelens-0f1e2d3c4b5a69788796a5b4c3d2e1f0".into(), input);
    for (place, (start, metadata)) in places.into_iter().enumerate() {
        let mut list = batch.arena.parse_object(Span::input(start, metadata)).expect("a JSON line");
        let mut rest = metadata;
        for field in METADATA.split_inclusive(';') {
            let equals = field.find('=').expect("a field");
            let key = Span::input(rest, rest + equals);
            let value = Span::input(rest + equals + 1, rest + field.len() - 1);
            batch.arena.push(&mut list, key, Value::Str(value));
            rest += field.len();
        }
        let time = 1_718_000_000_000_000_000 + (number * RECORDS + place) as u64 * 500_000;
        batch.logs.push(LogRecord::new(time, Value::Map(list)));
    }
    batch
}

const METADATA: &str = "container_id=5f0c1b9ad2e34c8e9a76b5d4c3f2e1a0-1234567890;\
    container_name=/ecs-shop-web-7-web-c4f5e6d7a8b9c0d1e201;source=stdout;ecs_cluster=shop;\
    ecs_task_arn=arn:aws:ecs:eu-west-1:111122223333:task/shop/0f1e2d3c4b5a69788796a5b4c3d2e1f0;\
    ecs_task_definition=shop-web:7;";

fn line(n: u64) -> String {
    let hash = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let level = ["info", "warn", "debug", "info"][(hash % 4) as usize];
    let (order, customer, status, took) = (hash % 1_000_000, hash >> 40, 200 + hash % 5, hash % 900);
    let spread = hash.rotate_left(17) ^ (n << 3);
    format!(
        concat!(
            r#"{{"time":"2026-03-07T12:{:02}:{:02}.{:03}Z","level":"{}","logger":"com.example.shop.checkout","#,
            r#""msg":"order {} of customer {} accepted, payment is being confirmed by the provider","#,
            r#""dd.trace_id":"{:016x}{:016x}","dd.span_id":"{}","dd.service":"shop","dd.env":"prod","#,
            r#""dd.version":"1.4.2","http":{{"method":"POST","path":"/api/v1/orders/{}","status":{},"#,
            r#""duration_ms":{}.{},"client":"10.0.{}.{}"}},"thread":"worker-{}","attempt":1}}"#
        ),
        n / 60_000 % 60,
        n / 1000 % 60,
        n % 1000,
        level,
        order,
        customer,
        hash,
        spread,
        spread >> 1,
        order,
        status,
        took,
        hash % 10,
        hash % 256,
        spread % 256,
        hash % 16
    )
}
