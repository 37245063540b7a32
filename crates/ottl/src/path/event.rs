//! Paths of an event of a span.

use super::setter;
use crate::fault::RunError;
use crate::target::Target;
use crate::value::Val;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Name,
    Time,
    TimeUnixNano,
    Attributes,
    Dropped,
    Index,
}

pub const PATHS: &[(&str, Field)] = &[
    ("name", Field::Name),
    ("time", Field::Time),
    ("time_unix_nano", Field::TimeUnixNano),
    ("attributes", Field::Attributes),
    ("dropped_attributes_count", Field::Dropped),
    ("event_index", Field::Index),
];

pub fn get(field: Field, t: &mut Target<'_>) -> Val {
    let index = super::event_index(t);
    let Some(event) = t.event() else { return Val::Nil };
    match field {
        Field::Name => Val::Str(event.name),
        Field::Time => setter::moment(event.time),
        Field::TimeUnixNano => setter::unix(event.time),
        Field::Attributes => Val::Map(event.attributes),
        Field::Dropped => Val::Int(event.dropped_attributes.into()),
        Field::Index => index,
    }
}

pub fn set(field: Field, t: &mut Target<'_>, value: Val) -> Result<(), RunError> {
    let map = if field == Field::Attributes { setter::map(t.arena, value)? } else { Default::default() };
    let event = t.event().ok_or_else(super::absent)?;
    match field {
        Field::Name => event.name = setter::text(value)?,
        Field::Time => event.time = setter::time(value)?,
        Field::TimeUnixNano => event.time = setter::nanos(value)?,
        Field::Attributes => event.attributes = map,
        Field::Dropped => event.dropped_attributes = setter::small(value)?,
        Field::Index => return Err(RunError::new("event_index cannot be set")),
    }
    Ok(())
}
