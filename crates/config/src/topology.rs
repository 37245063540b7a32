//! The topology: what runs and who feeds whom, as data, whatever language it was written in.
//!
//! Front ends build it, the engine runs it, `outrigger explain` prints it. Nothing in here names a
//! component or a language.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::Signal;

use crate::{Origin, Pattern, Setting};

/// A component instance, as its own language names it: `datadog.0`, `otlp/internal`.
pub type ComponentId = Arc<str>;

#[derive(Debug, Clone, Default)]
pub struct Topology {
    pub service: Service,
    pub receivers: Vec<Component>,
    pub processors: Vec<Component>,
    pub exporters: Vec<Exporter>,
    pub pipelines: Vec<Pipeline>,
}

/// One configured component: which kind, and the settings its `Config` is read from.
#[derive(Debug, Clone)]
pub struct Component {
    pub id: ComponentId,
    /// The name on the component list, such as `fluent_forward`.
    pub kind: Arc<str>,
    /// A map; its keys are the fields of the component's `Config`.
    pub settings: Setting,
    /// Where the component was declared.
    pub origin: Option<Origin>,
}

#[derive(Debug, Clone)]
pub struct Exporter {
    pub component: Component,
    pub delivery: Delivery,
}

/// Receivers, the steps their batches walk in order, and where the rest goes.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    pub name: String,
    /// The only signal it takes; `None` takes all.
    pub signal: Option<Signal>,
    pub receivers: Vec<ComponentId>,
    pub steps: Vec<Step>,
    pub routes: Vec<Route>,
}

/// A processor in a pipeline and the tags it sees.
#[derive(Debug, Clone)]
pub struct Step {
    pub processor: ComponentId,
    pub matching: TagMatch,
}

/// An exporter at the end of a pipeline and the tags it gets.
#[derive(Debug, Clone)]
pub struct Route {
    pub exporter: ComponentId,
    pub matching: TagMatch,
}

/// How the engine delivers to one destination. Every exporter has these; none has its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Longest wait of an open payload for company before it is sealed.
    pub flush: Duration,
    /// Most bytes waiting in memory; `None` takes a share of the process's memory budget.
    pub queue_bytes: Option<u64>,
    pub overflow: Overflow,
    /// Where payloads wait once memory is full; `None` keeps them in memory alone. The binary fills it in.
    pub disk: Option<DiskQueue>,
    /// Most bytes on disk, as the user wrote it.
    pub disk_quota_bytes: Option<u64>,
    /// Where payloads go that the destination refuses for ever; `None` drops them. The binary fills it in.
    pub dead: Option<DeadLetters>,
    pub retry: Retry,
    /// Payloads in flight at once.
    pub concurrency: usize,
    /// Longest wait for one answer, connection included.
    pub timeout: Duration,
}

impl Default for Delivery {
    fn default() -> Self {
        Delivery {
            flush: Duration::from_secs(1),
            queue_bytes: None,
            overflow: Overflow::default(),
            disk: None,
            disk_quota_bytes: None,
            dead: None,
            retry: Retry::default(),
            concurrency: 4,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Where a destination's payloads wait on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskQueue {
    /// A folder of this destination's own.
    pub folder: PathBuf,
    /// Most bytes on disk.
    pub quota_bytes: u64,
    pub sync: DiskSync,
}

/// Where a destination's dead letters are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// A folder of this destination's own.
    pub folder: PathBuf,
    /// Most bytes on disk; the oldest letters go first.
    pub quota_bytes: u64,
}

/// When what was written is forced onto the disk. Only the end of the machine, not of the process, makes a
/// difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DiskSync {
    /// Before a `durable` acknowledgement.
    Always,
    /// Every second.
    #[default]
    Interval,
    /// When the kernel likes.
    Never,
}

