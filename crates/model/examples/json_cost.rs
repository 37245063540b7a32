//! What reading one JSON log line costs: `cargo run --release -p model --example json_cost`.

use std::time::Instant;

use model::{Arena, List, Span, Value};

fn main() {
    let line = concat!(
        r#"{"timestamp":"2026-06-16T12:34:56.789012Z","level":"INFO","logger":"shop.checkout","message":"order "#,
        r#"placed for customer 48213 with 3 items","dd.trace_id":"6a5f3c2b1d0e9f8a7b6c5d4e3f2a1b0c","dd.span_id":"#,
        r#""1234567890123456789","dd.service":"shop","dd.env":"production","dd.version":"1.4.2","http":{"method":"#,
        r#""POST","path":"/api/orders","status":201,"duration_ms":48.25,"client":{"ip":"10.1.2.3","agent":"#,
        r#""Mozilla/5.0"}},"order":{"id":"o-99812","total":129.95,"currency":"EUR","items":[1,2,3]},"ok":true}"#
    );
    const LINES: usize = 100;
    const ROUNDS: usize = 5_000;
    let input = line.repeat(LINES).into_bytes();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        let mut fields = 0;
        let mut arena = Arena::new(input.clone());
        let empty = arena.mark();
        for _ in 0..ROUNDS {
            arena.rewind(empty);
            for n in 0..LINES {
                let list = arena
                    .parse_object(Span::input(n * line.len(), (n + 1) * line.len()))
                    .unwrap_or(List::EMPTY);
                fields += usize::from(arena.get(list, b"ok") != Some(Value::Null));
            }
        }
        assert_eq!(fields, LINES * ROUNDS);
        best = best.min(started.elapsed().as_secs_f64() / (LINES * ROUNDS) as f64 * 1e9);
    }
    #[allow(clippy::print_stdout)]
    {
        println!("{} bytes, {best:.0} ns a line, {:.2} GB/s", line.len(), line.len() as f64 / best);
    }
}
