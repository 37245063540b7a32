//! Outrigger between a sender that numbers its records and two destinations that count them, each behind a
//! proxy that can spoil its connections.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::aws::{Logs, logs};
use testkit::certificate::Certificate;
use testkit::distinct::Distinct;
use testkit::ecs::Metadata;
use testkit::fault::Faults;
use testkit::forward::Address;
use testkit::intake::{self, Datadog};
use testkit::process::{Exit, Folder, Outrigger, Running, usage, wait_until};
use testkit::proxy::Proxy;

use crate::load::Load;
use crate::support::{CUSTOM, Generated, PARSERS, check_law, outrigger};

/// A usual task's load.
pub const RATE: u64 = 2_000;
/// Most records of one payload: Datadog's limit. CloudWatch takes up to 10,000 events, but seals each second.
pub const PAYLOAD: u64 = 2_500;
/// Longest wait until everything has arrived, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(150);
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    Datadog,
    CloudWatch,
}

pub const SINKS: [Sink; 2] = [Sink::Datadog, Sink::CloudWatch];

/// What a case varies.
#[derive(Default)]
pub struct Shape<'a> {
    /// Acknowledgement level of the inputs.
    pub ack: Option<&'a str>,
    /// `storage.total_limit_size` of both destinations.
    pub quota: Option<&'a str>,
    /// Sinks count and check nothing, for senders at full speed.
    pub count_only: bool,
    pub certificate: Option<&'a Certificate>,
    /// What Datadog's intake is called instead of its address.
    pub host: Option<&'a str>,
}

pub struct Rig {
    pub folder: Folder,
    pub metadata: Metadata,
    pub intake: Datadog,
    pub logs: Logs,
    pub to_intake: Proxy,
    pub to_logs: Proxy,
    pub generated: Generated,
    /// `OUTRIGGER_DATA`.
    pub data: PathBuf,
}

impl Rig {
    pub fn new(shape: &Shape<'_>) -> Rig {
        let (keep, count_only) = (0, shape.count_only);
        let intake = Datadog::with(intake::Options { keep, count_only, certificate: shape.certificate });
        let logs = Logs::with(logs::Options { keep, count_only, ..Default::default() });
        let to_intake = Proxy::to(([127, 0, 0, 1], intake.port()).into());
        let to_logs = Proxy::to(([127, 0, 0, 1], logs.port()).into());
        let folder = Folder::new();
        let host = shape.host.unwrap_or("127.0.0.1");
        let mut output = format!("    Host {host}\n    Port {}\n", to_intake.address().port());
        match shape.certificate {
            Some(certificate) => {
                output += &format!("    TLS on\n    tls.ca_file {}\n", certificate.ca_file.display());
            }
            None => output += "    TLS off\n",
        }
        output +=
            "    apikey ${apikey_1}\n    compress gzip\n    dd_service my-service\n    dd_source python\n";
        let mut custom = CUSTOM.to_owned();
        if let Some(quota) = shape.quota {
            let line = format!("    storage.total_limit_size {quota}\n");
            output += &line;
            custom += &line;
        }
        let generated = Generated::new(&folder, output);
        let mut text = generated.text();
        if let Some(ack) = shape.ack {
            text = text.replacen("Mem_Buf_Limit 25MB", &format!("Ack {ack}"), 1);
        }
        folder.write("fluent-bit.conf", text);
        folder.write("parsers.conf", PARSERS);
        folder.write("custom.conf", custom);
        let data = folder.join("data");
        Rig { metadata: Metadata::start(), intake, logs, to_intake, to_logs, generated, data, folder }
    }

    /// The program as ECS starts it.
    pub fn command(&self) -> Outrigger {
        self.dress(outrigger())
    }

    /// The same for a command that runs the program.
    pub fn dress(&self, command: Outrigger) -> Outrigger {
        command
            .envs(self.metadata.environment())
            .env("OUTRIGGER_FIRELENS_CONFIG", self.folder.join("fluent-bit.conf"))
            .env("aws_fluent_bit_init_file_1", self.folder.join("parsers.conf"))
            .env("aws_fluent_bit_init_file_2", self.folder.join("custom.conf"))
            .env("apikey_1", intake::API_KEY)
            .env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", format!("http://{}", self.to_logs.address()))
            .env("OUTRIGGER_DATA", &self.data)
    }

    pub fn socket(&self) -> Address {
        Address::Unix(self.generated.socket.clone())
    }

    pub fn faults(&self, sink: Sink) -> &Faults {
        match sink {
            Sink::Datadog => self.intake.faults(),
            Sink::CloudWatch => self.logs.faults(),
        }
    }

    pub fn proxy(&self, sink: Sink) -> &Proxy {
        match sink {
            Sink::Datadog => &self.to_intake,
            Sink::CloudWatch => &self.to_logs,
        }
    }

    pub fn distinct(&self, sink: Sink) -> &Distinct {
        match sink {
            Sink::Datadog => self.intake.distinct(),
            Sink::CloudWatch => self.logs.distinct(),
        }
    }

    pub fn wait_for(&self, records: u64) -> bool {
        wait_until(PATIENCE, || SINKS.iter().all(|sink| self.distinct(*sink).distinct() >= records))
    }

