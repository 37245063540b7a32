//! Rows of `points` and `histograms`, and the series they belong to.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, Int16Builder, Int32Builder, Int64Builder, ListBuilder, RecordBatch,
    StringBuilder,
};
use model::metric::{Buckets, ExponentialHistogram, Histogram, MetricKind, Point, PointValue, Summary};
use model::{Batch, Metric};

use super::block::Origin;
use super::columns::{Label, Times, push_id};
use super::series::{Of, SeriesId, SeriesRows};
use super::value;
use crate::{LakeError, Table};

#[derive(Default)]
pub(super) struct MetricRows {
    series: SeriesRows,
    points: Points,
    histograms: Histograms,
}

impl MetricRows {
    pub fn push(&mut self, batch: &Batch) {
        let origins = Origin::all(batch);
        let fallback = Origin::default();
        for metric in &batch.metrics {
            let scope = (metric.scope as usize).min(origins.len().saturating_sub(1));
            let origin = origins.get(scope).unwrap_or(&fallback);
            let name = value::lossy(batch.arena.bytes(metric.name));
            let of = Of { arena: &batch.arena, metric, origin, hash: hash(batch, metric, &name) };
            for point in &metric.points {
                self.point(&of, &name, point);
            }
        }
    }

    fn point(&mut self, of: &Of<'_>, name: &str, point: &Point) {
        match &point.value {
            PointValue::None => {}
            PointValue::Int(int) => self.number(of, name, point, *int as f64, None),
            PointValue::Double(double) => self.number(of, name, point, *double, None),
            PointValue::Summary(summary) => self.summary(of, name, point, summary),
            PointValue::Histogram(histogram) => {
                let id = self.series.id(of, point.attributes, point.time, None);
                self.histograms.explicit(name, &id, point, histogram);
            }
            PointValue::Exponential(histogram) => {
                let id = self.series.id(of, point.attributes, point.time, None);
                self.histograms.exponential(name, &id, point, histogram);
            }
        }
    }

    fn number(&mut self, of: &Of<'_>, name: &str, point: &Point, value: f64, extra: Option<(&str, &str)>) {
        let id = self.series.id(of, point.attributes, point.time, extra);
        self.points.push(name, &id, point, value);
    }

    /// As Prometheus keeps a summary: a series a quantile, and two for sum and count, told by the label `__part__`.
    fn summary(&mut self, of: &Of<'_>, name: &str, point: &Point, summary: &Summary) {
        for (quantile, value) in &summary.quantiles {
            let quantile = quantile.to_string();
            self.number(of, name, point, *value, Some(("quantile", &quantile)));
        }
        self.number(of, name, point, summary.sum, Some((PART, "sum")));
        self.number(of, name, point, summary.count as f64, Some((PART, "count")));
    }

    /// `series`, `points` and `histograms`.
    pub fn finish(&mut self) -> Result<[RecordBatch; 3], LakeError> {
        Ok([self.series.finish()?, self.points.finish()?, self.histograms.finish()?])
    }
}

/// The label of the two series of a summary that are not quantiles.
const PART: &str = "__part__";

/// Of all that tells a series apart but the labels of its points.
fn hash(batch: &Batch, metric: &Metric, name: &str) -> u64 {
    let mut text = name.as_bytes().to_vec();
    text.push(metric.kind as u8);
    if let Some(scope) = batch.scopes.get(metric.scope as usize) {
        text.extend_from_slice(batch.arena.bytes(scope.name));
        let resource = batch.resources.get(scope.resource as usize).map(|resource| resource.attributes);
        for (_, node) in resource.into_iter().flat_map(|list| batch.arena.iter(list)) {
            text.push(0xff);
            text.extend_from_slice(batch.arena.bytes(node.key));
            text.push(0xff);
            text.extend_from_slice(value::text(&batch.arena, node.value).0.as_bytes());
        }
    }
    debug_assert!(metric.kind != MetricKind::None || metric.points.is_empty());
    xxhash_rust::xxh3::xxh3_64(&text)
}

fn digits(id: &SeriesId) -> &str {
    std::str::from_utf8(id).unwrap_or_default()
}

#[derive(Default)]
struct Points {
    time: Times,
    time_ns: Int16Builder,
    metric: Label,
    series_id: Label,
    start_time: Times,
    value: Float64Builder,
    flags: Int32Builder,
    exemplar_trace_id: StringBuilder,
}

