//! The sinks' process: counts what arrives and does nothing else with it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::aws::{Logs, logs};
use testkit::certificate::Certificate;
use testkit::intake::{self, Datadog};

/// Longest silence of a destination before a measurement is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Serves until standard input ends; answers each line on it with the two counts.
pub fn serve(tls: bool) {
    let certificate = tls.then(Certificate::new);
    let intake = Datadog::with(intake::Options { count_only: true, ..Default::default() });
    let logs = Logs::with(logs::Options {
        count_only: true,
        certificate: certificate.as_ref().map(|certificate| certificate.server.clone()),
        ..Default::default()
    });
    let ca_file = certificate.as_ref().map(|c| c.ca_file.display().to_string()).unwrap_or_default();
    println!("{} {} {ca_file}", intake.port(), logs.port());
    for _ in std::io::stdin().lines() {
        let counts = intake.counts();
        println!("{} {} {}", intake.distinct().distinct(), logs.distinct().distinct(), counts.wire_bytes);
    }
}

/// The sinks as a measurement sees them. They end when this is dropped.
pub struct Sinks {
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub datadog: u16,
    pub logs: u16,
    /// The authority behind the CloudWatch sink's certificate, where it speaks TLS.
    pub ca_file: Option<PathBuf>,
}

impl Sinks {
    pub fn start(tls: bool) -> Sinks {
        let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
            .args(["sinks", if tls { "tls" } else { "plain" }])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let ask = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("the sinks tell their ports");
        let words: Vec<&str> = line.split_whitespace().collect();
        let port = |place: usize| words.get(place).and_then(|word| word.parse().ok()).expect("a port");
        let ca_file = words.get(2).map(PathBuf::from);
        Sinks { child, ask, answers, datadog: port(0), logs: port(1), ca_file }
    }

    /// Distinct records at Datadog and at CloudWatch.
    pub fn counts(&mut self) -> (u64, u64) {
        let mut line = String::new();
        self.ask.as_mut().map(|ask| ask.write_all(b"?\n"));
        let _ = self.answers.read_line(&mut line);
        let mut words = line.split_whitespace().map(|word| word.parse().unwrap_or(0));
        (words.next().unwrap_or(0), words.next().unwrap_or(0))
    }

    /// Waits until both have so many; false when nothing moves any more.
    pub fn wait_for(&mut self, records: u64) -> bool {
        let (mut before, mut moved) = ((0, 0), Instant::now());
        loop {
            let counts = self.counts();
            if counts.0 >= records && counts.1 >= records {
                return true;
            }
            if counts != before {
                (before, moved) = (counts, Instant::now());
            }
            if moved.elapsed() > PATIENCE {
                eprintln!("gave up at {counts:?} of {records}");
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        drop(self.ask.take());
        let _ = self.child.wait();
    }
}
