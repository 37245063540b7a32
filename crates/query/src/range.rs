//! Ranges of time.

use datafusion::common::ScalarValue;
use datafusion::prelude::{Expr, col, lit};

/// From the first moment to the last, both included, in microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub from: i64,
    pub to: i64,
}

/// A literal for the column `time`.
pub(crate) fn moment(micros: i64) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())))
}

impl Range {
    pub fn millis(from: i64, to: i64) -> Range {
        Range { from: from.saturating_mul(1000), to: to.saturating_mul(1000).saturating_add(999) }
    }

    pub fn length(self) -> i64 {
        self.to.saturating_sub(self.from).max(1)
    }

    /// The condition that a row lies in it.
    pub(crate) fn condition(self) -> Expr {
        col("time").gt_eq(moment(self.from)).and(col("time").lt_eq(moment(self.to)))
    }

    /// From the newest back: short slices first, so that the first rows come at once.
    pub(crate) fn slices(self) -> impl Iterator<Item = Range> {
        const FIRST: i64 = 60_000_000;
        let mut length = FIRST;
        let mut to = Some(self.to);
        std::iter::from_fn(move || {
            let end = to?;
            let start = end.saturating_sub(length - 1).max(self.from);
            length = length.saturating_mul(4);
            to = (start > self.from).then(|| start - 1);
            (start <= end).then_some(Range { from: start, to: end })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_the_range_once() {
        let range = Range { from: 17, to: 10_000_000_000 };
        let slices: Vec<_> = range.slices().collect();
        assert_eq!(slices.first().unwrap().to, range.to);
        assert_eq!(slices.last().unwrap().from, range.from);
        assert!(slices.windows(2).all(|pair| pair[0].from == pair[1].to + 1));
        assert!(slices.len() < 12);
    }
}
