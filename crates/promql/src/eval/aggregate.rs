//! Aggregations: rows into groups, groups into rows.

use std::collections::HashMap;
use std::sync::Arc;

use super::heap::Heap;
use super::row::{ABSENT, Row, is_absent, merged};
use super::steps::Steps;
use super::{Data, Evaluator, wrong};
use crate::error::Error;
use crate::functions::label::is_name;
use crate::functions::quantile_of;
use crate::json::number;
use crate::labels::{Labels, METRIC_NAME};
use crate::syntax::{Aggregate, Aggregation, Grouping};

/// What one group has gathered at one step.
#[derive(Clone, Copy, Default)]
struct Gathered {
    count: u64,
    value: f64,
    mean: f64,
}

/// The rows of one group, by their places.
struct Group {
    labels: Labels,
    members: Vec<usize>,
}

impl Evaluator<'_> {
    pub(super) fn aggregate(&self, aggregate: &Aggregate, steps: &Steps) -> Result<Vec<Row>, Error> {
        let param = aggregate.param.as_ref().map(|param| self.eval(param, steps)).transpose()?;
        let rows = self.vector(&aggregate.expr, steps)?;
        match (aggregate.op, param) {
            (Aggregation::CountValues, Some(Data::Text(label))) => {
                self.count_values(&label, rows, &aggregate.grouping, steps)
            }
            (op, param) => {
                let groups = groups(&rows, &aggregate.grouping);
                match (op, param) {
                    (Aggregation::Topk, Some(Data::Scalar(k))) => self.extremes(rows, groups, &k, false),
                    (Aggregation::Bottomk, Some(Data::Scalar(k))) => self.extremes(rows, groups, &k, true),
                    (Aggregation::Quantile, Some(Data::Scalar(q))) => self.quantiles(&rows, groups, &q),
                    (op, None) => self.folds(op, &rows, groups, steps),
                    _ => Err(wrong("a parameter", "another")),
                }
            }
        }
    }

    fn folds(
        &self,
        op: Aggregation,
        rows: &[Row],
        groups: Vec<Group>,
        steps: &Steps,
    ) -> Result<Vec<Row>, Error> {
        self.meter.reserve(groups.len().saturating_mul(steps.count))?;
        let mut gathered = vec![Gathered::default(); steps.count];
        let mut found = Vec::with_capacity(groups.len());
        for group in groups {
            gathered.fill(Gathered::default());
            for member in group.members {
                self.meter.work(steps.count)?;
                gather(op, &mut gathered, &rows[member].values);
            }
            let values = gathered.iter().map(|gathered| result(op, gathered)).collect();
            found.push(Row { labels: group.labels, values });
        }
        merged(found)
    }

    fn quantiles(&self, rows: &[Row], groups: Vec<Group>, q: &[f64]) -> Result<Vec<Row>, Error> {
        let mut found = Vec::with_capacity(groups.len());
        let mut values = Vec::new();
        for group in groups {
            let mut row = Row::empty(group.labels, q.len());
            for (i, q) in q.iter().enumerate() {
                self.meter.work(group.members.len())?;
                values.clear();
                values.extend(group.members.iter().map(|n| rows[*n].values[i]).filter(|v| !is_absent(*v)));
                if !values.is_empty() {
                    row.values[i] = quantile_of(*q, &mut values);
                }
            }
            found.push(row);
        }
        merged(found)
    }

    /// `topk` and `bottomk`: the same series, fewer of their values.
    fn extremes(
        &self,
        rows: Vec<Row>,
        groups: Vec<Group>,
        k: &[f64],
        lowest: bool,
    ) -> Result<Vec<Row>, Error> {
        let mut found: Vec<Row> = rows.iter().map(|row| Row::empty(row.labels.clone(), k.len())).collect();
        // The order of an instant query: groups as they came, in each the foremost first.
        let mut order = Vec::new();
        for (i, k) in k.iter().enumerate() {
            if k.is_nan() || k.abs() > 9.2e18 {
                return Err(Error::Execution(format!("Scalar value {} overflows int64", number(*k))));
            }
            let k = *k as i64;
            for group in groups.iter().filter(|_| k >= 1) {
                self.meter.work(group.members.len())?;
                let present =
                    group.members.iter().map(|n| (rows[*n].values[i], *n)).filter(|(v, _)| !is_absent(*v));
                let foremost = foremost(present, k as usize, lowest);
                foremost.iter().for_each(|(value, n)| found[*n].values[i] = *value);
                if i == 0 {
                    order.extend(foremost.iter().map(|(_, n)| *n));
                }
            }
        }
        if k.len() == 1 {
            let mut taken: Vec<Option<Row>> = found.into_iter().map(Some).collect();
            return Ok(order.into_iter().filter_map(|n| taken[n].take()).collect());
        }
        found.retain(Row::has_any);
        Ok(found)
    }

    fn count_values(
        &self,
        label: &str,
        rows: Vec<Row>,
        grouping: &Grouping,
        steps: &Steps,
    ) -> Result<Vec<Row>, Error> {
        if !is_name(label) {
            return Err(Error::Execution(format!("invalid label name {label:?}")));
        }
        let mut grouping = grouping.clone();
        if !grouping.without {
            grouping.labels.push(label.into());
        }
        let dropped = dropped(&grouping);
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut found: Vec<Row> = Vec::new();
        for row in &rows {
            let mut known: HashMap<u64, usize> = HashMap::new();
            for (i, value) in row.present() {
                self.meter.work(1)?;
                let place = *known.entry(value.to_bits()).or_insert_with(|| {
                    let labels = key(&row.labels.with(label, &number(value)), &grouping, &dropped);
                    *places.entry(labels.clone()).or_insert_with(|| {
                        found.push(Row::empty(labels, steps.count));
                        found.len() - 1
                    })
                });
                self.meter.reserve(found.len().saturating_mul(steps.count))?;
                let count = &mut found[place].values[i];
                *count = if is_absent(*count) { 1.0 } else { *count + 1.0 };
            }
        }
        Ok(found)
    }
}

