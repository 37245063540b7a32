//! Rows of `traces`: what one batch of spans tells of each trace in it.
//!
//! Rows of one trace from several batches are summed when they are read, so spans that come late change nothing
//! that was written.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int16Builder, Int64Builder, RecordBatch, StringBuilder};
use model::{Arena, TraceSpan};

use super::block::{Block, Container, Origin};
use super::columns::{Label, Times, push_id};
use super::value;
use crate::{LakeError, Table};

/// Most services that one row names.
const MAX_SERVICES: usize = 32;

#[derive(Default)]
pub(super) struct TraceRows {
    block: Block,
    trace_id: StringBuilder,
    end_time: Times,
    root_service: Label,
    root_name: Label,
    span_count: Int64Builder,
    error_count: Int64Builder,
    services: Label,
    http_status: Int16Builder,
    max_duration_ns: Int64Builder,
    open: HashMap<[u8; 16], Trace>,
}

struct Trace {
    start: u64,
    end: u64,
    /// Index of the origin of its first span.
    origin: usize,
    root: Option<(Option<String>, String, Option<i16>)>,
    spans: i64,
    errors: i64,
    services: Vec<String>,
    longest: u64,
}

impl TraceRows {
    pub fn add(&mut self, arena: &Arena, span: &TraceSpan, origin: &Origin, status: Option<i16>) {
        let trace = self.open.entry(span.trace_id).or_insert_with(|| Trace {
            start: span.start,
            end: span.end,
            origin: span.scope as usize,
            root: None,
            spans: 0,
            errors: 0,
            services: Vec::new(),
            longest: 0,
        });
        trace.start = trace.start.min(span.start);
        trace.end = trace.end.max(span.end);
        trace.longest = trace.longest.max(span.end.saturating_sub(span.start));
        trace.spans += 1;
        trace.errors += i64::from(span.status.is_some_and(|status| status.code == 2));
        if let Some(service) = &origin.service
            && trace.services.len() < MAX_SERVICES
            && !trace.services.contains(service)
        {
            trace.services.push(service.clone());
        }
        if span.parent_span_id == [0; 8] {
            let name = value::lossy(arena.bytes(span.name)).into_owned();
            trace.root = Some((origin.service.clone(), name, status));
        }
    }

    pub fn close(&mut self, origins: &[Origin]) {
        let fallback = Origin::default();
        for (id, trace) in self.open.drain() {
            let origin = origins.get(trace.origin).or(origins.first()).unwrap_or(&fallback);
            self.block.push(trace.start, origin, Container::default());
            push_id(&mut self.trace_id, &id);
            self.end_time.push(trace.end.max(trace.start));
            let (service, name, status) = trace.root.unwrap_or_default();
            self.root_service.push(service.as_deref());
            self.root_name.push(Some(&name));
            self.span_count.append_value(trace.spans);
            self.error_count.append_value(trace.errors);
            self.services.push(Some(&trace.services.join(",")));
            self.http_status.append_option(status);
            self.max_duration_ns.append_value(trace.longest as i64);
        }
    }

    pub fn finish(&mut self) -> Result<RecordBatch, LakeError> {
        let mut columns = self.block.finish();
        let own: [ArrayRef; 9] = [
            Arc::new(self.trace_id.finish()),
            self.end_time.finish(),
            self.root_service.finish(),
            self.root_name.finish(),
            Arc::new(self.span_count.finish()),
            Arc::new(self.error_count.finish()),
            self.services.finish(),
            Arc::new(self.http_status.finish()),
            Arc::new(self.max_duration_ns.finish()),
        ];
        columns.extend(own);
        Ok(RecordBatch::try_new(Table::Traces.arriving(), columns)?)
    }
}
