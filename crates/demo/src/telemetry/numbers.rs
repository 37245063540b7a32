//! The metrics of one process, cumulative since its start, counted from its requests.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use engine::clock::now_nanos;
use serde_json::{Value, json};

use super::otlp::attribute;
use super::span::Context;

/// Seconds, as the semantic conventions advise.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

pub struct Numbers {
    start: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    requests: BTreeMap<(String, &'static str, u16), Histogram>,
    /// By outcome.
    orders: BTreeMap<&'static str, u64>,
    cart_size: Option<u64>,
}

#[derive(Default)]
struct Histogram {
    buckets: [u64; BOUNDS.len() + 1],
    sum: f64,
    range: Option<(f64, f64)>,
    /// The slowest since the last report, with its trace.
    exemplar: Option<(f64, Context, u64)>,
}

impl Histogram {
    fn add(&mut self, seconds: f64, context: Context) {
        self.buckets[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum += seconds;
        let (low, high) = self.range.unwrap_or((seconds, seconds));
        self.range = Some((low.min(seconds), high.max(seconds)));
        if self.exemplar.is_none_or(|(slowest, ..)| slowest < seconds) {
            self.exemplar = Some((seconds, context, now_nanos()));
        }
    }
}

impl Numbers {
    pub fn new() -> Numbers {
        Numbers { start: now_nanos(), state: Mutex::default() }
    }

    pub fn request(&self, method: &str, route: &'static str, status: u16, took: Duration, context: Context) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let histogram = state.requests.entry((method.to_owned(), route, status)).or_default();
        histogram.add(took.as_secs_f64(), context);
    }

    pub fn order(&self, outcome: &'static str) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner).orders.entry(outcome).or_default() += 1;
    }

    pub fn cart(&self, size: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).cart_size = Some(size);
    }

    /// All metrics as OTLP's JSON has them.
    pub fn metrics(&self, memory: u64) -> Vec<Value> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, now) = (self.start.to_string(), now_nanos().to_string());
        let State { requests, orders, cart_size } = &mut *state;
        let durations: Vec<_> =
            requests.iter_mut().map(|(of, histogram)| point(of, histogram, &start, &now)).collect();
        let orders: Vec<_> = orders
            .iter()
            .map(|(outcome, count)| {
                let attributes = [attribute("shop.order.outcome", &json!(outcome))];
                number(&start, &now, *count, &attributes)
            })
            .collect();
        let mut metrics = vec![json!({
            "name": "process.memory.usage", "unit": "By", "description": "Physical memory in use",
            "sum": {"aggregationTemporality": 2, "isMonotonic": false,
                    "dataPoints": [number(&start, &now, memory, &[])]}
        })];
        if !durations.is_empty() {
            metrics.push(json!({
                "name": "http.server.request.duration", "unit": "s", "description": "Duration of requests",
                "histogram": {"aggregationTemporality": 2, "dataPoints": durations}
            }));
        }
        if !orders.is_empty() {
            metrics.push(json!({
                "name": "shop.orders", "unit": "{order}", "description": "Orders by outcome",
                "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": orders}
            }));
        }
        if let Some(size) = *cart_size {
            metrics.push(json!({
                "name": "shop.cart.size", "unit": "{item}", "description": "Items in the cart changed last",
                "gauge": {"dataPoints": [number(&start, &now, size, &[])]}
            }));
        }
        metrics
    }
}

fn number(start: &str, now: &str, value: u64, attributes: &[Value]) -> Value {
    json!({"startTimeUnixNano": start, "timeUnixNano": now, "asInt": value.to_string(), "attributes": attributes})
}

fn point(of: &(String, &'static str, u16), histogram: &mut Histogram, start: &str, now: &str) -> Value {
    let (method, route, status) = of;
    let mut attributes = vec![
        attribute("http.request.method", &json!(method)),
        attribute("http.route", &json!(route)),
        attribute("http.response.status_code", &json!(status)),
        attribute("url.scheme", &json!("http")),
    ];
    if *status >= 500 {
        attributes.push(attribute("error.type", &json!(status.to_string())));
    }
    let exemplars: Vec<_> = histogram
        .exemplar
        .take()
        .iter()
        .map(|(seconds, context, at)| {
            json!({"timeUnixNano": at.to_string(), "asDouble": seconds,
                   "traceId": context.trace_id(), "spanId": context.span_id()})
        })
        .collect();
    let (min, max) = histogram.range.unwrap_or_default();
    let counts: Vec<_> = histogram.buckets.iter().map(u64::to_string).collect();
    json!({
        "startTimeUnixNano": start, "timeUnixNano": now, "attributes": attributes,
        "count": histogram.buckets.iter().sum::<u64>().to_string(), "sum": histogram.sum,
        "bucketCounts": counts, "explicitBounds": BOUNDS, "min": min, "max": max, "exemplars": exemplars
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_in_their_buckets() {
        let numbers = Numbers::new();
        let context = Context { trace: 1, span: 2 };
        for millis in [1, 5, 6, 20_000] {
            numbers.request("GET", "/products", 200, Duration::from_millis(millis), context);
        }
        let metrics = numbers.metrics(7);
        let point = &metrics[1]["histogram"]["dataPoints"][0];
        assert_eq!((&point["count"], &point["max"]), (&json!("4"), &json!(20.0)));
        let counts = point["bucketCounts"].as_array().unwrap();
        assert_eq!((&counts[0], &counts[1], &counts[14]), (&json!("2"), &json!("1"), &json!("1")));
        assert_eq!(point["exemplars"][0]["asDouble"], 20.0);
    }
}
