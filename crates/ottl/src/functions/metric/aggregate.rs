//! Points that become alike are made one.

use model::metric::{MetricKind, Point, PointValue};
use model::{Arena, List, Metric, Value};

use super::row;
use crate::fault::RunError;
use crate::function::Args;
use crate::json;
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

pub const FUNCTIONS: &[&str] = &["sum", "max", "min", "mean", "median", "count"];
const SUM: usize = 0;
const DELTA: u8 = 1;

pub fn on_attributes(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let function = args.choice(0).unwrap_or_default();
    let keys = if args.is_given(1) { Some(args.strings(1, t)?) } else { None };
    let (arena, metric, _) = row(t)?;
    refuse_other(metric, function)?;
    if let Some(keys) = keys {
        for point in &mut metric.points {
            arena.retain(&mut point.attributes, |arena, id| {
                keys.iter().any(|key| arena.bytes(*key) == arena.key(id))
            });
        }
    }
    merge(arena, metric, function);
    Ok(Val::Nil)
}

pub fn on_attribute_value(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let function = args.choice(0).unwrap_or_default();
    let key = args.string(1, t)?;
    let values = args.strings(2, t)?;
    let new = args.string(3, t)?;
    let (arena, metric, _) = row(t)?;
    refuse_other(metric, function)?;
    for point in &mut metric.points {
        let Some(id) = arena.find(point.attributes, arena.bytes(key)) else { continue };
        let value = arena.node(id).value;
        if let Val::Str(text) = Val::load(arena, value)
            && values.iter().any(|value| arena.bytes(*value) == arena.bytes(text))
        {
            arena.set_value(id, Value::Str(new));
        }
    }
    merge(arena, metric, function);
    Ok(Val::Nil)
}

fn refuse_other(metric: &Metric, function: usize) -> Result<()> {
    match metric.kind {
        MetricKind::Gauge | MetricKind::Sum => Ok(()),
        MetricKind::Histogram | MetricKind::ExponentialHistogram if function == SUM => Ok(()),
        MetricKind::Histogram | MetricKind::ExponentialHistogram => {
            Err(RunError::new("histograms can only be aggregated with `sum`"))
        }
        _ => Err(RunError::new("a metric of this type cannot be aggregated")),
    }
}

fn identity(arena: &mut Arena, attributes: List) -> Vec<u8> {
    let mut out = Vec::new();
    json::write(arena, Val::Map(attributes), &mut out);
    out
}

fn merge(arena: &mut Arena, metric: &mut Metric, function: usize) {
    let mut groups: Vec<(Vec<u8>, Vec<Point>)> = Vec::new();
    for point in std::mem::take(&mut metric.points) {
        let key = identity(arena, point.attributes);
        let fits = |(other, points): &&mut (Vec<u8>, Vec<Point>)| {
            let same_start = metric.temporality != DELTA || points[0].start == point.start;
            *other == key && same_start && can_merge(&points[0].value, &point.value)
        };
        match groups.iter_mut().find(fits) {
            Some((_, points)) => points.push(point),
            None => groups.push((key, vec![point])),
        }
    }
    metric.points = groups.into_iter().map(|(_, points)| merged(points, function)).collect();
}

fn can_merge(a: &PointValue, b: &PointValue) -> bool {
    match (a, b) {
        (PointValue::Histogram(a), PointValue::Histogram(b)) => {
            a.bounds == b.bounds && a.buckets.len() == b.buckets.len()
        }
        (PointValue::Exponential(a), PointValue::Exponential(b)) => {
            let offsets = |histogram: &model::metric::ExponentialHistogram| {
                [&histogram.positive, &histogram.negative].map(|buckets| buckets.as_ref().map(|b| b.offset))
            };
            a.scale == b.scale && offsets(a) == offsets(b)
        }
        (PointValue::Int(_) | PointValue::Double(_), PointValue::Int(_) | PointValue::Double(_)) => true,
        _ => false,
    }
}

