//! How many processes there are, by what they do.

use std::collections::BTreeMap;

use super::Scraper;
use super::config::Common;
use super::host::{Host, unreadable, value};
use super::process::{Stat, pids};
use super::writer::{Known, Writer, on};
use crate::scraping::{ScrapeError, Shape};

const COUNT: Known = on(Shape::level("system.processes.count", "Processes in each state.", "{processes}"));
const CREATED: Known =
    on(Shape::counter("system.processes.created", "Processes that were started.", "{processes}"));

pub struct Processes(pub Common);

impl Scraper for Processes {
    const NAME: &'static str = "processes";
    const METRICS: &'static [&'static Known] = &[&COUNT, &CREATED];

    fn common(&self) -> &Common {
        &self.0
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        let stats = pids(host)?.into_iter().filter_map(|pid| {
            Stat::parse(&host.read(&format!("proc/{pid}/stat")).ok()?).map(|stat| stat.state)
        });
        let states: Vec<char> = stats.collect();
        write(&host.read("proc/stat")?, &states, out)
    }
}

/// The kernel's own counts of what runs and what is blocked are of one moment, so they win over counting.
pub fn write(stat: &[u8], states: &[char], out: &mut Writer<'_>) -> Result<(), ScrapeError> {
    let count = |name: &str| value(stat, name);
    let (Some(running), Some(blocked)) = (count("procs_running"), count("procs_blocked")) else {
        return Err(unreadable("/proc/stat"));
    };
    let mut counts = BTreeMap::from([("running", running), ("blocked", blocked)]);
    for state in states {
        let status = match state {
            'R' | 'D' => continue,
            'S' => "sleeping",
            'I' => "idle",
            'T' | 't' => "stopped",
            'Z' => "zombies",
            'W' => "paging",
            _ => "unknown",
        };
        *counts.entry(status).or_default() += 1;
    }
    out.metric(&COUNT);
    counts.iter().for_each(|(status, count)| out.count(*count, &[("status", status)]));
    out.one(&CREATED, count("processes"));
    Ok(())
}
