//! Traffic of network interfaces, and connections.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scraper;
use super::config::{Common, Filter, Interfaces, Refused, Switch};
use super::host::{Host, lines, numbers, unreadable};
use super::writer::{Known, Writer, off, on};
use crate::scraping::{ScrapeError, Shape};

const IO: Known = on(Shape::counter("system.network.io", "Bytes received and sent.", "By"));
const PACKETS: Known =
    on(Shape::counter("system.network.packets", "Packets received and sent.", "{packets}"));
const DROPPED: Known = on(Shape::counter("system.network.dropped", "Packets dropped.", "{packets}"));
const ERRORS: Known = on(Shape::counter("system.network.errors", "Packets damaged.", "{errors}"));
const CONNECTIONS: Known =
    on(Shape::level("system.network.connections", "Connections in each state.", "{connections}"));
const CONNTRACK: Known =
    off(Shape::level("system.network.conntrack.count", "Connections the kernel tracks.", "{entries}"));
const CONNTRACK_MAX: Known =
    off(Shape::level("system.network.conntrack.max", "Most connections the kernel can track.", "{entries}"));

/// The kernel numbers them from 1.
const STATES: [&str; 11] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Interfaces to tell of; all when absent.
    pub include: Option<Interfaces>,
    /// Interfaces to leave out.
    pub exclude: Option<Interfaces>,
    /// Metrics by name, to switch on or off.
    #[serde(default)]
    pub metrics: BTreeMap<String, Switch>,
}

pub struct Network {
    common: Common,
    filter: Filter,
}

impl Network {
    pub fn new(config: Config) -> Result<Network, Refused> {
        let list = |list: Option<Interfaces>| list.map(|list| (list.interfaces, list.match_type));
        let filter = Filter::new(list(config.include), list(config.exclude))?;
        Ok(Network { common: Common { metrics: config.metrics }, filter })
    }

    pub fn write(&self, dev: &[u8], out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        let all: Vec<_> = lines(dev).filter_map(interface).collect();
        if all.is_empty() {
            return Err(unreadable("net/dev"));
        }
        let taken: Vec<_> = all.into_iter().filter(|(name, _)| self.filter.takes(name)).collect();
        for (known, at) in [(&IO, 0), (&PACKETS, 1), (&ERRORS, 2), (&DROPPED, 3)] {
            out.metric(known);
            for (device, figures) in &taken {
                out.count(figures[at], &[("device", device), ("direction", "receive")]);
                out.count(figures[at + 8], &[("device", device), ("direction", "transmit")]);
            }
        }
        Ok(())
    }
}

impl Scraper for Network {
    const NAME: &'static str = "network";
    const METRICS: &'static [&'static Known] =
        &[&IO, &PACKETS, &DROPPED, &ERRORS, &CONNECTIONS, &CONNTRACK, &CONNTRACK_MAX];

    fn common(&self) -> &Common {
        &self.common
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        let net = format!("proc/{}/net", host.whose);
        let written = self.write(&host.read(&format!("{net}/dev"))?, out);
        if out.wants(&CONNECTIONS) {
            // Without IPv6 the second file is not there.
            let (four, six) = (host.read(&format!("{net}/tcp"))?, host.read(&format!("{net}/tcp6")));
            connections(&[&four, &six.unwrap_or_default()], out);
        }
        let tracked = |name: &str| host.number(&format!("proc/sys/net/netfilter/nf_conntrack_{name}"));
        out.one(&CONNTRACK, tracked("count"));
        out.one(&CONNTRACK_MAX, tracked("max"));
        written
    }
}

/// An interface and its figures: eight of what came in, eight of what went out.
fn interface(line: &str) -> Option<(&str, [u64; 16])> {
    // A name may have a colon in it, for an alias.
    let (name, figures) = line.rsplit_once(':')?;
    numbers(figures).first_chunk().map(|figures| (name.trim(), *figures))
}

pub fn connections(files: &[&[u8]], out: &mut Writer<'_>) {
    let mut counts = [0; STATES.len()];
    for line in files.iter().flat_map(|file| lines(file).skip(1)) {
        let state =
            line.split_ascii_whitespace().nth(3).and_then(|code| usize::from_str_radix(code, 16).ok());
        if let Some(count) = state.and_then(|state| counts.get_mut(state.checked_sub(1)?)) {
            *count += 1;
        }
    }
    out.metric(&CONNECTIONS);
    for (state, count) in STATES.iter().zip(counts) {
        out.count(count, &[("protocol", "tcp"), ("state", state)]);
    }
}
