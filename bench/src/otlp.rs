//! `bench otlp PROGRAM`: what a million items of OTLP cost on their way through a Collector configuration.
//!
//! One request of 512 items is sent over and over, as an SDK's batches come; a sink in a process of its own counts
//! what arrives. Only the program under test is measured. Peers do the cases they can; the Collector reads the same
//! file.

mod program;
pub mod requests;
mod traffic;

use std::path::Path;
use std::time::{Duration, Instant};

use model::Signal;
use testkit::http;
use testkit::process::{Folder, Usage, usage, wait_until};
use testkit::tools::free_port;

use program::Program;
use requests::ITEMS;
pub use traffic::{load, sink};

/// A case of the table.
struct Case {
    name: &'static str,
    signal: Signal,
    /// Of bodies, both ways.
    compression: &'static str,
    work: Work,
    /// Those the program may run on.
    cores: Option<&'static str>,
    /// Senders, each with a request under way at any time.
    senders: u32,
}

/// What stands in the pipeline.
#[derive(Clone, Copy)]
enum Work {
    Nothing,
    /// So many attributes get another name.
    Renames(u32),
    /// The body is JSON: severity, trace id and message come from it.
    Json,
}

/// An SDK has one connection for each signal, a task a few processes.
const LOGS: Case = Case {
    name: "logs, pass-through",
    signal: Signal::Logs,
    compression: "none",
    work: Work::Nothing,
    cores: None,
    senders: 4,
};

const CASES: &[Case] = &[
    LOGS,
    Case { name: "logs, pass-through, gzip", compression: "gzip", ..LOGS },
    Case { name: "logs, pass-through, zstd", compression: "zstd", ..LOGS },
    Case { name: "traces, pass-through", signal: Signal::Traces, ..LOGS },
    Case { name: "logs, 1 rename", work: Work::Renames(1), ..LOGS },
    Case { name: "logs, 4 renames", work: Work::Renames(4), ..LOGS },
    Case { name: "logs, JSON + severity + trace", work: Work::Json, ..LOGS },
    // Far more senders than one core can serve, once for as long as the cases above and once four times as long.
    Case {
        name: "overload: 1 core, 64 senders",
        work: Work::Renames(4),
        cores: Some("0"),
        senders: 64,
        ..LOGS
    },
];

/// Prints the table for each program.
pub fn compare(outrigger: &Path, items: u64) {
    let mut programs = vec![Program::outrigger(outrigger.to_owned())];
    programs.extend(Program::peers());
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    println!("workload otlp over HTTP, {items} items a case, requests of {ITEMS}, about 300 bytes an item");
    println!("{:<46} {:>9} {:>10} {:>10} {:>10}", "", "CPU-s/M", "items/s", "MiB idle", "MiB peak");
    for program in &programs {
        for case in CASES {
            let name = format!("{}: {}", program.name, case.name);
            if !name.contains(&only) {
                continue;
            }
            println!("{name:<46} {}", measure(program, case, items));
            if case.cores.is_some() {
                let name = format!("{name}, 4 times");
                println!("{name:<46} {}", measure(program, case, items * 4));
            }
        }
    }
}

fn measure(program: &Program, case: &Case, items: u64) -> String {
    let (folder, port, sink) = (Folder::new(), free_port(), traffic::Sink::start());
    let Some(mut command) = program.command(case, &folder, port, sink.port) else {
        return "cannot do this".into();
    };
    let mut child = command.spawn().expect("the program can be started");
    let at = ([127, 0, 0, 1], port).into();
    let listens = wait_until(Duration::from_secs(20), || http::get(at, "/").is_ok());
    if !listens {
        let _ = child.kill();
        return format!("does not listen: {:?}", child.wait());
    }
    std::thread::sleep(Duration::from_secs(1));
    let now = || usage(child.id()).unwrap_or_default();
    let (before, started) = (now(), Instant::now());
    traffic::send(port, case, items);
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
