//! `make bench`: what a million records cost, beside the peers and beside the least it can cost.
//!
//! The workload is `dual`: Docker-shaped records whose `log` is a JSON line, ECS metadata added, the JSON
//! promoted, then Datadog and CloudWatch Logs. Load generator and sinks are processes of their own; only the
//! program under test is measured. CPU time is the figure to compare: wall-clock rates move with the machine.
#![allow(clippy::print_stdout, clippy::print_stderr)] // It talks to whoever started it.

mod floor;
mod load;
mod measure;
mod otlp;
mod query;
mod sinks;
mod subject;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use subject::Subject;

const USAGE: &str = "usage: bench OUTRIGGER | bench otlp OUTRIGGER | bench query OUTRIGGER LAKE
environment:
  FLUENT_BIT=/path VECTOR=/path   peers to measure in the same run
  BENCH_RECORDS=300000            records of the flat-out phase
  BENCH_TLS=1                     CloudWatch's sink speaks TLS (the default beside a Fluent Bit, which cannot
                                  speak anything else to CloudWatch)
  OTELCOL=/path ROTEL=/path       more of them, in the run of `otlp`
  BENCH_ONLY=text                 only subjects whose name holds the text";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["sinks", certificate] => sinks::serve(certificate == "tls"),
        ["load", ..] => load::run(&words[1..]),
        ["otlp-sink"] => otlp::sink(),
        ["otlp-load", ..] => otlp::load(&words[1..]),
        ["otlp", program] => otlp::compare(Path::new(program), number("BENCH_RECORDS", 1_000_000)),
        ["query", program, lake] => query::compare(Path::new(program), Path::new(lake)),
        [program] => compare(PathBuf::from(program)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn compare(outrigger: PathBuf) {
    let peer = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let records = number("BENCH_RECORDS", 300_000);
    let tls = std::env::var("BENCH_TLS").map_or(peer("FLUENT_BIT").is_some(), |text| text != "0");
    let mut subjects = vec![
        Subject::outrigger("outrigger, gzip", &outrigger, "gzip"),
        Subject::outrigger("outrigger, zstd", &outrigger, "zstd"),
    ];
    subjects.extend(peer("FLUENT_BIT").map(|path| Subject::fluent_bit(&path)));
    subjects.extend(peer("VECTOR").map(|path| Subject::vector(&path)));
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    subjects.retain(|subject| subject.name.contains(&only));

    let binary = std::fs::metadata(&outrigger).map_or(0, |m| m.len());
    println!(
        "workload dual, {records} records flat out, CloudWatch over {}",
        if tls { "TLS" } else { "plain HTTP" }
    );
    println!("binary {:.1} MB\n", binary as f64 / 1e6);
    println!(
        "{:<18} {:>11} {:>10} {:>12} {:>12} {:>8} {:>10} {:>10} {:>10}",
        "", "CPU-s/M", "of which", "records/s", "records/s", "starts", "MiB idle", "at 2,000/s", "flat out"
    );
    println!("{:<18} {:>11} {:>10} {:>12} {:>12} {:>8}", "", "", "system", "all cores", "1 core", "in ms");
    let figures: Vec<_> = subjects
        .iter()
        .map(|subject| {
            let figures = measure::measure(subject, records, tls);
            println!("{:<18} {figures}", subject.name);
            (subject, figures)
        })
        .collect();
    println!("\nfloor: decode, JSON parse, compress of the same bytes, nothing else");
    let floors = floor::measure(records.min(100_000));
    for (name, seconds) in &floors {
        println!("{name:<18} {seconds:>11.2}");
    }
    println!();
    let ours: Vec<_> = figures.iter().filter(|(subject, _)| subject.name.starts_with("outrigger")).collect();
    for (subject, own) in &ours {
        let method = subject.name.rsplit(' ').next().unwrap_or_default();
        if let Some((name, floor)) = floors.iter().find(|(name, _)| name.contains(method)) {
            println!("{} is {:.2} times the {name} floor", subject.name, own.cpu_per_million() / floor);
        }
        for (peer, theirs) in figures.iter().filter(|(subject, _)| !subject.name.starts_with("outrigger")) {
            let ratio = theirs.cpu_per_million() / own.cpu_per_million();
            println!("{} costs {ratio:.1} times what {} costs", peer.name, subject.name);
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
