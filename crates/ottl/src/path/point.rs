//! Paths of a data point. What a point of its kind does not have reads nil, and setting it changes nothing.

use model::Value;
use model::metric::{Buckets, PointValue};

use super::setter;
use crate::fault::RunError;
use crate::target::Target;
use crate::value::Val;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Attributes,
    Start,
    StartUnixNano,
    Time,
    TimeUnixNano,
    ValueDouble,
    ValueInt,
    Exemplars,
    Flags,
    Count,
    Sum,
    BucketCounts,
    ExplicitBounds,
    Scale,
    ZeroCount,
    Positive,
    PositiveOffset,
    PositiveCounts,
    Negative,
    NegativeOffset,
    NegativeCounts,
    Quantiles,
}

pub const PATHS: &[(&str, Field)] = &[
    ("attributes", Field::Attributes),
    ("start_time", Field::Start),
    ("start_time_unix_nano", Field::StartUnixNano),
    ("time", Field::Time),
    ("time_unix_nano", Field::TimeUnixNano),
    ("value_double", Field::ValueDouble),
    ("value_int", Field::ValueInt),
    ("exemplars", Field::Exemplars),
    ("flags", Field::Flags),
    ("count", Field::Count),
    ("sum", Field::Sum),
    ("bucket_counts", Field::BucketCounts),
    ("explicit_bounds", Field::ExplicitBounds),
    ("scale", Field::Scale),
    ("zero_count", Field::ZeroCount),
    ("positive", Field::Positive),
    ("positive.offset", Field::PositiveOffset),
    ("positive.bucket_counts", Field::PositiveCounts),
    ("negative", Field::Negative),
    ("negative.offset", Field::NegativeOffset),
    ("negative.bucket_counts", Field::NegativeCounts),
    ("quantile_values", Field::Quantiles),
];

pub fn get(field: Field, t: &mut Target<'_>) -> Val {
    let Some(point) = t.point() else { return Val::Nil };
    match field {
        Field::Attributes => return Val::Map(point.attributes),
        Field::Start => return setter::moment(point.start),
        Field::StartUnixNano => return setter::unix(point.start),
        Field::Time => return setter::moment(point.time),
        Field::TimeUnixNano => return setter::unix(point.time),
        Field::Exemplars => return Val::Part("the point's exemplars", point.exemplars.len() as u32),
        Field::Flags => return Val::Int(point.flags.into()),
        _ => {}
    }
    match &point.value {
        PointValue::None => Val::Nil,
        PointValue::Int(value) if field == Field::ValueInt => Val::Int(*value),
        PointValue::Double(value) if field == Field::ValueDouble => Val::Double(*value),
        // The number of the other type reads as zero, as the protocol's accessors have it.
        PointValue::Int(_) if field == Field::ValueDouble => Val::Double(0.0),
        PointValue::Double(_) if field == Field::ValueInt => Val::Int(0),
        PointValue::Int(_) | PointValue::Double(_) => Val::Nil,
        PointValue::Histogram(histogram) => match field {
            Field::Count => Val::Int(histogram.count as i64),
            Field::Sum => Val::Double(histogram.sum.unwrap_or_default()),
            Field::BucketCounts => {
                let counts = histogram.buckets.clone();
                setter::numbers(t, counts.into_iter().map(|count| Value::Int(count as i64)))
            }
            Field::ExplicitBounds => {
                let bounds = histogram.bounds.clone();
                setter::numbers(t, bounds.into_iter().map(Value::Double))
            }
            _ => Val::Nil,
        },
        PointValue::Exponential(histogram) => match field {
            Field::Count => Val::Int(histogram.count as i64),
            Field::Sum => Val::Double(histogram.sum.unwrap_or_default()),
            Field::Scale => Val::Int(histogram.scale.into()),
            Field::ZeroCount => Val::Int(histogram.zero_count as i64),
            Field::Positive | Field::PositiveOffset | Field::PositiveCounts => {
                let buckets = histogram.positive.clone().unwrap_or_default();
                of_buckets(field, t, buckets)
            }
            Field::Negative | Field::NegativeOffset | Field::NegativeCounts => {
                let buckets = histogram.negative.clone().unwrap_or_default();
                of_buckets(field, t, buckets)
            }
            _ => Val::Nil,
        },
        PointValue::Summary(summary) => match field {
            Field::Count => Val::Int(summary.count as i64),
            Field::Sum => Val::Double(summary.sum),
            Field::Quantiles => Val::Part("the summary's quantiles", summary.quantiles.len() as u32),
            _ => Val::Nil,
        },
    }
}

