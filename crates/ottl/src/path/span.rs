//! Paths of a span.

use model::TraceSpan;
use model::trace::Status;

use super::{Key, Path, Step, setter};
use crate::fault::RunError;
use crate::target::Target;
use crate::value::Val;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    TraceId,
    TraceIdString,
    SpanId,
    SpanIdString,
    ParentSpanId,
    ParentSpanIdString,
    TraceState,
    Name,
    Kind,
    KindString,
    KindDeprecatedString,
    Start,
    StartUnixNano,
    End,
    EndUnixNano,
    Attributes,
    Status,
    StatusCode,
    StatusMessage,
    Events,
    Links,
    DroppedAttributes,
    DroppedEvents,
    DroppedLinks,
    Flags,
}

pub const PATHS: &[(&str, Field)] = &[
    ("trace_id", Field::TraceId),
    ("trace_id.string", Field::TraceIdString),
    ("span_id", Field::SpanId),
    ("span_id.string", Field::SpanIdString),
    ("parent_span_id", Field::ParentSpanId),
    ("parent_span_id.string", Field::ParentSpanIdString),
    ("trace_state", Field::TraceState),
    ("name", Field::Name),
    ("kind", Field::Kind),
    ("kind.string", Field::KindString),
    ("kind.deprecated_string", Field::KindDeprecatedString),
    ("start_time", Field::Start),
    ("start_time_unix_nano", Field::StartUnixNano),
    ("end_time", Field::End),
    ("end_time_unix_nano", Field::EndUnixNano),
    ("attributes", Field::Attributes),
    ("status", Field::Status),
    ("status.code", Field::StatusCode),
    ("status.message", Field::StatusMessage),
    ("events", Field::Events),
    ("links", Field::Links),
    ("dropped_attributes_count", Field::DroppedAttributes),
    ("dropped_events_count", Field::DroppedEvents),
    ("dropped_links_count", Field::DroppedLinks),
    ("flags", Field::Flags),
];

/// By the kind's number.
const KINDS: [(&str, &str); 6] = [
    ("Unspecified", "SPAN_KIND_UNSPECIFIED"),
    ("Internal", "SPAN_KIND_INTERNAL"),
    ("Server", "SPAN_KIND_SERVER"),
    ("Client", "SPAN_KIND_CLIENT"),
    ("Producer", "SPAN_KIND_PRODUCER"),
    ("Consumer", "SPAN_KIND_CONSUMER"),
];

fn span<'t>(t: &'t mut Target<'_>) -> Result<&'t mut TraceSpan, RunError> {
    t.span().ok_or_else(super::absent)
}

pub fn get(field: Field, t: &mut Target<'_>) -> Result<Val, RunError> {
    let span = span(t)?;
    let kind = KINDS.get(usize::from(span.kind)).copied().unwrap_or(KINDS[0]);
    let status = span.status.unwrap_or_default();
    Ok(match field {
        Field::TraceId => Val::Id16(span.trace_id),
        Field::TraceIdString => {
            let id = span.trace_id;
            setter::hex(t, &id)?
        }
        Field::SpanId => Val::SpanId(span.span_id),
        Field::SpanIdString => {
            let id = span.span_id;
            setter::hex(t, &id)?
        }
        Field::ParentSpanId => Val::SpanId(span.parent_span_id),
        Field::ParentSpanIdString => {
            let id = span.parent_span_id;
            setter::hex(t, &id)?
        }
        Field::TraceState => Val::Str(span.trace_state),
        Field::Name => Val::Str(span.name),
        Field::Kind => Val::Int(span.kind.into()),
        Field::KindString => t.string(kind.0)?,
        Field::KindDeprecatedString => t.string(kind.1)?,
        Field::Start => setter::moment(span.start),
        Field::StartUnixNano => setter::unix(span.start),
        Field::End => setter::moment(span.end),
        Field::EndUnixNano => setter::unix(span.end),
        Field::Attributes => Val::Map(span.attributes),
        Field::Status => Val::Part("the span's status", 0),
        Field::StatusCode => Val::Int(status.code.into()),
        Field::StatusMessage => Val::Str(status.message),
        Field::Events => Val::Part("the span's events", span.events.len() as u32),
        Field::Links => Val::Part("the span's links", span.links.len() as u32),
        Field::DroppedAttributes => Val::Int(span.dropped_attributes.into()),
        Field::DroppedEvents => Val::Int(span.dropped_events.into()),
        Field::DroppedLinks => Val::Int(span.dropped_links.into()),
        Field::Flags => Val::Int(span.flags.into()),
    })
}

