//! A scrape configuration that was checked, and the targets it makes of what discovery finds.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use axum::http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use wire::prometheus::protobuf::Histograms;

use super::config::{GlobalConfig, Protocol, ScrapeConfig, TargetGroup};
use super::labels::Labels;
use super::relabel::{self, RelabelConfig, Rule};

/// Where no limit is set. A page of this size has some hundred thousand samples.
const MAX_PAGE_BYTES: usize = 64 << 20;

/// What may stand in a query as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Most of each; 0 is no limit.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub body_bytes: usize,
    pub samples: u64,
    pub labels: u64,
    pub label_name: u64,
    pub label_value: u64,
    pub targets: u64,
}

#[derive(Debug)]
pub struct Job {
    pub config: ScrapeConfig,
    pub interval: Duration,
    pub timeout: Duration,
    pub external_labels: BTreeMap<String, String>,
    pub relabel: Vec<Rule>,
    pub metric_relabel: Vec<Rule>,
    pub limits: Limits,
    pub accept: String,
    pub histograms: Histograms,
    /// Names lose `_total` and their unit.
    pub trim_suffixes: bool,
}

/// One endpoint to scrape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Those that its samples get.
    pub labels: Labels<'static>,
    pub url: String,
    pub interval: Duration,
    pub timeout: Duration,
}

impl Job {
    /// The error tells what is wrong with the configuration.
    pub fn new(config: ScrapeConfig, global: &GlobalConfig) -> Result<Job, String> {
        let interval = *config.scrape_interval.unwrap_or(global.scrape_interval);
        check(&config, interval)?;
        let usual = global.scrape_timeout.map_or(Duration::from_secs(10), |timeout| *timeout);
        let timeout = config.scrape_timeout.map_or(usual.min(interval), |timeout| *timeout);
        let rules = |name: &str, rules: &[RelabelConfig]| {
            let rules = rules.iter().enumerate();
            let rules = rules.map(|(n, rule)| Rule::new(rule).map_err(|why| format!("{name}[{n}]: {why}")));
            rules.collect::<Result<Vec<_>, _>>()
        };
        let histograms = Histograms {
            native: config.scrape_native_histograms.unwrap_or(global.scrape_native_histograms),
            always_classic: config
                .always_scrape_classic_histograms
                .unwrap_or(global.always_scrape_classic_histograms),
        };
        Ok(Job {
            interval,
            timeout,
            external_labels: global.external_labels.clone(),
            relabel: rules("relabel_configs", &config.relabel_configs)?,
            metric_relabel: rules("metric_relabel_configs", &config.metric_relabel_configs)?,
            limits: limits(&config, global),
            accept: accept(
                config.scrape_protocols.as_deref().or(global.scrape_protocols.as_deref()),
                histograms.native,
            ),
            histograms,
            trim_suffixes: false,
            config,
        })
    }

    /// The targets of these groups, each once, and why there are not more.
    pub fn targets(&self, groups: &[(TargetGroup, Vec<(String, String)>)]) -> (Vec<Target>, Vec<String>) {
        let (mut targets, mut faults, mut known) = (Vec::new(), Vec::new(), HashSet::new());
        for (group, found) in groups {
            for address in &group.targets {
                match self.target(group, found, address) {
                    Ok(Some(target)) if known.insert(target.clone()) => targets.push(target),
                    Ok(_) => {}
                    Err(why) => faults.push(format!("`{address}`: {why}")),
                }
            }
        }
        let most = usize::try_from(self.limits.targets).unwrap_or(usize::MAX);
        if most > 0 && targets.len() > most {
            faults
                .push(format!("{} targets are more than `target_limit`, so none is scraped", targets.len()));
            targets.clear();
        }
        (targets, faults)
    }

    /// `None` when relabelling drops it.
    fn target(
        &self,
        group: &TargetGroup,
        found: &[(String, String)],
        address: &str,
    ) -> Result<Option<Target>, String> {
        let mut labels = Labels::default();
        let found = found.iter().map(|(name, value)| (name, value));
        for (name, value) in found.chain(&group.labels) {
            labels.set(name.clone(), value.clone());
        }
        labels.set("__address__", address.to_owned());
        for (name, value) in self.defaults() {
            labels.set_if_absent(name, value);
        }
        if !relabel::apply(&self.relabel, &mut labels) {
            return Ok(None);
        }
        let address = labels.get("__address__").to_owned();
        if address.is_empty() {
            return Err("it has no `__address__`".into());
        }
        let url = self.url(&labels);
        url.parse::<Uri>().map_err(|_| "it makes no URL".to_owned())?;
        let interval = time(&labels, "__scrape_interval__")?;
        let timeout = time(&labels, "__scrape_timeout__")?;
        labels.retain(|name| !name.starts_with("__"));
        labels.set_if_absent("instance", address);
        Ok(Some(Target { labels, url, interval, timeout: timeout.min(interval) }))
    }

