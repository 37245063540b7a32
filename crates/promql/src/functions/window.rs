//! What a range function sees: the samples of one series in one range.

/// Invariant: there is at least one sample, stale markers are gone.
pub struct Window<'a> {
    pub times: &'a [i64],
    pub values: &'a [f64],
    /// The bounds of the range, in milliseconds.
    pub start: i64,
    pub end: i64,
    /// The step, which differs from `end` where there is an offset.
    pub at: i64,
    /// The other arguments.
    pub args: &'a [f64],
    /// For counters: positions in `values` that are lower than the one before; never the first.
    pub resets: &'a [usize],
    /// Where `values` begins in what `resets` counts from.
    pub base: usize,
}

impl Window<'_> {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn last(&self) -> usize {
        self.values.len() - 1
    }
}

/// A sum that carries what rounding lost, after Kahan and Neumaier.
#[derive(Clone, Copy, Default)]
pub struct Sum {
    pub sum: f64,
    pub carry: f64,
}

impl Sum {
    pub fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if self.sum.abs() >= value.abs() {
            self.carry += (self.sum - total) + value;
        } else {
            self.carry += (value - total) + self.sum;
        }
        self.sum = total;
    }

    pub fn total(self) -> f64 {
        self.sum + self.carry
    }

    /// What rounding lost is meaningless where the sum is infinite.
    pub fn finite_total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.total() }
    }
}
