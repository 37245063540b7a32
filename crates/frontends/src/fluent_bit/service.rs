//! `[SERVICE]`: what belongs to the process. All sections merge, the last value of a key counts.

use std::time::Duration;

use config::{Diagnostic, DiskSync, HealthRule, Monitor, Severity, closest};

use super::context::Context;
use super::document::{Document, Kind, Property, Section};
use super::draft::{Value, shown};
use super::values;

/// What the sections that follow need of it.
#[derive(Debug, Default)]
pub(super) struct ServiceSettings {
    pub flush: Option<Duration>,
    pub retry_base: Option<Duration>,
    pub retry_cap: Option<Duration>,
    pub escape_unicode: bool,
    /// Our own key `Join_Partials`; lines the log driver cut are joined unless it is off.
    pub keep_partials: bool,
}

/// Fluent Bit's wait for the first try after the other, when the user limited their number.
pub(super) const LIMITED_RETRY_BASE: Duration = Duration::from_secs(6);
pub(super) const LIMITED_RETRY_CAP: Duration = Duration::from_secs(300);

/// `-1` asks to wait until everything is sent.
const UNTIL_EMPTY: Duration = Duration::from_secs(24 * 3600);

const HONOURED: &[&str] = &[
    "flush",
    "grace",
    "log_level",
    "parsers_file",
    "http_server",
    "http_listen",
    "http_port",
    "health_check",
    "hc_errors_count",
    "hc_retry_failure_count",
    "hc_period",
    "scheduler.base",
    "scheduler.cap",
    "json.escape_unicode",
    "join_partials",
    "storage.path",
    "storage.sync",
];

/// Nothing changes for the user: the engine does what they ask for in its own way.
const ACCEPTED: &[&str] = &[
    "daemon",
    "dns.mode",
    "dns.resolver",
    "dns.prefer_ipv4",
    "dns.prefer_ipv6",
    "coro_stack_size",
    "storage.checksum",
    "storage.max_chunks_up",
    "storage.backlog.mem_limit",
    "storage.delete_irrecoverable_chunks",
    "storage.inherit",
    "storage.trim_files",
    "flush.adaptive",
    "json.convert_nan_to_null",
    "multiline_buffer_limit",
    "hot_reload",
    "hot_reload.ensure_thread_safety",
    "hot_reload.timeout",
    "sp.convert_from_str_to_num",
    "enable_chunk_trace",
    "log_suppress_interval",
];

/// Accepted, and what it would have done does not happen.
const EXPLAINED: &[(&str, &str)] = &[
    ("log_file", "messages go to standard error, where a log driver reads them"),
    ("plugins_file", "plugins are built in, the Go ones of the AWS image among them"),
    ("streams_file", "stream processing is not supported; use filters"),
    ("storage.type", "what memory cannot hold goes to disk, whatever the input"),
    ("storage.metrics", "the metrics page has the queues' figures"),
    ("storage.keep.rejected", "what a destination refuses is counted and named in the log, not kept"),
    ("storage.rejected.path", "what a destination refuses is counted and named in the log, not kept"),
    (
        "storage.backlog.flush_on_shutdown",
        "what waits on disk is sent for as long as `Grace` allows, and the rest after the next start",
    ),
];

pub(super) fn apply(cx: &mut Context<'_>, document: &Document) {
    let mut last: Vec<(&Property, Value)> = Vec::new();
    for property in document.sections.iter().filter(|s| s.kind == Kind::Service).flat_map(|s| &s.properties) {
        check_known(cx, property);
        if let Some(value) = cx.checked_value(property) {
            last.retain(|(known, _)| known.key != property.key);
            last.push((property, value));
        }
    }
    let mut reader = Reader { cx, last: &last };
    reader.engine();
    reader.monitor();
}

/// Files named by `Parsers_File`, with where they were asked for.
pub(super) fn parser_files<'d>(cx: &Context<'_>, sections: &'d [Section]) -> Vec<(String, &'d Property)> {
    let services = sections.iter().filter(|section| section.kind == Kind::Service);
    let asked = services.flat_map(|section| section.all("parsers_file"));
    asked.filter_map(|property| cx.value(property).map(|value| (value.text, property))).collect()
}

