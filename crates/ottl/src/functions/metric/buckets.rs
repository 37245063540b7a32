//! Fewer buckets, and exponential buckets as listed ones.

use model::metric::{ExponentialHistogram, Histogram, MetricKind, PointValue};

use super::extract::exponential_bound;
use super::row;
use crate::fault::RunError;
use crate::function::{Arg, Args};
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

pub const METHODS: &[&str] = &["remove_explicit_bound", "limit_buckets"];

pub fn merge(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let target = args.literal_double(0).unwrap_or_default();
    let Some(point) = t.point() else { return Ok(Val::Nil) };
    let PointValue::Histogram(histogram) = &mut point.value else { return Ok(Val::Nil) };
    if histogram.buckets.len() != histogram.bounds.len() + 1 {
        return Ok(Val::Nil);
    }
    if args.choice(1).unwrap_or_default() == 0 {
        if let Some(place) = histogram.bounds.iter().position(|bound| *bound == target) {
            remove(histogram, place);
        }
        return Ok(Val::Nil);
    }
    let most = (target as usize).max(1);
    while histogram.buckets.len() > most {
        // The two neighbours that hold least become one, which blurs least.
        let pairs = histogram.buckets.windows(2).map(|pair| pair[0].saturating_add(pair[1]));
        let least = pairs.enumerate().min_by_key(|(_, count)| *count).map_or(0, |(place, _)| place);
        remove(histogram, least);
    }
    Ok(Val::Nil)
}

/// Takes a bound away; the buckets on its two sides become one.
fn remove(histogram: &mut Histogram, place: usize) {
    histogram.bounds.remove(place);
    let count = histogram.buckets.remove(place + 1);
    histogram.buckets[place] = histogram.buckets[place].saturating_add(count);
}

pub const DISTRIBUTIONS: &[&str] = &["upper", "midpoint", "uniform", "random"];

/// There are bounds, each above the one before.
pub fn rising_bounds(args: &[Arg]) -> std::result::Result<(), String> {
    match args.get(1) {
        Some(Arg::Doubles(bounds)) if !bounds.is_empty() && bounds.is_sorted_by(|a, b| a < b) => Ok(()),
        _ => Err("explicit_bounds must not be empty, and must rise".to_owned()),
    }
}

pub fn from_exponential(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let distribution = args.choice(0).unwrap_or_default();
    let bounds = args.literal_doubles(1);
    let (_, metric, _) = row(t)?;
    if metric.kind != MetricKind::ExponentialHistogram {
        return Ok(Val::Nil);
    }
    metric.kind = MetricKind::Histogram;
    for point in &mut metric.points {
        if let PointValue::Exponential(histogram) = &point.value {
            point.value = PointValue::Histogram(Box::new(listed(histogram, bounds, distribution)));
        }
    }
    Ok(Val::Nil)
}

fn listed(from: &ExponentialHistogram, bounds: &[f64], distribution: usize) -> Histogram {
    let mut buckets = vec![0u64; bounds.len() + 1];
    // A bucket holds what lies above the bound before it, up to its own.
    let place_of = |value: f64| bounds.partition_point(|bound| *bound < value);
    add(&mut buckets, place_of(0.0), from.zero_count);
    for (sign, side) in [(1.0, &from.positive), (-1.0, &from.negative)] {
        let Some(side) = side else { continue };
        for (place, count) in side.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let index = i64::from(side.offset) + place as i64;
            let ends = [exponential_bound(from.scale, index), exponential_bound(from.scale, index + 1)];
            let (low, high) = if sign > 0.0 { (ends[0], ends[1]) } else { (-ends[1], -ends[0]) };
            match distribution {
                0 => add(&mut buckets, place_of(high), *count),
                1 => add(&mut buckets, place_of(f64::midpoint(low, high)), *count),
                _ => spread(&mut buckets, bounds, low, high, *count),
            }
        }
    }
    Histogram {
        count: from.count,
        sum: from.sum,
        min: from.min,
        max: from.max,
        bounds: bounds.to_vec(),
        buckets,
    }
}

fn add(buckets: &mut [u64], place: usize, count: u64) {
    buckets[place] = buckets[place].saturating_add(count);
}

/// Shares a count among the buckets in proportion to what each covers; what is left over goes to the last.
fn spread(buckets: &mut [u64], bounds: &[f64], low: f64, high: f64, count: u64) {
    let first = bounds.partition_point(|bound| *bound <= low);
    let last = bounds.partition_point(|bound| *bound < high);
    let mut left = count;
    for place in first..last {
        let from = if place == first { low } else { bounds[place - 1] };
        let share = ((bounds[place] - from) / (high - low) * count as f64) as u64;
        let share = share.min(left);
        add(buckets, place, share);
        left -= share;
    }
    add(buckets, last.max(first), left);
}
