//! Processors: what each one's keys become.

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Node, Setting};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::draft::Draft;
use super::helper::FLUSH;
use super::matching::{self, Rows};
use super::table::{ALL, Absent, Entry, LOGS, LOGS_AND_TRACES};
use super::values::{GoDuration, Words};

/// What stands in a pipeline for a processor.
pub(super) enum Processor {
    Step {
        kind: &'static str,
        settings: Setting,
    },
    /// The engine does it; exporters of the pipeline keep payloads open for this long.
    Flush(Duration),
    /// The engine does it.
    Nothing,
}

type Lower = fn(Draft<'_>) -> Option<Processor>;

pub(super) static PROCESSORS: &[Entry<Lower>] = &[
    Entry { name: "attributes", older: &[], signals: ALL, lower: attributes },
    Entry { name: "batch", older: &[], signals: ALL, lower: batch },
    Entry { name: "filter", older: &[], signals: ALL, lower: filter },
    Entry { name: "memory_limiter", older: &[], signals: ALL, lower: memory_limiter },
    Entry { name: "normalize", older: &[], signals: LOGS, lower: normalize },
    Entry {
        name: "probabilistic_sampler",
        older: &[],
        signals: LOGS_AND_TRACES,
        lower: probabilistic_sampler,
    },
    Entry { name: "redaction", older: &[], signals: ALL, lower: redaction },
    Entry { name: "resource", older: &[], signals: ALL, lower: resource },
    Entry { name: "resource_detection", older: &[], signals: ALL, lower: resource_detection },
    Entry { name: "transform", older: &[], signals: ALL, lower: transform },
];

pub(super) const ABSENT: &[Absent] = &[
    ("cumulativetodelta", ""),
    ("deltatocumulative", ""),
    ("deltatorate", ""),
    ("groupbyattrs", ""),
    ("groupbytrace", ""),
    ("interval", ""),
    ("k8s_attributes", ""),
    ("log_dedup", ""),
    ("metrics_generation", ""),
    ("metrics_transform", ""),
    ("remote_tap", ""),
    ("schema", ""),
    ("span", "use `transform`"),
    ("sumologic", ""),
    ("tail_sampling", ""),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BatchConfig {
    timeout: Option<GoDuration>,
    send_batch_size: Option<u64>,
    send_batch_max_size: Option<u64>,
    metadata_keys: Vec<String>,
    metadata_cardinality_limit: Option<u64>,
}

fn batch(mut draft: Draft<'_>) -> Option<Processor> {
    let config = draft.group::<BatchConfig>();
    if !config.metadata_keys.is_empty() || config.metadata_cardinality_limit.is_some() {
        draft.error("`metadata_keys`: batches are not kept apart by the senders' metadata", "remove the key");
    }
    if let (Some(size), Some(most @ 1..)) = (config.send_batch_size, config.send_batch_max_size)
        && most < size
    {
        draft.error(
            "send_batch_max_size must be greater or equal to send_batch_size",
            "raise it, or leave it out",
        );
    }
    if config.send_batch_size.is_some() || config.send_batch_max_size.is_some() {
        draft.note("`send_batch_size`: requests are closed by their size in bytes, or after `timeout`");
    }
    draft.finish(Setting::map())?;
    Some(Processor::Flush(config.timeout.map_or(FLUSH, |timeout| timeout.0)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)] // Its work is the engine's; its keys are checked alone.
struct MemoryLimiterConfig {
    check_interval: Option<GoDuration>,
    limit_mib: Option<u64>,
    spike_limit_mib: Option<u64>,
    limit_percentage: Option<u64>,
    spike_limit_percentage: Option<u64>,
    min_gc_interval_when_soft_limited: Option<GoDuration>,
    min_gc_interval_when_hard_limited: Option<GoDuration>,
    max_gc_interval_when_soft_limited: Option<GoDuration>,
    max_gc_interval_when_hard_limited: Option<GoDuration>,
}

fn memory_limiter(mut draft: Draft<'_>) -> Option<Processor> {
    let config = draft.group::<MemoryLimiterConfig>();
    if config.check_interval.is_none_or(|interval| interval.0.is_zero()) {
        draft.error("'check_interval' must be greater than zero", "write `check_interval: 1s`");
    }
    if config.limit_mib.unwrap_or(0) == 0 && config.limit_percentage.unwrap_or(0) == 0 {
        draft.error("'limit_mib' or 'limit_percentage' must be greater than zero", "set one of the two");
    }
    draft
        .note("memory is bounded by the engine, from the container's limit: senders wait before it is spent");
    draft.finish(Setting::map())?;
    Some(Processor::Nothing)
}

/// A component of ours that takes the Collector's own keys, and checks them itself.
fn same(kind: &'static str, draft: &Draft<'_>) -> Option<Processor> {
    let settings = draft.declared.setting.clone().at(draft.declared.origin);
    Some(Processor::Step { kind, settings })
}

fn attributes(mut draft: Draft<'_>) -> Option<Processor> {
    let mut whole = std::mem::take(&mut draft.declared.setting);
    let blocks = matching::blocks::<matching::Any>(&mut draft, &mut whole);
    let mut only = Setting::map();
    for (name, rows) in [("log", Rows::Log), ("span", Rows::Span), ("datapoint", Rows::DataPoint)] {
        let dropped = matching::dropped(&mut draft, &blocks, |block| block.condition(rows));
        let kept: Vec<String> = dropped.into_iter().map(|condition| format!("not ({condition})")).collect();
        if !kept.is_empty() {
            only.set(name, kept.join(" and "));
        }
    }
    if !only.entries().is_empty() {
        whole.set("only", only);
    }
    draft.declared.setting = whole;
    same("attributes", &draft)
}

/// The oldest form, `include` and `exclude`, becomes conditions of the older one.
fn filter(mut draft: Draft<'_>) -> Option<Processor> {
    choose(&mut draft, "logs", ("logs", "log_record"), matching::Logs::condition);
    choose(&mut draft, "metrics", ("metrics", "metric"), matching::Metrics::condition);
    choose(&mut draft, "spans", ("traces", "span"), matching::Spans::condition);
    same("filter", &draft)
}

/// Moves what the blocks under `key` leave out to the list of conditions `list` under `target`.
fn choose<T: DeserializeOwned>(
    draft: &mut Draft<'_>,
    key: &str,
    (target, list): (&str, &str),
    condition: impl Fn(&T) -> Result<String, matching::Fault>,
) {
    let Some(mut blocks) = draft.declared.setting.remove(key) else { return };
    if !matches!(blocks.node, Node::Map(_)) {
        draft.declared.setting.set(key, blocks);
        return;
    }
    let read = matching::blocks::<T>(draft, &mut blocks);
    let conditions = matching::dropped(draft, &read, condition);
    if key != target && !blocks.entries().is_empty() {
        draft.error(format!("`{key}` has a key that is not read"), "it takes `include` and `exclude`");
    }
    let origin = blocks.origin;
    let mut group = match key == target {
        true => blocks,
        false => draft.declared.setting.remove(target).unwrap_or_else(Setting::map),
    };
    if !conditions.is_empty() {
        let earlier = group.remove(list).map(|list| list.items().to_vec()).unwrap_or_default();
        let added = conditions.into_iter().map(|text| Setting::from(text).at(origin));
        group.set(list, Setting::list(earlier.into_iter().chain(added)));
    }
    if !group.entries().is_empty() {
        draft.declared.setting.set(target, group);
    }
}

/// Ours alone; the Collector has none.
fn normalize(draft: Draft<'_>) -> Option<Processor> {
    same("normalize", &draft)
}

fn transform(draft: Draft<'_>) -> Option<Processor> {
    same("transform", &draft)
}

fn probabilistic_sampler(draft: Draft<'_>) -> Option<Processor> {
    same("probabilistic_sampler", &draft)
}

fn redaction(mut draft: Draft<'_>) -> Option<Processor> {
    for name in ["url_sanitizer", "db_sanitizer"] {
        if draft.take(name).is_some() {
            let help = "write `blocked_values`, or a `transform` statement with `replace_pattern`";
            draft.error(format!("`{name}`: addresses and queries are not taken apart here"), help);
        }
    }
    same("redaction", &draft)
}

fn resource(draft: Draft<'_>) -> Option<Processor> {
    same("resource", &draft)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)] // Nothing is waited for, so how long is not asked.
struct ResourceDetectionConfig {
    detectors: Option<Words>,
    r#override: Option<bool>,
    timeout: Option<GoDuration>,
    refresh_interval: Option<GoDuration>,
    fail_on_missing_metadata: Option<bool>,
    attributes: Option<Words>,
    env: Option<DetectorConfig>,
    ecs: Option<DetectorConfig>,
    system: Option<DetectorConfig>,
    docker: Option<DetectorConfig>,
    ec2: Option<DetectorConfig>,
    eks: Option<DetectorConfig>,
    lambda: Option<DetectorConfig>,
    elastic_beanstalk: Option<DetectorConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)]
struct DetectorConfig {
    resource_attributes: BTreeMap<String, Enabled>,
    hostname_sources: Words,
    tags: Words,
    tags_from_imds: bool,
    max_attempts: Option<u32>,
    max_backoff: Option<GoDuration>,
    fail_on_missing_metadata: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Enabled {
    enabled: bool,
}

/// Detectors that find nothing where this program runs beside a task.
const SILENT: [&str; 7] = ["eks", "lambda", "elastic_beanstalk", "gcp", "azure", "aks", "heroku"];

fn resource_detection(mut draft: Draft<'_>) -> Option<Processor> {
    let config = draft.group::<ResourceDetectionConfig>();
    let mut detectors = Vec::new();
    for name in config.detectors.unwrap_or(Words(vec!["env".into()])).0 {
        match name.as_str() {
            "env" | "system" | "ecs" | "ec2" | "docker" => detectors.push(name),
            silent if SILENT.contains(&silent) => {
                draft.note(format!("detector `{silent}` is not asked: it adds nothing"));
            }
            other => draft.error(format!("invalid detector key: {other}"), "env, system, ecs, ec2 or docker"),
        }
    }
    if config.fail_on_missing_metadata == Some(true) {
        draft.note("`fail_on_missing_metadata`: what cannot be detected never stops anything here");
    }
    let mut settings = Setting::map().with("detectors", Setting::list(detectors));
    if let Some(replaces) = config.r#override {
        settings.set("override", replaces);
    }
    if let Some(ec2) = &config.ec2
        && !ec2.tags.0.is_empty()
    {
        settings.set("tags", Setting::list(ec2.tags.0.clone()));
        if !ec2.tags_from_imds {
            draft.note("`tags` are read from the instance's metadata, which must be allowed to tell them");
        }
    }
    let mut attributes = Setting::map();
    let blocks = [
        ("env", config.env),
        ("ecs", config.ecs),
        ("ec2", config.ec2),
        ("system", config.system),
        ("docker", config.docker),
    ];
    for (name, block) in blocks {
        for (key, on) in block.unwrap_or_default().resource_attributes {
            let mut of = attributes.remove(name).unwrap_or_else(Setting::map);
            of.set(key, on.enabled);
            attributes.set(name, of);
        }
    }
    if !attributes.entries().is_empty() {
        settings.set("attributes", attributes);
    }
    Some(Processor::Step { kind: "resource_detection", settings: draft.finish(settings)? })
}