pub fn set(field: Field, t: &mut Target<'_>, value: Val) -> Result<(), RunError> {
    match field {
        Field::TraceId => span(t)?.trace_id = setter::id16(value)?,
        Field::TraceIdString => span(t)?.trace_id = setter::id_text(t, value)?,
        Field::SpanId => span(t)?.span_id = setter::id8(value)?,
        Field::SpanIdString => span(t)?.span_id = setter::id_text(t, value)?,
        Field::ParentSpanId => span(t)?.parent_span_id = setter::id8(value)?,
        Field::ParentSpanIdString => span(t)?.parent_span_id = setter::id_text(t, value)?,
        Field::TraceState => span(t)?.trace_state = setter::text(value)?,
        Field::Name => span(t)?.name = setter::text(value)?,
        Field::Kind => {
            let kind = u8::try_from(setter::int(value)?);
            span(t)?.kind = kind.map_err(|_| RunError::new("a span's kind is 0 to 5"))?;
        }
        Field::KindString | Field::KindDeprecatedString => {
            let text = t.text(setter::text(value)?);
            let named = |(short, long): &(&str, &str)| {
                if field == Field::KindString { *short == text } else { *long == text }
            };
            let kind = KINDS.iter().position(named).unwrap_or(0) as u8;
            span(t)?.kind = kind;
        }
        Field::Start => span(t)?.start = setter::time(value)?,
        Field::StartUnixNano => span(t)?.start = setter::nanos(value)?,
        Field::End => span(t)?.end = setter::time(value)?,
        Field::EndUnixNano => span(t)?.end = setter::nanos(value)?,
        Field::Attributes => {
            let list = setter::map(t.arena, value)?;
            span(t)?.attributes = list;
        }
        Field::StatusCode => {
            let code = u8::try_from(setter::int(value)?);
            status(t)?.code = code.map_err(|_| RunError::new("a status code is 0 to 2"))?;
        }
        Field::StatusMessage => status(t)?.message = setter::text(value)?,
        Field::Status | Field::Events | Field::Links => {
            let wanted = get(field, t)?.type_name();
            return match value {
                Val::Part(name, _) if name == wanted => Ok(()),
                other => Err(setter::expects(wanted, other)),
            };
        }
        Field::DroppedAttributes => span(t)?.dropped_attributes = setter::small(value)?,
        Field::DroppedEvents => span(t)?.dropped_events = setter::small(value)?,
        Field::DroppedLinks => span(t)?.dropped_links = setter::small(value)?,
        Field::Flags => span(t)?.flags = setter::small(value)?,
    }
    Ok(())
}

fn status<'t>(t: &'t mut Target<'_>) -> Result<&'t mut Status, RunError> {
    Ok(span(t)?.status.get_or_insert_default())
}

/// The member of the trace state that the one key names.
fn member(path: &Path, t: &mut Target<'_>) -> Result<Vec<u8>, RunError> {
    let [key] = &*path.keys else { return Err(RunError::new("trace_state takes one key")) };
    match Key::step(key, t)? {
        Step::Name(name) => Ok(name.to_vec()),
        Step::Kept(name) => Ok(t.bytes(name).to_vec()),
        Step::Index(_) => Err(RunError::new("trace_state takes a string as key")),
    }
}

pub fn state(path: &Path, t: &mut Target<'_>) -> Result<Val, RunError> {
    let name = member(path, t)?;
    let state = span(t)?.trace_state;
    let found = t.bytes(state).split(|byte| *byte == b',').find_map(|entry| {
        let entry = entry.trim_ascii();
        entry.strip_prefix(&*name)?.strip_prefix(b"=").map(<[u8]>::to_vec)
    });
    t.string(found.unwrap_or_default())
}

pub fn set_state(path: &Path, t: &mut Target<'_>, value: Val) -> Result<(), RunError> {
    let name = member(path, t)?;
    let value = setter::text(value)?;
    let state = span(t)?.trace_state;
    // W3C: what was changed goes first.
    let mut changed = [&*name, b"=", t.bytes(value)].concat();
    for entry in t.bytes(state).split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        let same = entry.strip_prefix(&*name).is_some_and(|rest| rest.starts_with(b"="));
        if !entry.is_empty() && !same {
            changed.push(b',');
            changed.extend_from_slice(entry);
        }
    }
    let changed = t.keep(&changed)?;
    span(t)?.trace_state = changed;
    Ok(())
}
