//! The record a statement runs on, with what is around it.

use model::metric::Point;
use model::trace::SpanEvent;
use model::{Arena, List, LogRecord, Metric, Resource, Scope, Span, TraceSpan};

use crate::context::Context;
use crate::fault::RunError;
use crate::value::Val;

/// Bytes of scratch a batch may grow to by what statements make, well below what an arena can hold.
const MAX_SCRATCH: usize = 256 << 20;

/// One row of a batch. The arena is the one that all of its parts lie in.
pub struct Target<'a> {
    pub arena: &'a mut Arena,
    /// Grows by one when a statement writes to the resource of a record that has none.
    pub resources: &'a mut Vec<Resource>,
    pub scopes: &'a mut Vec<Scope>,
    pub row: Row<'a>,
    /// The record's own scratch map, shared by the statements of a group. Starts empty.
    pub cache: &'a mut List,
    /// Nanoseconds since the epoch.
    pub clock: fn() -> u64,
}

pub enum Row<'a> {
    /// Index into the resources. Where there are none, 0 is the one that all records would share.
    Resource(u32),
    /// Index into the scopes, likewise.
    Scope(u32),
    Log(&'a mut LogRecord),
    Span(&'a mut TraceSpan),
    /// A span and the place of its event.
    SpanEvent(&'a mut TraceSpan, usize),
    /// A metric, and where metrics that are made from it go. They belong behind those of the batch.
    Metric(&'a mut Metric, &'a mut Vec<Metric>),
    /// A metric, the place of its point, and as for `Metric`.
    DataPoint(&'a mut Metric, usize, &'a mut Vec<Metric>),
}

impl Row<'_> {
    pub fn context(&self) -> Context {
        match self {
            Row::Resource(_) => Context::Resource,
            Row::Scope(_) => Context::Scope,
            Row::Log(_) => Context::Log,
            Row::Span(_) => Context::Span,
            Row::SpanEvent(..) => Context::SpanEvent,
            Row::Metric(..) => Context::Metric,
            Row::DataPoint(..) => Context::DataPoint,
        }
    }
}

impl Target<'_> {
    fn scope_index(&self) -> Option<usize> {
        let index = match &self.row {
            Row::Resource(_) => return None,
            Row::Scope(index) => *index,
            Row::Log(record) => record.scope,
            Row::Span(span) | Row::SpanEvent(span, _) => span.scope,
            Row::Metric(metric, _) | Row::DataPoint(metric, ..) => metric.scope,
        };
        Some(index as usize)
    }

    pub(crate) fn scope(&self) -> Option<&Scope> {
        self.scopes.get(self.scope_index()?)
    }

    pub(crate) fn resource(&self) -> Option<&Resource> {
        match self.row {
            Row::Resource(index) => self.resources.get(index as usize),
            _ => self.resources.get(self.scope().map_or(0, |scope| scope.resource) as usize),
        }
    }

    /// To write to. A batch of a protocol without scopes gets one, which all its records then share.
    pub(crate) fn scope_mut(&mut self) -> Result<&mut Scope, RunError> {
        let index = self.scope_index().unwrap_or(usize::MAX);
        if index == self.scopes.len() && index == 0 {
            self.scopes.push(Scope::default());
        }
        self.scopes.get_mut(index).ok_or_else(|| RunError::new("the record has no scope"))
    }

    /// As [`Target::scope_mut`].
    pub(crate) fn resource_mut(&mut self) -> Result<&mut Resource, RunError> {
        let index = match self.row {
            Row::Resource(index) => index,
            _ => self.scope_mut()?.resource,
        };
        if index == 0 && self.resources.is_empty() {
            self.resources.push(Resource::default());
            if self.scopes.is_empty() {
                // Records reach their resource through a scope.
                self.scopes.push(Scope::default());
            }
        }
        self.resources.get_mut(index as usize).ok_or_else(|| RunError::new("the record has no resource"))
    }

    pub(crate) fn span(&mut self) -> Option<&mut TraceSpan> {
        match &mut self.row {
            Row::Span(span) | Row::SpanEvent(span, _) => Some(span),
            _ => None,
        }
    }

    pub(crate) fn event(&mut self) -> Option<&mut SpanEvent> {
        match &mut self.row {
            Row::SpanEvent(span, place) => span.events.get_mut(*place),
            _ => None,
        }
    }

    pub(crate) fn log(&mut self) -> Option<&mut LogRecord> {
        match &mut self.row {
            Row::Log(record) => Some(record),
            _ => None,
        }
    }

    pub(crate) fn metric(&mut self) -> Option<&mut Metric> {
        match &mut self.row {
            Row::Metric(metric, _) | Row::DataPoint(metric, ..) => Some(metric),
            _ => None,
        }
    }

    pub(crate) fn point(&mut self) -> Option<&mut Point> {
        match &mut self.row {
            Row::DataPoint(metric, place, _) => metric.points.get_mut(*place),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        self.arena.bytes(span)
    }

    /// The text of a slice; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn text(&self, span: Span) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.arena.bytes(span))
    }

    /// Keeps a text that was made, unless statements have filled the batch with too many.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> Result<Span, RunError> {
        if bytes.is_empty() {
            return Ok(Span::EMPTY);
        }
        if self.arena.mark().1 + bytes.len() > MAX_SCRATCH {
            return Err(RunError::new("statements made too much text for one batch"));
        }
        Ok(self.arena.store(bytes))
    }

    pub(crate) fn string(&mut self, text: impl AsRef<[u8]>) -> Result<Val, RunError> {
        Ok(Val::Str(self.keep(text.as_ref())?))
    }
}
