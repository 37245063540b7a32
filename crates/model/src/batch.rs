//! A batch: records of one signal and tag, and the arena that holds their bytes.

use std::sync::Arc;

use crate::arena::{Arena, List, Value};
use crate::metric::Metric;
use crate::trace::TraceSpan;
use crate::{Reason, Token, pool};

/// Where records came from, Fluent Bit's sense: what routes match on. Cheap to clone.
pub type Tag = Arc<str>;

/// OpenTelemetry's signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    Logs,
    Metrics,
    Traces,
}

/// OpenTelemetry's severity number, 1 to 24; 0 is unspecified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Severity(pub u8);

/// What produced the telemetry. Records point to it through their scope.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resource {
    pub attributes: List,
    pub dropped_attributes: u32,
    pub schema_url: crate::Span,
}

/// The library that produced the telemetry.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope {
    /// Index into [`Batch::resources`].
    pub resource: u32,
    pub name: crate::Span,
    pub version: crate::Span,
    pub attributes: List,
    pub dropped_attributes: u32,
    pub schema_url: crate::Span,
}

/// One log record, after OpenTelemetry's log data model.
#[derive(Debug, Clone, Copy)]
pub struct LogRecord {
    /// Nanoseconds since the epoch; 0 is unknown.
    pub time: u64,
    /// When Outrigger or an earlier collector saw it, in nanoseconds since the epoch; 0 is unknown.
    pub observed: u64,
    /// The map a log driver sent, or the text of a line.
    pub body: Value,
    pub attributes: List,
    pub severity: Severity,
    /// The severity as the application names it.
    pub severity_text: crate::Span,
    /// Names the class of events this one belongs to; empty for a plain record.
    pub event_name: crate::Span,
    /// Attributes that were left out before the record came here.
    pub dropped_attributes: u32,
    pub flags: u32,
    /// All zero: none.
    pub trace_id: [u8; 16],
    /// All zero: none.
    pub span_id: [u8; 8],
    /// Index into [`Batch::scopes`].
    pub scope: u32,
}

impl LogRecord {
    pub fn new(time: u64, body: Value) -> Self {
        LogRecord {
            time,
            observed: 0,
            body,
            attributes: List::EMPTY,
            severity: Severity::default(),
            severity_text: crate::Span::EMPTY,
            event_name: crate::Span::EMPTY,
            dropped_attributes: 0,
            flags: 0,
            trace_id: [0; 16],
            span_id: [0; 8],
            scope: 0,
        }
    }

    /// The body's fields, when it is a map: what Fluent Bit calls the record.
    pub fn fields(&self) -> Option<List> {
        match self.body {
            Value::Map(list) => Some(list),
            _ => None,
        }
    }
}

/// What is known of a request whose bytes are the arena's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    pub signal: Signal,
    pub items: u64,
}

/// Records that travel together.
///
/// A record leaves a batch through [`Batch::discard`] or [`Batch::retain`], which note the reason; the ledger
/// balances on it.
#[derive(Debug, Clone)]
pub struct Batch {
    pub arena: Arena,
    pub tag: Tag,
    /// The rows of the signal: of these three at most one is not empty.
    pub logs: Vec<LogRecord>,
    pub spans: Vec<TraceSpan>,
    pub metrics: Vec<Metric>,
    /// The batch is an OTLP request that nobody has looked into; then there are no rows.
    pub unread: Option<Unread>,
    /// Empty where the protocol knows no resources.
    pub resources: Vec<Resource>,
    /// Empty where the protocol knows no scopes; records then point to one that is not there.
    pub scopes: Vec<Scope>,
    pub token: Token,
    /// Asks the engine to walk the pipeline from its first step again, as after a new tag.
    pub restart: bool,
    discarded: Vec<(Reason, u64)>,
}

impl Batch {
    /// An empty batch over received bytes.
    pub fn new(tag: Tag, input: Vec<u8>) -> Self {
        Batch::with_arena(tag, Arena::new(input))
    }

    pub fn with_arena(tag: Tag, arena: Arena) -> Self {
        Batch {
            arena,
            tag,
            logs: pool::logs(),
            spans: Vec::new(),
            metrics: Vec::new(),
            unread: None,
            resources: Vec::new(),
            scopes: Vec::new(),
            token: Token::default(),
            restart: false,
            discarded: Vec::new(),
        }
    }

