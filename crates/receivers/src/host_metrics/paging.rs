//! Swapping, and pages that had to be fetched.

use super::Scraper;
use super::config::Common;
use super::host::{Host, lines, unreadable, value};
use super::writer::{Known, Writer, off, on};
use crate::scraping::{ScrapeError, Shape};

const USAGE: Known = on(Shape::level("system.paging.usage", "Swap space in each state.", "By"));
const UTILIZATION: Known =
    off(Shape::gauge("system.paging.utilization", "Part of the swap space that is in each state.", "1"));
const OPERATIONS: Known =
    on(Shape::counter("system.paging.operations", "Pages brought in and put out.", "{operations}"));
const FAULTS: Known =
    on(Shape::counter("system.paging.faults", "Pages asked for that were not there.", "{faults}"));

pub struct Paging(pub Common);

impl Scraper for Paging {
    const NAME: &'static str = "paging";
    const METRICS: &'static [&'static Known] = &[&USAGE, &UTILIZATION, &OPERATIONS, &FAULTS];

    fn common(&self) -> &Common {
        &self.0
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        // A kernel without swapping has no such file.
        usage(&host.read("proc/swaps").unwrap_or_default(), out);
        operations(&host.read("proc/vmstat")?, out)
    }
}

pub fn usage(swaps: &[u8], out: &mut Writer<'_>) {
    let devices: Vec<_> = lines(swaps).skip(1).filter_map(device).collect();
    out.metric(&USAGE);
    for (device, size, used) in &devices {
        out.count(size.saturating_sub(*used), &[("device", device), ("state", "free")]);
        out.count(*used, &[("device", device), ("state", "used")]);
    }
    out.metric(&UTILIZATION);
    for (device, size, used) in devices.iter().filter(|(_, size, _)| *size > 0) {
        let part = *used as f64 / *size as f64;
        out.number(1.0 - part, &[("device", device), ("state", "free")]);
        out.number(part, &[("device", device), ("state", "used")]);
    }
}

/// Name, size and use in bytes.
fn device(line: &str) -> Option<(&str, u64, u64)> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let mut bytes = words.skip(1).map(|word| word.parse::<u64>().ok()?.checked_mul(1024));
    Some((name, bytes.next()??, bytes.next()??))
}

/// Swapping is `major`; reading and writing files, which the kernel counts alike, is `minor`.
pub fn operations(vmstat: &[u8], out: &mut Writer<'_>) -> Result<(), ScrapeError> {
    let count = |name: &str| value(vmstat, name);
    let (Some(faults), Some(major)) = (count("pgfault"), count("pgmajfault")) else {
        return Err(unreadable("/proc/vmstat"));
    };
    out.metric(&OPERATIONS);
    for (name, direction, kind) in [
        ("pswpin", "page_in", "major"),
        ("pswpout", "page_out", "major"),
        ("pgpgin", "page_in", "minor"),
        ("pgpgout", "page_out", "minor"),
    ] {
        out.count(count(name).unwrap_or(0), &[("direction", direction), ("type", kind)]);
    }
    out.metric(&FAULTS);
    out.count(major, &[("type", "major")]);
    out.count(faults.saturating_sub(major), &[("type", "minor")]);
    Ok(())
}
