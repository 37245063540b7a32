//! `Metric`: what it is called and how its points add up. The points are in [`super::points`].

use model::metric::MetricKind;
use model::{Arena, Batch, Metric};

use super::fields::{choice, text, write_count};
use super::points::{read_point, write_point};
use super::request::Item;
use super::value::{read_attribute, write_attributes, write_text};
use crate::protobuf::{Damaged, Field, Message, write_message, write_number};

impl Item for Metric {
    fn read(arena: &mut Arena, mut message: Message, scope: u32, _: u64) -> Result<Self, Damaged> {
        let mut metric = Metric { scope, ..Metric::default() };
        while let Some(field) = message.next(arena.input())? {
            take(arena, &mut metric, field)?;
        }
        Ok(metric)
    }

    fn write(&self, arena: &Arena, out: &mut Vec<u8>) {
        write_text(out, 1, arena.bytes(self.name));
        write_text(out, 2, arena.bytes(self.description));
        write_text(out, 3, arena.bytes(self.unit));
        if let Some(number) = number_of(self.kind) {
            write_message(out, number, |out| write_data(arena, self, out));
        }
        write_attributes(arena, self.metadata, 12, out);
    }

    fn scope(&self) -> u32 {
        self.scope
    }

    fn rows(batch: &mut Batch) -> &mut Vec<Self> {
        &mut batch.metrics
    }
}

/// The field that holds the data of a kind.
fn number_of(kind: MetricKind) -> Option<u32> {
    match kind {
        MetricKind::None => None,
        MetricKind::Gauge => Some(5),
        MetricKind::Sum => Some(7),
        MetricKind::Histogram => Some(9),
        MetricKind::ExponentialHistogram => Some(10),
        MetricKind::Summary => Some(11),
    }
}

fn take(arena: &mut Arena, metric: &mut Metric, field: Field) -> Result<(), Damaged> {
    match field.number {
        1 => metric.name = text(arena, field)?,
        2 => metric.description = text(arena, field)?,
        3 => metric.unit = text(arena, field)?,
        5 => read_data(arena, metric, MetricKind::Gauge, field)?,
        7 => read_data(arena, metric, MetricKind::Sum, field)?,
        9 => read_data(arena, metric, MetricKind::Histogram, field)?,
        10 => read_data(arena, metric, MetricKind::ExponentialHistogram, field)?,
        11 => read_data(arena, metric, MetricKind::Summary, field)?,
        12 => read_attribute(arena, &mut metric.metadata, field)?,
        _ => {}
    }
    Ok(())
}

/// `Gauge`, `Sum`, `Histogram`, `ExponentialHistogram` or `Summary`. A metric is one of them: the last one counts,
/// and of one kind sent in pieces all do.
fn read_data(arena: &mut Arena, metric: &mut Metric, kind: MetricKind, field: Field) -> Result<(), Damaged> {
    if metric.kind != kind {
        metric.points.clear();
        (metric.kind, metric.temporality, metric.monotonic) = (kind, 0, false);
    }
    let has_temporality = !matches!(kind, MetricKind::Gauge | MetricKind::Summary);
    let mut message = field.message()?;
    while let Some(field) = message.next(arena.input())? {
        match field.number {
            1 => metric.points.push(read_point(arena, kind, field.message()?)?),
            2 if has_temporality => metric.temporality = choice(&field)?,
            3 if kind == MetricKind::Sum => metric.monotonic = field.varint()? != 0,
            _ => {}
        }
    }
    Ok(())
}

fn write_data(arena: &Arena, metric: &Metric, out: &mut Vec<u8>) {
    for point in &metric.points {
        write_message(out, 1, |out| write_point(arena, point, out));
    }
    if !matches!(metric.kind, MetricKind::Gauge | MetricKind::Summary) {
        write_count(out, 2, u32::from(metric.temporality));
    }
    if metric.kind == MetricKind::Sum && metric.monotonic {
        write_number(out, 3, 1);
    }
}
