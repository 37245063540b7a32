//! Rows of `series`: each time series that a payload has points of, once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, RecordBatch, StringBuilder};
use model::{Arena, List, Metric, metric::MetricKind};

use super::block::{Block, Container, Origin};
use super::columns::{Label, TextMap, Times, hex};
use super::value;
use crate::{LakeError, Table};

/// What tells a series from others: its metric, kind, resource and labels, hashed.
pub(super) type SeriesId = [u8; 32];

#[derive(Default)]
pub(super) struct SeriesRows {
    /// Which row a series has.
    seen: HashMap<u128, usize>,
    /// Of each row, in nanoseconds since the epoch.
    last_seen: Vec<u64>,
    block: Block,
    series_id: StringBuilder,
    metric: Label,
    unit: Label,
    description: Label,
    kind: Label,
    temporality: Label,
    monotonic: BooleanBuilder,
    labels: TextMap,
}

/// A metric whose points are being added.
pub(super) struct Of<'a> {
    pub arena: &'a Arena,
    pub metric: &'a Metric,
    pub origin: &'a Origin,
    /// Of the metric and its origin.
    pub hash: u64,
}

impl SeriesRows {
    /// The id of the series with these labels, in hexadecimal digits, and its row where it is new to the payload.
    /// `extra` are labels that the point's value adds, as a quantile.
    pub fn id(&mut self, of: &Of<'_>, labels: List, time: u64, extra: Option<(&str, &str)>) -> SeriesId {
        let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = of
            .arena
            .iter(labels)
            .map(|(_, node)| (value::lossy(of.arena.bytes(node.key)), value::text(of.arena, node.value).0))
            .collect();
        pairs.extend(extra.map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value))));
        pairs.sort_unstable();
        let id = identity(of.hash, &pairs);
        let mut digits = [0; 32];
        hex(&id.to_be_bytes(), &mut digits);
        match self.seen.get(&id) {
            Some(row) => self.last_seen[*row] = self.last_seen[*row].max(time),
            None => {
                self.seen.insert(id, self.last_seen.len());
                self.last_seen.push(time);
                self.row(of, &pairs, time, &digits);
            }
        }
        digits
    }

    fn row(&mut self, of: &Of<'_>, labels: &[(Cow<'_, str>, Cow<'_, str>)], time: u64, id: &SeriesId) {
        let text = |span| value::lossy(of.arena.bytes(span));
        self.block.push(time, of.origin, Container::default());
        self.series_id.append_value(std::str::from_utf8(id).unwrap_or_default());
        self.metric.push(Some(&text(of.metric.name)));
        self.unit.push(Some(&text(of.metric.unit)));
        self.description.push(Some(&text(of.metric.description)));
        self.kind.push(Some(kind(of.metric)));
        self.temporality
            .push([None, Some("delta"), Some("cumulative")][usize::from(of.metric.temporality).min(2)]);
        self.monotonic.append_value(of.metric.monotonic);
        for (key, value) in labels {
            self.labels.entry(key, value);
        }
        self.labels.end(!labels.is_empty());
    }

    pub fn finish(&mut self) -> Result<RecordBatch, LakeError> {
        self.seen.clear();
        let mut last_seen = Times::default();
        for time in self.last_seen.drain(..) {
            last_seen.push(time);
        }
        let mut columns = self.block.finish();
        let own: [ArrayRef; 9] = [
            Arc::new(self.series_id.finish()),
            self.metric.finish(),
            self.unit.finish(),
            self.description.finish(),
            self.kind.finish(),
            self.temporality.finish(),
            Arc::new(self.monotonic.finish()),
            self.labels.finish(),
            last_seen.finish(),
        ];
        columns.extend(own);
        Ok(RecordBatch::try_new(Table::Series.arriving(), columns)?)
    }
}

fn kind(metric: &Metric) -> &'static str {
    match (metric.kind, metric.monotonic) {
        (MetricKind::Gauge | MetricKind::None, _) => "gauge",
        (MetricKind::Sum, true) => "counter",
        (MetricKind::Sum, false) => "updown",
        (MetricKind::Histogram, _) => "histogram",
        (MetricKind::ExponentialHistogram, _) => "exp_histogram",
        (MetricKind::Summary, _) => "summary",
    }
}

/// Two 64-bit halves; 2⁶⁴ series are needed before two are likely to meet.
fn identity(of: u64, labels: &[(Cow<'_, str>, Cow<'_, str>)]) -> u128 {
    let mut text = of.to_le_bytes().to_vec();
    for (key, value) in labels {
        text.extend_from_slice(key.as_bytes());
        text.push(0xff);
        text.extend_from_slice(value.as_bytes());
        text.push(0xff);
    }
    xxhash_rust::xxh3::xxh3_128(&text)
}
