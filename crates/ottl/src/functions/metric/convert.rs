//! Metrics into metrics of another kind, name or scale.

use model::Metric;
use model::metric::{MetricKind, Point, PointValue};

use super::{copy_point, no_metric, row, suffixed};
use crate::fault::RunError;
use crate::function::Args;
use crate::json;
use crate::target::Target;
use crate::value::{Val, copy_list};

type Result<T = Val> = std::result::Result<T, RunError>;

pub fn sum_to_gauge(_: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (_, metric, _) = row(t)?;
    if metric.kind == MetricKind::Sum {
        (metric.kind, metric.temporality, metric.monotonic) = (MetricKind::Gauge, 0, false);
    }
    Ok(Val::Nil)
}

pub fn gauge_to_sum(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let temporality = args.choice(0).unwrap_or_default() as u8;
    let monotonic = args.literal_bool(1).unwrap_or_default();
    let (_, metric, _) = row(t)?;
    if metric.kind == MetricKind::Gauge {
        (metric.kind, metric.temporality, metric.monotonic) = (MetricKind::Sum, temporality, monotonic);
    }
    Ok(Val::Nil)
}

pub fn copy(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let mut texts = [None; 3];
    for (place, text) in texts.iter_mut().enumerate() {
        if args.is_given(place) {
            *text = Some(args.string(place, t)?);
        }
    }
    let (arena, metric, made) = row(t)?;
    let points = metric.points.iter().map(|point| copy_point(arena, point)).collect();
    let copy = Metric {
        name: texts[0].unwrap_or(metric.name),
        description: texts[1].unwrap_or(metric.description),
        unit: texts[2].unwrap_or(metric.unit),
        metadata: copy_list(arena, metric.metadata),
        points,
        ..*metric
    };
    made.push(copy);
    Ok(Val::Nil)
}

pub fn scale(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let by = args.literal_double(0).unwrap_or(1.0);
    let unit = if args.is_given(1) { Some(args.string(1, t)?) } else { None };
    let (_, metric, _) = row(t)?;
    if let MetricKind::ExponentialHistogram | MetricKind::None = metric.kind {
        return Err(RunError::new("scale_metric takes no metric of this type"));
    }
    for point in &mut metric.points {
        match &mut point.value {
            PointValue::Int(value) => *value = (*value as f64 * by) as i64,
            PointValue::Double(value) => *value *= by,
            PointValue::Histogram(histogram) => {
                let ends = [&mut histogram.sum, &mut histogram.min, &mut histogram.max];
                ends.into_iter().flatten().for_each(|value| *value *= by);
                histogram.bounds.iter_mut().for_each(|bound| *bound *= by);
            }
            PointValue::Summary(summary) => {
                summary.sum *= by;
                summary.quantiles.iter_mut().for_each(|(_, value)| *value *= by);
            }
            PointValue::Exponential(_) | PointValue::None => {}
        }
    }
    metric.unit = unit.unwrap_or(metric.unit);
    Ok(Val::Nil)
}

/// Each quantile becomes a point that names it in an attribute.
pub fn quantiles_to_gauge(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    if t.metric().ok_or_else(no_metric)?.kind != MetricKind::Summary {
        return Ok(Val::Nil);
    }
    let key = args.string_or(0, t, "quantile")?;
    let suffix = args.string_or(1, t, ".quantiles")?;
    let suffix = t.text(suffix).into_owned();
    let name = suffixed(t, &suffix)?;
    let (arena, metric, made) = row(t)?;
    let mut points = Vec::new();
    for point in &metric.points {
        let PointValue::Summary(summary) = &point.value else { continue };
        for (quantile, value) in &summary.quantiles {
            let mut attributes = copy_list(arena, point.attributes);
            let mut text = Vec::new();
            json::write_double(*quantile, &mut text);
            let text = arena.store(&text);
            let key = arena.bytes(key).to_vec();
            arena.set(&mut attributes, &key, model::Value::Str(text));
            let value = PointValue::Double(*value);
            points.push(Point {
                start: point.start,
                time: point.time,
                attributes,
                value,
                ..Point::default()
            });
        }
    }
    let (description, unit, scope) = (metric.description, metric.unit, metric.scope);
    made.push(Metric {
        name,
        description,
        unit,
        scope,
        kind: MetricKind::Gauge,
        points,
        ..Metric::default()
    });
    Ok(Val::Nil)
}
