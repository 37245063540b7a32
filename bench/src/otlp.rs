//! `bench otlp PROGRAM`: what a million items of OTLP cost on their way through a Collector configuration.
//!
//! One request of 512 items is sent over and over, as an SDK's batches come; a sink in a process of its own counts
//! what arrives. Only the program under test is measured. `OTELCOL=/path` adds the Collector, which reads the same
//! file.

mod requests;
mod traffic;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use model::Signal;
use testkit::http;
use testkit::process::{Folder, Usage, usage, wait_until};
use testkit::tools::free_port;

use requests::ITEMS;
pub use traffic::{load, sink};

/// A case of the table: the signal, how bodies are compressed both ways, and what stands in the pipeline.
struct Case {
    name: &'static str,
    signal: Signal,
    compression: &'static str,
    processors: &'static str,
}

const RENAME: &str = r#"          - set(log.attributes["renamed.N"], log.attributes["a.N"])
          - delete_key(log.attributes, "a.N")
"#;

const NORMALISE: &str = r#"          - merge_maps(log.cache, ParseJSON(log.body), "upsert")
          - set(log.severity_text, log.cache["level"])
          - set(log.severity_number, SEVERITY_NUMBER_INFO) where log.severity_text == "info"
          - set(log.trace_id.string, log.cache["trace_id"])
          - set(log.body, log.cache["message"])
"#;

const CASES: &[Case] = &[
    Case { name: "logs, pass-through", signal: Signal::Logs, compression: "none", processors: "" },
    Case { name: "logs, pass-through, gzip", signal: Signal::Logs, compression: "gzip", processors: "" },
    Case { name: "logs, pass-through, zstd", signal: Signal::Logs, compression: "zstd", processors: "" },
    Case { name: "traces, pass-through", signal: Signal::Traces, compression: "none", processors: "" },
    Case { name: "logs, 1 rename", signal: Signal::Logs, compression: "none", processors: "1" },
    Case { name: "logs, 4 renames", signal: Signal::Logs, compression: "none", processors: "4" },
    Case {
        name: "logs, JSON + severity + trace",
        signal: Signal::Logs,
        compression: "none",
        processors: "json",
    },
];

/// Prints the table for each program.
pub fn compare(outrigger: &Path, items: u64) {
    let mut programs = vec![("outrigger", outrigger.to_owned())];
    programs.extend(std::env::var_os("OTELCOL").map(|path| ("collector", PathBuf::from(path))));
    println!("workload otlp over HTTP, {items} items a case, requests of {ITEMS}, about 300 bytes an item");
    println!("{:<44} {:>9} {:>10} {:>10} {:>10}", "", "CPU-s/M", "items/s", "MiB idle", "MiB peak");
    for (name, program) in &programs {
        for case in CASES {
            let figures = measure(program, case, items);
            println!("{:<44} {figures}", format!("{name}: {}", case.name));
        }
    }
}

fn measure(program: &Path, case: &Case, items: u64) -> String {
    let (folder, port, sink) = (Folder::new(), free_port(), traffic::Sink::start());
    let file = folder.write("otel.yaml", configuration(case, port, sink.port));
    let mut child = Command::new(program)
        .arg(format!("--config={}", file.display()))
        .env("OUTRIGGER_DATA", folder.join("data"))
        .env("OUTRIGGER_LISTEN", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program can be started");
    let at = ([127, 0, 0, 1], port).into();
    let listens = wait_until(Duration::from_secs(20), || http::get(at, "/").is_ok());
    assert!(listens, "{} does not listen", program.display());
    std::thread::sleep(Duration::from_secs(1));
    let now = || usage(child.id()).unwrap_or_default();
    let (before, started) = (now(), Instant::now());
    traffic::send(port, case.signal, case.compression, items);
    let arrived = sink.wait_for(items);
    let (after, took) = (now(), started.elapsed());
    let _ = child.kill();
    let _ = child.wait();
    let cpu = Usage { user: after.user - before.user, system: after.system - before.system, ..after };
    let per_million = cpu.cpu().as_secs_f64() * 1e6 / items as f64;
    let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
    let rate = items as f64 / took.as_secs_f64();
    let told =
        format!("{per_million:>9.2} {rate:>10.0} {:>10.1} {:>10.1}", mib(before.resident), mib(after.peak));
    if arrived { told } else { format!("{told}  (not all arrived)") }
}

fn configuration(case: &Case, port: u16, sink: u16) -> String {
    let signal = match case.signal {
        Signal::Logs => "logs",
        Signal::Traces => "traces",
        Signal::Metrics => "metrics",
    };
    let statements = match case.processors {
        "" => String::new(),
        "json" => NORMALISE.to_owned(),
        count => (0..count.parse().unwrap_or(0)).map(|n: u32| RENAME.replace('N', &n.to_string())).collect(),
    };
    let (processors, named) = match statements.is_empty() {
        true => (String::new(), ""),
        false => (
            format!(
                "processors:\n  transform:\n    error_mode: ignore\n    log_statements:\n      - context: log\n        statements:\n{statements}"
            ),
            "processors: [transform], ",
        ),
    };
    let compression = case.compression;
    format!(
        "receivers:
  otlp:
    protocols:
      http: {{endpoint: 127.0.0.1:{port}}}
{processors}exporters:
  otlphttp: {{endpoint: 'http://127.0.0.1:{sink}', compression: {compression}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    {signal}: {{receivers: [otlp], {named}exporters: [otlphttp]}}
"
    )
}