    /// What each sink lacks and has twice.
    pub fn count(&self, finding: &mut Finding, records: u64) {
        for sink in SINKS {
            let distinct = self.distinct(sink);
            finding.lost = finding.lost.max(records.saturating_sub(distinct.distinct()));
            finding.duplicated = finding.duplicated.max(distinct.duplicates());
            if records > distinct.distinct() {
                finding.notes.push(format!("{sink:?} lacks {:?}", distinct.missing(records)));
            }
        }
        let complaints = [self.intake.complaints(), self.logs.complaints()].concat();
        if let Some(complaint) = complaints.first() {
            finding.notes.push(format!("a destination complained: {complaint}"));
        }
    }
}

/// What a case found, and what it holds against it.
#[derive(Debug, Default)]
pub struct Finding {
    pub lost: u64,
    pub duplicated: u64,
    pub peak: u64,
    pub took: Duration,
    /// Of the destination that was left alone.
    pub delay: Option<Duration>,
    pub notes: Vec<String>,
    pub faults: Vec<String>,
    pub skipped: Option<String>,
}

impl Finding {
    pub fn skip(why: impl Into<String>) -> Finding {
        Finding { skipped: Some(why.into()), ..Finding::default() }
    }

    pub fn must(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.faults.push(what.into());
        }
    }

    /// Nothing lost, and no more doubles than this.
    pub fn must_be_whole(&mut self, duplicates: u64) {
        self.must(self.lost == 0, format!("{} records lost", self.lost));
        let found = self.duplicated;
        self.must(found <= duplicates, format!("{found} duplicates, at most {duplicates} are allowed"));
    }

    /// The end of a run: exit code, the ledger's law, no panic.
    ///
    /// `FAULT_LOGS` names a folder that keeps what it said.
    pub fn must_end(&mut self, exit: &Exit, code: i32) -> Value {
        if let Some(folder) = std::env::var_os("FAULT_LOGS") {
            let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
            let _ = std::fs::write(PathBuf::from(folder).join(format!("{now}.log")), &exit.stderr);
        }
        let ledger = exit.final_ledger().unwrap_or_default();
        self.must(!exit.panicked(), format!("it panicked: {}", tail(&exit.stderr)));
        let found = exit.code();
        self.must(found == Some(code), format!("exit {found:?} instead of {code}: {}", tail(&exit.stderr)));
        match ledger.is_null() {
            true => self.must(false, format!("no final ledger: {}", tail(&exit.stderr))),
            false => check_law(&ledger),
        }
        ledger
    }

    /// The words a person needs are in what the program said.
    pub fn must_say(&mut self, said: &str, words: &str) {
        self.must(said.contains(words), format!("it never said `{words}`: {}", tail(said)));
    }
}

/// The last lines, for a message.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let short = |line: &&str| line.chars().take(400).collect::<String>();
    lines[lines.len().saturating_sub(6)..].iter().map(short).collect::<Vec<_>>().join("\n    ")
}

/// Watches a process and the sinks while `during` runs: peak memory, and for each sink its largest delay.
pub fn watched<T>(rig: &Rig, id: u32, load: &Load, during: impl FnOnce() -> T) -> (T, u64, [Duration; 2]) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let (mut peak, mut delays) = (0, SINKS.map(|_| Duration::ZERO));
            let mut written: [Vec<(Instant, u64)>; 2] = Default::default();
            while !over.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
                peak = usage(id).map_or(peak, |usage| usage.peak.max(peak));
                let (now, sent) = (Instant::now(), load.sent());
                for (place, sink) in SINKS.into_iter().enumerate() {
                    let arrived = rig.distinct(sink).distinct();
                    let waiting = &mut written[place];
                    waiting.retain(|(_, sent)| *sent > arrived);
                    delays[place] =
                        waiting.first().map_or(delays[place], |(at, _)| delays[place].max(now - *at));
                    waiting.push((now, sent));
                }
            }
            (peak, delays)
        });
        let done = during();
        over.store(true, Ordering::Relaxed);
        let (peak, delays) = watching.join().expect("watching does not panic");
        (done, peak, delays)
    })
}

/// How long the parts of an outage take.
#[derive(Clone, Copy)]
pub struct Outage {
    pub before: Duration,
    pub fault: Duration,
}

/// A run at the usual rate with a fault in its middle: everything sent must arrive in the end.
///
/// The program is asked to stop once all is there, and must then be done.
pub fn outage(
    rig: &Rig,
    mut running: Running,
    times: Outage,
    spoilt: Option<Sink>,
    spoil: impl FnOnce(),
    mend: impl FnOnce(),
) -> (Finding, Value, String) {
    let started = Instant::now();
    running.ready();
    let load = Load::plain(rig.socket(), Some(RATE));
    let (_, peak, delays) = watched(rig, running.id(), &load, || {
        thread::sleep(times.before);
        spoil();
        thread::sleep(times.fault);
    });
    mend();
    let (_, peak_after, _) = watched(rig, running.id(), &load, || thread::sleep(times.before));
    let sent = load.finish();
    rig.wait_for(sent);
    let peak = peak.max(peak_after).max(running.usage().peak);
    let exit = running.stop();
    let mut finding = Finding { peak, took: started.elapsed(), ..Finding::default() };
    finding.delay = spoilt.map(|sink| if sink == Sink::Datadog { delays[1] } else { delays[0] });
    rig.count(&mut finding, sent);
    let ledger = finding.must_end(&exit, 0);
    (finding, ledger, exit.stderr)
}