impl Points {
    fn push(&mut self, name: &str, id: &SeriesId, point: &Point, value: f64) {
        let remainder = self.time.push(point.time);
        self.time_ns.append_value(remainder);
        self.metric.push(Some(name));
        self.series_id.push(Some(digits(id)));
        self.start_time.push_known(point.start);
        self.value.append_value(value);
        self.flags.append_option((point.flags > 0).then_some(point.flags as i32));
        let exemplar = point.exemplars.last().map_or([0; 16], |exemplar| exemplar.trace_id);
        push_id(&mut self.exemplar_trace_id, &exemplar);
    }

    fn finish(&mut self) -> Result<RecordBatch, LakeError> {
        let columns: Vec<ArrayRef> = vec![
            self.time.finish(),
            Arc::new(self.time_ns.finish()),
            self.metric.finish(),
            self.series_id.finish(),
            self.start_time.finish(),
            Arc::new(self.value.finish()),
            Arc::new(self.flags.finish()),
            Arc::new(self.exemplar_trace_id.finish()),
        ];
        Ok(RecordBatch::try_new(Table::Points.arriving(), columns)?)
    }
}

#[derive(Default)]
struct Histograms {
    time: Times,
    time_ns: Int16Builder,
    metric: Label,
    series_id: Label,
    start_time: Times,
    count: Float64Builder,
    sum: Float64Builder,
    min: Float64Builder,
    max: Float64Builder,
    scale: Int32Builder,
    zero_count: Float64Builder,
    zero_threshold: Float64Builder,
    offset: Int32Builder,
    buckets: ListBuilder<Int64Builder>,
    bounds: ListBuilder<Float64Builder>,
    negative_offset: Int32Builder,
    negative_buckets: ListBuilder<Int64Builder>,
    flags: Int32Builder,
}

impl Histograms {
    fn begin(&mut self, name: &str, id: &SeriesId, point: &Point) {
        let remainder = self.time.push(point.time);
        self.time_ns.append_value(remainder);
        self.metric.push(Some(name));
        self.series_id.push(Some(digits(id)));
        self.start_time.push_known(point.start);
        self.flags.append_option((point.flags > 0).then_some(point.flags as i32));
    }

    fn explicit(&mut self, name: &str, id: &SeriesId, point: &Point, of: &Histogram) {
        self.begin(name, id, point);
        self.count.append_value(of.count as f64);
        self.sum.append_option(of.sum);
        self.min.append_option(of.min);
        self.max.append_option(of.max);
        self.scale.append_null();
        self.zero_count.append_null();
        self.zero_threshold.append_null();
        self.offset.append_null();
        self.buckets.append_value(of.buckets.iter().map(|count| Some(*count as i64)));
        self.bounds.append_value(of.bounds.iter().copied().map(Some));
        self.negative_offset.append_null();
        self.negative_buckets.append_null();
    }

    fn exponential(&mut self, name: &str, id: &SeriesId, point: &Point, of: &ExponentialHistogram) {
        self.begin(name, id, point);
        self.count.append_value(of.count as f64);
        self.sum.append_option(of.sum);
        self.min.append_option(of.min);
        self.max.append_option(of.max);
        self.scale.append_value(of.scale);
        self.zero_count.append_value(of.zero_count as f64);
        self.zero_threshold.append_value(of.zero_threshold);
        self.bounds.append_null();
        side(&mut self.offset, &mut self.buckets, of.positive.as_ref());
        side(&mut self.negative_offset, &mut self.negative_buckets, of.negative.as_ref());
    }

    fn finish(&mut self) -> Result<RecordBatch, LakeError> {
        let columns: Vec<ArrayRef> = vec![
            self.time.finish(),
            Arc::new(self.time_ns.finish()),
            self.metric.finish(),
            self.series_id.finish(),
            self.start_time.finish(),
            Arc::new(self.count.finish()),
            Arc::new(self.sum.finish()),
            Arc::new(self.min.finish()),
            Arc::new(self.max.finish()),
            Arc::new(self.scale.finish()),
            Arc::new(self.zero_count.finish()),
            Arc::new(self.zero_threshold.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.buckets.finish()),
            Arc::new(self.bounds.finish()),
            Arc::new(self.negative_offset.finish()),
            Arc::new(self.negative_buckets.finish()),
            Arc::new(self.flags.finish()),
        ];
        Ok(RecordBatch::try_new(Table::Histograms.arriving(), columns)?)
    }
}

fn side(offset: &mut Int32Builder, counts: &mut ListBuilder<Int64Builder>, of: Option<&Buckets>) {
    offset.append_option(of.map(|buckets| buckets.offset));
    match of {
        Some(buckets) => counts.append_value(buckets.counts.iter().map(|count| Some(*count as i64))),
        None => counts.append_null(),
    }
}
