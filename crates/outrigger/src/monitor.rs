//! Fluent Bit's monitoring API on port 2020, answered from the ledger, for the health checks and dashboards
//! that users have (FireLens spec, 5.16).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use config::topology::HealthRule;
use engine::Ledger;
use engine::ledger::Snapshot;
use serde_json::{Map, Value, json};
use telemetry::Exposition;
use tokio::time::{Instant, interval};

/// The version whose API this is; dashboards group by it.
const SPEAKS_AS: &str = "5.0.9";

#[derive(Clone)]
pub struct Monitor {
    ledger: Arc<Ledger>,
    started: Instant,
    health: Option<Arc<Health>>,
}

/// Errors and failed retries of the last period.
struct Health {
    rule: HealthRule,
    samples: Mutex<VecDeque<(Instant, Failures)>>,
}

#[derive(Clone, Copy, Default)]
struct Failures {
    errors: u64,
    failed_retries: u64,
}

impl Monitor {
    pub fn new(ledger: Arc<Ledger>, rule: Option<HealthRule>) -> Monitor {
        let health = rule.map(|rule| Arc::new(Health { rule, samples: Mutex::default() }));
        Monitor { ledger, started: Instant::now(), health }
    }

    /// Samples the failure counts for the health rule.
    pub async fn watch(self) {
        let Some(health) = &self.health else { return };
        let mut ticks = interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            health.sample(Failures::of(&self.ledger.snapshot()));
        }
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(root))
            .route("/api/v1/uptime", get(uptime))
            .route("/api/v1/metrics", get(metrics))
            .route("/api/v1/metrics/prometheus", get(prometheus))
            .route("/api/v2/metrics/prometheus", get(prometheus))
            .route("/api/v2/metrics", get(prometheus))
            .route("/api/v1/storage", get(storage))
            .route("/api/v1/health", get(health))
            .with_state(self)
    }
}

impl Failures {
    fn of(snapshot: &Snapshot) -> Failures {
        let sum = |count: fn(&engine::ledger::DestinationCounts) -> u64| {
            snapshot.destinations.iter().map(|d| count(&d.counts)).sum()
        };
        Failures { errors: sum(|c| c.errors), failed_retries: sum(|c| c.retries_failed) }
    }
}

impl Health {
    fn sample(&self, failures: Failures) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        samples.push_back((now, failures));
        while samples.front().is_some_and(|(then, _)| now - *then > self.rule.period) {
            samples.pop_front();
        }
    }

    fn is_good(&self, now: Failures) -> bool {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let before = samples.front().map_or(Failures::default(), |(_, failures)| *failures);
        now.errors - before.errors <= self.rule.errors
            && now.failed_retries - before.failed_retries <= self.rule.failed_retries
    }
}

