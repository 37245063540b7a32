//! Exponential histograms as Prometheus's native ones: the same buckets, numbered by their upper bound.
//!
//! Bucket `i` here reaches from base^i to base^(i+1), there from base^(i-1) to base^i, so numbers differ by one. Runs of
//! neighbours are spans, told with their distance to the span before; counts are told as differences.

use model::metric::{Buckets, ExponentialHistogram};

/// Schemas that Prometheus knows: powers of two divided into 2^schema parts.
const MIN_SCHEMA: i32 = -4;
const MAX_SCHEMA: i32 = 8;
/// So many empty buckets cost no more than a span of their own.
const BRIDGED: i64 = 2;
/// Width of the bucket around zero where the sender tells none.
const ZERO_THRESHOLD: f64 = 1e-128;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Native {
    pub count: u64,
    pub sum: f64,
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: u64,
    pub negative: Spans,
    pub positive: Spans,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spans {
    /// Distance to the span before, or to bucket 0; length.
    pub spans: Vec<(i32, u32)>,
    pub deltas: Vec<i64>,
}

impl Native {
    /// A histogram that marks the end of its series.
    pub fn stale(sum: f64) -> Native {
        let (negative, positive) = Default::default();
        Native { count: 0, sum, schema: 0, zero_threshold: 0.0, zero_count: 0, negative, positive }
    }

    /// `None` where the buckets are wider than Prometheus knows them.
    pub fn of(histogram: &ExponentialHistogram) -> Option<Native> {
        if histogram.scale < MIN_SCHEMA {
            return None;
        }
        let schema = histogram.scale.min(MAX_SCHEMA);
        // Each step of the scale down makes one bucket of two.
        let halvings = histogram.scale.saturating_sub(schema).min(62) as u32;
        let spans = |buckets: &Option<Buckets>| match buckets {
            Some(buckets) => spans(buckets, halvings),
            None => Some(Spans::default()),
        };
        let told = histogram.zero_threshold;
        Some(Native {
            count: histogram.count,
            sum: histogram.sum.unwrap_or(0.0),
            schema,
            zero_threshold: if told > 0.0 { told } else { ZERO_THRESHOLD },
            zero_count: histogram.zero_count,
            negative: spans(&histogram.negative)?,
            positive: spans(&histogram.positive)?,
        })
    }
}

/// `None` where a number is beyond 32 bits.
fn spans(buckets: &Buckets, halvings: u32) -> Option<Spans> {
    let mut spans = Spans::default();
    let (mut end, mut before) = (0i64, 0u64);
    for (number, count) in filled(buckets, halvings) {
        let gap = number - end;
        match spans.spans.last_mut() {
            Some((_, length)) if gap <= BRIDGED => {
                for _ in 0..gap {
                    spans.deltas.push(0u64.wrapping_sub(before) as i64);
                    before = 0;
                }
                *length += gap as u32 + 1;
            }
            _ => spans.spans.push((i32::try_from(gap).ok()?, 1)),
        }
        spans.deltas.push(count.wrapping_sub(before) as i64);
        (end, before) = (number + 1, count);
    }
    Some(spans)
}

/// The buckets that are not empty, as Prometheus numbers them.
fn filled(buckets: &Buckets, halvings: u32) -> Vec<(i64, u64)> {
    let mut filled: Vec<(i64, u64)> = Vec::new();
    for (place, count) in buckets.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let number = ((i64::from(buckets.offset) + place as i64) >> halvings) + 1;
        match filled.last_mut() {
            Some((last, sum)) if *last == number => *sum = sum.saturating_add(*count),
            _ => filled.push((number, *count)),
        }
    }
    filled
}
