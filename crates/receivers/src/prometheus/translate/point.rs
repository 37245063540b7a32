//! The samples of one series in one scrape, gathered into a point.

use std::sync::Arc;

use model::metric::{self, ExemplarValue, ExponentialHistogram, Histogram, Point, PointValue, Summary};
use model::{Arena, List, Value};
use wire::prometheus::{self, Kind, Part};

use super::Shape;

/// Bit 0 of a point's flags: there is no value, because the series ended.
const NO_RECORDED_VALUE: u32 = 1;

#[derive(Debug)]
pub struct Draft {
    pub shape: Arc<Shape>,
    pub scope: u32,
    pub attributes: List,
    pub time: u64,
    pub exemplars: Vec<metric::Exemplar>,
    /// The series is no more.
    pub ended: bool,
    /// Since when it counts, in nanoseconds since the epoch.
    pub start: Option<u64>,
    pub native: Option<Box<ExponentialHistogram>>,
    value: Option<f64>,
    sum: Option<f64>,
    count: Option<f64>,
    /// Bounds and what is below each, or quantiles and their values.
    parts: Vec<(f64, f64)>,
}

impl Draft {
    pub fn new(shape: Arc<Shape>, scope: u32, attributes: List, time: u64) -> Draft {
        let (exemplars, parts) = (Vec::new(), Vec::new());
        let (start, native, value, sum, count) = (None, None, None, None, None);
        Draft {
            shape,
            scope,
            attributes,
            time,
            exemplars,
            ended: false,
            start,
            native,
            value,
            sum,
            count,
            parts,
        }
    }

    /// Of two samples that are the same but for their value, the first counts.
    pub fn take(&mut self, part: Part, number: Option<f64>, value: f64) {
        let place = match (part, number) {
            (Part::Bucket | Part::Value, Some(number)) => {
                self.parts.push((number, value));
                return;
            }
            (Part::Bucket, None) => return,
            (Part::Value, None) => &mut self.value,
            (Part::Sum, _) => &mut self.sum,
            (Part::Count, _) => &mut self.count,
            (Part::Created, _) => {
                // A double holds a time of these years to the microsecond.
                self.start.get_or_insert(((value * 1e6).round() as u64).saturating_mul(1000));
                return;
            }
        };
        place.get_or_insert(value);
    }

    pub fn has_point(&self) -> bool {
        match self.shape.kind {
            _ if self.shape.native => self.native.is_some(),
            Kind::Histogram | Kind::Summary => self.count.is_some(),
            _ => self.value.is_some(),
        }
    }

    /// `None` when what makes a point is missing.
    pub fn into_point(self) -> Option<Point> {
        let (attributes, time) = (self.attributes, self.time);
        if self.ended {
            return Some(Point {
                attributes,
                time,
                flags: NO_RECORDED_VALUE,
                value: self.empty(),
                ..Point::default()
            });
        }
        let (start, exemplars) = (self.start.unwrap_or(0), self.exemplars.clone());
        let value = match self.shape.kind {
            _ if self.shape.native => PointValue::Exponential(self.native?),
            Kind::Histogram => PointValue::Histogram(Box::new(self.histogram()?)),
            Kind::Summary => PointValue::Summary(Box::new(self.summary()?)),
            _ => PointValue::Double(self.value?),
        };
        Some(Point { start, time, attributes, flags: 0, exemplars, value })
    }

    /// No value, in the form the metric's points have.
    fn empty(&self) -> PointValue {
        match self.shape.kind {
            _ if self.shape.native => PointValue::Exponential(Box::default()),
            Kind::Histogram => PointValue::Histogram(Box::default()),
            Kind::Summary => PointValue::Summary(Box::default()),
            _ => PointValue::None,
        }
    }

    /// A page counts what is below each bound, a point what is between two.
    fn histogram(mut self) -> Option<Histogram> {
        let count = whole(self.count?);
        self.sort_parts();
        let (mut bounds, mut buckets, mut below) = (Vec::new(), Vec::new(), 0);
        for (bound, total) in self.parts.iter().filter(|(bound, _)| bound.is_finite()) {
            let total = whole(*total).max(below);
            bounds.push(*bound);
            buckets.push(total - below);
            below = total;
        }
        buckets.push(count.saturating_sub(below));
        Some(Histogram { count, sum: self.sum, bounds, buckets, ..Histogram::default() })
    }

    fn summary(mut self) -> Option<Summary> {
        let count = whole(self.count?);
        self.sort_parts();
        Some(Summary { count, sum: self.sum.unwrap_or(0.0), quantiles: self.parts })
    }

    fn sort_parts(&mut self) {
        self.parts.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.parts.dedup_by(|later, earlier| later.0 == earlier.0);
    }
}

/// A count, whatever the page says it is: the conversion turns what is negative or no number into 0.
fn whole(count: f64) -> u64 {
    count as u64
}

/// Its trace and span, when it names them as OpenTelemetry does; other labels are attributes.
pub fn exemplar(arena: &mut Arena, from: &prometheus::Exemplar<'_>, time: u64) -> metric::Exemplar {
    let time = from.timestamp.and_then(|at| u64::try_from(at).ok()).unwrap_or(time);
    let mut exemplar =
        metric::Exemplar { time, value: ExemplarValue::Double(from.value), ..metric::Exemplar::default() };
    for (name, value) in &from.labels {
        match name.as_ref() {
            "trace_id" if prometheus::hex(value.as_bytes(), &mut exemplar.trace_id) => {}
            "span_id" if prometheus::hex(value.as_bytes(), &mut exemplar.span_id) => {}
            _ => {
                let (key, value) = (arena.store(name.as_bytes()), arena.store(value.as_bytes()));
                arena.push(&mut exemplar.attributes, key, Value::Str(value));
            }
        }
    }
    exemplar
}
