//! Time the processors spent, by what they did.

use std::collections::{BTreeMap, BTreeSet};

use super::Scraper;
use super::config::Common;
use super::host::{Host, TICKS_PER_SECOND, lines, numbers, unreadable};
use super::writer::{Known, Writer, off, on};
use crate::scraping::{ScrapeError, Shape};

const TIME: Known = on(Shape::counter("system.cpu.time", "Time each processor spent in each state.", "s"));
const UTILIZATION: Known = off(Shape::gauge(
    "system.cpu.utilization",
    "Part of the time since the scrape before that each processor spent in each state.",
    "1",
));
const LOGICAL: Known = off(Shape::level("system.cpu.logical.count", "Processors there are.", "{cpu}"));
const PHYSICAL: Known = off(Shape::level("system.cpu.physical.count", "Cores there are.", "{cpu}"));
const FREQUENCY: Known = off(Shape::gauge("system.cpu.frequency", "Present frequency.", "Hz"));

/// In the order of `/proc/stat`. Guests' time comes behind them, and is part of `user` and `nice` already.
const STATES: [&str; 8] = ["user", "nice", "system", "idle", "wait", "interrupt", "softirq", "steal"];

type Ticks = BTreeMap<String, Vec<u64>>;

pub struct Cpu {
    common: Common,
    earlier: Ticks,
}

impl Cpu {
    pub fn new(common: Common) -> Cpu {
        Cpu { common, earlier: Ticks::new() }
    }

    pub fn write(&mut self, stat: &[u8], out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        let ticks = ticks(stat);
        if ticks.is_empty() {
            return Err(unreadable("/proc/stat"));
        }
        out.metric(&TIME);
        for (cpu, ticks) in &ticks {
            for (state, ticks) in STATES.iter().zip(ticks) {
                out.number(*ticks as f64 / TICKS_PER_SECOND, &[("cpu", cpu), ("state", state)]);
            }
        }
        out.metric(&UTILIZATION);
        for (cpu, ticks) in &ticks {
            let Some(earlier) = self.earlier.get(cpu) else { continue };
            let spent: Vec<u64> =
                ticks.iter().zip(earlier).map(|(now, was)| now.saturating_sub(*was)).collect();
            let all = spent.iter().sum::<u64>().max(1) as f64;
            for (state, spent) in STATES.iter().zip(&spent) {
                out.number(*spent as f64 / all, &[("cpu", cpu), ("state", state)]);
            }
        }
        out.one(&LOGICAL, Some(ticks.len() as u64));
        self.earlier = ticks;
        Ok(())
    }
}

impl Scraper for Cpu {
    const NAME: &'static str = "cpu";
    const METRICS: &'static [&'static Known] = &[&TIME, &UTILIZATION, &LOGICAL, &PHYSICAL, &FREQUENCY];

    fn common(&self) -> &Common {
        &self.common
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        self.write(&host.read("proc/stat")?, out)?;
        if out.wants(&PHYSICAL) || out.wants(&FREQUENCY) {
            write_kinds(&host.read("proc/cpuinfo")?, out);
        }
        Ok(())
    }
}

/// By processor: `cpu0` and so on, without their sum `cpu`.
pub fn ticks(stat: &[u8]) -> Ticks {
    let of_cpu = |line: &str| {
        let (name, rest) = line.split_once(' ')?;
        let digits = name.strip_prefix("cpu")?;
        let is_one = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let mut ticks = numbers(rest);
        ticks.truncate(STATES.len());
        (is_one && ticks.len() >= 4).then(|| (name.to_owned(), ticks))
    };
    lines(stat).filter_map(of_cpu).collect()
}

fn write_kinds(cpuinfo: &[u8], out: &mut Writer<'_>) {
    let (mut socket, mut cores, mut frequencies) = ("", BTreeSet::new(), Vec::new());
    for (name, value) in lines(cpuinfo).filter_map(|line| line.split_once(':')) {
        match (name.trim(), value.trim()) {
            ("physical id", id) => socket = id,
            ("core id", id) => _ = cores.insert((socket, id)),
            ("cpu MHz", mhz) => frequencies.extend(mhz.parse::<f64>()),
            _ => {}
        }
    }
    out.one(&PHYSICAL, Some(cores.len() as u64).filter(|cores| *cores > 0));
    out.metric(&FREQUENCY);
    for (index, mhz) in frequencies.iter().enumerate() {
        out.number(mhz * 1e6, &[("cpu", &format!("cpu{index}"))]);
    }
}
