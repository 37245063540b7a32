//! Sums, counts and percentiles of histograms and summaries as metrics of their own.

use model::Metric;
use model::metric::{ExponentialHistogram, Histogram, MetricKind, Point, PointValue};

use super::{no_metric, row, suffixed};
use crate::fault::RunError;
use crate::function::{Arg, Args};
use crate::target::{Row, Target};
use crate::value::{Val, copy_list};

type Result<T = Val> = std::result::Result<T, RunError>;

const CUMULATIVE: u8 = 2;

fn is_distribution(kind: MetricKind) -> bool {
    matches!(kind, MetricKind::Histogram | MetricKind::ExponentialHistogram | MetricKind::Summary)
}

/// Adds a metric of the points for which there is a value, unless there is none.
fn derive(
    t: &mut Target<'_>,
    suffix: &str,
    shape: Metric,
    value: impl Fn(&PointValue) -> Option<PointValue>,
) -> Result<()> {
    let name = suffixed(t, suffix)?;
    let only = if let Row::DataPoint(_, place, _) = t.row { Some(place) } else { None };
    let (arena, metric, made) = row(t)?;
    let mut points = Vec::new();
    for (place, point) in metric.points.iter().enumerate() {
        if only.is_some_and(|only| only != place) {
            continue;
        }
        if let Some(value) = value(&point.value) {
            let attributes = copy_list(arena, point.attributes);
            points.push(Point {
                start: point.start,
                time: point.time,
                attributes,
                value,
                ..Point::default()
            });
        }
    }
    if !points.is_empty() {
        let (description, scope) = (metric.description, metric.scope);
        made.push(Metric { name, description, scope, points, ..shape });
    }
    Ok(())
}

fn temporality(metric: &Metric) -> u8 {
    if metric.kind == MetricKind::Summary { CUMULATIVE } else { metric.temporality }
}

fn suffix(args: &Args<'_>, place: usize, t: &mut Target<'_>, default: &str) -> Result<String> {
    let span = args.string_or(place, t, default)?;
    Ok(t.text(span).into_owned())
}

fn sum_of(value: &PointValue) -> Option<PointValue> {
    match value {
        PointValue::Histogram(histogram) => histogram.sum.map(PointValue::Double),
        PointValue::Exponential(histogram) => histogram.sum.map(PointValue::Double),
        PointValue::Summary(summary) => Some(PointValue::Double(summary.sum)),
        _ => None,
    }
}

fn count_of(value: &PointValue) -> Option<PointValue> {
    match value {
        PointValue::Histogram(histogram) => Some(PointValue::Int(histogram.count as i64)),
        PointValue::Exponential(histogram) => Some(PointValue::Int(histogram.count as i64)),
        PointValue::Summary(summary) => Some(PointValue::Int(summary.count as i64)),
        _ => None,
    }
}

pub fn sum(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let suffix = suffix(args, 1, t, "_sum")?;
    let metric = t.metric().ok_or_else(no_metric)?;
    if !is_distribution(metric.kind) {
        return Err(RunError::new("extract_sum_metric takes a histogram, exponential histogram or summary"));
    }
    let shape = Metric {
        unit: metric.unit,
        kind: MetricKind::Sum,
        temporality: temporality(metric),
        monotonic: args.literal_bool(0).unwrap_or_default(),
        ..Metric::default()
    };
    derive(t, &suffix, shape, sum_of)?;
    Ok(Val::Nil)
}

pub fn count(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let suffix = suffix(args, 1, t, "_count")?;
    let unit = t.keep(b"1")?;
    let metric = t.metric().ok_or_else(no_metric)?;
    if !is_distribution(metric.kind) {
        return Err(RunError::new(
            "extract_count_metric takes a histogram, exponential histogram or summary",
        ));
    }
    let shape = Metric {
        unit,
        kind: MetricKind::Sum,
        temporality: temporality(metric),
        monotonic: args.literal_bool(0).unwrap_or_default(),
        ..Metric::default()
    };
    derive(t, &suffix, shape, count_of)?;
    Ok(Val::Nil)
}

