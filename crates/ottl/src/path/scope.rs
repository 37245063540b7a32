//! Paths of the instrumentation scope.

use super::setter;
use crate::fault::RunError;
use crate::target::Target;
use crate::value::Val;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Name,
    Version,
    Attributes,
    Dropped,
    SchemaUrl,
}

pub const PATHS: &[(&str, Field)] = &[
    ("name", Field::Name),
    ("version", Field::Version),
    ("attributes", Field::Attributes),
    ("dropped_attributes_count", Field::Dropped),
    ("schema_url", Field::SchemaUrl),
];

pub fn get(field: Field, t: &Target<'_>) -> Val {
    let scope = t.scope().copied().unwrap_or_default();
    match field {
        Field::Name => Val::Str(scope.name),
        Field::Version => Val::Str(scope.version),
        Field::Attributes => Val::Map(scope.attributes),
        Field::Dropped => Val::Int(scope.dropped_attributes.into()),
        Field::SchemaUrl => Val::Str(scope.schema_url),
    }
}

pub fn set(field: Field, t: &mut Target<'_>, value: Val) -> Result<(), RunError> {
    match field {
        Field::Name => t.scope_mut()?.name = setter::text(value)?,
        Field::Version => t.scope_mut()?.version = setter::text(value)?,
        Field::Attributes => t.scope_mut()?.attributes = setter::map(t.arena, value)?,
        Field::Dropped => t.scope_mut()?.dropped_attributes = setter::small(value)?,
        Field::SchemaUrl => t.scope_mut()?.schema_url = setter::text(value)?,
    }
    Ok(())
}
