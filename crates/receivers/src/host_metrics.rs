//! Tells what the machine uses: CPU, memory, disks, file systems, network, processes.
//!
//! ```yaml
//! host_metrics:
//!   root_path: /hostfs
//!   collection_interval: 1m
//!   scrapers:
//!     cpu: {}
//!     memory: {}
//!     filesystem:
//!       exclude_mount_points: {mount_points: ["^/snap/"], match_type: regexp}
//! ```
//!
//! In a container `/proc` shows the machine's CPU, memory and disks, but only the container's own network, mounts and
//! processes. For those of the machine, mount its root into the container and name it with `root_path`. Sums count
//! from the machine's start, those of a process from the process's. What cannot be read is left out and does not keep
//! the rest from being told.

mod config;
mod cpu;
mod disk;
mod filesystem;
mod host;
mod memory;
mod network;
mod paging;
mod process;
mod processes;
mod system;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use ::config::Interval;
use engine::{BuildContext, ConfigError, Fault, Outlet, Receiver, Stop, clock};
use model::{Batch, Tag};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::scraping::{Health, Metrics, ScrapeError, Ticks};
use config::{Common, Scrapers};
use host::Host;
use writer::{Known, Writer};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the machine's root is mounted; the root itself when absent.
    #[serde(default)]
    pub root_path: Option<PathBuf>,
    /// Time between two scrapes.
    #[serde(default = "one_minute")]
    pub collection_interval: Interval,
    /// Time before the first scrape.
    #[serde(default = "one_second")]
    pub initial_delay: Interval,
    /// What to tell of. Each has `metrics`, to switch single ones on and off.
    pub scrapers: Scrapers,
}

fn one_minute() -> Interval {
    Interval::from_secs(60)
}

fn one_second() -> Interval {
    Interval::from_secs(1)
}

/// Reads one part of the machine. Blocks.
pub trait Scraper: Send {
    const NAME: &'static str;
    /// Everything it can write.
    const METRICS: &'static [&'static Known];
    /// False of one that begins its resources itself.
    const IS_ONE_RESOURCE: bool = true;
    fn common(&self) -> &Common;
    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError>;
}

type Scrape = dyn FnMut(&Host, Metrics) -> (Metrics, Result<(), ScrapeError>) + Send;

/// A scraper whose type is forgotten, with how it has been lately.
struct Part {
    name: &'static str,
    scrape: Box<Scrape>,
    health: Health,
}

pub struct HostMetrics {
    host: Host,
    parts: Vec<Part>,
    interval: Duration,
    initial_delay: Duration,
}

impl Receiver for HostMetrics {
    const NAME: &'static str = "host_metrics";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        if config.collection_interval.is_zero() {
            let help = "write a time such as `1m`";
            return Err(cx.refuse("collection_interval", "no time between two scrapes", help));
        }
        let parts =
            config.scrapers.parts().map_err(|fault| cx.refuse("scrapers", fault.message, fault.help))?;
        if parts.is_empty() {
            let help = "write such as `scrapers: {cpu: {}, memory: {}}`";
            return Err(cx.refuse("scrapers", "must specify at least one scraper", help));
        }
        let host = Host::new(config.root_path);
        let (interval, initial_delay) = (*config.collection_interval, *config.initial_delay);
        Ok(HostMetrics { host, parts, interval, initial_delay })
    }

    async fn run(self, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let mut ticks = Ticks::new(self.interval, self.initial_delay, stop);
        let (mut host, mut parts, component) = (self.host, self.parts, out.id().to_string());
        while ticks.next().await {
            let (tag, name) = (out.id().clone(), component.clone());
            let work = spawn_blocking(move || {
                let batches = scrape(&host, &mut parts, &tag, &name);
                (host, parts, batches)
            });
            let batches;
            (host, parts, batches) =
                work.await.map_err(|error| Fault::from("bug: reading the machine's state failed", error))?;
            for batch in batches {
                let bytes = batch.byte_size() as u64;
                // A batch that is lost is counted by the engine; there is nobody to answer.
                let _ = out.send(batch, bytes).await;
            }
        }
        Ok(())
    }
}

/// A batch from each part that has something to tell.
fn scrape(host: &Host, parts: &mut [Part], tag: &Tag, component: &str) -> Vec<Batch> {
    let (now, booted) = (clock::now_nanos(), host.booted());
    let mut batches = Vec::new();
    for part in parts {
        let mut metrics = Metrics::new(tag.clone(), now);
        metrics.start = booted;
        let (metrics, done) = (part.scrape)(host, metrics);
        match done {
            Ok(()) => part.health.well(component, part.name),
            Err(error) => part.health.failed(component, part.name, &error),
        }
        batches.push(metrics.finish());
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}

impl Part {
    fn new<S: Scraper + 'static>(mut scraper: S) -> Part {
        let scrape = move |host: &Host, mut metrics: Metrics| {
            let common = scraper.common().clone();
            if S::IS_ONE_RESOURCE {
                metrics.resource(writer::SCHEMA_URL, &format!("outrigger/host_metrics/{}", S::NAME));
            }
            let mut out = Writer::new(metrics, &common.metrics);
            let done = scraper.scrape(host, &mut out);
            (out.finish(), done)
        };
        Part { name: S::NAME, scrape: Box::new(scrape), health: Health::default() }
    }
}
