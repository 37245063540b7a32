//! The same samples by remote write to Prometheus and to the program, the same questions to both over HTTP.
//!
//! Prometheus 2.42, as Debian has it, takes ranges closed at both ends, version 3 and we do not. The moments that are
//! asked for lie between samples, so that only what fixes its own moments can tell: `@`, subqueries.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::net::SocketAddr;

use serde_json::Value;
use support::outrigger;
use testkit::http;
use testkit::process::{Folder, Running, wait_until};
use testkit::prometheus::{self, Prometheus, same};
use testkit::series::{self, START};
use testkit::tools::free_port;
use testkit::{need, tools};

const EXPRESSIONS: &str = include_str!("../../promql/tests/expressions.txt");
/// Seconds after the start of the samples.
const INSTANTS: [f64; 2] = [3661.517, 4203.217];
/// The same: from, to, step.
const RANGE: (f64, f64, &str) = (603.217, 7203.217, "60");
/// Other than Prometheus 2.42 on purpose, as the tests of `promql` say.
const DEVIATIONS: [&str; 2] = ["temperature_celsius atan2 2", "2 atan2 temperature_celsius"];
/// Questions that wait for an answer at a time.
const ASKERS: usize = 4;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

#[test]
fn answers_are_those_of_prometheus() {
    need!(tools::debian("prometheus", "prometheus"));
    let made = series::with_stale_markers(series::all());
    let prometheus = Prometheus::start("{}");
    prometheus.write(&made);
    let (folder, port) = (Folder::new(), free_port());
    let mut running = program(&folder, port);
    prometheus::write(([127, 0, 0, 1], port).into(), &made);
    let has_all = |running: &mut Running| {
        let asked = [("query", "count({__name__=~\".+\"})"), ("time", &seconds(INSTANTS[0]) as &str)];
        same(&prometheus.ask("query", &asked), &ask(running.ready(), "query", &asked), false).is_ok()
    };
    assert!(wait_until(PATIENCE, || has_all(&mut running)), "{}", running.stderr());

    let (mut equal, mut bound, mut differing) = (0, Vec::new(), Vec::new());
    for (text, compared) in compare_all(&prometheus, running.ready()) {
        match compared {
            Ok(()) => equal += 1,
            Err(_) if text.contains('@') || has_subquery(text) || DEVIATIONS.contains(&text) => {
                bound.push(text)
            }
            Err(fault) => differing.push(format!("{text}\n    {fault}")),
        }
    }
    println!("{equal} expressions equal, {} fix a moment on a sample", bound.len());
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
    assert!(equal >= 300, "only {equal} expressions are equal; {bound:?}");
}

/// Every expression and how both answer it, asked by a few at once.
fn compare_all(prometheus: &Prometheus, console: SocketAddr) -> Vec<(&'static str, Result<(), String>)> {
    let all: Vec<_> = EXPRESSIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let part = |texts: &[&'static str]| {
        texts.iter().map(|text| (*text, compare(text, prometheus, console))).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let parts = all.chunks(all.len().div_ceil(ASKERS)).map(|texts| scope.spawn(|| part(texts)));
        let parts: Vec<_> = parts.collect();
        parts.into_iter().flat_map(|part| part.join().expect("it was asked")).collect()
    })
}

fn has_subquery(text: &str) -> bool {
    text.split('[').skip(1).any(|rest| rest.split(']').next().is_some_and(|range| range.contains(':')))
}

fn program(folder: &Folder, port: u16) -> Running {
    let configuration = format!(
        "receivers:
  prometheus_remote_write: {{endpoint: 127.0.0.1:{port}}}
exporters:
  lake: {{path: {}, retention: {{age: 36500d}}}}
service:
  pipelines:
    metrics: {{receivers: [prometheus_remote_write], exporters: [lake]}}
",
        folder.join("lake").display()
    );
    outrigger().arg("--config").arg(folder.write("outrigger.yaml", configuration)).start()
}

fn ask(console: SocketAddr, route: &str, parameters: &[(&str, &str)]) -> Value {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let asked: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let answer = http::get(console, &format!("/api/v1/{route}?{}", asked.join("&"))).expect("an answer");
    serde_json::from_str(&answer.text()).expect("JSON")
}

fn compare(text: &str, prometheus: &Prometheus, console: SocketAddr) -> Result<(), String> {
    let both = |route: &str, parameters: &[(&str, &str)]| {
        let ordered = route == "query" && text.starts_with("sort");
        same(&prometheus.ask(route, parameters), &ask(console, route, parameters), ordered)
            .map_err(|fault| format!("{route} {parameters:?}: {fault}"))
    };
    for after in INSTANTS {
        both("query", &[("query", text), ("time", &seconds(after))])?;
    }
    let (from, to, step) = RANGE;
    both("query_range", &[("query", text), ("start", &seconds(from)), ("end", &seconds(to)), ("step", step)])
}

/// A moment so long after the start of the samples.
fn seconds(after: f64) -> String {
    format!("{:.3}", START as f64 / 1000.0 + after)
}
