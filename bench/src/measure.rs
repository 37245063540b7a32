//! One subject through all phases.

use std::fmt;
use std::process::Child;
use std::time::{Duration, Instant};

use testkit::process::{Folder, Usage, usage, wait_until};

use crate::load::Load;
use crate::sinks::Sinks;
use crate::subject::Subject;

const RATE: u64 = 2_000;
const AT_RATE: Duration = Duration::from_secs(10);
/// Docker opens one connection a container.
const CONNECTIONS: usize = 2;

#[derive(Default)]
pub struct Figures {
    records: u64,
    cpu: Usage,
    per_second: f64,
    per_second_on_one_core: Option<f64>,
    start: Duration,
    idle: u64,
    at_rate: u64,
    flat_out: u64,
}

impl Figures {
    pub fn cpu_per_million(&self) -> f64 {
        self.cpu.cpu().as_secs_f64() * 1e6 / self.records.max(1) as f64
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
        let system = self.cpu.system.as_secs_f64() * 1e6 / self.records.max(1) as f64;
        let one = self.per_second_on_one_core.map_or("-".into(), |rate| format!("{rate:.0}"));
        write!(
            f,
            "{:>11.2} {:>10.2} {:>12.0} {:>12} {:>8.1} {:>10.1} {:>10.1} {:>10.1}",
            self.cpu_per_million(),
            system,
            self.per_second,
            one,
            self.start.as_secs_f64() * 1e3,
            mib(self.idle),
            mib(self.at_rate),
            mib(self.flat_out)
        )
    }
}

pub fn measure(subject: &Subject, records: u64, tls: bool) -> Figures {
    let mut figures = Figures { records, start: start_time(subject, tls), ..Figures::default() };
    let mut run = Run::start(subject, tls, None);
    // Long enough for whatever it does once after its start.
    std::thread::sleep(Duration::from_secs(2));
    figures.idle = run.usage().resident;
    let at_rate = RATE * AT_RATE.as_secs();
    run.load(0, at_rate, Some(RATE));
    figures.at_rate = run.usage().peak;
    if run.sinks.wait_for(at_rate) {
        let before = run.usage();
        let started = Instant::now();
        run.load(at_rate, records, None);
        run.sinks.wait_for(at_rate + records);
        figures.per_second = records as f64 / started.elapsed().as_secs_f64();
        let after = run.usage();
        figures.cpu = Usage { user: after.user - before.user, system: after.system - before.system, ..after };
        figures.flat_out = after.peak;
    }
    drop(run);
    figures.per_second_on_one_core = on_one_core(subject, records / 2, tls);
    figures
}

/// The best of several: what the program takes, not what the machine does meanwhile.
fn start_time(subject: &Subject, tls: bool) -> Duration {
    (0..5).map(|_| Run::start(subject, tls, None).start).min().unwrap_or_default()
}

/// The program on the first core alone, load and sinks wherever they find room.
fn on_one_core(subject: &Subject, records: u64, tls: bool) -> Option<f64> {
    std::process::Command::new("taskset").arg("-V").output().ok()?;
    let mut run = Run::start(subject, tls, Some("0"));
    let started = Instant::now();
    run.load(0, records, None);
    run.sinks.wait_for(records).then(|| records as f64 / started.elapsed().as_secs_f64())
}

/// A subject at work between a load generator and sinks.
struct Run {
    child: Child,
    sinks: Sinks,
    listens: testkit::forward::Address,
    start: Duration,
    _folder: Folder,
}

impl Run {
    fn start(subject: &Subject, tls: bool, cores: Option<&str>) -> Run {
        let (folder, sinks) = (Folder::new(), Sinks::start(tls));
        let (mut command, listens) = subject.command(&folder, &sinks, cores);
        let started = Instant::now();
        let child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", subject.name));
        if let Err(error) = listens.connect_within(Duration::from_secs(30)) {
            let said = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("{} does not listen: {error}; it said:\n{said}", subject.name);
        }
        Run { child, sinks, listens, start: started.elapsed(), _folder: folder }
    }

    fn usage(&self) -> Usage {
        usage(self.child.id()).unwrap_or_default()
    }

    fn load(&self, first: u64, count: u64, rate: Option<u64>) {
        Load { to: self.listens.clone(), first, count, rate, connections: CONNECTIONS }.send();
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let _ = std::process::Command::new("kill").args(["-s", "TERM", &id]).status();
        let child = &mut self.child;
        if !wait_until(Duration::from_secs(30), || child.try_wait().is_ok_and(|ended| ended.is_some())) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