    fn defaults(&self) -> Vec<(String, String)> {
        let mut defaults = vec![
            ("job".into(), self.config.job_name.clone()),
            ("__scheme__".into(), self.config.scheme.as_str().to_owned()),
            ("__metrics_path__".into(), self.config.metrics_path.clone()),
            ("__scrape_interval__".into(), config::Interval(self.interval).to_string()),
            ("__scrape_timeout__".into(), config::Interval(self.timeout).to_string()),
        ];
        for (name, values) in &self.config.params {
            defaults.extend(values.first().map(|value| (format!("__param_{name}"), value.clone())));
        }
        defaults
    }

    fn url(&self, labels: &Labels<'_>) -> String {
        let mut query = Vec::new();
        let mut add = |name: &str, value: &str| {
            let encoded = [name, value].map(|text| utf8_percent_encode(text, QUERY).to_string());
            query.push(encoded.join("="));
        };
        for (name, value) in labels.iter() {
            if let Some(name) = name.strip_prefix("__param_") {
                add(name, value);
                let more = self.config.params.get(name).into_iter().flatten().skip(1);
                more.for_each(|value| add(name, value));
            }
        }
        let path = labels.get("__metrics_path__");
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mark = match (query.is_empty(), path.contains('?')) {
            (true, _) => "",
            (false, false) => "?",
            (false, true) => "&",
        };
        let (scheme, address) = (labels.get("__scheme__"), labels.get("__address__"));
        format!("{scheme}://{address}{slash}{path}{mark}{}", query.join("&"))
    }
}

fn check(config: &ScrapeConfig, interval: Duration) -> Result<(), String> {
    let faults = [
        (config.job_name.is_empty(), "`job_name` is empty"),
        (interval.is_zero(), "`scrape_interval` is zero"),
        (
            config.scrape_timeout.is_some_and(|timeout| *timeout > interval),
            "`scrape_timeout` is longer than `scrape_interval`",
        ),
        (
            config.basic_auth.is_some() && config.authorization.is_some(),
            "`basic_auth` and `authorization` exclude each other",
        ),
    ];
    faults.iter().find(|(wrong, _)| *wrong).map_or(Ok(()), |(_, why)| Err((*why).to_owned()))
}

/// A time that a label holds.
fn time(labels: &Labels<'_>, name: &str) -> Result<Duration, String> {
    let text = labels.get(name);
    match text.parse::<config::Interval>() {
        Ok(time) if !time.is_zero() => Ok(*time),
        _ => Err(format!("`{name}` is `{text}`")),
    }
}

fn limits(config: &ScrapeConfig, global: &GlobalConfig) -> Limits {
    let body_bytes = config.body_size_limit.unwrap_or(global.body_size_limit).as_usize();
    Limits {
        body_bytes: if body_bytes == 0 { MAX_PAGE_BYTES } else { body_bytes },
        samples: config.sample_limit.unwrap_or(global.sample_limit),
        labels: config.label_limit.unwrap_or(global.label_limit),
        label_name: config.label_name_length_limit.unwrap_or(global.label_name_length_limit),
        label_value: config.label_value_length_limit.unwrap_or(global.label_value_length_limit),
        targets: config.target_limit.unwrap_or(global.target_limit),
    }
}

/// The formats to ask for, the one to be preferred first.
fn accept(protocols: Option<&[Protocol]>, native_histograms: bool) -> String {
    // Only protobuf has native histograms.
    let usual =
        [Protocol::PrometheusProto, Protocol::OpenMetrics100, Protocol::OpenMetrics001, Protocol::Text004];
    let usual = if native_histograms { &usual[..] } else { &usual[1..] };
    let types = protocols.unwrap_or(usual).iter().filter_map(|protocol| match protocol {
        Protocol::OpenMetrics100 => Some("application/openmetrics-text;version=1.0.0"),
        Protocol::OpenMetrics001 => Some("application/openmetrics-text;version=0.0.1"),
        Protocol::Text004 => Some("text/plain;version=0.0.4"),
        Protocol::PrometheusProto => {
            Some("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
        }
        Protocol::Text100 => None,
    });
    let mut accept: Vec<String> =
        types.enumerate().map(|(place, kind)| format!("{kind};q=0.{}", 9 - place.min(6))).collect();
    accept.push("*/*;q=0.1".into());
    accept.join(",")
}

#[cfg(test)]
mod tests;
