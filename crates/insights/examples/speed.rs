//! Nanoseconds a row for a few queries over JSON messages: `cargo run --release -p insights --example speed`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use insights::{Discovery, Event, Window};

const ROWS: usize = 1_000_000;

fn main() {
    let messages: Vec<String> = (0..1000)
        .map(|n| {
            format!(
                r#"{{"time":"2024-01-02T03:04:05.678Z","level":"INFO","service":"cart-{}","status":{},"duration_ms":{}.5,"request":{{"method":"GET","path":"/cart/{n}","id":"9f86d081-{n}"}},"message":"handled request {n} of user ann in time"}}"#,
                n % 7,
                if n % 10 == 0 { 503 } else { 200 },
                n % 250
            )
        })
        .collect();
    let bytes: usize = messages.iter().map(String::len).sum::<usize>() / messages.len();
    println!("messages of {bytes} bytes");
    for text in [
        "filter status >= 500 | stats count(*) by bin(5m)",
        "filter @message like \"user bob\" | limit 100",
        "stats avg(duration_ms), pct(duration_ms, 95), count_distinct(request.path) by service",
        "parse @message \"request * of user * in\" as n, user | filter n > 500 | stats count(*) by user",
        "fields status, request.path | sort duration_ms desc | limit 100",
        "filter status = 503 | pattern @message",
    ] {
        let program = insights::compile(text).expect("a query");
        let discovery = Discovery::new(program.needs());
        let mut run = program.run(Window { from_ms: 0, to_ms: 10_000_000, now_ms: 10_000_000 });
        let start = Instant::now();
        for row in 0..ROWS {
            run.push(&Event::new(&discovery, (ROWS - row) as i64, &messages[row % messages.len()]));
        }
        let nanoseconds = start.elapsed().as_nanos() / ROWS as u128;
        println!("{nanoseconds:>5} ns/row  {} rows  {text}", run.finish().rows.len());
    }
}
