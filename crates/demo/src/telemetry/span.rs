//! Spans: made where the work is done, sent when they end.

use std::sync::{Arc, Mutex, PoisonError};

use engine::clock::now_nanos;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::otlp::attribute;
use crate::dice::Dice;

/// Where a span stands, as `traceparent` carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub trace: u128,
    pub span: u64,
}

impl Context {
    /// W3C Trace Context, version 00.
    pub fn of_header(header: &str) -> Option<Context> {
        let mut parts = header.split('-');
        let (_, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        let trace = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        Some(Context { trace, span })
    }

    pub fn header(self) -> String {
        format!("00-{}-{}-01", self.trace_id(), self.span_id())
    }

    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }

    pub fn span_id(self) -> String {
        format!("{:016x}", self.span)
    }
}

/// OTLP's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

/// Makes the first span of a request.
#[derive(Debug, Clone)]
pub struct Tracer {
    out: mpsc::Sender<Value>,
    ids: Arc<Mutex<Dice>>,
}

impl Tracer {
    pub fn new(out: mpsc::Sender<Value>, seed: u64) -> Tracer {
        Tracer { out, ids: Arc::new(Mutex::new(Dice::new(seed))) }
    }

    pub fn start(&self, parent: Option<Context>, name: impl Into<String>, kind: Kind) -> Span {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || u128::from(ids.roll()) << 64 | u128::from(ids.roll() | 1);
        let trace = parent.map_or_else(fresh, |parent| parent.trace);
        let context = Context { trace, span: ids.roll() | 1 };
        drop(ids);
        Span {
            tracer: self.clone(),
            context,
            parent: parent.map(|parent| parent.span),
            name: name.into(),
            kind,
            start: now_nanos(),
            attributes: Vec::new(),
            events: Vec::new(),
            failure: None,
        }
    }
}

/// Ends when it is dropped, also when the caller hangs up in the middle.
pub struct Span {
    tracer: Tracer,
    context: Context,
    parent: Option<u64>,
    name: String,
    kind: Kind,
    start: u64,
    attributes: Vec<Value>,
    events: Vec<Value>,
    failure: Option<String>,
}

impl Span {
    pub fn child(&self, name: impl Into<String>, kind: Kind) -> Span {
        self.tracer.start(Some(self.context), name, kind)
    }

    pub fn context(&self) -> Context {
        self.context
    }

    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.attributes.push(attribute(key, &value.into()));
    }

    pub fn event(&mut self, name: &str, attributes: &[(&str, Value)]) {
        let attributes: Vec<_> = attributes.iter().map(|(key, value)| attribute(key, value)).collect();
        let at = now_nanos().to_string();
        self.events.push(json!({"timeUnixNano": at, "name": name, "attributes": attributes}));
    }

    /// An error status without an exception.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.failure = Some(why.into());
    }

    pub fn exception(&mut self, exception: &Exception) {
        self.set("error.type", exception.kind);
        self.event("exception", &exception.fields());
        self.fail(exception.message.clone());
    }

    /// As OTLP's JSON has it.
    fn to_json(&self) -> Value {
        json!({
            "traceId": self.context.trace_id(),
            "spanId": self.context.span_id(),
            "parentSpanId": self.parent.map(|parent| format!("{parent:016x}")),
            "flags": 1,
            "name": self.name,
            "kind": self.kind as u8,
            "startTimeUnixNano": self.start.to_string(),
            "endTimeUnixNano": now_nanos().max(self.start + 1).to_string(),
            "attributes": self.attributes,
            "events": self.events,
            "status": self.failure.as_ref().map(|why| json!({"code": 2, "message": why})),
        })
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // Full only when nobody takes spans; then the newest are lost.
        let _ = self.tracer.out.try_send(self.to_json());
    }
}

/// What went wrong, as the exception event and the log record tell it.
#[derive(Debug, Clone)]
pub struct Exception {
    pub kind: &'static str,
    pub message: String,
    pub stack: &'static str,
}

impl Exception {
    pub fn fields(&self) -> [(&'static str, Value); 3] {
        let stack = format!("{}: {}\n{}", self.kind, self.message, self.stack);
        [
            ("exception.type", json!(self.kind)),
            ("exception.message", json!(self.message)),
            ("exception.stacktrace", json!(stack)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let context = Context::of_header(text).unwrap();
        assert_eq!(context.header(), text);
        for other in ["", "00", "00-0-1-01", "00-zz-1-01", "00-1-0-00"] {
            assert_eq!(Context::of_header(other), None, "{other}");
        }
    }
}
