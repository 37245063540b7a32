//! Each process: the time and memory it used, and what it read and wrote. Each is a resource of its own.

use std::collections::BTreeMap;
use std::fs;

use model::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Scraper;
use super::config::{Common, Filter, Names, Refused, Switch};
use super::host::{Host, TICKS_PER_SECOND, lines, value};
use super::writer::{Known, SCHEMA_URL, Writer, off, on};
use crate::scraping::{ScrapeError, Shape};

const CPU_TIME: Known =
    on(Shape::counter("process.cpu.time", "CPU time used, and time waiting for disks.", "s"));
const MEMORY: Known = on(Shape::level("process.memory.usage", "Memory in use.", "By"));
const VIRTUAL: Known = on(Shape::level("process.memory.virtual", "Address space in use.", "By"));
const DISK_IO: Known = on(Shape::counter("process.disk.io", "Bytes read from and written to disks.", "By"));
const DISK_OPERATIONS: Known =
    off(Shape::counter("process.disk.operations", "Calls to read and to write.", "{operations}"));
const THREADS: Known = off(Shape::level("process.threads", "Threads.", "{threads}"));
const FILES: Known = off(Shape::level("process.open_file_descriptors", "Open files.", "{count}"));
const SWITCHES: Known =
    off(Shape::counter("process.context_switches", "Times another was let run.", "{count}"));
const FAULTS: Known =
    off(Shape::counter("process.paging.faults", "Pages asked for that were not there.", "{faults}"));
const UPTIME: Known = off(Shape::gauge("process.uptime", "Time since it started.", "s"));

/// Told of in one scrape. A machine has some hundreds.
const MAX_PROCESSES: usize = 20_000;
/// Of a command line that is told.
const MAX_COMMAND_BYTES: usize = 4096;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Programs to tell of, by name; all when absent.
    pub include: Option<Names>,
    /// Programs to leave out.
    pub exclude: Option<Names>,
    /// Metrics by name, to switch on or off.
    pub metrics: BTreeMap<String, Switch>,
}

pub struct Process {
    common: Common,
    filter: Filter,
}

impl Process {
    pub fn new(config: Config) -> Result<Process, Refused> {
        let list = |list: Option<Names>| list.map(|list| (list.names, list.match_type));
        let filter = Filter::new(list(config.include), list(config.exclude))?;
        Ok(Process { common: Common { metrics: config.metrics }, filter })
    }
}

impl Scraper for Process {
    const NAME: &'static str = "process";
    const IS_ONE_RESOURCE: bool = false;
    const METRICS: &'static [&'static Known] = &[
        &CPU_TIME,
        &MEMORY,
        &VIRTUAL,
        &DISK_IO,
        &DISK_OPERATIONS,
        &THREADS,
        &FILES,
        &SWITCHES,
        &FAULTS,
        &UPTIME,
    ];

    fn common(&self) -> &Common {
        &self.common
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        let (users, booted) = (users(&host.read("etc/passwd").unwrap_or_default()), out.metrics.start);
        for pid in pids(host)? {
            // One that has ended since the listing is not missed.
            let Some(seen) = Seen::read(host, pid) else { continue };
            if self.filter.takes(&seen.name()) {
                seen.resource(&users, out);
                seen.write(booted, out);
            }
        }
        out.metrics.start = booted;
        Ok(())
    }
}