fn of_buckets(field: Field, t: &mut Target<'_>, buckets: Buckets) -> Val {
    match field {
        Field::PositiveOffset | Field::NegativeOffset => Val::Int(buckets.offset.into()),
        Field::PositiveCounts | Field::NegativeCounts => {
            setter::numbers(t, buckets.counts.into_iter().map(|count| Value::Int(count as i64)))
        }
        _ => Val::Part("the point's buckets", buckets.counts.len() as u32),
    }
}

pub fn set(field: Field, t: &mut Target<'_>, value: Val) -> Result<(), RunError> {
    let map = if field == Field::Attributes { setter::map(t.arena, value)? } else { Default::default() };
    let (mut counts, mut bounds) = (Vec::new(), Vec::new());
    match field {
        Field::BucketCounts | Field::PositiveCounts | Field::NegativeCounts => {
            counts = setter::counts(t, value)?;
        }
        Field::ExplicitBounds => bounds = setter::doubles(t, value)?,
        _ => {}
    }
    let point = t.point().ok_or_else(super::absent)?;
    match (field, &mut point.value) {
        (Field::Attributes, _) => point.attributes = map,
        (Field::Start, _) => point.start = setter::time(value)?,
        (Field::StartUnixNano, _) => point.start = setter::nanos(value)?,
        (Field::Time, _) => point.time = setter::time(value)?,
        (Field::TimeUnixNano, _) => point.time = setter::nanos(value)?,
        (Field::Flags, _) => point.flags = setter::small(value)?,
        (Field::Exemplars | Field::Positive | Field::Negative | Field::Quantiles, _) => {
            let Val::Part(..) = value else { return Err(setter::expects("a part of a point", value)) };
        }
        (Field::ValueInt, PointValue::Int(_) | PointValue::Double(_) | PointValue::None) => {
            point.value = PointValue::Int(setter::int(value)?);
        }
        (Field::ValueDouble, PointValue::Int(_) | PointValue::Double(_) | PointValue::None) => {
            point.value = PointValue::Double(setter::double(value)?);
        }
        (Field::Count, PointValue::Histogram(histogram)) => histogram.count = setter::nanos(value)?,
        (Field::Count, PointValue::Exponential(histogram)) => histogram.count = setter::nanos(value)?,
        (Field::Count, PointValue::Summary(summary)) => summary.count = setter::nanos(value)?,
        (Field::Sum, PointValue::Histogram(histogram)) => histogram.sum = Some(setter::double(value)?),
        (Field::Sum, PointValue::Exponential(histogram)) => histogram.sum = Some(setter::double(value)?),
        (Field::Sum, PointValue::Summary(summary)) => summary.sum = setter::double(value)?,
        (Field::BucketCounts, PointValue::Histogram(histogram)) => histogram.buckets = counts,
        (Field::ExplicitBounds, PointValue::Histogram(histogram)) => histogram.bounds = bounds,
        (Field::Scale, PointValue::Exponential(histogram)) => histogram.scale = setter::int(value)? as i32,
        (Field::ZeroCount, PointValue::Exponential(histogram)) => {
            histogram.zero_count = setter::nanos(value)?;
        }
        (Field::PositiveOffset, PointValue::Exponential(histogram)) => {
            histogram.positive.get_or_insert_default().offset = setter::int(value)? as i32;
        }
        (Field::NegativeOffset, PointValue::Exponential(histogram)) => {
            histogram.negative.get_or_insert_default().offset = setter::int(value)? as i32;
        }
        (Field::PositiveCounts, PointValue::Exponential(histogram)) => {
            histogram.positive.get_or_insert_default().counts = counts;
        }
        (Field::NegativeCounts, PointValue::Exponential(histogram)) => {
            histogram.negative.get_or_insert_default().counts = counts;
        }
        _ => {}
    }
    Ok(())
}
