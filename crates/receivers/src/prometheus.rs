//! Scrapes targets as Prometheus does, from its own configuration.
//!
//! ```yaml
//! prometheus:
//!   config:
//!     scrape_configs:
//!       - job_name: shop
//!         scrape_interval: 15s
//!         static_configs:
//!           - targets: ["localhost:9102"]
//!             labels: {env: prod}
//!       - job_name: ecs
//!         file_sd_configs:
//!           - files: ["/etc/ecs_sd_targets.yaml"]
//!             refresh_interval: 30s
//!         ec2_sd_configs:
//!           - region: eu-west-1
//!             port: 9100
//!             filters: [{name: "tag:scrape", values: ["yes"]}]
//!         relabel_configs:
//!           - source_labels: [__meta_ecs_cluster_name]
//!             target_label: cluster
//!         metric_relabel_configs:
//!           - source_labels: [__name__]
//!             regex: go_.*
//!             action: drop
//! ```
//!
//! EC2 discovery needs `ec2:DescribeInstances`. A source that cannot be read keeps the targets it gave before.
//!
//! It reads the text format 0.0.4, OpenMetrics 1.0 and protobuf. Only protobuf has native histograms:
//! `scrape_native_histograms: true` asks for it first and reads them as exponential histograms, in place of the buckets
//! with bounds unless `always_scrape_classic_histograms` wants both. Counters become monotonic cumulative sums,
//! histograms and summaries their OTLP kinds, everything else gauges; `job` and `instance` become the resource's
//! `service.name` and `service.instance.id`. A start time comes from `_created`, or from what protobuf says of it: a
//! page without does not tell when its counters began. A series that is gone ends with a point that records no
//! value. Each scrape adds `up` and the `scrape_*` series.

mod access;
mod config;
mod discovery;
mod job;
mod labels;
mod page;
mod relabel;
mod report;
mod scrape;
mod translate;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use engine::{BuildContext, ConfigError, Fault, Outlet, Receiver, Stop};
use net::Environment;
use net::http::{Client, ClientSettings};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tracing::warn;

use self::config::{HttpSdConfig, PrometheusConfig};
use discovery::{Ec2, Found, Source, Watched};
use job::{Job, Target};
use scrape::Scraper;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Prometheus' configuration: `global` and `scrape_configs`, with static, file, HTTP and EC2 discovery.
    pub config: PrometheusConfig,
    /// Leave `_total` and the unit out of the names of metrics.
    #[serde(default)]
    pub trim_metric_suffixes: bool,
}

pub struct Prometheus {
    jobs: Vec<Arc<Job>>,
    environment: Environment,
}

impl Receiver for Prometheus {
    const NAME: &'static str = "prometheus";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let (mut names, mut jobs, mut refused) = (HashSet::new(), Vec::new(), None);
        for scrape_config in config.config.scrape_configs {
            let name = scrape_config.job_name.clone();
            if scrape_config.enable_http2 == Some(true) {
                let message = format!("job `{name}`: HTTP/2 is not spoken");
                cx.warn("config", message, "leave out `enable_http2`");
            }
            let unique = names.insert(name.clone());
            let mut faults: Vec<String> =
                scrape_config.http_sd_configs.iter().filter_map(HttpSdConfig::fault).collect();
            let environment = &cx.surroundings.environment;
            let ec2 = scrape_config.ec2_sd_configs.iter();
            faults.extend(ec2.filter_map(|config| Ec2::new(config, environment).err()));
            faults.extend((!unique).then(|| "another job has the same name".into()));
            match Job::new(scrape_config, &config.config.global) {
                Ok(job) => {
                    jobs.push(Arc::new(Job { trim_suffixes: config.trim_metric_suffixes, ..job }));
                }
                Err(why) => faults.push(why),
            }
            for why in faults {
                let help = "see the scrape configuration of this name";
                refused = Some(cx.refuse("config", format!("job `{name}`: {why}"), help));
            }
        }
        match refused {
            Some(refused) => Err(refused),
            None => Ok(Prometheus { jobs, environment: cx.surroundings.environment.clone() }),
        }
    }

    async fn run(self, out: Outlet, mut stop: Stop) -> Result<(), Fault> {
        let mut tasks = JoinSet::new();
        for job in self.jobs {
            let crew = Crew::new(job, &self.environment, out.clone(), stop.clone())?;
            tasks.spawn(crew.run());
        }
        stop.draining().await;
        while tasks.join_next().await.is_some() {}
        Ok(())
    }
}

/// The scrapers of one job, kept in step with what discovery finds.
struct Crew {
    job: Arc<Job>,
    client: Client,
    out: Outlet,
    stop: Stop,
    sources: Vec<Watched>,
    /// Each target at work; `false` tells it to end.
    members: HashMap<Target, watch::Sender<bool>>,
    tasks: JoinSet<()>,
}

impl Crew {
    fn new(job: Arc<Job>, environment: &Environment, out: Outlet, stop: Stop) -> Result<Crew, Fault> {
        let mut settings = ClientSettings::new(environment);
        settings.tls = job.config.tls_config.clone().into();
        let client = Client::new(settings).map_err(|error| Fault::from("cannot set up TLS", error))?;
        let mut sources = vec![Watched::new(Source::Settings(job.config.static_configs.clone()))];
        sources.extend(job.config.file_sd_configs.iter().cloned().map(Source::Files).map(Watched::new));
        for config in &job.config.http_sd_configs {
            sources.push(Watched::http(config.clone(), environment)?);
        }
        for config in &job.config.ec2_sd_configs {
            sources.push(Watched::ec2(config.clone(), environment)?);
        }
        Ok(Crew { job, client, out, stop, sources, members: HashMap::new(), tasks: JoinSet::new() })
    }

    async fn run(mut self) {
        let mut stop = self.stop.clone();
        let mut told = Vec::new();
        loop {
            let mut faults = Vec::new();
            tokio::select! {
                () = stop.draining() => break,
                () = refresh(&mut self.sources, &mut faults) => {}
            }
            self.reconcile(&mut faults);
            // What stays wrong is said once.
            for why in faults.iter().filter(|why| !told.contains(*why)) {
                warn!(component = %self.out.id(), job = self.job.config.job_name, why, "discovery has a fault");
            }
            told = faults;
            let next = self.sources.iter().map(Watched::next).min();
            tokio::select! {
                () = stop.draining() => break,
                () = async { if let Some(next) = next { sleep_until(next).await } } => {}
            }
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// Starts scrapers for targets that are new and ends those whose targets are gone.
    fn reconcile(&mut self, faults: &mut Vec<String>) {
        let groups: Vec<Found> = self.sources.iter().flat_map(Watched::groups).collect();
        let (targets, more) = self.job.targets(&groups);
        faults.extend(more);
        let wanted: HashSet<Target> = targets.into_iter().collect();
        self.members.retain(|target, member| {
            let keep = wanted.contains(target);
            if !keep {
                member.send_replace(false);
            }
            keep
        });
        for target in wanted {
            if self.members.contains_key(&target) {
                continue;
            }
            let (member, gone) = watch::channel(true);
            let (job, client, out) = (self.job.clone(), self.client.clone(), self.out.clone());
            let scraper = Scraper::new(job, target.clone(), client, out);
            self.tasks.spawn(scraper.run(self.stop.clone(), gone));
            self.members.insert(target, member);
        }
        // Those that have ended since.
        while self.tasks.try_join_next().is_some() {}
    }
}

async fn refresh(sources: &mut [Watched], faults: &mut Vec<String>) {
    for source in sources {
        source.refresh(faults).await;
    }
}

#[cfg(test)]
mod tests;
