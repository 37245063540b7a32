//! Paths of a metric.

use model::metric::MetricKind;

use super::setter;
use crate::fault::RunError;
use crate::target::Target;
use crate::value::Val;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Name,
    Description,
    Unit,
    Type,
    Temporality,
    Monotonic,
    Metadata,
    DataPoints,
}

pub const PATHS: &[(&str, Field)] = &[
    ("name", Field::Name),
    ("description", Field::Description),
    ("unit", Field::Unit),
    ("type", Field::Type),
    ("aggregation_temporality", Field::Temporality),
    ("is_monotonic", Field::Monotonic),
    ("metadata", Field::Metadata),
    ("data_points", Field::DataPoints),
];

/// The kind has a temporality.
fn is_aggregated(kind: MetricKind) -> bool {
    matches!(kind, MetricKind::Sum | MetricKind::Histogram | MetricKind::ExponentialHistogram)
}

pub fn get(field: Field, t: &mut Target<'_>) -> Val {
    let Some(metric) = t.metric() else { return Val::Nil };
    match field {
        Field::Name => Val::Str(metric.name),
        Field::Description => Val::Str(metric.description),
        Field::Unit => Val::Str(metric.unit),
        Field::Type => Val::Int(metric.kind as i64),
        Field::Temporality if is_aggregated(metric.kind) => Val::Int(metric.temporality.into()),
        Field::Monotonic if metric.kind == MetricKind::Sum => Val::Bool(metric.monotonic),
        Field::Temporality | Field::Monotonic => Val::Nil,
        Field::Metadata => Val::Map(metric.metadata),
        Field::DataPoints => Val::Part("the metric's data points", metric.points.len() as u32),
    }
}

pub fn set(field: Field, t: &mut Target<'_>, value: Val) -> Result<(), RunError> {
    let map = if field == Field::Metadata { setter::map(t.arena, value)? } else { Default::default() };
    let metric = t.metric().ok_or_else(super::absent)?;
    match field {
        Field::Name => metric.name = setter::text(value)?,
        Field::Description => metric.description = setter::text(value)?,
        Field::Unit => metric.unit = setter::text(value)?,
        Field::Type => {}
        Field::Temporality => {
            let temporality = u8::try_from(setter::int(value)?);
            let temporality = temporality.map_err(|_| RunError::new("a temporality is 0 to 2"))?;
            if is_aggregated(metric.kind) {
                metric.temporality = temporality;
            }
        }
        Field::Monotonic => {
            let monotonic = setter::bool(value)?;
            if metric.kind == MetricKind::Sum {
                metric.monotonic = monotonic;
            }
        }
        Field::Metadata => metric.metadata = map,
        Field::DataPoints => match value {
            Val::Part("the metric's data points", _) => {}
            other => return Err(setter::expects("the metric's data points", other)),
        },
    }
    Ok(())
}
