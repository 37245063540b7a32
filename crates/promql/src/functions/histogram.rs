//! Quantiles of classic histograms: cumulative buckets, each a series with its upper bound in `le`.

#[derive(Clone, Copy)]
pub struct Bucket {
    pub bound: f64,
    pub count: f64,
}

/// The bound in a label's value, if it is one.
pub fn bound(le: &str) -> Option<f64> {
    le.parse().ok()
}

/// Linear between the bounds of the bucket that the quantile falls into; buckets in any order.
pub fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    buckets.sort_by(|a, b| a.bound.total_cmp(&b.bound));
    if buckets.last().is_none_or(|last| last.bound != f64::INFINITY) {
        return f64::NAN;
    }
    merge_same(buckets);
    make_ascending(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return f64::NAN;
    }
    let rank = q * observations;
    // A count of NaN ends in the last bucket, as it does in Prometheus.
    let is_below = |bucket: &Bucket| bucket.count < rank || bucket.count.is_nan() || rank.is_nan();
    let found = buckets[..last].partition_point(is_below);
    if found == last {
        return buckets[last - 1].bound;
    }
    if found == 0 && buckets[0].bound <= 0.0 {
        return buckets[0].bound;
    }
    let below = if found == 0 { Bucket { bound: 0.0, count: 0.0 } } else { buckets[found - 1] };
    let (width, count) = (buckets[found].bound - below.bound, buckets[found].count - below.count);
    below.bound + width * ((rank - below.count) / count)
}

/// Bounds may be written in two ways, `1` and `1.0`.
fn merge_same(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|later, kept| {
        let same = later.bound == kept.bound;
        if same {
            kept.count += later.count;
        }
        same
    });
}

/// Buckets that were not scraped at one moment may fall where they must not.
fn make_ascending(buckets: &mut [Bucket]) {
    let mut most = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if bucket.count > most {
            most = bucket.count;
        } else if bucket.count < most {
            bucket.count = most;
        }
    }
}
