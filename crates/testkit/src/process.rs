//! Starts the built program as a user would, watches it from outside, and stops it.

mod stat;

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use stat::{Usage, usage};

use crate::http;

/// Longest any test waits for something that should take milliseconds, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks every few milliseconds until `done`; false when the time is over.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !done() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}

/// How to start the program.
pub struct Outrigger {
    command: Command,
    data: tempfile::TempDir,
}

/// The program at work. Killed when dropped.
pub struct Running {
    child: Child,
    pub started: Instant,
    stderr: Arc<Mutex<String>>,
    stdout: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    console: Option<SocketAddr>,
    _data: tempfile::TempDir,
}

/// How it ended.
#[derive(Debug)]
pub struct Exit {
    pub status: ExitStatus,
    pub stderr: String,
    pub stdout: Vec<u8>,
    /// Between the signal and the end.
    pub took: Duration,
    /// Over its whole life.
    pub usage: Usage,
}

impl Outrigger {
    /// `binary` is `env!("CARGO_BIN_EXE_outrigger")` in the binary's own tests. No variable is inherited but
    /// `PATH`; the console takes a free port.
    pub fn new(binary: impl AsRef<Path>) -> Outrigger {
        let mut command = Command::new(binary.as_ref());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("OUTRIGGER_LISTEN", "127.0.0.1:0").env("TZ", "UTC").env("NO_COLOR", "1");
        // A panic in the program says where it came from.
        command.env("RUST_BACKTRACE", "1").env("AWS_EC2_METADATA_DISABLED", "true");
        // What waits on disk is this run's own, unless a test names a folder.
        let data = tempfile::tempdir().expect("a scratch folder");
        command.env("OUTRIGGER_DATA", data.path());
        Outrigger { command, data }
    }

    pub fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Outrigger {
        self.command.arg(arg);
        self
    }

    pub fn args<A: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Outrigger {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Outrigger {
        self.command.env(name, value);
        self
    }

    pub fn envs(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Outrigger {
        self.command.envs(variables);
        self
    }

    pub fn folder(mut self, folder: &Path) -> Outrigger {
        self.command.current_dir(folder);
        self
    }

    /// The key pair the stand-ins of AWS know.
    pub fn aws_keys(self) -> Outrigger {
        use crate::aws::signature::{ACCESS_KEY, SECRET_KEY};
        self.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    }

    /// Starts it and returns at once.
    pub fn spawn(mut self) -> Running {
        let command = self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("the program can be started");
        let (stderr, stdout) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<Vec<u8>>>::default());
        let readers = vec![
            thread::spawn({
                let (pipe, text) = (child.stderr.take().expect("stderr is piped"), stderr.clone());
                move || read_lines(pipe, &text)
            }),
            thread::spawn({
                let (mut pipe, bytes) = (child.stdout.take().expect("stdout is piped"), stdout.clone());
                move || _ = io::copy(&mut pipe, &mut Shared(&bytes))
            }),
        ];
        Running { child, started, stderr, stdout, readers, console: None, _data: self.data }
    }

    /// Starts it and waits until its console answers.
    pub fn start(self) -> Running {
        let mut running = self.spawn();
        running.ready();
        running
    }

    /// Runs a command that ends by itself.
    pub fn output(self) -> Exit {
        self.output_with(b"")
    }

    /// The same with something on standard input.
    pub fn output_with(mut self, input: &[u8]) -> Exit {
        let started = Instant::now();
        let command = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // A command that does not read its input may be gone already.
        let _ = stdin.write_all(input);
        drop(stdin);
        let output = child.wait_with_output().expect("the program can be waited for");
        Exit {
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            stdout: output.stdout,
            took: started.elapsed(),
            usage: Usage::default(),
        }
    }
}

struct Shared<'a>(&'a Mutex<Vec<u8>>);

impl Write for Shared<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn read_lines(pipe: impl io::Read, text: &Mutex<String>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn stdout(&self) -> Vec<u8> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the console answers, and panics with what the program said when it does not.
    pub fn ready(&mut self) -> SocketAddr {
        if let Some(console) = self.console {
            return console;
        }
        let found = wait_until(PATIENCE, || {
            let said = self.stderr();
            self.console = addresses(&said)
                .find(|address| http::get(*address, "/health").is_ok_and(|r| [200, 503].contains(&r.status)));
            self.console.is_some() || self.ended()
        });
        let Some(console) = self.console.filter(|_| found) else {
            panic!("the console never answered; the program said:\n{}", self.stderr());
        };
        console
    }

    pub fn ended(&mut self) -> bool {
        stat::is_over(self.id())
    }

    /// Asks the console.
    pub fn get(&mut self, path: &str) -> http::Response {
        let console = self.ready();
        http::get(console, path).unwrap_or_else(|e| panic!("GET {path}: {e}; it said:\n{}", self.stderr()))
    }

    pub fn ledger(&mut self) -> Value {
        let response = self.get("/ledger");
        serde_json::from_slice(&response.body)
            .unwrap_or_else(|e| panic!("/ledger is not JSON: {e}: {}", response.text()))
    }

    pub fn usage(&self) -> Usage {
        usage(self.id()).unwrap_or_default()
    }

    /// Sends a signal by name, as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let done = Command::new("kill").args(["-s", name, &id]).status();
        assert!(done.is_ok_and(|status| status.success()), "kill -s {name} {id}");
    }

    /// SIGTERM, then waits for the end.
    pub fn stop(self) -> Exit {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Exit {
        let asked = Instant::now();
        if !wait_until(PATIENCE * 2, || self.ended()) {
            panic!("it does not end; it said:\n{}", self.stderr());
        }
        let took = asked.elapsed();
        // An ended process that nobody has waited for yet still tells what it used.
        let usage = self.usage();
        let status = self.child.wait().expect("the program can be waited for");
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        Exit { status, stderr: self.stderr(), stdout: self.stdout(), took, usage }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Exit {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The ledger in the last line of stderr.
    pub fn final_ledger(&self) -> Option<Value> {
        let line = self.stderr.lines().rev().find(|line| line.contains("ledger"))?;
        let start = line.find('{')?;
        let mut values = serde_json::Deserializer::from_str(&line[start..]).into_iter::<Value>();
        values.next()?.ok()
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn panicked(&self) -> bool {
        self.stderr.contains("panicked at")
    }
}

/// Every loopback address named in the text.
fn addresses(text: &str) -> impl Iterator<Item = SocketAddr> {
    let ports = text.split("127.0.0.1:").skip(1).filter_map(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest[..digits].parse::<u16>().ok().filter(|port| *port != 0)
    });
    ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
}

/// A folder a test works in, with the files it needs.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a scratch folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("the scratch folder takes folders");
        }
        std::fs::write(&path, content).expect("the scratch folder takes files");
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Folder::new()
    }
}