/// What happens when a destination's queue is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Blocks while every destination of the batch has more waiting than memory holds, else drops the oldest of
    /// this one: one stuck destination never holds up another that takes data.
    #[default]
    Auto,
    /// Stops reading from the receiver.
    Block,
    DropOldest,
    DropNewest,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Tries after the first; `None` retries until `max_age`.
    pub limit: Option<u32>,
    /// First wait; later waits double, with jitter, up to `cap`.
    pub base: Duration,
    pub cap: Duration,
    /// A payload older than this is dropped; `None` keeps it as long as the queue has room.
    pub max_age: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Retry { limit: None, base: Duration::from_secs(1), cap: Duration::from_secs(30), max_age: None }
    }
}

/// What belongs to the process rather than to a component.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// Longest drain after SIGTERM; `None` takes the command line's or the default.
    pub grace: Option<Duration>,
    /// Fluent Bit's monitoring API, when it was asked for.
    pub monitor: Option<Monitor>,
    /// The Collector's `health_check` extension, when it was asked for.
    pub health_check: Option<HealthCheck>,
    /// Where metrics are shown under the Collector's names.
    pub collector_metrics: Option<String>,
    pub log_level: Option<String>,
    /// Where queues go on disk, as the user wrote it.
    pub storage: Option<PathBuf>,
    pub disk_sync: DiskSync,
}

/// Fluent Bit's monitoring API (`HTTP_Server`, `HTTP_Listen`, `HTTP_Port`, `Health_Check`, `HC_*`).
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Address and port to listen on, such as `0.0.0.0:2020`.
    pub listen: String,
    /// `Some` when the health path was switched on.
    pub health: Option<HealthRule>,
}

/// The Collector's `health_check` extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Address and port to listen on.
    pub listen: String,
    /// The path that answers.
    pub path: String,
}

/// Unhealthy when a limit is passed within the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthRule {
    pub errors: u64,
    pub failed_retries: u64,
    pub period: Duration,
}

/// Which tags pass. Fluent Bit's rule: a pattern with `*` for any run of bytes, or a Ruby-style
/// expression that must match from the first byte; either one suffices.
#[derive(Debug, Clone, Default)]
pub struct TagMatch {
    /// `None` and no expression: everything passes.
    pub wildcard: Option<String>,
    pub expression: Option<Pattern>,
    /// Tags that pass only when `wildcard` names them literally (the FireLens health check).
    pub literal_only: Vec<String>,
}

impl TagMatch {
    pub fn all() -> Self {
        TagMatch::default()
    }

    pub fn matches(&self, tag: &str) -> bool {
        if self.literal_only.iter().any(|t| t == tag) {
            return self.wildcard.as_deref() == Some(tag);
        }
        match (&self.wildcard, &self.expression) {
            (None, None) => true,
            (wildcard, expression) => {
                expression.as_ref().is_some_and(|e| e.matches_start(tag))
                    || wildcard.as_deref().is_some_and(|w| wildcard_matches(w.as_bytes(), tag.as_bytes()))
            }
        }
    }
}

/// `*` is any run of bytes, none included; all else is literal; the whole tag must match.
pub fn wildcard_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            p = star_p + 1;
            t = star_t + 1;
            star = Some((star_p, star_t + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_run_of_bytes() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "web-firelens-1", true),
            ("web-firelens*", "web-firelens", true),
            ("web-firelens*", "web-firelens-0a1b", true),
            ("web-firelens*", "xweb-firelens-1", false),
            ("a*b*c", "a--b--c", true),
            ("a*b*c", "a--c--b", false),
            ("a", "a", true),
            ("a", "aa", false),
            ("A", "a", false),
            ("**", "x", true),
            ("", "x", false),
        ] {
            assert_eq!(wildcard_matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_health_check_tag_goes_only_where_it_is_named() {
        let reserved = |wildcard: &str| TagMatch {
            wildcard: Some(wildcard.into()),
            expression: None,
            literal_only: vec!["firelens-healthcheck".into()],
        };
        assert!(!reserved("*").matches("firelens-healthcheck"));
        assert!(!reserved("firelens*").matches("firelens-healthcheck"));
        assert!(reserved("firelens-healthcheck").matches("firelens-healthcheck"));
        assert!(reserved("*").matches("web"));
    }
}
