//! Paths of the resource.

use super::setter;
use crate::fault::RunError;
use crate::target::Target;
use crate::value::Val;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Attributes,
    Dropped,
    SchemaUrl,
}

pub const PATHS: &[(&str, Field)] = &[
    ("attributes", Field::Attributes),
    ("dropped_attributes_count", Field::Dropped),
    ("schema_url", Field::SchemaUrl),
];

pub fn get(field: Field, t: &Target<'_>) -> Val {
    let resource = t.resource().copied().unwrap_or_default();
    match field {
        Field::Attributes => Val::Map(resource.attributes),
        Field::Dropped => Val::Int(resource.dropped_attributes.into()),
        Field::SchemaUrl => Val::Str(resource.schema_url),
    }
}

pub fn set(field: Field, t: &mut Target<'_>, value: Val) -> Result<(), RunError> {
    match field {
        Field::Attributes => t.resource_mut()?.attributes = setter::map(t.arena, value)?,
        Field::Dropped => t.resource_mut()?.dropped_attributes = setter::small(value)?,
        Field::SchemaUrl => t.resource_mut()?.schema_url = setter::text(value)?,
    }
    Ok(())
}
