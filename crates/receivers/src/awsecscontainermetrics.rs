//! Asks the ECS task metadata endpoint what the task and its containers use.
//!
//! ```yaml
//! awsecscontainermetrics:
//!   collection_interval: 20s
//! ```
//!
//! It runs inside the task, as a sidecar: ECS sets `ECS_CONTAINER_METADATA_URI_V4` there, from platform version 1.4.0
//! on Fargate and agent 1.39.0 on EC2. Each container gives metrics named `container.*`, the task `ecs.task.*`, both
//! with the task in their resource. A number the endpoint does not tell is left out rather than told as 0, and a
//! container without numbers does not keep the others from being told.
//!
//! In the network mode `awsvpc` all containers share the task's interface, and each shows its counters; they are told
//! once, as `ecs.task.network.*`. Memory in use leaves out the page cache: `cache` under cgroup v1, `inactive_file`
//! under v2.

mod document;
mod emit;
mod usage;

use std::time::Duration;

use axum::http::{HeaderMap, Uri};
use bytes::Bytes;
use config::Interval;
use engine::{BuildContext, ConfigError, Fault, Outlet, Receiver, Stop, clock};
use model::{Batch, Reason};
use net::Environment;
use net::http::{Client, ClientSettings};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::scraping::{Health, Metrics, Page, ScrapeError, Ticks};
use document::{AllStats, Task};
use usage::Earlier;

/// A task of ten containers makes about 40 KiB of either.
const MAX_DOCUMENT_BYTES: usize = 4 << 20;

/// Of one request. The agent answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

const VARIABLE: &str = "ECS_CONTAINER_METADATA_URI_V4";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Time between two scrapes. The agent itself looks every 10 to 20 seconds.
    #[serde(default = "twenty_seconds")]
    pub collection_interval: Interval,
}

fn twenty_seconds() -> Interval {
    Interval::from_secs(20)
}

pub struct EcsContainerMetrics {
    interval: Duration,
    environment: Environment,
}

impl Receiver for EcsContainerMetrics {
    const NAME: &'static str = "awsecscontainermetrics";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        if config.collection_interval.is_zero() {
            let help = "write a time such as `20s`";
            return Err(cx.refuse("collection_interval", "no time between two scrapes", help));
        }
        let environment = cx.surroundings.environment.clone();
        Ok(EcsContainerMetrics { interval: *config.collection_interval, environment })
    }

    async fn run(self, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let mut endpoint = Endpoint::new(&self.environment)?;
        let mut ticks = Ticks::new(self.interval, self.interval.min(Duration::from_secs(1)), stop);
        let (mut health, component) = (Health::default(), out.id().to_string());
        while ticks.next().await {
            let Some(documents) = ticks.unless_over(endpoint.fetch()).await else { break };
            let taken = match documents {
                Ok(documents) => endpoint.take(&documents, &out).await,
                Err(error) => Err(error),
            };
            match taken {
                Ok(()) => health.well(&component, "the task metadata endpoint"),
                Err(error) => health.failed(&component, "the task metadata endpoint", &error),
            }
        }
        Ok(())
    }
}

struct Endpoint {
    task: Page,
    stats: Page,
    earlier: Earlier,
}

impl Endpoint {
    fn new(environment: &Environment) -> Result<Endpoint, Fault> {
        let base = environment
            .get(VARIABLE)
            .ok_or_else(|| Fault::new(format!("{VARIABLE} is not set, so this is no ECS task")))?;
        let mut settings = ClientSettings::new(environment);
        settings.use_proxy = false;
        let client = Client::new(settings).map_err(|error| Fault::from("cannot set up TLS", error))?;
        let page = |path: &str| {
            let uri: Uri = format!("{}{path}", base.trim_end_matches('/'))
                .parse()
                .map_err(|error| Fault::from(format!("{VARIABLE} is no URL"), error))?;
            let (client, headers) = (client.clone(), HeaderMap::new());
            Ok(Page { client, uri, headers, timeout: TIMEOUT, max_bytes: MAX_DOCUMENT_BYTES })
        };
        Ok(Endpoint { task: page("/task")?, stats: page("/task/stats")?, earlier: Earlier::default() })
    }

    async fn fetch(&self) -> Result<(Bytes, Bytes), ScrapeError> {
        Ok((self.task.get().await?.body, self.stats.get().await?.body))
    }

    async fn take(&mut self, (task, stats): &(Bytes, Bytes), out: &Outlet) -> Result<(), ScrapeError> {
        let bytes = (task.len() + stats.len()) as u64;
        let documents = parse(task).and_then(|task: Task| Ok((task, parse::<AllStats>(stats)?)));
        let (task, stats) = documents.inspect_err(|_| out.refuse(Reason::Malformed, 1, bytes))?;
        let metrics = Metrics::new(out.id().clone(), clock::now_nanos());
        // A batch that is lost is counted by the engine; there is nobody to answer.
        let _ = out.send(convert(&task, &stats, &mut self.earlier, metrics), bytes).await;
        Ok(())
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ScrapeError> {
    serde_json::from_slice(body).map_err(|error| ScrapeError::Unreadable(error.to_string()))
}

/// The two documents as metrics.
fn convert(task: &Task, stats: &AllStats, earlier: &mut Earlier, mut metrics: Metrics) -> Batch {
    let used = usage::of_containers(task, stats, earlier);
    for (container, usage) in &used {
        emit::container(task, container, usage, &mut metrics);
    }
    for container in task.containers.iter().flatten() {
        emit::finished(task, container, &mut metrics);
    }
    emit::task(task, &usage::of_task(task, &used), &mut metrics);
    metrics.finish()
}

#[cfg(test)]
mod tests;
