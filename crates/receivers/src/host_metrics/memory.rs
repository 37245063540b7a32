//! Memory, by what it is used for.

use super::Scraper;
use super::config::Common;
use super::host::{Host, unreadable, value};
use super::writer::{Known, Writer, off, on};
use crate::scraping::{ScrapeError, Shape};

const USAGE: Known = on(Shape::level("system.memory.usage", "Memory in each state.", "By"));
const UTILIZATION: Known =
    off(Shape::gauge("system.memory.utilization", "Part of the memory that is in each state.", "1"));
const LIMIT: Known = off(Shape::level("system.memory.limit", "Memory there is.", "By"));
const AVAILABLE: Known = off(Shape::level(
    "system.linux.memory.available",
    "Memory that programs could still get without swapping, as the kernel estimates it.",
    "By",
));
const DIRTY: Known =
    off(Shape::level("system.linux.memory.dirty", "Memory that has yet to be written to disk.", "By"));

pub struct Memory(pub Common);

impl Scraper for Memory {
    const NAME: &'static str = "memory";
    const METRICS: &'static [&'static Known] = &[&USAGE, &UTILIZATION, &LIMIT, &AVAILABLE, &DIRTY];

    fn common(&self) -> &Common {
        &self.0
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        write(&host.read("proc/meminfo")?, out)
    }
}

/// `cached` has the part of the kernel's own memory in it that it would give back, as `free` counts it; `used` is
/// what is left of all.
pub fn write(meminfo: &[u8], out: &mut Writer<'_>) -> Result<(), ScrapeError> {
    let bytes = |name: &str| value(meminfo, name).and_then(|kib| kib.checked_mul(1024));
    let (Some(total), Some(free)) = (bytes("MemTotal"), bytes("MemFree")) else {
        return Err(unreadable("/proc/meminfo"));
    };
    let or_none = |name: &str| bytes(name).unwrap_or(0);
    let (buffered, reclaimable) = (or_none("Buffers"), or_none("SReclaimable"));
    let cached = or_none("Cached").saturating_add(reclaimable);
    let used = total.saturating_sub(free).saturating_sub(buffered).saturating_sub(cached);
    let states = [
        ("buffered", buffered),
        ("cached", cached),
        ("free", free),
        ("slab_reclaimable", reclaimable),
        ("slab_unreclaimable", or_none("SUnreclaim")),
        ("used", used),
    ];
    out.metric(&USAGE);
    states.iter().for_each(|(state, bytes)| out.count(*bytes, &[("state", state)]));
    out.metric(&UTILIZATION);
    for (state, bytes) in states {
        out.number(bytes as f64 / total.max(1) as f64, &[("state", state)]);
    }
    out.one(&LIMIT, Some(total));
    out.one(&AVAILABLE, bytes("MemAvailable"));
    out.one(&DIRTY, bytes("Dirty"));
    Ok(())
}
