//! The points of one metric as series.

use model::Batch;
use model::metric::{Histogram, Metric, MetricKind, Point, PointValue, Summary};

use super::exemplars::{self, Exemplar};
use super::labels::{Common, Labels, Taken, number};
use super::names::metric_name;
use super::native::Native;
use super::origin::Origin;
use super::sink::{Datum, Family, Kind, Series, Sink};
use super::{Added, Settings};

/// The NaN by which Prometheus knows that a series has ended.
pub(super) const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
/// Bit of a point's flags: no value was recorded.
pub(super) const NO_RECORDED_VALUE: u32 = 1;
const CUMULATIVE: u8 = 2;

pub(super) struct Points<'a> {
    batch: &'a Batch,
    metric: &'a Metric,
    origin: &'a Origin<'a>,
    settings: &'a Settings,
    sink: &'a mut Sink,
    labels: &'a mut Labels,
    /// Texts of the metric, for each of its series.
    name: String,
    help: String,
    unit: String,
    kind: Kind,
}

impl<'a> Points<'a> {
    pub fn new(
        batch: &'a Batch,
        metric: &'a Metric,
        origin: &'a Origin<'a>,
        settings: &'a Settings,
        sink: &'a mut Sink,
        labels: &'a mut Labels,
    ) -> Points<'a> {
        let text = |span| String::from_utf8_lossy(batch.arena.bytes(span)).into_owned();
        let (unit, help) = (text(metric.unit), text(metric.description));
        let name = metric_name(&text(metric.name), &unit, metric, settings.suffixes, &settings.namespace);
        let kind = match metric.kind {
            MetricKind::None => Kind::Unknown,
            MetricKind::Sum if metric.monotonic => Kind::Counter,
            MetricKind::Gauge | MetricKind::Sum => Kind::Gauge,
            MetricKind::Histogram | MetricKind::ExponentialHistogram => Kind::Histogram,
            MetricKind::Summary => Kind::Summary,
        };
        Points { batch, metric, origin, settings, sink, labels, name, help, unit, kind }
    }

    pub fn write(&mut self, added: &mut Added) {
        let of_changes = match self.metric.kind {
            MetricKind::None | MetricKind::Gauge | MetricKind::Summary => false,
            MetricKind::Sum | MetricKind::Histogram | MetricKind::ExponentialHistogram => {
                self.metric.temporality != CUMULATIVE
            }
        };
        let metric = self.metric;
        if of_changes {
            added.not_cumulative += metric.points.len() as u64;
            return;
        }
        for point in &metric.points {
            self.point(point, added);
        }
    }

    fn point(&mut self, point: &Point, added: &mut Added) {
        let arena = &self.batch.arena;
        self.origin.label(arena, point.attributes, self.settings, self.labels);
        let common = self.labels.common();
        let exemplars = exemplars::of_point(arena, &point.exemplars);
        match &point.value {
            PointValue::Histogram(histogram) => self.histogram(point, histogram, &common, exemplars),
            PointValue::Summary(summary) => self.summary(point, summary, &common),
            PointValue::Exponential(histogram) => {
                let native = if ended(point) { Some(Native::stale(STALE)) } else { Native::of(histogram) };
                let Some(native) = native else {
                    added.unwritable += 1;
                    return;
                };
                self.series(&common, "", None, point, Datum::Native(&native), &exemplars);
            }
            PointValue::None if !ended(point) => {
                added.empty += 1;
                return;
            }
            PointValue::None => self.series(&common, "", None, point, value_of(point, STALE), &exemplars),
            PointValue::Int(int) => {
                self.series(&common, "", None, point, value_of(point, *int as f64), &exemplars);
            }
            PointValue::Double(double) => {
                self.series(&common, "", None, point, value_of(point, *double), &exemplars);
            }
        }
        added.written += 1;
    }

    /// Counts up to each bound, of which the last is infinity.
    fn histogram(
        &mut self,
        point: &Point,
        histogram: &Histogram,
        common: &Common,
        mut exemplars: Vec<Exemplar>,
    ) {
        let of = |value: f64| value_of(point, value);
        if let Some(sum) = histogram.sum {
            self.series(common, "_sum", None, point, of(sum), &[]);
        }
        self.series(common, "_count", None, point, of(histogram.count as f64), &[]);
        exemplars.sort_by(|a, b| a.value.total_cmp(&b.value));
        let (mut counted, mut left) = (0u64, exemplars.as_mut_slice());
        for (bound, count) in histogram.bounds.iter().zip(&histogram.buckets) {
            if *bound == f64::INFINITY {
                break;
            }
            counted = counted.saturating_add(*count);
            let below = left.partition_point(|exemplar| exemplar.value <= *bound);
            let (own, rest) = left.split_at_mut(below);
            own.sort_by_key(|exemplar| exemplar.time);
            left = rest;
            let label = Some(("le", &*number(*bound)));
            self.series(common, "_bucket", label, point, of(counted as f64), own);
        }
        left.sort_by_key(|exemplar| exemplar.time);
        let count = of(histogram.count as f64);
        self.series(common, "_bucket", Some(("le", "+Inf")), point, count, left);
    }

    fn summary(&mut self, point: &Point, summary: &Summary, common: &Common) {
        self.series(common, "_sum", None, point, value_of(point, summary.sum), &[]);
        self.series(common, "_count", None, point, value_of(point, summary.count as f64), &[]);
        for (quantile, value) in &summary.quantiles {
            let label = Some(("quantile", &*number(*quantile)));
            self.series(common, "", label, point, value_of(point, *value), &[]);
        }
    }

    fn series(
        &mut self,
        common: &Common,
        suffix: &str,
        label: Option<(&str, &str)>,
        point: &Point,
        datum: Datum<'_>,
        exemplars: &[Exemplar],
    ) {
        self.labels.return_to(common);
        if let Some((name, value)) = label {
            self.labels.put(name, value, Taken::Replace);
        }
        let whole = self.name.len();
        self.name.push_str(suffix);
        self.labels.put("__name__", &self.name, Taken::Replace);
        self.name.truncate(whole);
        let family = Family { name: &self.name, kind: self.kind, help: &self.help, unit: &self.unit };
        // Only what is counted begins somewhere.
        let created = if self.kind == Kind::Gauge { 0 } else { point.start };
        let (labels, time) = (&*self.labels, point.time);
        self.sink.write(&Series { labels, datum, time, created, exemplars, family: &family });
    }
}

fn ended(point: &Point) -> bool {
    point.flags & NO_RECORDED_VALUE != 0
}

fn value_of(point: &Point, value: f64) -> Datum<'static> {
    Datum::Sample(if ended(point) { STALE } else { value })
}
