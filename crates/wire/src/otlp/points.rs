//! Data points and exemplars.
//!
//! The four kinds of points number even what they share differently, so what they share is a table, [`Common`].

use model::metric::{Exemplar, ExemplarValue, MetricKind, Point, PointValue, Summary};
use model::{Arena, List};

use super::fields::{
    double, span_id, trace_id, write_count, write_double, write_id, write_known, write_long,
};
use super::histograms;
use super::value::{read_attribute, write_attributes};
use crate::protobuf::{Damaged, Field, Message, write_fixed64, write_message};

/// Numbers of the fields that all points have. The start is 2 and the time 3 everywhere.
struct Common {
    attributes: u32,
    flags: u32,
    /// Summaries have none; no field has the number 0.
    exemplars: u32,
}

const NUMBER: Common = Common { attributes: 7, flags: 8, exemplars: 5 };
const HISTOGRAM: Common = Common { attributes: 9, flags: 10, exemplars: 8 };
const EXPONENTIAL: Common = Common { attributes: 1, flags: 10, exemplars: 11 };
const SUMMARY: Common = Common { attributes: 7, flags: 8, exemplars: 0 };

pub(super) fn read_point(
    arena: &mut Arena,
    kind: MetricKind,
    mut message: Message,
) -> Result<Point, Damaged> {
    let (common, value) = match kind {
        MetricKind::Histogram => (HISTOGRAM, PointValue::Histogram(Box::default())),
        MetricKind::ExponentialHistogram => (EXPONENTIAL, PointValue::Exponential(Box::default())),
        MetricKind::Summary => (SUMMARY, PointValue::Summary(Box::default())),
        MetricKind::None | MetricKind::Gauge | MetricKind::Sum => (NUMBER, PointValue::None),
    };
    let mut point = Point { value, ..Point::default() };
    while let Some(field) = message.next(arena.input())? {
        match field.number {
            2 => point.start = field.fixed64()?,
            3 => point.time = field.fixed64()?,
            number if number == common.attributes => read_attribute(arena, &mut point.attributes, field)?,
            number if number == common.flags => point.flags = field.varint()? as u32,
            number if number == common.exemplars => {
                point.exemplars.push(read_exemplar(arena, field.message()?)?);
            }
            _ => read_value(arena.input(), &mut point.value, field)?,
        }
    }
    Ok(point)
}

fn read_value(input: &[u8], value: &mut PointValue, field: Field) -> Result<(), Damaged> {
    match (&mut *value, field.number) {
        (PointValue::Histogram(histogram), _) => histograms::read_explicit(input, histogram, field)?,
        (PointValue::Exponential(histogram), _) => histograms::read_exponential(input, histogram, field)?,
        (PointValue::Summary(summary), _) => read_summary(input, summary, field)?,
        (_, 4) => *value = PointValue::Double(double(&field)?),
        (_, 6) => *value = PointValue::Int(field.fixed64()? as i64),
        _ => {}
    }
    Ok(())
}

fn read_summary(input: &[u8], summary: &mut Summary, field: Field) -> Result<(), Damaged> {
    match field.number {
        4 => summary.count = field.fixed64()?,
        5 => summary.sum = double(&field)?,
        6 => {
            let (mut message, mut quantile, mut value) = (field.message()?, 0.0, 0.0);
            while let Some(field) = message.next(input)? {
                match field.number {
                    1 => quantile = double(&field)?,
                    2 => value = double(&field)?,
                    _ => {}
                }
            }
            summary.quantiles.push((quantile, value));
        }
        _ => {}
    }
    Ok(())
}

fn read_exemplar(arena: &mut Arena, mut message: Message) -> Result<Exemplar, Damaged> {
    let mut exemplar = Exemplar::default();
    while let Some(field) = message.next(arena.input())? {
        match field.number {
            2 => exemplar.time = field.fixed64()?,
            3 => exemplar.value = ExemplarValue::Double(double(&field)?),
            4 => exemplar.span_id = span_id(arena, field)?,
            5 => exemplar.trace_id = trace_id(arena, field)?,
            6 => exemplar.value = ExemplarValue::Int(field.fixed64()? as i64),
            7 => read_attribute(arena, &mut exemplar.attributes, field)?,
            _ => {}
        }
    }
    Ok(exemplar)
}

/// Appends the content of a point, fields in the order of their numbers.
pub(super) fn write_point(arena: &Arena, point: &Point, out: &mut Vec<u8>) {
    if let PointValue::Exponential(_) = point.value {
        write_attributes(arena, point.attributes, EXPONENTIAL.attributes, out);
    }
    write_long(out, 2, point.start);
    write_long(out, 3, point.time);
    match &point.value {
        PointValue::None | PointValue::Int(_) | PointValue::Double(_) => write_number(arena, point, out),
        PointValue::Histogram(histogram) => {
            histograms::write_explicit(histogram, out);
            write_exemplars(arena, &point.exemplars, HISTOGRAM.exemplars, out);
            write_rest(arena, point.attributes, point.flags, &HISTOGRAM, out);
            write_known(out, 11, histogram.min);
            write_known(out, 12, histogram.max);
        }
        PointValue::Exponential(histogram) => {
            histograms::write_exponential(histogram, out);
            write_count(out, EXPONENTIAL.flags, point.flags);
            write_exemplars(arena, &point.exemplars, EXPONENTIAL.exemplars, out);
            write_known(out, 12, histogram.min);
            write_known(out, 13, histogram.max);
            write_double(out, 14, histogram.zero_threshold);
        }
        PointValue::Summary(summary) => {
            write_summary(summary, out);
            write_rest(arena, point.attributes, point.flags, &SUMMARY, out);
        }
    }
}

fn write_number(arena: &Arena, point: &Point, out: &mut Vec<u8>) {
    if let PointValue::Double(value) = point.value {
        write_fixed64(out, 4, value.to_bits());
    }
    write_exemplars(arena, &point.exemplars, NUMBER.exemplars, out);
    if let PointValue::Int(value) = point.value {
        write_fixed64(out, 6, value as u64);
    }
    write_rest(arena, point.attributes, point.flags, &NUMBER, out);
}

fn write_rest(arena: &Arena, attributes: List, flags: u32, common: &Common, out: &mut Vec<u8>) {
    write_attributes(arena, attributes, common.attributes, out);
    write_count(out, common.flags, flags);
}

fn write_summary(summary: &Summary, out: &mut Vec<u8>) {
    write_long(out, 4, summary.count);
    write_double(out, 5, summary.sum);
    for (quantile, value) in &summary.quantiles {
        write_message(out, 6, |out| {
            write_double(out, 1, *quantile);
            write_double(out, 2, *value);
        });
    }
}

fn write_exemplars(arena: &Arena, exemplars: &[Exemplar], number: u32, out: &mut Vec<u8>) {
    for exemplar in exemplars {
        write_message(out, number, |out| {
            write_long(out, 2, exemplar.time);
            if let ExemplarValue::Double(value) = exemplar.value {
                write_fixed64(out, 3, value.to_bits());
            }
            write_id(out, 4, &exemplar.span_id);
            write_id(out, 5, &exemplar.trace_id);
            if let ExemplarValue::Int(value) = exemplar.value {
                write_fixed64(out, 6, value as u64);
            }
            write_attributes(arena, exemplar.attributes, 7, out);
        });
    }
}
