//! The properties every plugin of a kind has: routing, retry, TLS, connections.

use std::time::Duration;

use config::{Diagnostic, Pattern, TagMatch};

use super::context::Context;
use super::document::Section;
use super::draft::Draft;
use super::service::{LIMITED_RETRY_BASE, LIMITED_RETRY_CAP};
use super::table::{Field, To, field, note, own, silent, warn};
use super::values;

/// The tag of the container health check; its records go nowhere unless a rule names it.
const HEALTH_CHECK_TAG: &str = "firelens-healthcheck";

/// Where the ECS agent lets the log driver connect.
const AGENT_SOCKET: &str = "/var/run/fluent.sock";

pub(super) const ANY_PLUGIN: &[Field] = &[
    own("name"),
    own("alias"),
    silent("log_level", "messages have one level for all, the service's"),
    silent("log_suppress_interval", "repeated messages are limited for all"),
];

pub(super) const MATCHING: &[Field] = &[own("match"), own("match_regex")];

pub(super) const INPUT: &[Field] = &[
    own("tag"),
    own("mem_buf_limit"),
    silent("storage.pause_on_chunks_overlimit", "reading stops when every queue it feeds is full"),
    own("storage.type"),
    silent("threaded", "every connection has its own task"),
    silent("thread.ring_buffer.capacity", "there is no ring between threads"),
    silent("thread.ring_buffer.window", "there is no ring between threads"),
    silent("workers", "every connection has its own task"),
    silent("routable", "where records go is decided by `Match`"),
    silent("net.backlog", "the system's own limit"),
    silent("net.share_port", "one process listens"),
    silent("net.accept_timeout", "accepting never waits"),
    silent("net.accept_timeout_log_error", "accepting never waits"),
    silent("net.keepalive", "connections stay open"),
    silent("net.io_timeout", "an idle sender is left alone"),
];

/// What is older than 1.2 is not spoken, so a permission to speak it means 1.2.
const OLDEST_TLS: &[(&str, &str)] = &[
    ("TLSv1.2", "1.2"),
    ("TLSv1.3", "1.3"),
    ("TLSv1.1", "1.2"),
    ("TLSv1", "1.2"),
    ("SSLv3", "1.2"),
    ("SSLv2", "1.2"),
];

const NEWEST_TLS: &[(&str, &str)] = &[("TLSv1.2", "1.2"), ("TLSv1.3", "1.3")];

pub(super) const INPUT_TLS: &[Field] = &[
    own("tls"),
    field("tls.crt_file", "tls.certificate_file", To::Text),
    field("tls.key_file", "tls.key_file", To::Text),
    note(
        "tls.key_passwd",
        "keys are read without a password: `openssl pkey -in KEY -out FILE` writes one so",
    ),
    own("tls.ca_file"),
    own("tls.verify_client_cert"),
    field("tls.min_version", "tls.min_version", To::Word(OLDEST_TLS)),
    warn("tls.max_version", "a listener speaks the versions from `tls.min_version` up to 1.3"),
    silent("tls.verify", "a listener verifies clients when `tls.verify_client_cert` is on"),
    silent("tls.debug", "the log level decides"),
    note("tls.ciphers", "the TLS library chooses among safe ones"),
    note("tls.ca_path", "give the certificates as one file with `tls.ca_file`"),
    silent("tls.vhost", "a listener needs none"),
];

pub(super) const OUTPUT: &[Field] = &[
    own("host"),
    own("port"),
    own("ipv6"),
    own("retry_limit"),
    own("workers"),
    own("storage.total_limit_size"),
    own("net.io_timeout"),
    silent("net.connect_timeout", "connecting counts into the time limit of a request"),
    silent("net.connect_timeout_log_error", "failures are always said"),
    silent("net.keepalive", "connections are kept and reused"),
    silent("net.keepalive_idle_timeout", "connections are kept and reused"),
    silent("net.keepalive_max_recycle", "connections are kept and reused"),
    silent("net.max_worker_connections", "as many as there are requests in flight"),
    silent("net.tcp_keepalive", "a dead connection is noticed by the time limit of a request"),
    silent("net.tcp_keepalive_time", "a dead connection is noticed by the time limit of a request"),
    silent("net.tcp_keepalive_interval", "a dead connection is noticed by the time limit of a request"),
    silent("net.tcp_keepalive_probes", "a dead connection is noticed by the time limit of a request"),
    silent("net.dns.mode", "the system resolves names"),
    silent("net.dns.resolver", "the system resolves names"),
    silent("net.dns.prefer_ipv4", "both families are tried"),
    silent("net.dns.prefer_ipv6", "both families are tried"),
    warn("net.source_address", "the system chooses the address"),
    note("net.proxy_env_ignore", "clear HTTP_PROXY and HTTPS_PROXY to go without a proxy"),
];

