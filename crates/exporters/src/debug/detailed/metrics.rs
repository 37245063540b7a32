//! A metric with its points.

use std::io::Write;

use model::metric::{
    Buckets, Exemplar, ExemplarValue, ExponentialHistogram, Histogram, MetricKind, Point, PointValue,
};
use model::{Arena, Metric};

use super::{Hex, Text, Time, write_attributes, write_list};

const TEMPORALITIES: [&str; 3] = ["Unspecified", "Delta", "Cumulative"];

pub fn write(arena: &Arena, metric: &Metric, out: &mut Vec<u8>) {
    let (kind, points) = match metric.kind {
        MetricKind::None => ("Empty", "DataPoints"),
        MetricKind::Gauge => ("Gauge", "NumberDataPoints"),
        MetricKind::Sum => ("Sum", "NumberDataPoints"),
        MetricKind::Histogram => ("Histogram", "HistogramDataPoints"),
        MetricKind::ExponentialHistogram => ("ExponentialHistogram", "ExponentialHistogramDataPoints"),
        MetricKind::Summary => ("Summary", "SummaryDataPoints"),
    };
    out.extend_from_slice(b"Descriptor:\n");
    let _ = writeln!(out, "     -> Name: {}", Text(arena, metric.name));
    let _ = writeln!(out, "     -> Description: {}", Text(arena, metric.description));
    let _ = writeln!(out, "     -> Unit: {}", Text(arena, metric.unit));
    let _ = writeln!(out, "     -> DataType: {kind}");
    if metric.kind == MetricKind::Sum {
        let _ = writeln!(out, "     -> IsMonotonic: {}", metric.monotonic);
    }
    if matches!(metric.kind, MetricKind::Sum | MetricKind::Histogram | MetricKind::ExponentialHistogram) {
        let temporality = TEMPORALITIES.get(usize::from(metric.temporality)).unwrap_or(&"");
        let _ = writeln!(out, "     -> AggregationTemporality: {temporality}");
    }
    for (place, point) in metric.points.iter().enumerate() {
        let _ = writeln!(out, "{points} #{place}");
        write_point(arena, point, out);
    }
}

fn write_point(arena: &Arena, point: &Point, out: &mut Vec<u8>) {
    write_attributes(arena, "Data point attributes:", point.attributes, out);
    let _ = writeln!(out, "StartTimestamp: {}", Time(point.start));
    let _ = writeln!(out, "Timestamp: {}", Time(point.time));
    let _ = match &point.value {
        PointValue::None => Ok(()),
        PointValue::Int(value) => writeln!(out, "Value: {value}"),
        PointValue::Double(value) => writeln!(out, "Value: {value:.6}"),
        PointValue::Histogram(histogram) => write_histogram(histogram, out),
        PointValue::Exponential(histogram) => write_exponential(histogram, out),
        PointValue::Summary(summary) => {
            let _ = writeln!(out, "Count: {}\nSum: {:.6}", summary.count, summary.sum);
            summary.quantiles.iter().enumerate().try_for_each(|(place, (quantile, value))| {
                writeln!(out, "QuantileValue #{place}: Quantile {quantile:.6}, Value {value:.6}")
            })
        }
    };
    if point.flags & 1 != 0 {
        out.extend_from_slice(b"NoRecordedValue: true\n");
    }
    write_exemplars(arena, &point.exemplars, out);
}

fn write_totals(count: u64, totals: [(&str, Option<f64>); 3], out: &mut Vec<u8>) -> std::io::Result<()> {
    writeln!(out, "Count: {count}")?;
    for (name, value) in totals {
        if let Some(value) = value {
            writeln!(out, "{name}: {value:.6}")?;
        }
    }
    Ok(())
}

fn write_histogram(histogram: &Histogram, out: &mut Vec<u8>) -> std::io::Result<()> {
    let totals = [("Sum", histogram.sum), ("Min", histogram.min), ("Max", histogram.max)];
    write_totals(histogram.count, totals, out)?;
    for (place, bound) in histogram.bounds.iter().enumerate() {
        writeln!(out, "ExplicitBounds #{place}: {bound:.6}")?;
    }
    for (place, count) in histogram.buckets.iter().enumerate() {
        writeln!(out, "Buckets #{place}, Count: {count}")?;
    }
    Ok(())
}

/// Buckets from the lowest up, each with its bounds; empty ones too, so that positions can be read off.
fn write_exponential(histogram: &ExponentialHistogram, out: &mut Vec<u8>) -> std::io::Result<()> {
    let totals = [("Sum", histogram.sum), ("Min", histogram.min), ("Max", histogram.max)];
    write_totals(histogram.count, totals, out)?;
    let base = 2f64.powf(2f64.powi(-histogram.scale));
    let bounds = |buckets: &Buckets, place: usize| {
        let index = f64::from(buckets.offset) + place as f64;
        (base.powf(index), base.powf(index + 1.0))
    };
    if let Some(negative) = &histogram.negative {
        for (place, count) in negative.counts.iter().enumerate().rev() {
            let (near, far) = bounds(negative, place);
            writeln!(out, "Bucket [{:.6}, {:.6}), Count: {count}", -far, -near)?;
        }
    }
    if histogram.zero_count != 0 {
        let edge = histogram.zero_threshold;
        writeln!(out, "Bucket [{:.6}, {edge:.6}], Count: {}", -edge, histogram.zero_count)?;
    }
    if let Some(positive) = &histogram.positive {
        for (place, count) in positive.counts.iter().enumerate() {
            let (near, far) = bounds(positive, place);
            writeln!(out, "Bucket ({near:.6}, {far:.6}], Count: {count}")?;
        }
    }
    Ok(())
}

fn write_exemplars(arena: &Arena, exemplars: &[Exemplar], out: &mut Vec<u8>) {
    if !exemplars.is_empty() {
        out.extend_from_slice(b"Exemplars:\n");
    }
    for (place, exemplar) in exemplars.iter().enumerate() {
        let _ = writeln!(out, "Exemplar #{place}");
        let _ = writeln!(out, "     -> Trace ID: {}", Hex(&exemplar.trace_id));
        let _ = writeln!(out, "     -> Span ID: {}", Hex(&exemplar.span_id));
        let _ = writeln!(out, "     -> Timestamp: {}", Time(exemplar.time));
        let _ = match exemplar.value {
            ExemplarValue::None => Ok(()),
            ExemplarValue::Int(value) => writeln!(out, "     -> Value: {value}"),
            ExemplarValue::Double(value) => writeln!(out, "     -> Value: {value:.6}"),
        };
        if !exemplar.attributes.is_empty() {
            out.extend_from_slice(b"     -> FilteredAttributes:\n");
            write_list(arena, "          ", exemplar.attributes, out);
        }
    }
}
