//! Instant vectors: at each step the newest sample of each series that is not too old.

use super::Evaluator;
use super::row::{ABSENT, Row, is_absent};
use super::steps::Steps;
use crate::error::Error;
use crate::series::{Samples, is_stale};
use crate::syntax::Selector;

impl Evaluator<'_> {
    pub(super) fn selector(&self, selector: &Selector, steps: &Steps) -> Result<Vec<Row>, Error> {
        self.newest(selector, steps, |samples, i| samples.values[i])
    }

    /// When each value of the vector was sampled, in seconds.
    pub(super) fn sampled(&self, selector: &Selector, steps: &Steps) -> Result<Vec<Row>, Error> {
        self.newest(selector, steps, |samples, i| samples.times[i] as f64 / 1000.0)
    }

    fn newest(
        &self,
        selector: &Selector,
        steps: &Steps,
        value: impl Fn(&Samples, usize) -> f64,
    ) -> Result<Vec<Row>, Error> {
        let pinned = self.pinned(selector.at);
        let closed = i64::from(self.options.range_is_closed);
        let lookback = self.options.lookback.as_millis() as i64 + closed;
        let mut rows = Vec::new();
        for series in self.selected[selector.id].iter() {
            self.meter.work(series.samples.len() + steps.count)?;
            let samples = &series.samples;
            let mut row = Vec::with_capacity(steps.count);
            // Samples up to the step.
            let mut seen = 0;
            for i in 0..steps.count {
                let time = pinned.unwrap_or(steps.at(i)).saturating_sub(selector.offset);
                while samples.times.get(seen).is_some_and(|sampled| *sampled <= time) {
                    seen += 1;
                }
                let newest = seen.checked_sub(1);
                let newest = newest.filter(|newest| time - samples.times[*newest] < lookback);
                let newest = newest.filter(|newest| !is_stale(samples.values[*newest]));
                row.push(newest.map_or(ABSENT, |newest| value(samples, newest)));
            }
            if !row.iter().all(|value| is_absent(*value)) {
                self.meter.take(steps.count)?;
                rows.push(Row { labels: series.labels.clone(), values: row });
            }
        }
        Ok(rows)
    }
}
