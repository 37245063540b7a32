//! Percentiles: exact by nearest rank while values are few, then from a histogram of steps of one in a hundred.

use std::collections::BTreeMap;

const EXACT: usize = 4096;

/// Bounds of buckets grow by this, so that a value read back is off by half a percent at most.
const GROWTH: f64 = 1.01;

/// Smaller magnitudes count as zero.
const SMALLEST: f64 = 1e-9;

const VALUE_BYTES: usize = 8;
const BUCKET_BYTES: usize = 32;

#[derive(Debug)]
pub enum Quantiles {
    Exact(Vec<f64>),
    /// Counts by sign and magnitude.
    Sketch(BTreeMap<i32, u64>),
}

impl Quantiles {
    pub fn new() -> Quantiles {
        Quantiles::Exact(Vec::new())
    }

    /// Takes in a value; the bytes this grew by. Nothing grows without room.
    pub fn add(&mut self, value: f64, room: bool) -> usize {
        match self {
            Quantiles::Exact(values) if values.len() < EXACT => {
                if room {
                    values.push(value);
                }
                usize::from(room) * VALUE_BYTES
            }
            Quantiles::Exact(_) => {
                self.blur();
                self.add(value, room)
            }
            Quantiles::Sketch(buckets) => {
                let bucket = bucket(value);
                if let Some(count) = buckets.get_mut(&bucket) {
                    *count += 1;
                    return 0;
                }
                if room {
                    buckets.insert(bucket, 1);
                }
                usize::from(room) * BUCKET_BYTES
            }
        }
    }

    fn blur(&mut self) {
        if let Quantiles::Exact(values) = self {
            let mut buckets = BTreeMap::new();
            values.iter().for_each(|value| *buckets.entry(bucket(*value)).or_default() += 1);
            *self = Quantiles::Sketch(buckets);
        }
    }

    pub fn merge(&mut self, other: Quantiles) {
        match other {
            Quantiles::Exact(values) => values.into_iter().for_each(|value| {
                self.add(value, true);
            }),
            Quantiles::Sketch(counts) => {
                self.blur();
                if let Quantiles::Sketch(buckets) = self {
                    counts
                        .into_iter()
                        .for_each(|(bucket, count)| *buckets.entry(bucket).or_default() += count);
                }
            }
        }
    }

    /// The least value that `percent` of all lie at or below.
    pub fn at(&self, percent: f64) -> Option<f64> {
        let rank = |total: u64| ((percent / 100.0 * total as f64).ceil() as u64).clamp(1, total.max(1)) - 1;
        match self {
            Quantiles::Exact(values) => {
                let mut sorted = values.clone();
                sorted.sort_by(f64::total_cmp);
                sorted.get(rank(sorted.len() as u64) as usize).copied()
            }
            Quantiles::Sketch(buckets) => {
                let mut left = rank(buckets.values().sum());
                for (bucket, count) in buckets {
                    if left < *count {
                        return Some(middle(*bucket));
                    }
                    left -= count;
                }
                None
            }
        }
    }
}

fn bucket(value: f64) -> i32 {
    if value.abs() < SMALLEST {
        return 0;
    }
    let magnitude = ((value.abs() / SMALLEST).ln() / GROWTH.ln()) as i32 + 1;
    if value < 0.0 { -magnitude } else { magnitude }
}

fn middle(bucket: i32) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let magnitude = SMALLEST * GROWTH.powf(f64::from(bucket.abs()) - 0.5);
    if bucket < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_sets_are_exact_and_large_ones_near() {
        let mut small = Quantiles::new();
        (1..=10).for_each(|n| {
            small.add(f64::from(n), true);
        });
        assert_eq!([0.0, 50.0, 95.0, 100.0].map(|p| small.at(p)), [1.0, 5.0, 10.0, 10.0].map(Some));
        let (mut left, mut right) = (Quantiles::new(), Quantiles::new());
        for n in 0..100_000 {
            if n % 2 == 0 {
                left.add(f64::from(n), true)
            } else {
                right.add(f64::from(n), true)
            };
        }
        left.merge(right);
        let p90 = left.at(90.0).unwrap();
        assert!((p90 - 90_000.0).abs() < 900.0, "{p90}");
        assert_eq!(Quantiles::new().at(50.0), None);
    }
}
