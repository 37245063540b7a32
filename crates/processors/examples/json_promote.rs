//! How long the main job of a sidecar takes: the JSON line of an application becomes the record's fields.
//!
//! `cargo run --release -p processors --example json_promote` prints nanoseconds a record, first those of
//! `join_partials`, which sees every record and has nothing to do for almost all of them.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use config::Setting;
use engine::Processor;
use engine::testing::processor;
use model::{Arena, Batch, List, LogRecord, Span, Value};
use processors::join_partials::JoinPartials;
use processors::parser::ParserProcessor;

const LINE: &str = r#"{"timestamp":"2024-06-10T06:13:21.123Z","level":"info","message":"order accepted","service":"shop-web","environment":"production","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","http":{"method":"POST","path":"/api/v1/orders","status":201,"duration_ms":12.75,"user_agent":"Mozilla/5.0 (PC) AppleWebKit/537.36"},"user":{"id":"u-1029384756","plan":"pro"},"order":{"id":"o-5647382910","items":3,"total":59.97,"currency":"EUR"},"retries":0,"cached":false,"tags":["checkout","web"],"region":"eu-west-1"}"#;
const RECORDS: usize = 1000;
const ROUNDS: usize = 300;

fn main() {
    let json = Setting::map().with("name", "json").with("format", "json");
    let settings =
        Setting::map().with("key", "log").with("parsers", Setting::list([json])).with("reserve_data", true);
    let mut joiner: JoinPartials = processor(Setting::map()).expect("defaults");
    let mut parser: ParserProcessor = processor(settings).expect("settings as the page shows them");
    let received = batch();
    println!("{} ns to see that a line is whole", measure(&mut joiner, &received, 4));
    println!("{} ns to read a line of {} bytes", measure(&mut parser, &received, 17), LINE.len());
}

fn measure(processor: &mut impl Processor, received: &Batch, fields: usize) -> u128 {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let batch = received.clone();
        let mut out = Vec::with_capacity(1);
        let start = Instant::now();
        processor.process(batch, &mut out);
        best = best.min(start.elapsed());
        assert_eq!(out[0].logs[0].fields().map(|list| out[0].arena.iter(list).count()), Some(fields));
    }
    best.as_nanos() / RECORDS as u128
}

/// Records as a log driver sends them.
fn batch() -> Batch {
    let mut input = Vec::new();
    let mut put = |text: &str| {
        input.extend_from_slice(text.as_bytes());
        Span::input(input.len() - text.len(), input.len())
    };
    let record = || {
        [
            ("container_id", "5f0c1b9ad2e34c8e9a76b5d4c3f2e1a05f0c1b9ad2e34c8e9a76b5d4c3f2e1a0"),
            ("container_name", "/ecs-shop-web-7-web-c4f5e6d7a8b9c0d1e201"),
            ("source", "stdout"),
            ("log", LINE),
        ]
    };
    let fields: Vec<[(Span, Span); 4]> =
        (0..RECORDS).map(|_| record().map(|(key, value)| (put(key), put(value)))).collect();
    let mut batch = Batch::with_arena("web".into(), Arena::new(input));
    for record in fields {
        let mut list = List::EMPTY;
        for (key, value) in record {
            batch.arena.push(&mut list, key, Value::Str(value));
        }
        batch.logs.push(LogRecord::new(1, Value::Map(list)));
    }
    batch
}
