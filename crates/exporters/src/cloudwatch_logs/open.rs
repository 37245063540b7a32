//! A payload that is being filled: the events of one stream.

use std::sync::Arc;

use engine::Payload;
use model::{json, number, text};

use super::{events, names};
use crate::fields::escape_unicode;

const MAX_EVENTS: u64 = 10_000;
/// The service counts the bytes of the messages and 26 for each.
const MAX_SERVICE_BYTES: usize = 1 << 20;
const EVENT_OVERHEAD: usize = 26;
/// Fluent Bit counts the body as it is sent, escapes and all, which is more. One event alone may exceed it.
const MAX_BODY_BYTES: usize = MAX_SERVICE_BYTES - 1024;
/// Events of one request lie within 24 hours.
const MAX_SPAN_MS: u64 = 24 * 60 * 60 * 1000;
/// Room for a full body and the last escape's reserve.
const FULL_CAPACITY: usize = MAX_SERVICE_BYTES + (64 << 10);

pub struct Open {
    /// Group and stream as the templates gave them.
    pub rendered: Vec<u8>,
    /// Rises with each payload that is opened.
    pub age: u64,
    route: Arc<str>,
    body: Vec<u8>,
    events: u64,
    service_bytes: usize,
    oldest: u64,
    newest: u64,
    /// Time of the last event, as long as they came in order.
    last: Option<u64>,
}

impl Open {
    pub fn new(rendered: Vec<u8>, route: Arc<str>, age: u64) -> Open {
        Open {
            rendered,
            age,
            route,
            body: Vec::new(),
            events: 0,
            service_bytes: 0,
            oldest: u64::MAX,
            newest: 0,
            last: Some(0),
        }
    }

    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Has room for a full body, because the one before was nearly that.
    pub fn is_roomy(&self) -> bool {
        self.body.capacity() >= FULL_CAPACITY
    }

    /// Takes an event. False, and nothing is changed, when it has to go into another payload.
    pub fn push(&mut self, time: u64, message: &[u8], ascii_only: bool) -> bool {
        let service_bytes = self.service_bytes + message.len() + EVENT_OVERHEAD;
        let (oldest, newest) = (self.oldest.min(time), self.newest.max(time));
        let is_first = self.events == 0;
        if is_first {
            self.begin();
        } else if self.events == MAX_EVENTS
            || service_bytes > MAX_SERVICE_BYTES
            || newest - oldest >= MAX_SPAN_MS
        {
            return false;
        }
        let before = self.body.len();
        self.write(time, message, ascii_only);
        if self.body.len() > MAX_BODY_BYTES && !is_first {
            self.body.truncate(before);
            return false;
        }
        self.events += 1;
        (self.service_bytes, self.oldest, self.newest) = (service_bytes, oldest, newest);
        self.last = self.last.filter(|last| *last <= time).map(|_| time);
        true
    }

    fn begin(&mut self) {
        let (group, stream) = names::parts(&self.route);
        self.body.extend_from_slice(b"{\"logGroupName\":");
        json::write_string(group.as_bytes(), &mut self.body);
        self.body.extend_from_slice(b",\"logStreamName\":");
        json::write_string(stream.as_bytes(), &mut self.body);
        self.body.extend_from_slice(b",\"logEvents\":[");
    }

    fn write(&mut self, time: u64, message: &[u8], ascii_only: bool) {
        let out = &mut self.body;
        out.extend_from_slice(if self.events == 0 { b"{\"timestamp\":" } else { b",{\"timestamp\":" });
        number::write_uint(time, out);
        out.extend_from_slice(b",\"message\":\"");
        let start = out.len();
        text::escape_dense(message, out);
        if ascii_only {
            escape_unicode(out, start);
        }
        out.extend_from_slice(b"\"}");
    }

    /// The payload, and an empty one of the same stream in its place. `None` when it holds no events.
    pub fn seal(&mut self) -> Option<Payload> {
        if self.events == 0 {
            return None;
        }
        self.body.extend_from_slice(b"]}");
        let fresh = Open::new(std::mem::take(&mut self.rendered), self.route.clone(), self.age);
        let full = std::mem::replace(self, fresh);
        let mut body = full.body;
        if full.last.is_none() {
            body = events::sorted(&body).unwrap_or(body);
        }
        if body.len() > MAX_BODY_BYTES / 2 {
            // A busy stream: its next body grows without being moved.
            self.body.reserve_exact(FULL_CAPACITY);
        }
        // What waits in a queue is counted by its length, so it shall not hold much more.
        if body.capacity() > body.len() + body.len() / 4 {
            body.shrink_to_fit();
        }
        let raw_bytes = body.len() as u64;
        Some(Payload::new(body, full.route, full.events, raw_bytes))
    }
}
