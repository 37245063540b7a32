//! `bench query PROGRAM FOLDER`: what questions cost over a day of a shop's logs, beside DuckDB and ClickHouse on the
//! same files.
//!
//! The folder is what `cargo run -p lake --example ingest` leaves. Each question is asked several times; the least CPU
//! time counts, with warm pages. The peers run in a Python process of their own, with as many threads.

mod latency;
mod memory;
mod questions;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::http;
use testkit::process::{Folder, Outrigger, Running, wait_until};
use testkit::tools;

use questions::{QUESTIONS, Question};

const TIMES: usize = 3;

#[derive(Clone, Copy)]
struct Cost {
    /// In seconds.
    cpu: f64,
    wall: f64,
    rows: u64,
}

pub fn compare(program: &Path, lake: &Path) {
    let made = lake.canonicalize().expect("the lake's folder");
    let lake = made.with_extension("run");
    let _ = fs::remove_dir_all(&lake);
    link(&made, &lake).expect("the lake can be linked");
    let folder = Folder::new();
    let mut running = start(program, &lake, &folder);
    settle(&running);
    let trace = a_trace(&mut running);
    let peers = peers(&lake, &trace);
    println!(
        "{:<40} {:>10} {:>8} {:>8} {:>8} {:>8} {:>7} {:>8}",
        "CPU-seconds, two threads", "outrigger", "limit", "DuckDB", "chDB", "ratio", "limit", "seconds"
    );
    for question in QUESTIONS {
        let own = ask(&mut running, &question.ours(&trace));
        let peer = |engine: &str| peers.get(&(engine.to_owned(), question.name.to_owned())).copied();
        print(question, own, peer("duckdb"), peer("chdb"));
    }
    latency::measure(&mut running);
    println!(
        "memory, these questions over 20 million rows: {:.0} MiB at its peak",
        mib(running.usage().peak)
    );
    assert_eq!(running.stop().code(), Some(0));
    memory::measure(program);
}

/// The same files under other names: what a run adds or joins is gone with it.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match source.extension().is_some_and(|extension| extension == "parquet") {
            _ if entry.file_type()?.is_dir() => link(&source, &target)?,
            true => fs::hard_link(source, target)?,
            false => _ = fs::copy(source, target)?,
        }
    }
    Ok(())
}

/// The whole program over the folder, keeping all of it.
fn start(program: &Path, lake: &Path, folder: &Folder) -> Running {
    let configuration = format!(
        "receivers:
  otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:{}}}}}}}
exporters:
  lake: {{path: {}, retention: {{age: 36500d, size: 1TiB}}}}
service:
  pipelines:
    logs: {{receivers: [otlp], exporters: [lake]}}
",
        latency::PORT,
        lake.display()
    );
    let file = folder.write("outrigger.yaml", configuration);
    Outrigger::new(program).args(["run", "--config"]).arg(file).env("OUTRIGGER_LISTEN", "127.0.0.1:0").start()
}

/// Until nothing is joined any more.
fn settle(running: &Running) {
    let mut last = running.usage().cpu();
    let quiet = wait_until(Duration::from_mins(10), || {
        std::thread::sleep(Duration::from_secs(5));
        let now = running.usage().cpu();
        let quiet = now - last < Duration::from_millis(50);
        last = now;
        quiet
    });
    assert!(quiet, "it never rests");
}

/// A question in SQL.
fn question(console: SocketAddr, sql: &str) -> http::Response {
    let body = serde_json::json!({"language": "sql", "query": sql});
    http::post(console, "/api/query", &[], body.to_string()).expect("the program answers")
}

fn ask(running: &mut Running, sql: &str) -> Cost {
    let costs = (0..=TIMES).map(|_| {
        let (before, started) = (running.usage().cpu(), Instant::now());
        let answer = question(running.ready(), sql).text();
        let (cpu, wall) = ((running.usage().cpu() - before).as_secs_f64(), started.elapsed().as_secs_f64());
        let rows = rows(&answer).unwrap_or_else(|| panic!("{sql}: {answer:.400}"));
        Cost { cpu, wall, rows }
    });
    costs.min_by(|one, other| one.cpu.total_cmp(&other.cpu)).expect("it was asked")
}

/// From the last line of an answer.
fn rows(answer: &str) -> Option<u64> {
    let end: serde_json::Value = serde_json::from_str(answer.trim_end().lines().last()?).ok()?;
    end["end"]["rows"].as_u64()
}

/// One that is in the middle of the day.
fn a_trace(running: &mut Running) -> String {
    let answer = question(
        running.ready(),
        "SELECT trace_id FROM logs WHERE time >= (SELECT min(time) FROM logs) + INTERVAL '12 hours' AND trace_id IS NOT NULL LIMIT 1",
    );
    let text = answer.text();
    let rows = text.lines().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line["rows"][0][0].as_str().map(str::to_owned)
    });
    rows.unwrap_or_else(|| panic!("no trace: {text}"))
}

/// By engine and question.
fn peers(lake: &Path, trace: &str) -> HashMap<(String, String), Cost> {
    let python = match tools::python("query-peers-1", &["duckdb==2.0.0", "chdb==4.4.0", "pytz==2025.2"]) {
        Ok(python) => python,
        Err(missing) => {
            println!("no peers: {missing}\n");
            return HashMap::new();
        }
    };
    let questions: Vec<_> = QUESTIONS.iter().map(|question| question.for_peers(trace)).collect();
    let folder = Folder::new();
    let script = folder.write("peers.py", include_str!("query/peers.py"));
    let asked = folder.write("questions.json", serde_json::json!(questions).to_string());
    let output =
        Command::new(python).arg(script).arg(asked).arg(lake.join("logs")).output().expect("python runs");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let costs = lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    costs
        .filter_map(|cost| {
            let text = |name: &str| cost[name].as_str().map(str::to_owned);
            let number = |name: &str| cost[name].as_f64();
            let rows = cost["rows"].as_u64()?;
            Some((
                (text("engine")?, text("question")?),
                Cost { cpu: number("cpu")?, wall: number("wall")?, rows },
            ))
        })
        .collect()
}

fn print(question: &Question, own: Cost, duckdb: Option<Cost>, chdb: Option<Cost>) {
    let best = [duckdb, chdb].into_iter().flatten().min_by(|one, other| one.cpu.total_cmp(&other.cpu));
    let seconds = |cost: Option<Cost>| cost.map_or("-".into(), |cost| format!("{:.2}", cost.cpu));
    let ratio = best.map_or("-".into(), |best| format!("{:.2}", own.cpu / best.cpu.max(0.001)));
    let mark = if own.cpu > question.limit { " over" } else { "" };
    println!(
        "{:<40} {:>10.2} {:>8.2} {:>8} {:>8} {:>8} {:>7.1} {:>8.2}{mark}",
        question.name,
        own.cpu,
        question.limit,
        seconds(duckdb),
        seconds(chdb),
        ratio,
        question.times,
        own.wall
    );
    for peer in [duckdb, chdb].into_iter().flatten().filter(|peer| peer.rows != own.rows) {
        println!("  answers differ: {} rows, and {}", own.rows, peer.rows);
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1 << 20) as f64
}
