//! Paths of a log record.

use model::{LogRecord, Severity, Value};

use super::setter;
use crate::fault::RunError;
use crate::like;
use crate::target::Target;
use crate::value::Val;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Attributes,
    Body,
    BodyString,
    Time,
    TimeUnixNano,
    Observed,
    ObservedUnixNano,
    SeverityNumber,
    SeverityText,
    TraceId,
    TraceIdString,
    SpanId,
    SpanIdString,
    EventName,
    Flags,
    Dropped,
}

pub const PATHS: &[(&str, Field)] = &[
    ("attributes", Field::Attributes),
    ("body", Field::Body),
    ("body.string", Field::BodyString),
    ("time", Field::Time),
    ("time_unix_nano", Field::TimeUnixNano),
    ("observed_time", Field::Observed),
    ("observed_time_unix_nano", Field::ObservedUnixNano),
    ("severity_number", Field::SeverityNumber),
    ("severity_text", Field::SeverityText),
    ("trace_id", Field::TraceId),
    ("trace_id.string", Field::TraceIdString),
    ("span_id", Field::SpanId),
    ("span_id.string", Field::SpanIdString),
    ("event_name", Field::EventName),
    ("flags", Field::Flags),
    ("dropped_attributes_count", Field::Dropped),
];

fn record<'t>(t: &'t mut Target<'_>) -> Result<&'t mut LogRecord, RunError> {
    t.log().ok_or_else(super::absent)
}

pub fn get(field: Field, t: &mut Target<'_>) -> Result<Val, RunError> {
    let record = record(t)?;
    Ok(match field {
        Field::Attributes => Val::Map(record.attributes),
        Field::Body | Field::BodyString => {
            let body = record.body;
            let body = Val::load(t.arena, body);
            if field == Field::Body {
                return Ok(body);
            }
            Val::Str(like::string(t, body)?.unwrap_or_default())
        }
        Field::Time => setter::moment(record.time),
        Field::TimeUnixNano => setter::unix(record.time),
        Field::Observed => setter::moment(record.observed),
        Field::ObservedUnixNano => setter::unix(record.observed),
        Field::SeverityNumber => Val::Int(record.severity.0.into()),
        Field::SeverityText => Val::Str(record.severity_text),
        Field::TraceId => Val::Id16(record.trace_id),
        Field::TraceIdString => {
            let id = record.trace_id;
            setter::hex(t, &id)?
        }
        Field::SpanId => Val::SpanId(record.span_id),
        Field::SpanIdString => {
            let id = record.span_id;
            setter::hex(t, &id)?
        }
        Field::EventName => Val::Str(record.event_name),
        Field::Flags => Val::Int(record.flags.into()),
        Field::Dropped => Val::Int(record.dropped_attributes.into()),
    })
}

pub fn set(field: Field, t: &mut Target<'_>, value: Val) -> Result<(), RunError> {
    match field {
        Field::Attributes => {
            let list = setter::map(t.arena, value)?;
            record(t)?.attributes = list;
        }
        Field::Body => record(t)?.body = value.store()?,
        Field::BodyString => record(t)?.body = Value::Str(setter::text(value)?),
        Field::Time => record(t)?.time = setter::time(value)?,
        Field::TimeUnixNano => record(t)?.time = setter::nanos(value)?,
        Field::Observed => record(t)?.observed = setter::time(value)?,
        Field::ObservedUnixNano => record(t)?.observed = setter::nanos(value)?,
        Field::SeverityNumber => {
            let number = u8::try_from(setter::int(value)?);
            let number = number.map_err(|_| RunError::new("a severity number is at most 24"))?;
            record(t)?.severity = Severity(number);
        }
        Field::SeverityText => record(t)?.severity_text = setter::text(value)?,
        Field::TraceId => record(t)?.trace_id = setter::id16(value)?,
        Field::TraceIdString => record(t)?.trace_id = setter::id_text(t, value)?,
        Field::SpanId => record(t)?.span_id = setter::id8(value)?,
        Field::SpanIdString => record(t)?.span_id = setter::id_text(t, value)?,
        Field::EventName => record(t)?.event_name = setter::text(value)?,
        Field::Flags => record(t)?.flags = setter::small(value)?,
        Field::Dropped => record(t)?.dropped_attributes = setter::small(value)?,
    }
    Ok(())
}
