//! Sends spans and metrics over OTLP/HTTP in protobuf, and goes on trying while nobody takes them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use model::Signal;
use net::http::{Client, ClientSettings};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::Shared;

/// Spans go out this often.
const EVERY: Duration = Duration::from_secs(1);

/// Metrics go out with every so many batches of spans.
const METRICS_EVERY: u64 = 5;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Spans kept while nobody takes them; the oldest are lost.
const MAX_PENDING: usize = 4096;

/// An attribute in OTLP's JSON. Numbers of 64 bits are text there.
pub fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    json!({"key": key, "value": value})
}

/// Runs until told to stop; then sends what is left, once.
pub async fn export(
    to: String,
    mut spans: mpsc::Receiver<Value>,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let Some(sender) = Sender::new(&to) else {
        return shared.health.otlp.set(Some(format!("{to} is no URL")));
    };
    let mut pending = Vec::new();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 1.. {
        let over = tokio::select! {
            _ = ticks.tick() => false,
            _ = stop.wait_for(|stop| *stop) => true,
        };
        while let Ok(span) = spans.try_recv() {
            pending.push(span);
        }
        let excess = pending.len().saturating_sub(MAX_PENDING);
        pending.drain(..excess);
        if !pending.is_empty() {
            let sent = sender.send(Signal::Traces, &spans_request(&shared, &pending)).await;
            if sent.is_ok() {
                pending.clear();
            }
            shared.health.otlp.set(sent.err());
        }
        if over || round % METRICS_EVERY == 0 {
            let sent = sender.send(Signal::Metrics, &metrics_request(&shared)).await;
            shared.health.otlp.set(sent.err());
        }
        if over {
            return;
        }
    }
}

struct Sender {
    client: Client,
    to: String,
}

impl Sender {
    fn new(to: &str) -> Option<Sender> {
        to.parse::<http::Uri>().ok().filter(|uri| uri.scheme().is_some())?;
        let client = Client::new(ClientSettings::new(&net::Environment::process())).ok()?;
        Some(Sender { client, to: to.trim_end_matches('/').to_owned() })
    }

    async fn send(&self, signal: Signal, request: &Value) -> Result<(), String> {
        let path = if signal == Signal::Metrics { "/v1/metrics" } else { "/v1/traces" };
        let body = wire::otlp::from_json(signal, request.to_string().as_bytes())
            .map_err(|fault| format!("bug: a request of our own is refused: {fault}"))?;
        let request = Request::post(format!("{}{path}", self.to))
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(Bytes::from(body))
            .map_err(|error| error.to_string())?;
        let answer = self.client.send(request, TIMEOUT).await.map_err(|error| error.to_string())?;
        if !answer.status.is_success() {
            return Err(format!("it answers {} {}", answer.status, answer.excerpt()));
        }
        Ok(())
    }
}

fn resource(shared: &Shared) -> Value {
    let attributes: Vec<_> = shared.resource.iter().map(|(key, value)| attribute(key, value)).collect();
    json!({ "attributes": attributes })
}

fn scope(shared: &Shared) -> Value {
    json!({"name": "shop", "version": shared.version})
}

fn spans_request(shared: &Shared, spans: &[Value]) -> Value {
    let of_scope = json!([{"scope": scope(shared), "spans": spans}]);
    json!({"resourceSpans": [{"resource": resource(shared), "scopeSpans": of_scope}]})
}

fn metrics_request(shared: &Shared) -> Value {
    let metrics = shared.numbers.metrics(shared.meter.memory());
    let of_scope = json!([{"scope": scope(shared), "metrics": metrics}]);
    json!({"resourceMetrics": [{"resource": resource(shared), "scopeMetrics": of_scope}]})
}
