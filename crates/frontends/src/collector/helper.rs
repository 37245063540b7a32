//! `exporterhelper`: time limit, retries and queue, which are the engine's here.

use std::time::Duration;

use config::{Delivery, Overflow};
use serde::Deserialize;

use super::draft::Draft;
use super::values::GoDuration;

/// What the Collector's `batch` processor waits, and its exporters' own batching.
pub(super) const FLUSH: Duration = Duration::from_millis(200);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Helper {
    timeout: Option<GoDuration>,
    retry_on_failure: Option<RetryOnFailure>,
    sending_queue: Option<SendingQueue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RetryOnFailure {
    enabled: Option<bool>,
    initial_interval: Option<GoDuration>,
    randomization_factor: Option<f64>,
    multiplier: Option<f64>,
    max_interval: Option<GoDuration>,
    max_elapsed_time: Option<GoDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SendingQueue {
    enabled: Option<bool>,
    num_consumers: Option<usize>,
    queue_size: Option<u64>,
    sizer: Option<String>,
    block_on_overflow: bool,
    wait_for_result: bool,
    storage: Option<String>,
    batch: Option<Batch>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)] // The engine closes payloads by their size in bytes, so only the wait is used.
struct Batch {
    flush_timeout: Option<GoDuration>,
    min_size: Option<u64>,
    max_size: Option<u64>,
    sizer: Option<String>,
    partition: Option<Partition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)]
struct Partition {
    metadata_keys: Vec<String>,
}

impl Helper {
    /// `timeout` is the component's own default for one try.
    pub fn lower(self, timeout: Duration, draft: &mut Draft<'_>) -> Delivery {
        let mut delivery = Delivery { flush: FLUSH, timeout, concurrency: 10, ..Delivery::default() };
        match self.timeout {
            Some(GoDuration(Duration::ZERO)) => delivery.timeout = Duration::from_secs(300),
            Some(timeout) => delivery.timeout = timeout.0,
            None => {}
        }
        if let Some(retry) = self.retry_on_failure {
            retry.lower(&mut delivery);
        }
        if let Some(queue) = self.sending_queue {
            queue.lower(&mut delivery, draft);
        }
        delivery
    }
}

impl RetryOnFailure {
    fn lower(self, delivery: &mut Delivery) {
        // Steps double and are jittered here whatever these two say.
        let _ = (self.randomization_factor, self.multiplier);
        let retry = &mut delivery.retry;
        if self.enabled == Some(false) {
            retry.limit = Some(0);
        }
        retry.base = self.initial_interval.map_or(retry.base, |interval| interval.0);
        retry.cap = self.max_interval.map_or(retry.cap, |interval| interval.0);
        // Upstream gives up after 5 minutes unasked. Here only who writes it loses data by the clock.
        retry.max_age = self.max_elapsed_time.map(|time| time.0).filter(|time| !time.is_zero());
    }
}

impl SendingQueue {
    fn lower(self, delivery: &mut Delivery, draft: &mut Draft<'_>) {
        if self.num_consumers == Some(0) {
            draft.error("sending_queue: `num_consumers` must be positive", "the default is 10");
        }
        delivery.concurrency = self.num_consumers.unwrap_or(delivery.concurrency).max(1);
        match (self.sizer.as_deref(), self.queue_size) {
            (Some("bytes"), size) => delivery.queue_bytes = size,
            (None | Some("requests" | "items"), Some(_)) => draft.note(
                "sending_queue: `queue_size` counts requests or items; here the queue is bounded in bytes, by a \
                 share of the memory budget and by the disk behind it",
            ),
            (None | Some("requests" | "items"), None) => {}
            (Some(other), _) => {
                draft.error(format!("sending_queue: no sizer \"{other}\""), "requests, items or bytes");
            }
        }
        if self.enabled == Some(false) {
            draft.note("sending_queue: payloads always wait in a queue here; disk and memory are bounded");
        }
        if self.block_on_overflow {
            delivery.overflow = Overflow::Block;
        }
        if self.wait_for_result {
            draft.note("sending_queue: `wait_for_result`: set `ack: delivered` on the receiver instead");
        }
        if let Some(storage) = self.storage {
            let known = draft.cx.extensions.iter().any(|(id, _)| id.text == storage);
            if !known {
                let message =
                    format!("sending_queue: references extension \"{storage}\" which is not configured");
                draft.error(message, "define it below `extensions` and name it in `service.extensions`");
            }
        }
        if let Some(batch) = self.batch {
            delivery.flush = batch.flush_timeout.map_or(FLUSH, |timeout| timeout.0);
        }
    }
}
