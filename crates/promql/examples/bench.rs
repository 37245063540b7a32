//! What a query costs: nanoseconds a sample for the shapes that dashboards are made of.
//!
//! `cargo run --release -p promql --example bench`
#![allow(clippy::print_stdout)] // It is there to print.

use std::time::{Duration, Instant};

use promql::testing::{Memory, ready};
use promql::{Options, Samples, Series, range};

const SERIES: i64 = 1000;
const STEPS: i64 = 240;
const STEP: i64 = 15_000;

fn main() {
    let parsing = best(|| promql::matchers_of("up{job=\"api\",instance=~\"10.*\"}").map(drop));
    println!("parsing a selector: {:.1} µs", parsing.as_secs_f64() * 1e6);
    let memory = Memory((0..SERIES).map(series).collect());
    let queries = [
        "x",
        "rate(x[5m])",
        "sum by (job) (rate(x[5m]))",
        "avg_over_time(x[5m])",
        "x / on(job, instance) x",
        "topk(5, x)",
    ];
    println!("{SERIES} series, {STEPS} steps, {} samples", SERIES * (STEPS + 20));
    for query in queries {
        let time = best(|| {
            let end = (20 + STEPS - 1) * STEP;
            ready(range(query, &memory, 20 * STEP, end, STEP, &Options::default())).map(drop)
        });
        let per_sample = time.as_nanos() as f64 / (SERIES * (STEPS + 20)) as f64;
        println!("{query:<30} {:>8.2} ms {per_sample:>8.1} ns a sample", time.as_secs_f64() * 1e3);
    }
}

fn series(n: i64) -> Series {
    let labels = [
        ("__name__".to_string(), "x".to_string()),
        ("job".to_string(), format!("job-{}", n % 10)),
        ("instance".to_string(), format!("10.0.0.{n}:9090")),
        ("region".to_string(), "eu-west-1".to_string()),
    ];
    let value = |i: i64| ((i * (n % 7 + 1)) % 1200) as f64;
    let samples: Samples = (0..STEPS + 20).map(|i| (i * STEP, value(i))).collect();
    Series { labels: labels.into_iter().collect(), samples }
}

fn best<E: std::fmt::Debug>(mut run: impl FnMut() -> Result<(), E>) -> Duration {
    let once = |_| {
        let started = Instant::now();
        run().expect("the query works");
        started.elapsed()
    };
    (0..20).map(once).min().expect("it ran")
}
