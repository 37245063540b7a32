//! What the fields of one record tell, gathered first and written onto the record at once.

use model::{Arena, List, LogRecord, NodeId, Severity, Span, Value};

use super::role::{self, Role};
use super::{Config, severity, text, time, trace_context};

pub struct Found {
    /// What is looked for; switched off where the record says it itself.
    severity_wanted: bool,
    trace_wanted: bool,
    span_wanted: bool,
    flags_wanted: bool,
    time_wanted: bool,
    severity: Option<(u8, Name)>,
    trace: Option<trace_context::TraceId>,
    span: Option<trace_context::SpanId>,
    flags: Option<u8>,
    time: Option<u64>,
}

/// What a severity is called.
enum Name {
    Written(Span),
    Numbered(&'static str),
}

impl Found {
    pub fn new(config: Config, record: &LogRecord) -> Found {
        Found {
            severity_wanted: config.severity && record.severity.0 == 0,
            trace_wanted: config.trace_context && record.trace_id == [0; 16],
            span_wanted: config.trace_context && record.span_id == [0; 8],
            flags_wanted: config.trace_context && record.flags == 0,
            time_wanted: config.time,
            severity: None,
            trace: None,
            span: None,
            flags: None,
            time: None,
        }
    }

    /// Removes the fields that were understood.
    pub fn take(&mut self, arena: &mut Arena, fields: &mut List) {
        if self.trace_wanted || self.span_wanted {
            self.take_from_objects(arena, fields);
        }
        arena.retain(fields, |arena, id| match role::of(arena.key(id)) {
            Some(Role::Status) | None => true,
            Some(role) => !self.told(arena, role, arena.node(id).value),
        });
        if self.severity_wanted && self.severity.is_none() {
            arena.retain(fields, |arena, id| {
                role::of(arena.key(id)) != Some(Role::Status) || !self.word(arena, arena.node(id).value)
            });
        }
    }

    /// Members of `trace`, `span` and `dd`; an object that has no more of them goes too.
    fn take_from_objects(&mut self, arena: &mut Arena, fields: &mut List) {
        let mut next = arena.first(*fields);
        let mut emptied: Option<NodeId> = None;
        while let Some(id) = next {
            next = arena.after(id);
            let Some(role) = role::of(arena.key(id)).filter(|role| role.is_object()) else { continue };
            let value = arena.node(id).value;
            if !matches!(value, Value::Map(_) | Value::Json(_)) {
                continue;
            }
            let Value::Map(mut members) = arena.expand(value) else { continue };
            arena.retain(&mut members, |arena, id| match role.member(arena.key(id)) {
                Some(role) => !self.told(arena, role, arena.node(id).value),
                None => true,
            });
            arena.set_value(id, Value::Map(members));
            if members.is_empty() {
                emptied = Some(id);
            }
        }
        if emptied.is_some() {
            arena.retain(fields, |arena, id| {
                let emptied = matches!(arena.node(id).value, Value::Map(List::EMPTY));
                !emptied || !role::of(arena.key(id)).is_some_and(Role::is_object)
            });
        }
    }

    /// Reads one field; true when it told something new.
    fn told(&mut self, arena: &Arena, role: Role, value: Value) -> bool {
        match role {
            Role::Severity => self.word(arena, value) || self.level(arena, value),
            Role::Trace => self.context(arena, value),
            Role::Span => {
                first(&mut self.span, self.span_wanted, || trace_context::span(bytes(arena, value)?))
            }
            Role::DatadogTrace => first(&mut self.trace, self.trace_wanted, || {
                number(arena, value)
                    .map(|number| trace_context::widened(number.to_be_bytes()))
                    .or_else(|| trace_context::datadog_trace(bytes(arena, value)?))
            }),
            Role::DatadogSpan => first(&mut self.span, self.span_wanted, || {
                number(arena, value)
                    .map(u64::to_be_bytes)
                    .or_else(|| trace_context::datadog_span(bytes(arena, value)?))
            }),
            Role::Flags => first(&mut self.flags, self.flags_wanted, || match number(arena, value) {
                Some(number) => u8::try_from(number).ok(),
                None => trace_context::flags(bytes(arena, value)?),
            }),
            Role::Time => first(&mut self.time, self.time_wanted, || time::of_value(arena, value)),
            Role::Status | Role::TraceObject | Role::SpanObject | Role::DatadogObject => false,
        }
    }

    fn word(&mut self, arena: &Arena, value: Value) -> bool {
        first(&mut self.severity, self.severity_wanted, || {
            let span = text::span(arena, value)?;
            Some((severity::of_word(arena.bytes(span))?, Name::Written(span)))
        })
    }

    fn level(&mut self, arena: &Arena, value: Value) -> bool {
        first(&mut self.severity, self.severity_wanted, || {
            let (number, name) = severity::of_number(i64::try_from(number(arena, value)?).ok()?)?;
            Some((number, Name::Numbered(name)))
        })
    }

    /// An id, or a header with more than one.
    fn context(&mut self, arena: &Arena, value: Value) -> bool {
        let Some(context) = bytes(arena, value).and_then(trace_context::context) else { return false };
        let told = first(&mut self.trace, self.trace_wanted, || Some(context.trace));
        if told {
            first(&mut self.span, self.span_wanted, || context.span);
            first(&mut self.flags, self.flags_wanted, || context.flags);
        }
        told
    }

    pub fn write(self, arena: &mut Arena, record: &mut LogRecord) {
        if let Some((number, name)) = self.severity {
            record.severity = Severity(number);
            if record.severity_text.is_empty() {
                record.severity_text = match name {
                    Name::Written(span) => span,
                    Name::Numbered(name) => arena.store(name.as_bytes()),
                };
            }
        }
        record.trace_id = self.trace.unwrap_or(record.trace_id);
        record.span_id = self.span.unwrap_or(record.span_id);
        record.flags = self.flags.map_or(record.flags, u32::from);
        if let Some(time) = self.time {
            if record.observed == 0 {
                // What the log driver noted is when it saw the line.
                record.observed = record.time;
            }
            record.time = time;
        }
    }
}

/// Fills a place that is wanted and empty; true when there was something to fill it with.
fn first<T>(place: &mut Option<T>, wanted: bool, read: impl FnOnce() -> Option<T>) -> bool {
    if !wanted || place.is_some() {
        return false;
    }
    *place = read();
    place.is_some()
}

fn bytes(arena: &Arena, value: Value) -> Option<&[u8]> {
    text::span(arena, value).map(|span| arena.bytes(span))
}

/// A whole number above zero.
fn number(arena: &Arena, value: Value) -> Option<u64> {
    match text::number(arena, value)? {
        Value::Int(int) => u64::try_from(int).ok().filter(|number| *number > 0),
        Value::Uint(uint) => Some(uint),
        _ => None,
    }
}
