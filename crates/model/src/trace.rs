//! Spans, after OpenTelemetry's trace data model.

use crate::arena::{List, Span};

/// One span of a trace. `Span` alone is a slice of an arena here.
#[derive(Debug, Clone, Default)]
pub struct TraceSpan {
    /// All zero: none, which the protocol calls invalid.
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    /// All zero: a root span.
    pub parent_span_id: [u8; 8],
    /// W3C `tracestate`, as it came.
    pub trace_state: Span,
    /// Bits 0 to 7 are W3C trace flags; 8 and 9 tell whether the parent is remote.
    pub flags: u32,
    pub name: Span,
    /// 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: u8,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub end: u64,
    pub attributes: List,
    pub dropped_attributes: u32,
    pub events: Vec<SpanEvent>,
    pub dropped_events: u32,
    pub links: Vec<SpanLink>,
    pub dropped_links: u32,
    /// `None` where the span has no status message at all.
    pub status: Option<Status>,
    /// Index into `Batch::scopes`.
    pub scope: u32,
}

/// Something that happened during a span.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpanEvent {
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub name: Span,
    pub attributes: List,
    pub dropped_attributes: u32,
}

/// A span elsewhere that this one is related to.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpanLink {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub trace_state: Span,
    pub attributes: List,
    pub dropped_attributes: u32,
    pub flags: u32,
}

/// How a span ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Status {
    pub message: Span,
    /// 0 unset, 1 ok, 2 error.
    pub code: u8,
}
