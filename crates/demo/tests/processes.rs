//! The shop as it runs: processes that start, work, and end with their parent, however that ends.
#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use testkit::http::{Response, Server};
use testkit::process::wait_until;
use testkit::tools::free_port;

const LIMIT: Duration = Duration::from_secs(30);

/// The example stands in for the program; `cargo test` builds it beside the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let program = folder.join("examples/demo");
    assert!(program.is_file(), "{} is missing; build it with --examples", program.display());
    program
}

struct Shop {
    parent: Child,
    /// In the environment of all its processes.
    mark: String,
}

impl Shop {
    fn start(otlp: &str, name: &str) -> Shop {
        let mark = format!("{name}-{}", std::process::id());
        let parent = Command::new(program())
            .args(["demo", "--no-nginx", "--rate", "40", "--otlp", otlp])
            .args(["--forward", &format!("127.0.0.1:{}", free_port())])
            .env("OUTRIGGER_DEMO_TEST", &mark)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Shop { parent, mark }
    }

    /// Those that run; what only waits to be reaped has no environment any more.
    fn processes(&self) -> usize {
        let mark = format!("OUTRIGGER_DEMO_TEST={}", self.mark);
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let ours = all.filter(|entry| {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        });
        ours.count()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.parent.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.parent.kill();
        let _ = self.parent.wait();
    }
}

/// Counts the requests it takes.
fn otlp() -> (Server, Arc<AtomicU64>) {
    let taken = Arc::<AtomicU64>::default();
    let count = taken.clone();
    let server = Server::start(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Response::new(200, "")
    });
    (server, taken)
}

/// Parent, three services a task, and two for each sidecar.
const PROCESSES: usize = 1 + 2 * (3 + 2);

#[test]
fn all_processes_end_when_the_parent_is_stopped() {
    let (server, taken) = otlp();
    let mut shop = Shop::start(&server.url(), "stopped");
    assert!(wait_until(LIMIT, || taken.load(Ordering::Relaxed) > 6), "nothing arrives");
    assert_eq!(shop.processes(), PROCESSES);
    shop.signal("INT");
    assert!(wait_until(LIMIT, || shop.processes() == 0), "{} are left", shop.processes());
    let output = shop.parent.stderr.take().unwrap();
    assert!(shop.parent.wait().unwrap().success());
    let said = std::io::read_to_string(output).unwrap();
    // One line for what runs, one for the log lines that nobody takes.
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(said.contains("Ctrl-C ends it") && said.contains("log lines are not taken"), "{said}");
}

#[test]
fn no_process_outlives_a_parent_that_is_killed() {
    let (server, taken) = otlp();
    let shop = Shop::start(&server.url(), "killed");
    assert!(wait_until(LIMIT, || taken.load(Ordering::Relaxed) > 2), "nothing arrives");
    shop.signal("KILL");
    assert!(wait_until(LIMIT, || shop.processes() == 0), "{} are left", shop.processes());
}