fn merged(mut points: Vec<Point>, function: usize) -> Point {
    let start = points.iter().map(|point| point.start).min().unwrap_or_default();
    let time = points.iter().map(|point| point.time).max().unwrap_or_default();
    let exemplars = points.iter_mut().flat_map(|point| std::mem::take(&mut point.exemplars)).collect();
    let values: Vec<PointValue> = points.iter_mut().map(|point| std::mem::take(&mut point.value)).collect();
    let mut first = points.swap_remove(0);
    (first.start, first.time, first.exemplars) = (start, time, exemplars);
    first.value = match &values[0] {
        PointValue::Int(_) | PointValue::Double(_) => of_numbers(&values, function),
        _ => values.into_iter().reduce(added).unwrap_or_default(),
    };
    first
}

fn of_numbers(values: &[PointValue], function: usize) -> PointValue {
    let mut doubles: Vec<f64> = Vec::with_capacity(values.len());
    let mut ints: Vec<i64> = Vec::with_capacity(values.len());
    for value in values {
        match value {
            PointValue::Int(int) => {
                ints.push(*int);
                doubles.push(*int as f64);
            }
            PointValue::Double(double) => doubles.push(*double),
            _ => {}
        }
    }
    let (n, middle) = (doubles.len(), doubles.len() / 2);
    if ints.len() == n {
        ints.sort_unstable();
        let sum = ints.iter().fold(0i64, |sum, int| sum.wrapping_add(*int));
        return PointValue::Int(match function {
            SUM => sum,
            1 => ints[n - 1],
            2 => ints[0],
            3 => sum / n as i64,
            4 if n.is_multiple_of(2) => ints[middle - 1].wrapping_add(ints[middle]) / 2,
            4 => ints[middle],
            _ => n as i64,
        });
    }
    doubles.sort_by(f64::total_cmp);
    let sum: f64 = doubles.iter().sum();
    PointValue::Double(match function {
        SUM => sum,
        1 => doubles[n - 1],
        2 => doubles[0],
        3 => sum / n as f64,
        4 if n.is_multiple_of(2) => f64::midpoint(doubles[middle - 1], doubles[middle]),
        4 => doubles[middle],
        _ => n as f64,
    })
}

fn both(a: Option<f64>, b: Option<f64>, join: fn(f64, f64) -> f64) -> Option<f64> {
    Some(join(a?, b?))
}

fn add_counts(into: &mut Vec<u64>, counts: &[u64]) {
    into.resize(into.len().max(counts.len()), 0);
    into.iter_mut().zip(counts).for_each(|(one, other)| *one = one.saturating_add(*other));
}

fn added(a: PointValue, b: PointValue) -> PointValue {
    match (a, b) {
        (PointValue::Histogram(mut a), PointValue::Histogram(b)) => {
            a.count = a.count.saturating_add(b.count);
            a.sum = both(a.sum, b.sum, |a, b| a + b);
            (a.min, a.max) = (both(a.min, b.min, f64::min), both(a.max, b.max, f64::max));
            add_counts(&mut a.buckets, &b.buckets);
            PointValue::Histogram(a)
        }
        (PointValue::Exponential(mut a), PointValue::Exponential(b)) => {
            a.count = a.count.saturating_add(b.count);
            a.zero_count = a.zero_count.saturating_add(b.zero_count);
            a.sum = both(a.sum, b.sum, |a, b| a + b);
            (a.min, a.max) = (both(a.min, b.min, f64::min), both(a.max, b.max, f64::max));
            for (into, from) in [(&mut a.positive, &b.positive), (&mut a.negative, &b.negative)] {
                if let (Some(into), Some(from)) = (into, from) {
                    add_counts(&mut into.counts, &from.counts);
                }
            }
            PointValue::Exponential(a)
        }
        (a, _) => a,
    }
}
