//! The machine as a whole: how long it is up, and how much is waiting to run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scraper;
use super::config::{Common, Switch};
use super::cpu;
use super::host::{Host, unreadable};
use super::writer::{Known, Writer, on};
use crate::scraping::{ScrapeError, Shape};

const UPTIME: Known = on(Shape::gauge("system.uptime", "Time since the machine started.", "s"));
const LOAD: [Known; 3] = [
    on(Shape::gauge("system.cpu.load_average.1m", "Threads that run or wait, over a minute.", "{thread}")),
    on(Shape::gauge("system.cpu.load_average.5m", "Threads that run or wait, over 5 minutes.", "{thread}")),
    on(Shape::gauge("system.cpu.load_average.15m", "Threads that run or wait, over 15 minutes.", "{thread}")),
];

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoadConfig {
    /// Divide by the number of processors.
    pub cpu_average: bool,
    /// Metrics by name, to switch on or off.
    pub metrics: BTreeMap<String, Switch>,
    #[serde(skip)]
    common: Common,
}

pub struct Load(pub LoadConfig);

impl Load {
    pub fn new(mut config: LoadConfig) -> Load {
        config.common.metrics = std::mem::take(&mut config.metrics);
        Load(config)
    }
}

impl Scraper for Load {
    const NAME: &'static str = "load";
    const METRICS: &'static [&'static Known] = &[&LOAD[0], &LOAD[1], &LOAD[2]];

    fn common(&self) -> &Common {
        &self.0.common
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        let processors = match self.0.cpu_average {
            true => cpu::ticks(&host.read("proc/stat")?).len().max(1),
            false => 1,
        };
        write_load(&host.read("proc/loadavg")?, processors, out)
    }
}

pub fn write_load(loadavg: &[u8], processors: usize, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
    let figures = first_numbers(loadavg);
    if figures.len() < LOAD.len() {
        return Err(unreadable("/proc/loadavg"));
    }
    for (known, load) in LOAD.iter().zip(figures) {
        out.one_number(known, Some(load / processors as f64));
    }
    Ok(())
}

pub struct System(pub Common);

impl Scraper for System {
    const NAME: &'static str = "system";
    const METRICS: &'static [&'static Known] = &[&UPTIME];

    fn common(&self) -> &Common {
        &self.0
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        write_uptime(&host.read("proc/uptime")?, out)
    }
}

pub fn write_uptime(uptime: &[u8], out: &mut Writer<'_>) -> Result<(), ScrapeError> {
    let seconds = first_numbers(uptime).first().copied().ok_or_else(|| unreadable("/proc/uptime"))?;
    out.one_number(&UPTIME, Some(seconds));
    Ok(())
}

fn first_numbers(text: &[u8]) -> Vec<f64> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.split_ascii_whitespace().map_while(|word| word.parse().ok()).take(LOAD.len()).collect()
}