/// Of the point alone, when it is a summary's; its arguments are temporality, monotonic and suffix.
fn of_summary(
    args: &Args<'_>,
    t: &mut Target<'_>,
    default: &str,
    value: fn(&PointValue) -> Option<PointValue>,
) -> Result {
    let suffix = suffix(args, 2, t, default)?;
    let metric = t.metric().ok_or_else(no_metric)?;
    if metric.kind != MetricKind::Summary {
        return Ok(Val::Nil);
    }
    let shape = Metric {
        unit: metric.unit,
        kind: MetricKind::Sum,
        temporality: args.choice(0).unwrap_or_default() as u8,
        monotonic: args.literal_bool(1).unwrap_or_default(),
        ..Metric::default()
    };
    derive(t, &suffix, shape, value)?;
    Ok(Val::Nil)
}

pub fn summary_count(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    of_summary(args, t, "_count", count_of)
}

pub fn summary_sum(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    of_summary(args, t, "_sum", sum_of)
}

/// A percentile is between 0 and 100.
pub fn is_percentile(args: &[Arg]) -> std::result::Result<(), String> {
    match args.first() {
        Some(Arg::Double(percentile)) if *percentile > 0.0 && *percentile < 100.0 => Ok(()),
        _ => Err("percentile must be between 0 and 100".to_owned()),
    }
}

pub fn percentile(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let percentile = args.literal_double(0).unwrap_or_default();
    let suffix = suffix(args, 1, t, &format!("_p{percentile}"))?;
    let metric = t.metric().ok_or_else(no_metric)?;
    if !matches!(metric.kind, MetricKind::Histogram | MetricKind::ExponentialHistogram) {
        return Err(RunError::new("extract_percentile_metric takes a histogram or exponential histogram"));
    }
    let shape = Metric { unit: metric.unit, kind: MetricKind::Gauge, ..Metric::default() };
    derive(t, &suffix, shape, |value| match value {
        PointValue::Histogram(histogram) => of_histogram(histogram, percentile / 100.0),
        PointValue::Exponential(histogram) => of_exponential(histogram, percentile / 100.0),
        _ => None,
    })?;
    Ok(Val::Nil)
}

/// Where in the buckets, each from one value to another, the fraction of all counts is reached.
fn interpolated(buckets: impl Iterator<Item = (f64, f64, u64)>, count: u64, part: f64) -> Option<PointValue> {
    let rank = part * count as f64;
    let mut below = 0.0;
    let mut last = None;
    for (from, to, count) in buckets.filter(|(.., count)| *count > 0) {
        let count = count as f64;
        if below + count >= rank {
            return Some(PointValue::Double(from + (to - from) * (rank - below) / count));
        }
        below += count;
        last = Some(PointValue::Double(to));
    }
    last
}

fn of_histogram(histogram: &Histogram, part: f64) -> Option<PointValue> {
    if histogram.count == 0 || histogram.buckets.len() != histogram.bounds.len() + 1 {
        return None;
    }
    let first = histogram.bounds.first().copied().unwrap_or_default();
    let last = histogram.bounds.last().copied().unwrap_or_default();
    let lowest = histogram.min.unwrap_or(first.min(0.0));
    let highest = histogram.max.unwrap_or(last);
    let buckets = histogram.buckets.iter().enumerate().map(|(place, count)| {
        let from = if place == 0 { lowest } else { histogram.bounds[place - 1] };
        (from, histogram.bounds.get(place).copied().unwrap_or(highest), *count)
    });
    interpolated(buckets, histogram.count, part)
}

/// The lower end of a bucket.
pub fn exponential_bound(scale: i32, place: i64) -> f64 {
    2f64.powf(place as f64 * 2f64.powi(-scale))
}

fn of_exponential(histogram: &ExponentialHistogram, part: f64) -> Option<PointValue> {
    if histogram.count == 0 {
        return None;
    }
    let bound =
        |offset: i32, place: usize| exponential_bound(histogram.scale, i64::from(offset) + place as i64);
    let negative = histogram.negative.iter().flat_map(|buckets| {
        let counts = buckets.counts.iter().enumerate().rev();
        counts
            .map(|(place, count)| (-bound(buckets.offset, place + 1), -bound(buckets.offset, place), *count))
    });
    let threshold = histogram.zero_threshold;
    let positive = histogram.positive.iter().flat_map(|buckets| {
        let counts = buckets.counts.iter().enumerate();
        counts.map(|(place, count)| (bound(buckets.offset, place), bound(buckets.offset, place + 1), *count))
    });
    let zero = std::iter::once((-threshold, threshold, histogram.zero_count));
    interpolated(negative.chain(zero).chain(positive), histogram.count, part)
}
