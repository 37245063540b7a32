//! What a user writes: Prometheus' own words, for the part of its configuration that scrapes.

use std::collections::BTreeMap;

use axum::http::Uri;
use config::{ByteSize, Interval};
use schemars::JsonSchema;
use serde::Deserialize;

use super::access::{Authorization, BasicAuth, TlsConfig};
use super::discovery::Ec2SdConfig;
use super::relabel::RelabelConfig;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrometheusConfig {
    pub global: GlobalConfig,
    pub scrape_configs: Vec<ScrapeConfig>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GlobalConfig {
    pub scrape_interval: Interval,
    pub scrape_timeout: Option<Interval>,
    /// Of Prometheus' rules, which nothing here evaluates.
    pub evaluation_interval: Option<Interval>,
    /// Labels of every sample that does not have them.
    pub external_labels: BTreeMap<String, String>,
    pub body_size_limit: ByteSize,
    pub sample_limit: u64,
    pub label_limit: u64,
    pub label_name_length_limit: u64,
    pub label_value_length_limit: u64,
    pub target_limit: u64,
    pub scrape_protocols: Option<Vec<Protocol>>,
    pub scrape_native_histograms: bool,
    pub always_scrape_classic_histograms: bool,
}

impl Default for GlobalConfig {
    fn default() -> Self {
        GlobalConfig {
            scrape_interval: Interval::from_secs(60),
            scrape_timeout: None,
            evaluation_interval: None,
            external_labels: BTreeMap::new(),
            body_size_limit: ByteSize::bytes(0),
            sample_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            target_limit: 0,
            scrape_protocols: None,
            scrape_native_histograms: false,
            always_scrape_classic_histograms: false,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScrapeConfig {
    pub job_name: String,
    #[serde(default)]
    pub scrape_interval: Option<Interval>,
    #[serde(default)]
    pub scrape_timeout: Option<Interval>,
    #[serde(default = "metrics_path")]
    pub metrics_path: String,
    #[serde(default)]
    pub scheme: Scheme,
    #[serde(default)]
    pub params: BTreeMap<String, Vec<String>>,
    /// Labels of the page win over those of the target.
    #[serde(default)]
    pub honor_labels: bool,
    /// Times that the page gives are kept.
    #[serde(default = "yes")]
    pub honor_timestamps: bool,
    /// Series whose times the page gives end, too, when they vanish.
    #[serde(default)]
    pub track_timestamps_staleness: bool,
    #[serde(default = "yes")]
    pub enable_compression: bool,
    #[serde(default = "yes")]
    pub follow_redirects: bool,
    /// Read for compatibility: scrapes speak HTTP/1.1.
    #[serde(default)]
    pub enable_http2: Option<bool>,
    /// The formats to ask for, the preferred one first.
    #[serde(default)]
    pub scrape_protocols: Option<Vec<Protocol>>,
    /// Asks for protobuf first, and reads the native histograms it has.
    #[serde(default)]
    pub scrape_native_histograms: Option<bool>,
    /// Reads the buckets with `le` too, of histograms that also have native ones.
    #[serde(default)]
    pub always_scrape_classic_histograms: Option<bool>,
    /// What a page without a known content type is taken for.
    #[serde(default)]
    pub fallback_scrape_protocol: Option<Protocol>,
    #[serde(default)]
    pub extra_scrape_metrics: bool,
    #[serde(default)]
    pub basic_auth: Option<BasicAuth>,
    #[serde(default)]
    pub authorization: Option<Authorization>,
    #[serde(default)]
    pub tls_config: TlsConfig,
    #[serde(default)]
    pub static_configs: Vec<TargetGroup>,
    #[serde(default)]
    pub file_sd_configs: Vec<FileSdConfig>,
    #[serde(default)]
    pub http_sd_configs: Vec<HttpSdConfig>,
    #[serde(default)]
    pub ec2_sd_configs: Vec<Ec2SdConfig>,
    #[serde(default)]
    pub relabel_configs: Vec<RelabelConfig>,
    #[serde(default)]
    pub metric_relabel_configs: Vec<RelabelConfig>,
    #[serde(default)]
    pub body_size_limit: Option<ByteSize>,
    #[serde(default)]
    pub sample_limit: Option<u64>,
    #[serde(default)]
    pub label_limit: Option<u64>,
    #[serde(default)]
    pub label_name_length_limit: Option<u64>,
    #[serde(default)]
    pub label_value_length_limit: Option<u64>,
    #[serde(default)]
    pub target_limit: Option<u64>,
}

fn metrics_path() -> String {
    "/metrics".into()
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Protocol {
    PrometheusProto,
    #[serde(rename = "PrometheusText0.0.4")]
    Text004,
    /// Not spoken here; the others are asked for.
    #[serde(rename = "PrometheusText1.0.0")]
    Text100,
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetrics001,
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetrics100,
}

/// Also what a file or an HTTP endpoint lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TargetGroup {
    pub targets: Vec<String>,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSdConfig {
    /// Files of target groups, in JSON or YAML. The last part of a path may hold `*`.
    pub files: Vec<String>,
    #[serde(default = "five_minutes")]
    pub refresh_interval: Interval,
}

fn five_minutes() -> Interval {
    Interval::from_secs(300)
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSdConfig {
    pub url: String,
    #[serde(default = "one_minute")]
    pub refresh_interval: Interval,
    #[serde(default)]
    pub basic_auth: Option<BasicAuth>,
    #[serde(default)]
    pub authorization: Option<Authorization>,
    #[serde(default)]
    pub tls_config: TlsConfig,
}

fn one_minute() -> Interval {
    Interval::from_secs(60)
}

impl HttpSdConfig {
    /// What is wrong with it.
    pub fn fault(&self) -> Option<String> {
        let url: Option<Uri> = self.url.parse().ok();
        let good = url.is_some_and(|url| url.scheme().is_some() && url.host().is_some());
        (!good).then(|| format!("`{}` is no URL", self.url))
    }
}