/// The numbers of the processes there are, in order.
pub fn pids(host: &Host) -> Result<Vec<u32>, ScrapeError> {
    let folder = host.path("proc");
    let entries =
        fs::read_dir(&folder).map_err(|error| ScrapeError::File(format!("{}: {error}", folder.display())))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut pids: Vec<u32> = names.take(MAX_PROCESSES).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// What `/proc/PID/stat` says. The times are in hundredths of a second.
#[derive(Debug, PartialEq)]
pub struct Stat {
    pub name: String,
    pub state: char,
    pub parent: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    pub user: u64,
    pub system: u64,
    pub threads: u64,
    /// Since the machine's start.
    pub started: u64,
    pub waited: u64,
}

impl Stat {
    pub fn parse(stat: &[u8]) -> Option<Stat> {
        let text = String::from_utf8_lossy(stat);
        // The name is in brackets and may hold spaces and brackets itself.
        let (before, after) = text.rsplit_once(')')?;
        let name = before.split_once('(')?.1.to_owned();
        let words: Vec<&str> = after.split_ascii_whitespace().collect();
        let number = |at: usize| words.get(at)?.parse::<u64>().ok();
        Some(Stat {
            name,
            state: words.first()?.chars().next()?,
            parent: number(1)?,
            minor_faults: number(7)?,
            major_faults: number(9)?,
            user: number(11)?,
            system: number(12)?,
            threads: number(17)?,
            started: number(19)?,
            waited: number(39).unwrap_or(0),
        })
    }
}

/// One process as it is seen. What belongs to another user cannot all be read.
pub struct Seen {
    pub pid: u32,
    pub stat: Stat,
    pub status: Vec<u8>,
    pub io: Option<Vec<u8>>,
    pub command: Vec<String>,
    pub path: Option<String>,
    pub files: Option<u64>,
}

impl Seen {
    fn read(host: &Host, pid: u32) -> Option<Seen> {
        let file = |name: &str| host.read(&format!("proc/{pid}/{name}")).ok();
        let path = |name: &str| host.path(&format!("proc/{pid}/{name}"));
        Some(Seen {
            pid,
            stat: Stat::parse(&file("stat")?)?,
            status: file("status")?,
            io: file("io"),
            command: words(&file("cmdline").unwrap_or_default()),
            path: fs::read_link(path("exe")).ok().map(|path| path.to_string_lossy().into_owned()),
            files: fs::read_dir(path("fd")).ok().map(|entries| entries.count() as u64),
        })
    }

    /// The kernel keeps 15 bytes of a name; the program's own word has the rest.
    pub fn name(&self) -> String {
        let first = self.command.first().map(|word| word.rsplit('/').next().unwrap_or_default());
        match first.filter(|word| self.stat.name.len() >= 15 && word.starts_with(&self.stat.name)) {
            Some(word) => word.to_owned(),
            None => self.stat.name.clone(),
        }
    }

    pub fn resource(&self, users: &BTreeMap<u64, String>, out: &mut Writer<'_>) {
        let metrics = &mut out.metrics;
        metrics.resource(SCHEMA_URL, "outrigger/host_metrics/process");
        metrics.attribute_value("process.pid", Value::Int(self.pid.into()));
        metrics.attribute_value("process.parent_pid", Value::Int(self.stat.parent as i64));
        metrics.attribute("process.executable.name", &self.name());
        metrics.attribute("process.executable.path", self.path.as_deref().unwrap_or_default());
        metrics.attribute("process.command", self.command.first().map_or("", String::as_str));
        metrics.attribute("process.command_line", &self.command.join(" "));
        let owner = value(&self.status, "Uid");
        let name = owner.map(|uid| users.get(&uid).cloned().unwrap_or_else(|| uid.to_string()));
        metrics.attribute("process.owner", name.as_deref().unwrap_or_default());
    }

    pub fn write(&self, booted: u64, out: &mut Writer<'_>) {
        let (stat, since_boot) = (&self.stat, self.stat.started.saturating_mul(10_000_000));
        out.metrics.start = if booted > 0 { booted.saturating_add(since_boot) } else { 0 };
        out.metric(&CPU_TIME);
        for (state, ticks) in [("system", stat.system), ("user", stat.user), ("wait", stat.waited)] {
            out.number(ticks as f64 / TICKS_PER_SECOND, &[("state", state)]);
        }
        let bytes = |name: &str| value(&self.status, name).and_then(|kib| kib.checked_mul(1024));
        out.one(&MEMORY, bytes("VmRSS"));
        out.one(&VIRTUAL, bytes("VmSize"));
        let io = |name: &str| value(self.io.as_deref()?, name);
        let switches = |kind: &str| value(&self.status, &format!("{kind}_ctxt_switches"));
        for (known, key, figures) in [
            (&DISK_IO, "direction", [("read", io("read_bytes")), ("write", io("write_bytes"))]),
            (&DISK_OPERATIONS, "direction", [("read", io("syscr")), ("write", io("syscw"))]),
            (&FAULTS, "type", [("major", Some(stat.major_faults)), ("minor", Some(stat.minor_faults))]),
            (
                &SWITCHES,
                "type",
                [("involuntary", switches("nonvoluntary")), ("voluntary", switches("voluntary"))],
            ),
        ] {
            out.metric(known);
            for (word, figure) in figures {
                figure.into_iter().for_each(|figure| out.count(figure, &[(key, word)]));
            }
        }
        out.one(&THREADS, Some(stat.threads));
        out.one(&FILES, self.files);
        let age = out.metrics.time.checked_sub(out.metrics.start).filter(|_| booted > 0);
        out.one_number(&UPTIME, age.map(|age| age as f64 / 1e9));
    }
}

/// A command line's words, which end with a zero byte each.
pub fn words(cmdline: &[u8]) -> Vec<String> {
    let cmdline = &cmdline[..cmdline.len().min(MAX_COMMAND_BYTES)];
    let words = cmdline.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Names by number, from `/etc/passwd`.
pub fn users(passwd: &[u8]) -> BTreeMap<u64, String> {
    let user = |line: &str| {
        let mut parts = line.split(':');
        let name = parts.next()?.to_owned();
        Some((parts.nth(1)?.parse().ok()?, name))
    };
    lines(passwd).filter_map(user).collect()
}