    /// A request as it came, holding so many items.
    pub fn unread(tag: Tag, signal: Signal, request: Vec<u8>, items: u64) -> Self {
        let mut batch = Batch::new(tag, request);
        batch.unread = Some(Unread { signal, items });
        batch
    }

    /// Log records, spans or data points.
    pub fn len(&self) -> usize {
        let points: usize = self.metrics.iter().map(|metric| metric.points.len()).sum();
        let unread = self.unread.map_or(0, |unread| unread.items as usize);
        self.logs.len() + self.spans.len() + points + unread
    }

    /// Log records, spans or metrics: the rows of its signal.
    pub fn rows(&self) -> usize {
        self.logs.len() + self.spans.len() + self.metrics.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which rows it has; logs, when there are none.
    pub fn signal(&self) -> Signal {
        match self.unread {
            Some(unread) => unread.signal,
            None if !self.spans.is_empty() => Signal::Traces,
            None if !self.metrics.is_empty() => Signal::Metrics,
            None => Signal::Logs,
        }
    }

    /// Gives rows that came without a resource an empty one, so that there is something to write on.
    pub fn need_resource(&mut self) {
        if self.resources.is_empty() {
            self.resources.push(Resource::default());
        }
        if self.scopes.is_empty() {
            // Rows of protocols without scopes point to the first.
            self.scopes.push(Scope::default());
        }
    }

    /// Notes that `count` records are gone for this reason. The caller has removed them.
    pub fn discard(&mut self, reason: Reason, count: u64) {
        if count == 0 {
            return;
        }
        match self.discarded.iter_mut().find(|(r, _)| *r == reason) {
            Some((_, total)) => *total += count,
            None => self.discarded.push((reason, count)),
        }
    }

    /// Keeps the records for which `keep` says `Ok`, and notes the reason for the others.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut Arena, &mut LogRecord) -> Result<(), Reason>) {
        let mut logs = std::mem::take(&mut self.logs);
        logs.retain_mut(|record| match keep(&mut self.arena, record) {
            Ok(()) => true,
            Err(reason) => {
                self.discard(reason, 1);
                false
            }
        });
        self.logs = logs;
    }

    /// Takes the notes of what was discarded since the last call.
    pub fn take_discarded(&mut self) -> Vec<(Reason, u64)> {
        std::mem::take(&mut self.discarded)
    }

    /// Copies a record of another batch into this one.
    pub fn import(&mut self, from: &Batch, record: &LogRecord) {
        let mut copy = *record;
        copy.body = self.arena.import(&from.arena, record.body);
        let Value::Map(attributes) = self.arena.import(&from.arena, Value::Map(record.attributes)) else {
            unreachable!("bug: a map was imported as something else")
        };
        copy.attributes = attributes;
        copy.severity_text = self.arena.store(from.arena.bytes(record.severity_text));
        copy.event_name = self.arena.store(from.arena.bytes(record.event_name));
        copy.scope = 0;
        self.logs.push(copy);
    }

    /// Bytes held, for memory accounting.
    pub fn byte_size(&self) -> usize {
        let rows = self.logs.len() * size_of::<LogRecord>() + self.spans.len() * size_of::<TraceSpan>();
        self.arena.byte_size() + rows + self.metrics.iter().map(Metric::byte_size).sum::<usize>()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let (input, scratch, nodes) = std::mem::take(&mut self.arena).into_parts();
        pool::give_back(input, scratch, nodes, std::mem::take(&mut self.logs));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_removed_is_noted() {
        let mut batch = Batch::new("t".into(), Vec::new());
        for time in 0..10 {
            batch.logs.push(LogRecord::new(time, Value::Null));
        }
        batch.retain(|_, record| match record.time {
            0..3 => Err(Reason::Filtered),
            3 => Err(Reason::Throttled),
            _ => Ok(()),
        });
        batch.discard(Reason::Filtered, 2);
        assert_eq!(batch.len(), 6);
        assert_eq!(batch.take_discarded(), [(Reason::Filtered, 5), (Reason::Throttled, 1)]);
        assert!(batch.take_discarded().is_empty());
    }
}
