//! What a source hands over: a series with its samples, sorted by time.

use crate::labels::Labels;

/// The value that says "the series ended here". A NaN, so it is told apart by its bits alone.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// Invariant: as many values as times, times ascend strictly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Milliseconds since the epoch.
    pub times: Vec<i64>,
    pub values: Vec<f64>,
}

impl Samples {
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub fn push(&mut self, time: i64, value: f64) {
        debug_assert!(self.times.last().is_none_or(|last| *last < time), "bug: samples are not in order");
        self.times.push(time);
        self.values.push(value);
    }
}

impl FromIterator<(i64, f64)> for Samples {
    fn from_iter<I: IntoIterator<Item = (i64, f64)>>(pairs: I) -> Samples {
        let (times, values) = pairs.into_iter().unzip();
        Samples { times, values }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: Labels,
    pub samples: Samples,
}
