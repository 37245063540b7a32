//! Range vectors: the samples of each series in a range before each step, of the store or of a subquery.

use std::borrow::Cow;

use super::row::Row;
use super::steps::Steps;
use super::{Evaluator, wrong};
use crate::error::Error;
use crate::functions::{Window, WindowFunction};
use crate::labels::Labels;
use crate::series::{Samples, Series, is_stale};
use crate::syntax::{Expr, Range, Subquery};

pub struct Ranges<'a> {
    /// Without stale markers.
    pub series: Vec<(Labels, Cow<'a, Samples>)>,
    /// The time that `@` pins the range to.
    pub pinned: Option<i64>,
    pub offset: i64,
    pub length: i64,
}

impl Ranges<'_> {
    /// The bounds of the range of a step.
    pub fn bounds(&self, step: i64) -> (i64, i64) {
        let end = self.pinned.unwrap_or(step).saturating_sub(self.offset);
        (end.saturating_sub(self.length), end)
    }
}

/// How a range function is called.
pub struct Over<'a> {
    pub function: WindowFunction,
    /// The other arguments, each a value a step.
    pub scalars: &'a [Vec<f64>],
    pub counts_resets: bool,
    pub keeps_name: bool,
}

impl<'a> Evaluator<'a> {
    pub(super) fn ranges(&self, expr: &Expr, steps: &Steps) -> Result<Ranges<'a>, Error> {
        match expr {
            Expr::Range(range) => self.stored(range),
            Expr::Subquery(subquery) => self.subquery(subquery, steps),
            _ => Err(wrong("a range vector", "something else")),
        }
    }

    fn stored(&self, range: &Range) -> Result<Ranges<'a>, Error> {
        let mut all = Vec::new();
        for series in self.selected[range.selector.id].iter() {
            let samples = without_stale(&series.samples);
            if let Cow::Owned(copied) = &samples {
                self.meter.take(copied.len())?;
            }
            all.push((series.labels.clone(), samples));
        }
        Ok(Ranges {
            series: all,
            pinned: self.pinned(range.selector.at),
            offset: range.selector.offset,
            length: range.length,
        })
    }

    fn subquery(&self, subquery: &Subquery, steps: &Steps) -> Result<Ranges<'a>, Error> {
        let ranges = Ranges {
            series: vec![],
            pinned: self.pinned(subquery.at),
            offset: subquery.offset,
            length: subquery.length,
        };
        let step = subquery.step.unwrap_or(self.options.subquery_step.as_millis() as i64).max(1);
        let (start, _) = ranges.bounds(steps.at(0));
        let (_, end) = ranges.bounds(steps.last());
        // The first multiple of the step that the first range holds.
        let before = if self.options.range_is_closed { start - 1 } else { start };
        let first = (before.div_euclid(step) + 1) * step;
        let inner = Steps::between(first, end, step, self.meter.limit())?;
        let rows = if inner.count == 0 { vec![] } else { self.vector(&subquery.expr, &inner)? };
        let series = rows.into_iter().map(|row| {
            let samples: Samples = row.present().map(|(i, value)| (inner.at(i), value)).collect();
            (row.labels, Cow::Owned(samples))
        });
        Ok(Ranges { series: series.collect(), ..ranges })
    }

    /// Calls `f` with the step and the positions of the samples in its range, where there are any.
    pub(super) fn each_window(
        &self,
        ranges: &Ranges<'_>,
        times: &[i64],
        steps: &Steps,
        mut f: impl FnMut(usize, std::ops::Range<usize>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let earliest = i64::from(!self.options.range_is_closed);
        let (mut first, mut after) = (0, 0);
        self.meter.work(times.len())?;
        for i in 0..steps.count {
            let (start, end) = ranges.bounds(steps.at(i));
            while times.get(first).is_some_and(|time| *time < start + earliest) {
                first += 1;
            }
            after = after.max(first);
            while times.get(after).is_some_and(|time| *time <= end) {
                after += 1;
            }
            self.meter.work(after - first + 1)?;
            if after > first {
                f(i, first..after)?;
            }
        }
        Ok(())
    }

    /// A range function over every series.
    pub(super) fn over(
        &self,
        ranges: &Ranges<'_>,
        over: &Over<'_>,
        steps: &Steps,
    ) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::with_capacity(ranges.series.len());
        for (labels, samples) in &ranges.series {
            let labels = if over.keeps_name { labels.clone() } else { labels.without_name() };
            let mut row = Row::empty(labels, steps.count);
            self.over_one(ranges, samples, over, steps, &mut row)?;
            if row.has_any() {
                self.meter.take(steps.count)?;
                rows.push(row);
            }
        }
        Ok(rows)
    }

    fn over_one(
        &self,
        ranges: &Ranges<'_>,
        samples: &Samples,
        over: &Over<'_>,
        steps: &Steps,
        row: &mut Row,
    ) -> Result<(), Error> {
        let resets = if over.counts_resets { resets(&samples.values) } else { vec![] };
        let (mut first_reset, mut after_reset) = (0, 0);
        let mut args = vec![0.0; over.scalars.len()];
        self.each_window(ranges, &samples.times, steps, |i, found| {
            for (arg, values) in args.iter_mut().zip(over.scalars) {
                *arg = values[i];
            }
            while resets.get(first_reset).is_some_and(|reset| *reset <= found.start) {
                first_reset += 1;
            }
            after_reset = after_reset.max(first_reset);
            while resets.get(after_reset).is_some_and(|reset| *reset < found.end) {
                after_reset += 1;
            }
            let (start, end) = ranges.bounds(steps.at(i));
            let value = (over.function)(&Window {
                times: &samples.times[found.clone()],
                values: &samples.values[found.clone()],
                start,
                end,
                at: steps.at(i),
                args: &args,
                resets: &resets[first_reset..after_reset],
                base: found.start,
            })?;
            if let Some(value) = value {
                row.values[i] = value;
            }
            Ok(())
        })
    }

    /// The raw samples, which an instant query for a range vector answers with.
    pub fn raw(&self, expr: &Expr, at: i64) -> Result<Vec<Series>, Error> {
        let steps = Steps::once(at);
        let ranges = self.ranges(expr, &steps)?;
        let mut found = Vec::new();
        for (labels, samples) in &ranges.series {
            self.each_window(&ranges, &samples.times, &steps, |_, place| {
                self.meter.take(place.len())?;
                let samples = Samples {
                    times: samples.times[place.clone()].to_vec(),
                    values: samples.values[place].to_vec(),
                };
                found.push(Series { labels: labels.clone(), samples });
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// Where a counter fell.
fn resets(values: &[f64]) -> Vec<usize> {
    (1..values.len()).filter(|i| values[*i] < values[*i - 1]).collect()
}

fn without_stale(samples: &Samples) -> Cow<'_, Samples> {
    if !samples.values.iter().any(|value| is_stale(*value)) {
        return Cow::Borrowed(samples);
    }
    let pairs = samples.times.iter().copied().zip(samples.values.iter().copied());
    Cow::Owned(pairs.filter(|(_, value)| !is_stale(*value)).collect())
}