fn json_answer(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn root() -> Response {
    json_answer(&json!({"fluent-bit": {"version": SPEAKS_AS, "edition": "Community", "flags": [],
        "served_by": concat!("outrigger ", env!("CARGO_PKG_VERSION"))}}))
}

async fn uptime(State(monitor): State<Monitor>) -> Response {
    let seconds = monitor.started.elapsed().as_secs();
    let plural = |n: u64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    let text = format!(
        "Fluent Bit has been running:  {}, {}, {} and {}",
        plural(seconds / 86_400, "day"),
        plural(seconds / 3600 % 24, "hour"),
        plural(seconds / 60 % 60, "minute"),
        plural(seconds % 60, "second")
    );
    json_answer(&json!({"uptime_sec": seconds, "uptime_hr": text}))
}

async fn metrics(State(monitor): State<Monitor>) -> Response {
    let snapshot = monitor.ledger.snapshot();
    let (mut input, mut filter, mut output) = (Map::new(), Map::new(), Map::new());
    for (id, counts) in &snapshot.receivers {
        input.insert(id.clone(), json!({"records": counts.records, "bytes": counts.bytes}));
    }
    for (id, counts) in &snapshot.processors {
        let dropped: u64 = counts.dropped.values().sum();
        filter.insert(id.clone(), json!({"drop_records": dropped, "add_records": counts.added}));
    }
    for view in &snapshot.destinations {
        let c = &view.counts;
        output.insert(
            view.id.clone(),
            json!({"proc_records": c.delivered, "proc_bytes": c.delivered_bytes, "errors": c.errors,
                "retries": c.retries, "retries_failed": c.retries_failed, "dropped_records": c.lost(),
                "retried_records": c.retried_records}),
        );
    }
    json_answer(&json!({"input": input, "filter": filter, "output": output}))
}

async fn prometheus(State(monitor): State<Monitor>) -> Response {
    let snapshot = monitor.ledger.snapshot();
    let mut page = Exposition::new();
    let mut records = page.counter("fluentbit_input_records_total", "Number of input records.");
    snapshot.receivers.iter().for_each(|(id, c)| _ = records.count(&[("name", id)], c.records));
    let mut bytes = page.counter("fluentbit_input_bytes_total", "Number of input bytes.");
    snapshot.receivers.iter().for_each(|(id, c)| _ = bytes.count(&[("name", id)], c.bytes));
    let mut added =
        page.counter("fluentbit_filter_add_records_total", "Number of records added by the filter.");
    snapshot.processors.iter().for_each(|(id, c)| _ = added.count(&[("name", id)], c.added));
    let mut dropped =
        page.counter("fluentbit_filter_drop_records_total", "Number of records dropped by the filter.");
    snapshot
        .processors
        .iter()
        .for_each(|(id, c)| _ = dropped.count(&[("name", id)], c.dropped.values().sum()));
    type Count = fn(&engine::ledger::DestinationCounts) -> u64;
    let outputs: [(&str, &str, Count); 7] = [
        ("fluentbit_output_proc_records_total", "Number of processed output records.", |c| c.delivered),
        ("fluentbit_output_proc_bytes_total", "Number of processed output bytes.", |c| c.delivered_bytes),
        ("fluentbit_output_errors_total", "Number of output errors.", |c| c.errors),
        ("fluentbit_output_retries_total", "Number of output retries.", |c| c.retries),
        ("fluentbit_output_retries_failed_total", "Number of abandoned batches.", |c| c.retries_failed),
        ("fluentbit_output_dropped_records_total", "Number of dropped records.", |c| c.lost()),
        ("fluentbit_output_retried_records_total", "Number of retried records.", |c| c.retried_records),
    ];
    for (name, help, count) in outputs {
        let mut family = page.counter(name, help);
        snapshot.destinations.iter().for_each(|d| _ = family.count(&[("name", &d.id)], count(&d.counts)));
    }
    let uptime = monitor.started.elapsed().as_secs();
    page.gauge("fluentbit_uptime", "Number of seconds that Fluent Bit has been running.").count(&[], uptime);
    page.gauge("fluentbit_build_info", "Build version information.")
        .count(&[("version", SPEAKS_AS), ("edition", "Community")], 1);
    ([(header::CONTENT_TYPE, telemetry::metrics::CONTENT_TYPE)], page.finish()).into_response()
}

/// Payloads stand for chunks: what waits is in memory.
async fn storage(State(monitor): State<Monitor>) -> Response {
    let snapshot = monitor.ledger.snapshot();
    let waiting: u64 = snapshot.destinations.iter().map(|d| d.counts.waiting()).sum();
    let bytes: u64 = snapshot.destinations.iter().map(|d| d.queue_bytes).sum();
    let limit: u64 = snapshot.destinations.iter().map(|d| d.queue_capacity).sum();
    let mut inputs = Map::new();
    for (id, _) in &snapshot.receivers {
        let status = json!({"overlimit": bytes >= limit, "mem_size": format!("{bytes}b"), "mem_limit": format!("{limit}b")});
        let chunks = json!({"total": 0, "up": 0, "down": 0, "busy": 0, "busy_size": "0b"});
        inputs.insert(id.clone(), json!({"status": status, "chunks": chunks}));
    }
    let chunks = json!({"total_chunks": waiting, "mem_chunks": waiting, "fs_chunks": 0, "fs_chunks_up": 0, "fs_chunks_down": 0});
    json_answer(&json!({"storage_layer": {"chunks": chunks}, "input_chunks": inputs}))
}

async fn health(State(monitor): State<Monitor>) -> Response {
    let Some(health) = &monitor.health else { return (StatusCode::OK, "ok\n").into_response() };
    match health.is_good(Failures::of(&monitor.ledger.snapshot())) {
        true => (StatusCode::OK, "ok\n").into_response(),
        false => (StatusCode::INTERNAL_SERVER_ERROR, "error\n").into_response(),
    }
}