fn check_known(cx: &mut Context<'_>, property: &Property) {
    let key = property.key.as_str();
    if HONOURED.contains(&key) || ACCEPTED.contains(&key) || key.starts_with("flush.adaptive.") {
        return;
    }
    let diagnostic = match EXPLAINED.iter().find(|(known, _)| *known == key) {
        Some((_, why)) => Diagnostic::note(format!("the service key `{key}` has no effect")).help(*why),
        None => {
            let known = HONOURED.iter().chain(ACCEPTED).copied().chain(EXPLAINED.iter().map(|(key, _)| *key));
            let diagnostic = Diagnostic::warning(format!("there is no service key `{key}`; it is ignored"));
            match closest(key, known) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic,
            }
        }
    };
    cx.diagnostics.push(diagnostic.at(property.origin));
}

struct Reader<'r, 'c> {
    cx: &'r mut Context<'c>,
    last: &'r [(&'r Property, Value)],
}

impl Reader<'_, '_> {
    fn value(&self, key: &str) -> Option<&Value> {
        self.last.iter().find(|(property, _)| property.key == key).map(|(_, value)| value)
    }

    fn read<T>(&mut self, key: &str, parse: impl Fn(&str) -> Option<T>, wanted: &str) -> Option<T> {
        let value = self.value(key)?.clone();
        let parsed = parse(&value.text);
        if parsed.is_none() {
            let message = format!("the service key `{key}` must be {wanted}, not {}", shown(&value));
            // Fluent Bit stops only at a wrong `Flush`.
            let gravity = if key == "flush" { Severity::Error } else { Severity::Warning };
            self.cx
                .diagnostics
                .push(Diagnostic::new(gravity, message).at(value.origin).help("the default is used"));
        }
        parsed
    }

    fn time(&mut self, key: &str) -> Option<Duration> {
        self.read(key, values::time, "a time in seconds, such as `5` or `0.5`")
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        self.read(key, values::boolean, "true or false (also on, off, yes, no)")
    }

    fn engine(&mut self) {
        self.cx.service.flush = self.time("flush").filter(|flush| !flush.is_zero());
        self.cx.service.retry_base = self.time("scheduler.base");
        self.cx.service.retry_cap = self.time("scheduler.cap");
        self.cx.service.escape_unicode = self.flag("json.escape_unicode").unwrap_or_default();
        self.cx.service.keep_partials = self.flag("join_partials") == Some(false);
        let grace = |text: &str| if text == "-1" { Some(UNTIL_EMPTY) } else { values::time(text) };
        self.cx.topology.service.grace = self.read("grace", grace, "a time in seconds, or -1");
        self.log_level();
        self.storage();
    }

    fn storage(&mut self) {
        let sync = |text: &str| match text.to_ascii_lowercase().as_str() {
            "full" => Some(DiskSync::Always),
            "normal" => Some(DiskSync::Interval),
            _ => None,
        };
        let sync = self.read("storage.sync", sync, "`normal` or `full`").unwrap_or_default();
        let path = self.value("storage.path").map(|value| value.text.clone().into());
        let service = &mut self.cx.topology.service;
        (service.storage, service.disk_sync) = (path, sync);
    }

    fn log_level(&mut self) {
        let level = |text: &str| match text.to_ascii_lowercase().as_str() {
            "warning" => Some("warn".to_owned()),
            word @ ("off" | "error" | "warn" | "info" | "debug" | "trace") => Some(word.to_owned()),
            _ => None,
        };
        let written =
            self.read("log_level", level, "one of `off`, `error`, `warn`, `info`, `debug`, `trace`");
        let from_environment = self.cx.variable("FLB_LOG_LEVEL").as_deref().and_then(level);
        self.cx.topology.service.log_level = from_environment.or(written);
    }

    fn monitor(&mut self) {
        if self.flag("http_server") != Some(true) {
            return;
        }
        let host = self.value("http_listen").map_or("0.0.0.0".to_owned(), |value| value.text.clone());
        let port = self.read("http_port", |text| text.parse::<u16>().ok(), "a port number").unwrap_or(2020);
        let whole = |text: &str| text.parse::<u64>().ok();
        let errors = self.read("hc_errors_count", whole, "a whole number").unwrap_or(5);
        let failed_retries = self.read("hc_retry_failure_count", whole, "a whole number").unwrap_or(5);
        let period = self.time("hc_period").unwrap_or(Duration::from_secs(60));
        let health = self.flag("health_check").unwrap_or_default();
        self.cx.topology.service.monitor = Some(Monitor {
            listen: super::outputs::host_and_port(&host, port),
            health: health.then_some(HealthRule { errors, failed_retries, period }),
        });
    }
}
