//! The shop as it runs: processes that start, work, and end with their parent, however that ends.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::http::{Response, Server};
use testkit::process::wait_until;
use testkit::tools::free_port;
use testkit::{need, tools};

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
        Shop::with(otlp, &format!("127.0.0.1:{}", free_port()), name, &["--no-nginx"])
    }

    fn with(otlp: &str, forward: &str, name: &str, more: &[&str]) -> Shop {
        let mark = format!("{name}-{}", std::process::id());
        let parent = Command::new(program())
            .args(["demo", "--rate", "40", "--otlp", otlp, "--forward", forward])
            .args(more)
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
    let mut output = shop.parent.stderr.take().unwrap();
    let said = Arc::<Mutex<String>>::default();
    let heard = said.clone();
    let hearing = std::thread::spawn(move || {
        let mut bytes = [0; 1024];
        while let Ok(read @ 1..) = output.read(&mut bytes) {
            heard.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
    assert!(wait_until(LIMIT, || taken.load(Ordering::Relaxed) > 6), "nothing arrives");
    assert!(wait_until(LIMIT, || shop.processes() == PROCESSES), "{} run", shop.processes());
    assert!(wait_until(LIMIT, || said.lock().unwrap().contains("log lines are not taken")));
    shop.signal("INT");
    assert!(wait_until(LIMIT, || shop.processes() == 0), "{} are left", shop.processes());
    assert!(shop.parent.wait().unwrap().success());
    hearing.join().unwrap();
    let said = said.lock().unwrap();
    // One line for what runs, one for the log lines that nobody takes.
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(said.contains("Ctrl-C ends it"), "{said}");
}

#[test]
fn no_process_outlives_a_parent_that_is_killed() {
    let (server, taken) = otlp();
    let shop = Shop::start(&server.url(), "killed");
    assert!(wait_until(LIMIT, || taken.load(Ordering::Relaxed) > 2), "nothing arrives");
    shop.signal("KILL");
    assert!(wait_until(LIMIT, || shop.processes() == 0), "{} are left", shop.processes());
}

#[test]
fn what_nginx_writes_arrives_as_it_was_written() {
    need!(tools::debian("nginx-light", "nginx"));
    let ((server, _), listener) = (otlp(), TcpListener::bind("127.0.0.1:0").unwrap());
    let forward = listener.local_addr().unwrap().to_string();
    let received = Arc::<Mutex<Vec<u8>>>::default();
    let all = received.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, all) = (stream.unwrap(), all.clone());
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut bytes) {
                    all.lock().unwrap().extend_from_slice(&bytes[..read]);
                }
            });
        }
    });
    let shop = Shop::with(&server.url(), &forward, "nginx", &[]);
    let has = |text: &str| received.lock().unwrap().windows(text.len()).any(|part| part == text.as_bytes());
    let arrived =
        wait_until(LIMIT, || has("nginx-firelens-") && has(" HTTP/1.1\" 200 ") && has("203.0.113."));
    assert!(arrived, "no line of nginx arrives");
    assert!(wait_until(LIMIT, || shop.processes() == PROCESSES + 2 * 2), "{} run", shop.processes());
    shop.signal("INT");
    assert!(wait_until(LIMIT, || shop.processes() == 0), "{} are left", shop.processes());
    let folder = std::env::temp_dir().join(format!("outrigger-demo-{}", shop.parent.id()));
    assert!(!folder.exists());
}