pub(super) const OUTPUT_TLS: &[Field] = &[
    own("tls"),
    field("tls.verify", "tls.verify", To::Bool),
    field("tls.verify_hostname", "tls.verify_hostname", To::Bool),
    field("tls.ca_file", "tls.ca_file", To::Text),
    field("tls.ca_path", "tls.ca_path", To::Text),
    field("tls.crt_file", "tls.certificate_file", To::Text),
    field("tls.key_file", "tls.key_file", To::Text),
    field("tls.key_passwd", "tls.key_password", To::Secret),
    field("tls.vhost", "tls.server_name", To::Text),
    field("tls.min_version", "tls.min_version", To::Word(OLDEST_TLS)),
    field("tls.max_version", "tls.max_version", To::Word(NEWEST_TLS)),
    note("tls.ciphers", "the TLS library chooses among safe ones"),
    silent("tls.debug", "the log level decides"),
    silent("tls.windows.certstore_name", "of another system"),
    silent("tls.proxy.verify", "proxies are reached without TLS"),
    silent("tls.proxy.verify_hostname", "proxies are reached without TLS"),
    silent("tls.proxy.ca_file", "proxies are reached without TLS"),
    silent("tls.proxy.ca_path", "proxies are reached without TLS"),
];

/// Which tags a filter or output sees. `None` when it has no rule, or only a broken one.
pub(super) fn matching(cx: &mut Context<'_>, section: &Section, label: &str) -> Option<TagMatch> {
    let wildcard = section.last("match").and_then(|property| cx.value(property));
    let regex = section.last("match_regex").and_then(|property| cx.value(property));
    let expression = regex.as_ref().and_then(|value| match Pattern::new(&value.text) {
        Ok(pattern) => Some(pattern),
        Err(fault) => {
            let message = format!("`match_regex` of {label} is not a regular expression");
            let help = "nothing matches it; Fluent Bit says nothing about that";
            cx.diagnostics
                .push(Diagnostic::warning(message).at(value.origin).because(fault.cause()).help(help));
            None
        }
    });
    if wildcard.is_none() && expression.is_none() {
        return None;
    }
    Some(TagMatch { wildcard: wildcard.map(|value| value.text), expression, literal_only: reserved() })
}

pub(super) fn everything() -> TagMatch {
    TagMatch { wildcard: Some("*".into()), expression: None, literal_only: reserved() }
}

/// The records of one input, whatever other rules there are.
pub(super) fn tagged(tag: &str) -> TagMatch {
    TagMatch { wildcard: Some(tag.to_owned()), ..everything() }
}

fn reserved() -> Vec<String> {
    vec![HEALTH_CHECK_TAG.to_owned()]
}

/// Whether some tag may pass both, as far as their texts tell.
pub(super) fn may_overlap(a: &TagMatch, b: &TagMatch) -> bool {
    match (&a.wildcard, &b.wildcard) {
        (Some(a), Some(b)) => {
            config::wildcard_matches(a.as_bytes(), b.as_bytes())
                || config::wildcard_matches(b.as_bytes(), a.as_bytes())
        }
        _ => a.expression == b.expression,
    }
}

/// Fills the delivery of an output from its own properties and the service's.
pub(super) fn delivery(draft: &mut Draft<'_, '_>) {
    if let Some(flush) = draft.cx.service.flush {
        draft.delivery.flush = flush;
    }
    if let Some(base) = draft.cx.service.retry_base {
        draft.delivery.retry.base = base.max(Duration::from_millis(100));
    }
    if let Some(cap) = draft.cx.service.retry_cap {
        draft.delivery.retry.cap = cap.max(draft.delivery.retry.base);
    }
    retry_limit(draft);
    workers(draft);
    if let Some(value) = draft.value("storage.total_limit_size") {
        match values::size(&value.text) {
            Some(0) => {}
            Some(bytes) => draft.delivery.disk_quota_bytes = Some(bytes),
            None => draft.wrong("storage.total_limit_size", &value, "a size such as `50M`"),
        }
    }
    time_limit(draft, "net.io_timeout");
}