/// Without stands beside the metric's name, which goes in any case.
fn dropped(grouping: &Grouping) -> Vec<Arc<str>> {
    grouping.labels.iter().cloned().chain([METRIC_NAME.into()]).collect()
}

fn key(labels: &Labels, grouping: &Grouping, dropped: &[Arc<str>]) -> Labels {
    if grouping.without { labels.without(dropped) } else { labels.keep(&grouping.labels) }
}

/// Groups in the order of their first rows.
fn groups(rows: &[Row], grouping: &Grouping) -> Vec<Group> {
    let dropped = dropped(grouping);
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let labels = key(&row.labels, grouping, &dropped);
        let place = *places.entry(labels.clone()).or_insert_with(|| {
            groups.push(Group { labels, members: vec![] });
            groups.len() - 1
        });
        groups[place].members.push(n);
    }
    groups
}

/// Chosen outside the loop, so that each is a tight one.
fn gather(op: Aggregation, gathered: &mut [Gathered], values: &[f64]) {
    match op {
        Aggregation::Sum => fold(gathered, values, |group, value| group.value += value),
        Aggregation::Avg => fold(gathered, values, average),
        Aggregation::Max => fold(gathered, values, |group, value| {
            if group.count == 1 || group.value < value || group.value.is_nan() {
                group.value = value;
            }
        }),
        Aggregation::Min => fold(gathered, values, |group, value| {
            if group.count == 1 || group.value > value || group.value.is_nan() {
                group.value = value;
            }
        }),
        Aggregation::Stddev | Aggregation::Stdvar => fold(gathered, values, |group, value| {
            if group.count == 1 {
                group.mean = value;
                return;
            }
            let delta = value - group.mean;
            group.mean += delta / group.count as f64;
            group.value += delta * (value - group.mean);
        }),
        _ => fold(gathered, values, |_, _| {}),
    }
}

fn fold(gathered: &mut [Gathered], values: &[f64], f: impl Fn(&mut Gathered, f64)) {
    for (group, value) in gathered.iter_mut().zip(values).filter(|(_, value)| !is_absent(**value)) {
        group.count += 1;
        f(group, *value);
    }
}

/// A mean that cannot overflow, and stays infinite once it is.
fn average(group: &mut Gathered, value: f64) {
    if group.count == 1 {
        group.mean = value;
        return;
    }
    let stays = value.is_infinite() && (group.mean > 0.0) == (value > 0.0) || value.is_finite();
    if group.mean.is_infinite() && stays {
        return;
    }
    let count = group.count as f64;
    group.mean += value / count - group.mean / count;
}

fn result(op: Aggregation, gathered: &Gathered) -> f64 {
    match op {
        _ if gathered.count == 0 => ABSENT,
        Aggregation::Avg => gathered.mean,
        Aggregation::Count => gathered.count as f64,
        Aggregation::Group => 1.0,
        Aggregation::Stdvar => gathered.value / gathered.count as f64,
        Aggregation::Stddev => (gathered.value / gathered.count as f64).sqrt(),
        _ => gathered.value,
    }
}

/// The highest or lowest, the foremost first. NaN is the least wanted either way.
fn foremost(present: impl Iterator<Item = (f64, usize)>, k: usize, lowest: bool) -> Vec<(f64, usize)> {
    let worse = move |a: f64, b: f64| a.is_nan() || if lowest { a > b } else { a < b };
    let mut heap = Heap::new(move |a: &(f64, usize), b: &(f64, usize)| worse(a.0, b.0));
    for item in present {
        if heap.items.len() < k {
            heap.push(item);
        } else if worse(heap.items[0].0, item.0) {
            if k == 1 {
                heap.items[0] = item;
            } else {
                heap.pop();
                heap.push(item);
            }
        }
    }
    let mut items = heap.items;
    items.sort_by(|a, b| {
        let order =
            a.0.is_nan().cmp(&b.0.is_nan()).then(b.0.partial_cmp(&a.0).unwrap_or(std::cmp::Ordering::Equal));
        if lowest && !a.0.is_nan() && !b.0.is_nan() { order.reverse() } else { order }
    });
    items
}
