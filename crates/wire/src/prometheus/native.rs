//! Prometheus' native histograms as exponential ones: the same buckets, numbered by their lower bound.
//!
//! Bucket `i` there ends at base^i, here it begins there, so numbers differ by one. Here all buckets between the first and
//! the last are listed; where that were too many, neighbours are joined, which makes the scale smaller by one.

use model::metric::{Buckets, ExponentialHistogram};

use super::protobuf::NativeHistogram;

/// Most buckets of one sign that are listed.
const MAX_BUCKETS: i64 = 1 << 14;

pub fn exponential(native: &NativeHistogram<'_>) -> ExponentialHistogram {
    let needed = [&native.positive, &native.negative].map(|buckets| halvings(buckets)).into_iter().max();
    let halvings = needed.unwrap_or(0);
    ExponentialHistogram {
        count: native.count,
        sum: Some(native.sum),
        min: None,
        max: None,
        scale: native.schema - halvings as i32,
        zero_count: native.zero_count,
        zero_threshold: native.zero_threshold,
        positive: listed(&native.positive, halvings),
        negative: listed(&native.negative, halvings),
    }
}

pub fn byte_size(histogram: &ExponentialHistogram) -> usize {
    let buckets = histogram.positive.iter().chain(&histogram.negative);
    size_of::<ExponentialHistogram>() + 8 * buckets.map(|buckets| buckets.counts.len()).sum::<usize>()
}

/// How often neighbours are joined until there are few enough.
fn halvings(buckets: &[(i32, u64)]) -> u32 {
    let (Some((first, _)), Some((last, _))) = (buckets.first(), buckets.last()) else { return 0 };
    let mut halvings = 0;
    while number(*last, halvings) - number(*first, halvings) >= MAX_BUCKETS {
        halvings += 1;
    }
    halvings
}

fn number(native: i32, halvings: u32) -> i64 {
    (i64::from(native) - 1) >> halvings
}

fn listed(buckets: &[(i32, u64)], halvings: u32) -> Option<Buckets> {
    let (first, last) = (number(buckets.first()?.0, halvings), number(buckets.last()?.0, halvings));
    let mut counts = vec![0u64; usize::try_from(last - first).ok()? + 1];
    for (native, count) in buckets {
        if let Some(sum) = counts.get_mut((number(*native, halvings) - first) as usize) {
            *sum = sum.saturating_add(*count);
        }
    }
    Some(Buckets { offset: i32::try_from(first).ok()?, counts })
}