/// A property that limits the wait for an answer; 0 sets no limit of its own.
pub(super) fn time_limit(draft: &mut Draft<'_, '_>, key: &str) {
    if let Some(value) = draft.value(key) {
        match values::time(&value.text) {
            Some(limit) if limit.is_zero() => {}
            Some(limit) => draft.delivery.timeout = limit,
            None => draft.wrong(key, &value, "a time such as `10s`"),
        }
    }
}

fn retry_limit(draft: &mut Draft<'_, '_>) {
    let Some(value) = draft.value("retry_limit") else { return };
    let limit = match value.text.to_ascii_lowercase().as_str() {
        "no_limits" | "false" | "off" => return,
        "no_retries" => 0,
        text => match text.parse::<u32>() {
            Ok(limit) if limit > 0 => limit,
            _ => {
                return draft.odd("retry_limit", &value, "a number above 0, `no_limits` or `no_retries`");
            }
        },
    };
    let retry = &mut draft.delivery.retry;
    retry.limit = Some(limit);
    if draft.cx.service.retry_base.is_none() {
        (retry.base, retry.cap) = (LIMITED_RETRY_BASE, LIMITED_RETRY_CAP);
    }
    let (mut wait, mut total) = (retry.base, Duration::ZERO);
    for _ in 0..limit.min(1000) {
        total += wait;
        wait = (wait * 2).min(retry.cap);
    }
    let message = format!(
        "{} drops what it cannot deliver in {limit} more {}, about {} in all",
        draft.label,
        if limit == 1 { "try" } else { "tries" },
        config::Interval(Duration::from_secs(total.as_secs()))
    );
    draft.note(
        message,
        value.origin,
        "without `Retry_Limit` it goes on trying for as long as the queue has room",
    );
}

fn workers(draft: &mut Draft<'_, '_>) {
    let Some(value) = draft.value("workers") else { return };
    match value.text.parse::<usize>() {
        // One worker of Fluent Bit has several requests in flight too.
        Ok(0 | 1) => {}
        Ok(workers) => draft.delivery.concurrency = workers.min(64),
        Err(_) => draft.odd("workers", &value, "a whole number"),
    }
}

/// Says where the records of an input wait, when it asks for something else.
pub(super) fn input_storage(draft: &mut Draft<'_, '_>) {
    if let Some(value) = draft.value("storage.type") {
        let help = match value.text.to_ascii_lowercase().as_str() {
            "memory" => return,
            "filesystem" => {
                "what memory cannot hold goes to disk without it, and so does what waits when the process ends"
            }
            _ => "what memory cannot hold goes to disk; the oldest is dropped only when that is full too",
        };
        let message = format!("`storage.type {}` of {} has no effect", value.shown, draft.label);
        draft.note(message, value.origin, help);
    }
    memory_limit(draft);
}

/// The agent writes a limit for its socket whatever the user says; only a limit of the user's own is worth a word.
fn memory_limit(draft: &mut Draft<'_, '_>) {
    let Some(value) = draft.value("mem_buf_limit") else { return };
    if values::size(&value.text).is_none() {
        return draft.odd("mem_buf_limit", &value, "a size such as `50M`");
    }
    if draft.text("unix_path").is_none_or(|path| path != AGENT_SOCKET) {
        let message = format!("`mem_buf_limit` of {} has no effect", draft.label);
        let help = "memory is shared by the destinations' queues, within the container's limit; what it cannot hold goes to disk, and reading stops when that is full";
        draft.note(message, value.origin, help);
    }
}

/// A listener's TLS; without `tls on` none of it applies.
pub(super) fn input_tls(draft: &mut Draft<'_, '_>) {
    if draft.flag("tls") != Some(true) {
        draft.settings.remove("tls");
        return;
    }
    if draft.flag("tls.verify_client_cert") == Some(true)
        && let Some(value) = draft.require("tls.ca_file", "name the file of the authority that signs clients")
    {
        draft.set("tls.client_ca_file", value.text_setting());
    }
    draft.require("tls.crt_file", "add the listener's certificate and `tls.key_file`");
}
