//! Metrics and their data points, after OpenTelemetry's metric data model.

use crate::arena::{List, Span};

/// One metric with its points, all of one kind.
#[derive(Debug, Clone, Default)]
pub struct Metric {
    pub name: Span,
    pub description: Span,
    /// A unit after UCUM, such as `ms` or `By`.
    pub unit: Span,
    pub metadata: List,
    pub kind: MetricKind,
    /// 0 unspecified, 1 delta, 2 cumulative. Of sums and histograms.
    pub temporality: u8,
    /// Of sums.
    pub monotonic: bool,
    pub points: Vec<Point>,
    /// Index into `Batch::scopes`.
    pub scope: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MetricKind {
    /// The sender said nothing, and there are no points.
    #[default]
    None,
    Gauge,
    Sum,
    Histogram,
    ExponentialHistogram,
    Summary,
}

/// One measurement of one time series.
#[derive(Debug, Clone, Default)]
pub struct Point {
    /// Since when it counts, in nanoseconds since the epoch; 0 is unknown.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub attributes: List,
    /// Bit 0: no value was recorded, as when a series ends.
    pub flags: u32,
    pub exemplars: Vec<Exemplar>,
    pub value: PointValue,
}

#[derive(Debug, Clone, Default)]
pub enum PointValue {
    #[default]
    None,
    Int(i64),
    Double(f64),
    Histogram(Box<Histogram>),
    Exponential(Box<ExponentialHistogram>),
    Summary(Box<Summary>),
}

/// Counts in buckets whose bounds are listed: one count more than bounds, or none of either.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub bounds: Vec<f64>,
    pub buckets: Vec<u64>,
}

/// Counts in buckets that grow by the factor 2^(2^-scale).
#[derive(Debug, Clone, Default)]
pub struct ExponentialHistogram {
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub scale: i32,
    pub zero_count: u64,
    pub zero_threshold: f64,
    /// `None` where the sender left them out.
    pub positive: Option<Buckets>,
    pub negative: Option<Buckets>,
}

/// Neighbouring buckets, the first of them number `offset`.
#[derive(Debug, Clone, Default)]
pub struct Buckets {
    pub offset: i32,
    pub counts: Vec<u64>,
}

#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub count: u64,
    pub sum: f64,
    /// Quantile, 0 to 1, and its value.
    pub quantiles: Vec<(f64, f64)>,
}

/// A measurement that stands for others of its point, with the trace it happened in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exemplar {
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub value: ExemplarValue,
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub attributes: List,
}

#[derive(Debug, Clone, Copy, Default)]
pub enum ExemplarValue {
    #[default]
    None,
    Int(i64),
    Double(f64),
}

impl Metric {
    /// Bytes held beside the arena, for memory accounting.
    pub fn byte_size(&self) -> usize {
        size_of::<Metric>() + self.points.iter().map(Point::byte_size).sum::<usize>()
    }
}

impl Point {
    fn byte_size(&self) -> usize {
        let value = match &self.value {
            PointValue::Histogram(histogram) => 8 * (histogram.bounds.len() + histogram.buckets.len()),
            PointValue::Exponential(exponential) => {
                let buckets = exponential.positive.iter().chain(&exponential.negative);
                8 * buckets.map(|buckets| buckets.counts.len()).sum::<usize>()
            }
            PointValue::Summary(summary) => 16 * summary.quantiles.len(),
            PointValue::None | PointValue::Int(_) | PointValue::Double(_) => 0,
        };
        size_of::<Point>() + self.exemplars.len() * size_of::<Exemplar>() + value
    }
}
