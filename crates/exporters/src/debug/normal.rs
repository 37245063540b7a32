//! One line for each log record, span and data point.

use std::io::Write;

use model::metric::{Point, PointValue};
use model::{Arena, Batch, LogRecord, Metric, TraceSpan, Value, json, number};

use super::detailed::Hex;

pub fn write(batch: &Batch, out: &mut Vec<u8>) {
    let arena = &batch.arena;
    batch.logs.iter().for_each(|record| write_log(arena, record, out));
    batch.spans.iter().for_each(|span| write_span(arena, span, out));
    for metric in &batch.metrics {
        metric.points.iter().for_each(|point| write_point(arena, metric, point, out));
    }
}

fn write_log(arena: &Arena, record: &LogRecord, out: &mut Vec<u8>) {
    out.extend_from_slice(b"  ");
    json::write_value(arena, record.body, out);
    if !record.attributes.is_empty() {
        out.push(b' ');
        json::write_value(arena, Value::Map(record.attributes), out);
    }
    out.push(b'\n');
}

fn write_span(arena: &Arena, span: &TraceSpan, out: &mut Vec<u8>) {
    let name = String::from_utf8_lossy(arena.bytes(span.name));
    // Writing to a Vec cannot fail.
    let _ = write!(out, "  {name} {} {} ", Hex(&span.trace_id), Hex(&span.span_id));
    json::write_value(arena, Value::Map(span.attributes), out);
    out.push(b'\n');
}

fn write_point(arena: &Arena, metric: &Metric, point: &Point, out: &mut Vec<u8>) {
    out.extend_from_slice(b"  ");
    out.extend_from_slice(arena.bytes(metric.name));
    json::write_value(arena, Value::Map(point.attributes), out);
    out.push(b' ');
    match &point.value {
        PointValue::None => out.extend_from_slice(b"no value"),
        PointValue::Int(value) => number::write_int(*value, out),
        PointValue::Double(value) => drop(write!(out, "{value}")),
        PointValue::Histogram(histogram) => write_totals(histogram.count, histogram.sum, out),
        PointValue::Exponential(histogram) => write_totals(histogram.count, histogram.sum, out),
        PointValue::Summary(summary) => {
            write_totals(summary.count, Some(summary.sum), out);
            for (quantile, value) in &summary.quantiles {
                let _ = write!(out, " q{quantile}={value}");
            }
        }
    }
    out.push(b'\n');
}

fn write_totals(count: u64, sum: Option<f64>, out: &mut Vec<u8>) {
    let _ = write!(out, "count={count}");
    if let Some(sum) = sum {
        let _ = write!(out, " sum={sum}");
    }
}
