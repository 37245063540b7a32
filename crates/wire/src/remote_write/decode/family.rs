//! What a request tells of its metrics, and what follows where it tells nothing.

use std::collections::HashMap;

use model::Span;
use model::metric::MetricKind;

use super::labels::text;
use crate::prometheus::{Kind, part};
use crate::protobuf::{Damaged, Message};

/// Suffixes of what only ever grows.
const GROWING: [&[u8]; 4] = [b"_total", b"_count", b"_sum", b"_bucket"];

/// Metadata of a metric.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub kind: Kind,
    pub help: Span,
    /// In words, such as `seconds`.
    pub unit: Span,
}

/// What tells metrics of one name apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub kind: MetricKind,
    pub monotonic: bool,
}

impl Shape {
    pub fn of(kind: MetricKind) -> Shape {
        Shape { kind, monotonic: false }
    }

    /// Of a series of plain numbers. A histogram's and a summary's are several, which their names tell apart.
    pub fn of_number(kind: Kind, name: &[u8]) -> Shape {
        let grows = match kind {
            // When it began to count, next to what it counts.
            Kind::Counter => !name.ends_with(b"_created"),
            Kind::Unknown | Kind::Histogram | Kind::Summary => {
                GROWING.iter().any(|suffix| name.ends_with(suffix))
            }
            Kind::Gauge | Kind::GaugeHistogram | Kind::Info | Kind::StateSet => false,
        };
        match grows {
            true => Shape { kind: MetricKind::Sum, monotonic: true },
            false => Shape::of(MetricKind::Gauge),
        }
    }
}

/// `MetricType` of both versions.
fn kind(number: u64) -> Kind {
    match number {
        1 => Kind::Counter,
        2 => Kind::Gauge,
        3 => Kind::Histogram,
        4 => Kind::GaugeHistogram,
        5 => Kind::Summary,
        6 => Kind::Info,
        7 => Kind::StateSet,
        _ => Kind::Unknown,
    }
}

/// `MetricMetadata` of version 1.0, with the name of the family.
pub(super) fn metadata(input: &[u8], mut message: Message) -> Result<(Span, Told), Damaged> {
    let (mut name, mut told) = (Span::EMPTY, Told::default());
    while let Some(field) = message.next(input)? {
        match field.number {
            1 => told.kind = kind(field.varint()?),
            2 => name = text(input, field)?,
            4 => told.help = text(input, field)?,
            5 => told.unit = text(input, field)?,
            _ => {}
        }
    }
    Ok((name, told))
}

/// `Metadata` of version 2.0, which stands in the series. A text that is not in the table is none.
pub(super) fn of_series(
    input: &[u8],
    mut message: Message,
    symbols: &[Span],
) -> Result<Option<Told>, Damaged> {
    let mut told = Told::default();
    let symbol = |place: u64| usize::try_from(place).ok().and_then(|place| symbols.get(place).copied());
    while let Some(field) = message.next(input)? {
        match field.number {
            1 => told.kind = kind(field.varint()?),
            3 => told.help = symbol(field.varint()?).unwrap_or_default(),
            4 => told.unit = symbol(field.varint()?).unwrap_or_default(),
            _ => {}
        }
    }
    Ok(Some(told))
}

/// The metadata of a series, which are its family's: `x_count` belongs to the histogram `x`.
pub(super) fn find(families: &HashMap<Box<[u8]>, Told>, name: &[u8]) -> Told {
    if let Some(told) = families.get(name) {
        return *told;
    }
    let Some(at) = memchr::memrchr(b'_', name) else { return Told::default() };
    let suffix = std::str::from_utf8(&name[at + 1..]).unwrap_or_default();
    match families.get(&name[..at]) {
        Some(told) if part(told.kind, suffix).is_some() => *told,
        _ => Told::default(),
    }
}
