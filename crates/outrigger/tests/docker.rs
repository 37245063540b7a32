//! The real Docker engine with its `fluentd` log driver, as ECS on EC2 sets it up for FireLens.
//!
//! Needs `dockerd` (Debian's `docker.io`, installed by the test where it may) and a C library to link an
//! application statically. The application is this project's own binary's neighbour: a tiny Rust program.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use support::{Task, settled};
use testkit::corpus::TAG;
use testkit::need;
use testkit::process::{Folder, PATIENCE, wait_until};
use testkit::tools;

/// An engine of the test's own, without networks. Stopped when dropped.
struct Engine {
    child: Child,
    socket: PathBuf,
    _folder: Folder,
}

impl Engine {
    fn start() -> Result<Engine, String> {
        let folder = Folder::new();
        let socket = folder.join("docker.sock");
        let log = std::fs::File::create(folder.join("log")).map_err(|e| e.to_string())?;
        let mut child = Command::new("dockerd")
            .args(["--iptables=false", "--bridge=none", "--storage-driver=vfs", "-H"])
            .arg(format!("unix://{}", socket.display()))
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("-p")
            .arg(folder.join("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("dockerd cannot be run: {e}"))?;
        let up = || {
            Command::new("docker").arg("-H").arg(format!("unix://{}", socket.display())).arg("info").output()
        };
        let ready = wait_until(PATIENCE, || {
            up().is_ok_and(|output| output.status.success())
                || child.try_wait().is_ok_and(|status| status.is_some())
        });
        if !ready || !up().is_ok_and(|output| output.status.success()) {
            let _ = child.kill();
            let _ = child.wait();
            let said = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            let last = said.lines().last().unwrap_or_default().to_owned();
            return Err(format!("dockerd does not come up here: {last}"));
        }
        Ok(Engine { child, socket, _folder: folder })
    }

    fn docker<A: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        let host = format!("unix://{}", self.socket.display());
        let output =
            Command::new("docker").args(["-H", &host]).args(args).output().expect("docker can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// A container whose output goes to the socket as FireLens routes it.
    fn run(&self, socket: &Path, name: &str, arguments: &[&str]) {
        let options = [
            format!("fluentd-address=unix://{}", socket.display()),
            "fluentd-async=true".into(),
            "fluentd-sub-second-precision=true".into(),
            format!("tag={TAG}"),
        ];
        let mut args = vec!["run", "--rm", "--network", "none", "--name", name, "--log-driver", "fluentd"];
        options.iter().for_each(|option| args.extend(["--log-opt", option]));
        args.extend(["app:1", "/app"]);
        args.extend(arguments);
        self.docker(args);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Prints numbered lines, one of 200 KB among them, and waits a moment: the driver's queue dies with it.
const APP: &str = r#"
use std::io::Write;
fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let (first, count) = (args[0], args[1]);
    let mut out = std::io::stdout().lock();
    for n in first..first + count {
        match n % 1000 {
            500 => writeln!(out, "{{\"log_kind\":\"long\",\"request_id\":\"req-{n:010}\",\"text\":\"{}\"}}", "0123456789".repeat(20_000)),
            n7 if n7 % 7 == 0 => writeln!(out, "plain text req-{n:010}"),
            _ => writeln!(out, "{{\"level\":\"info\",\"request_id\":\"req-{n:010}\",\"dd.trace_id\":\"{n:032x}\"}}"),
        }.unwrap();
    }
    out.flush().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
}
"#;

fn build_app(folder: &Folder) -> Result<PathBuf, String> {
    let source = folder.write("app.rs", APP);
    let app = folder.join("root/app");
    std::fs::create_dir_all(folder.join("root")).map_err(|e| e.to_string())?;
    let output = Command::new("rustc")
        .args(["--edition", "2021", "-O", "-C", "target-feature=+crt-static", "-o"])
        .arg(&app)
        .arg(source)
        .output()
        .map_err(|e| format!("rustc cannot be run: {e}"))?;
    if output.status.success() { Ok(app) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn the_engines_own_driver_loses_nothing_and_long_lines_arrive_whole() {
    need!(tools::debian("docker.io", "dockerd"));
    let folder = Folder::new();
    need!(build_app(&folder));
    let engine = need!(Engine::start());
    let image = folder.join("image.tar");
    let packed =
        Command::new("tar").arg("-C").arg(folder.join("root")).arg("-cf").arg(&image).arg("app").status();
    assert!(packed.is_ok_and(|status| status.success()));
    engine.docker([std::ffi::OsStr::new("import"), image.as_os_str(), "app:1".as_ref()]);

    let task = Task::new();
    let mut running = task.start();
    let socket = task.generated.socket.clone();
    std::thread::scope(|scope| {
        for container in 0..3u64 {
            let (engine, socket) = (&engine, &socket);
            scope.spawn(move || {
                engine.run(socket, &format!("web{container}"), &[&(container * 2_000).to_string(), "2000"]);
            });
        }
    });
    task.all_arrived(6_000, &mut running);
    let exit = running.stop();
    settled(&exit);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    assert_eq!((task.intake.distinct().distinct(), task.intake.distinct().duplicates()), (6_000, 0));
    let entries = task.intake.entries();
    let long: Vec<_> = entries.iter().filter(|entry| entry["log_kind"] == "long").collect();
    assert_eq!(long.len(), 6);
    for entry in long {
        assert_eq!(entry["text"].as_str().map(str::len), Some(200_000), "the long line is not whole");
    }
    assert!(entries.iter().all(|entry| entry["container_id"].as_str().is_some_and(|id| id.len() == 64)));
    assert!(task.logs.complaints().is_empty(), "{:?}", task.logs.complaints());
}
