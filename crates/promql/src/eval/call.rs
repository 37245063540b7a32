//! Function calls: which values go to which function, and what becomes of labels.

use std::collections::HashMap;

use super::ranges::Over;
use super::row::{Row, is_absent, merged};
use super::steps::Steps;
use super::{Data, Evaluator, wrong};
use crate::error::Error;
use crate::functions::histogram::{self, Bucket};
use crate::functions::label::{Join, Replace};
use crate::functions::{Body, Date, WindowFunction, absent};
use crate::labels::Labels;
use crate::syntax::{Call, Expr, Type};

impl Evaluator<'_> {
    pub(super) fn call(&self, call: &Call, steps: &Steps) -> Result<Data, Error> {
        let args = &call.args;
        match &call.function.body {
            Body::Each(f) => self.each(&args[0], steps, f),
            Body::With(f) => self.with(args, steps, *f),
            Body::Date(f) => self.date(args.first(), steps, *f),
            Body::Window(f) => self.window(args, steps, *f, &call.function.body),
            Body::Counter(f) => self.window(args, steps, *f, &call.function.body),
            Body::Keeping(f) => self.window(args, steps, *f, &call.function.body),
            Body::Absent => self.absent(&args[0], steps),
            Body::AbsentOverTime => self.absent_over_time(&args[0], steps),
            Body::HistogramQuantile => self.histogram_quantile(&args[0], &args[1], steps),
            Body::LabelJoin => self.label_join(args, steps),
            Body::LabelReplace => self.label_replace(args, steps),
            Body::Pi => self.constant(std::f64::consts::PI, steps),
            Body::Scalar => self.only(&args[0], steps),
            Body::Sort { descending } => self.sort(&args[0], steps, *descending),
            Body::Time => self.time(steps),
            Body::Timestamp => self.timestamp(&args[0], steps),
            Body::Vector => {
                let values = self.scalar(&args[0], steps)?;
                Ok(Data::Vector(vec![Row { labels: Labels::default(), values }]))
            }
        }
    }

    fn each(&self, arg: &Expr, steps: &Steps, f: impl Fn(f64) -> f64) -> Result<Data, Error> {
        let mut rows = self.vector(arg, steps)?;
        for row in &mut rows {
            self.meter.work(steps.count)?;
            row.labels = row.labels.without_name();
            row.each(&f);
        }
        Ok(Data::Vector(merged(rows)?))
    }

    fn with(&self, args: &[Expr], steps: &Steps, f: fn(f64, &[f64]) -> Option<f64>) -> Result<Data, Error> {
        let mut rows = self.vector(&args[0], steps)?;
        let scalars = self.scalars(args, steps)?;
        let mut given = vec![0.0; scalars.len()];
        for row in &mut rows {
            self.meter.work(steps.count)?;
            row.labels = row.labels.without_name();
            for (i, value) in row.values.iter_mut().enumerate().filter(|(_, value)| !is_absent(**value)) {
                given.iter_mut().zip(&scalars).for_each(|(given, values)| *given = values[i]);
                *value = f(*value, &given).unwrap_or(super::ABSENT);
            }
        }
        Ok(Data::Vector(merged(rows)?))
    }

    /// The arguments that are scalars, in their order.
    fn scalars(&self, args: &[Expr], steps: &Steps) -> Result<Vec<Vec<f64>>, Error> {
        let scalars = args.iter().filter(|arg| arg.kind() == Type::Scalar);
        scalars.map(|arg| self.scalar(arg, steps)).collect()
    }

    fn date(&self, arg: Option<&Expr>, steps: &Steps, f: fn(&Date) -> f64) -> Result<Data, Error> {
        let part = |seconds: f64| Date::of(seconds).map_or(f64::NAN, |date| f(&date));
        match arg {
            Some(arg) => self.each(arg, steps, part),
            None => {
                // Go's division, towards zero.
                let values = (0..steps.count).map(|i| part((steps.at(i) / 1000) as f64)).collect();
                Ok(Data::Vector(vec![Row { labels: Labels::default(), values }]))
            }
        }
    }

    fn window(
        &self,
        args: &[Expr],
        steps: &Steps,
        function: WindowFunction,
        body: &Body,
    ) -> Result<Data, Error> {
        let scalars = self.scalars(args, steps)?;
        let matrix = args.iter().find(|arg| arg.kind() == Type::Matrix);
        let ranges = self.ranges(matrix.ok_or(wrong("a range vector", "none"))?, steps)?;
        let over = Over {
            function,
            scalars: &scalars,
            counts_resets: matches!(body, Body::Counter(_)),
            keeps_name: matches!(body, Body::Keeping(_)),
        };
        Ok(Data::Vector(merged(self.over(&ranges, &over, steps)?)?))
    }

    fn absent(&self, arg: &Expr, steps: &Steps) -> Result<Data, Error> {
        let mut row = Row { labels: absent::labels(arg), values: vec![1.0; steps.count] };
        for found in self.vector(arg, steps)? {
            found.present().for_each(|(i, _)| row.values[i] = super::ABSENT);
        }
        Ok(Data::Vector(merged(vec![row])?))
    }

    fn absent_over_time(&self, arg: &Expr, steps: &Steps) -> Result<Data, Error> {
        let mut row = Row { labels: absent::labels(arg), values: vec![1.0; steps.count] };
        let ranges = self.ranges(arg, steps)?;
        for (_, samples) in &ranges.series {
            self.each_window(&ranges, &samples.times, steps, |i, _| {
                row.values[i] = super::ABSENT;
                Ok(())
            })?;
        }
        Ok(Data::Vector(merged(vec![row])?))
    }

    /// The value of a vector that has but one.
    fn only(&self, arg: &Expr, steps: &Steps) -> Result<Data, Error> {
        let mut found = vec![(0usize, f64::NAN); steps.count];
        for row in self.vector(arg, steps)? {
            row.present().for_each(|(i, value)| found[i] = (found[i].0 + 1, value));
        }
        let only = |(count, value)| if count == 1 { value } else { f64::NAN };
        Ok(Data::Scalar(found.into_iter().map(only).collect()))
    }

    /// Matters to an instant query alone: a matrix is sorted by labels.
    fn sort(&self, arg: &Expr, steps: &Steps, descending: bool) -> Result<Data, Error> {
        let mut rows = self.vector(arg, steps)?;
        if steps.count == 1 {
            rows.retain(Row::has_any);
            // NaN comes last in either direction.
            rows.sort_by(|a, b| {
                let (a, b) = (a.values[0], b.values[0]);
                let order = a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
                if descending && !a.is_nan() && !b.is_nan() { order.reverse() } else { order }
            });
        }
        Ok(Data::Vector(rows))
    }

    fn time(&self, steps: &Steps) -> Result<Data, Error> {
        self.meter.reserve(steps.count)?;
        Ok(Data::Scalar((0..steps.count).map(|i| steps.at(i) as f64 / 1000.0).collect()))
    }

    /// Of a selector, when its samples were taken; of anything else, the time of the step.
    fn timestamp(&self, arg: &Expr, steps: &Steps) -> Result<Data, Error> {
        let mut rows = match arg {
            Expr::Selector(selector) => self.sampled(selector, steps)?,
            _ => {
                let mut rows = self.vector(arg, steps)?;
                for row in &mut rows {
                    let present = row.values.iter_mut().enumerate().filter(|(_, value)| !is_absent(**value));
                    present.for_each(|(i, value)| *value = steps.at(i) as f64 / 1000.0);
                }
                rows
            }
        };
        rows.iter_mut().for_each(|row| row.labels = row.labels.without_name());
        Ok(Data::Vector(merged(rows)?))
    }

    fn histogram_quantile(&self, q: &Expr, arg: &Expr, steps: &Steps) -> Result<Data, Error> {
        let q = self.scalar(q, steps)?;
        let rows = self.vector(arg, steps)?;
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut groups: Vec<(Labels, Vec<(f64, &Row)>)> = Vec::new();
        for row in &rows {
            let Some(bound) = histogram::bound(row.labels.get("le")) else { continue };
            let labels = row.labels.with("le", "");
            let place = *places.entry(labels.clone()).or_insert_with(|| {
                groups.push((labels.without_name(), vec![]));
                groups.len() - 1
            });
            groups[place].1.push((bound, row));
        }
        let mut found = Vec::with_capacity(groups.len());
        let mut buckets: Vec<Bucket> = Vec::new();
        for (labels, members) in groups {
            let mut row = Row::empty(labels, steps.count);
            for (i, q) in q.iter().enumerate() {
                self.meter.work(members.len())?;
                buckets.clear();
                let present = members.iter().filter(|(_, member)| !is_absent(member.values[i]));
                buckets
                    .extend(present.map(|(bound, member)| Bucket { bound: *bound, count: member.values[i] }));
                if !buckets.is_empty() {
                    row.values[i] = histogram::quantile(*q, &mut buckets);
                }
            }
            found.push(row);
        }
        Ok(Data::Vector(merged(found)?))
    }

    fn label_replace(&self, args: &[Expr], steps: &Steps) -> Result<Data, Error> {
        let replace = Replace::new(text(&args[1])?, text(&args[2])?, text(&args[3])?, text(&args[4])?)?;
        self.relabel(&args[0], steps, |labels| replace.of(labels))
    }

    fn label_join(&self, args: &[Expr], steps: &Steps) -> Result<Data, Error> {
        let sources = args[3..].iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let join = Join::new(text(&args[1])?, text(&args[2])?, sources)?;
        self.relabel(&args[0], steps, |labels| join.of(labels))
    }

    fn relabel(&self, arg: &Expr, steps: &Steps, f: impl Fn(&Labels) -> Labels) -> Result<Data, Error> {
        let mut rows = self.vector(arg, steps)?;
        rows.iter_mut().for_each(|row| row.labels = f(&row.labels));
        Ok(Data::Vector(merged(rows)?))
    }
}

fn text(expr: &Expr) -> Result<&str, Error> {
    match expr {
        Expr::Text(text) => Ok(text),
        _ => Err(wrong("a text", "something else")),
    }
}
