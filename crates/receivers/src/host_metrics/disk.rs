//! What disks read and wrote.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scraper;
use super::config::{Common, Devices, Filter, Refused, Switch};
use super::host::{Host, lines, numbers, unreadable};
use super::writer::{Known, Writer, on};
use crate::scraping::{ScrapeError, Shape};

const IO: Known = on(Shape::counter("system.disk.io", "Bytes read and written.", "By"));
const OPERATIONS: Known =
    on(Shape::counter("system.disk.operations", "Reads and writes that were done.", "{operations}"));
const MERGED: Known = on(Shape::counter(
    "system.disk.merged",
    "Reads and writes that were done together with a neighbour.",
    "{operations}",
));
const IO_TIME: Known = on(Shape::counter("system.disk.io_time", "Time the disk was busy.", "s"));
const OPERATION_TIME: Known =
    on(Shape::counter("system.disk.operation_time", "Time all reads and writes took, each for itself.", "s"));
const WEIGHTED: Known = on(Shape::counter(
    "system.disk.weighted_io_time",
    "Time the disk was busy, times what was waiting for it.",
    "s",
));
const PENDING: Known =
    on(Shape::level("system.disk.pending_operations", "Operations under way.", "{operations}"));

/// The kernel counts in these, whatever the disk's own are.
const SECTOR_BYTES: u64 = 512;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Disks to tell of; all when absent.
    pub include: Option<Devices>,
    /// Disks to leave out.
    pub exclude: Option<Devices>,
    /// Metrics by name, to switch on or off.
    #[serde(default)]
    pub metrics: std::collections::BTreeMap<String, Switch>,
}

pub struct Disk {
    common: Common,
    filter: Filter,
}

impl Disk {
    pub fn new(config: Config) -> Result<Disk, Refused> {
        let list = |list: Option<Devices>| list.map(|list| (list.devices, list.match_type));
        let filter = Filter::new(list(config.include), list(config.exclude))?;
        Ok(Disk { common: Common { metrics: config.metrics }, filter })
    }

    pub fn write(&self, diskstats: &[u8], out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        let disks: Vec<_> = lines(diskstats).filter_map(disk).collect();
        if disks.is_empty() && !diskstats.is_empty() {
            return Err(unreadable("/proc/diskstats"));
        }
        let disks: Vec<_> = disks.into_iter().filter(|(name, _)| self.filter.takes(name)).collect();
        for (known, read, written) in [(&OPERATIONS, 0, 4), (&MERGED, 1, 5), (&IO, 2, 6)] {
            let unit = if known.shape.name == IO.shape.name { SECTOR_BYTES } else { 1 };
            out.metric(known);
            for (device, figures) in &disks {
                let count = |at: usize| figures[at].saturating_mul(unit);
                out.count(count(read), &[("device", device), ("direction", "read")]);
                out.count(count(written), &[("device", device), ("direction", "write")]);
            }
        }
        let seconds = |milliseconds: u64| milliseconds as f64 / 1000.0;
        out.metric(&OPERATION_TIME);
        for (device, figures) in &disks {
            out.number(seconds(figures[3]), &[("device", device), ("direction", "read")]);
            out.number(seconds(figures[7]), &[("device", device), ("direction", "write")]);
        }
        for (known, at) in [(&IO_TIME, 9), (&WEIGHTED, 10)] {
            out.metric(known);
            disks.iter().for_each(|(device, all)| out.number(seconds(all[at]), &[("device", device)]));
        }
        out.metric(&PENDING);
        disks.iter().for_each(|(device, figures)| out.count(figures[8], &[("device", device)]));
        Ok(())
    }
}

impl Scraper for Disk {
    const NAME: &'static str = "disk";
    const METRICS: &'static [&'static Known] =
        &[&IO, &OPERATIONS, &MERGED, &IO_TIME, &OPERATION_TIME, &WEIGHTED, &PENDING];

    fn common(&self) -> &Common {
        &self.common
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        self.write(&host.read("proc/diskstats")?, out)
    }
}

/// A disk's name and its first eleven figures; newer kernels have more, for what is not told here.
fn disk(line: &str) -> Option<(&str, [u64; 11])> {
    let mut words = line.split_ascii_whitespace().skip(2);
    let name = words.next()?;
    let rest = line.split_once(&format!(" {name} "))?.1;
    numbers(rest).first_chunk().map(|figures| (name, *figures))
}
