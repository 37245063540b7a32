//! One pass over each node of the tree, all steps of the query at once.
//!
//! A vector is a list of rows, each a series' labels and one value a step; where the series has none stands
//! [`ABSENT`]. That makes every operation a loop over dense slices, in time linear in samples and steps. Not so the
//! functions that must look at every sample of each range, such as `avg_over_time`; `rate` and `increase` need not,
//! they are told where the counter fell.

mod aggregate;
mod binary;
mod call;
mod heap;
mod join;
mod meter;
mod ranges;
mod row;
mod selector;
mod set;
mod steps;

pub use meter::Meter;
pub use row::{ABSENT, Row};
pub use steps::Steps;

use std::sync::Arc;

use crate::error::Error;
use crate::options::Options;
use crate::series::Series;
use crate::syntax::{At, Expr};

/// What a node gives.
pub enum Data {
    /// One value a step.
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vec<Row>),
}

impl Data {
    /// Values held.
    fn size(&self) -> usize {
        match self {
            Data::Scalar(values) => values.len(),
            Data::Text(_) => 0,
            Data::Vector(rows) => rows.iter().map(|row| row.values.len()).sum(),
        }
    }
}

pub struct Evaluator<'a> {
    pub options: &'a Options,
    /// What the source gave, by the selectors' numbers.
    pub selected: &'a [Arc<Vec<Series>>],
    /// What `start()` and `end()` mean.
    pub start: i64,
    pub end: i64,
    pub meter: Meter<'a>,
}

impl Evaluator<'_> {
    pub fn eval(&self, expr: &Expr, steps: &Steps) -> Result<Data, Error> {
        self.meter.check()?;
        let before = self.meter.held();
        let data = self.node(expr, steps)?;
        // What the parts of this node held is gone by now.
        self.meter.hold(before, data.size())?;
        Ok(data)
    }

    fn node(&self, expr: &Expr, steps: &Steps) -> Result<Data, Error> {
        match expr {
            Expr::Number(value) => self.constant(*value, steps),
            Expr::Text(text) => Ok(Data::Text(text.clone())),
            Expr::Selector(selector) => Ok(Data::Vector(self.selector(selector, steps)?)),
            Expr::Range(_) | Expr::Subquery(_) => {
                Err(Error::Execution("a range vector can only be the argument of a function".into()))
            }
            Expr::Call(call) => self.call(call, steps),
            Expr::Aggregate(aggregate) => Ok(Data::Vector(self.aggregate(aggregate, steps)?)),
            Expr::Binary(binary) => self.binary(binary, steps),
            Expr::Negate(inner) => self.negate(inner, steps),
        }
    }

    fn constant(&self, value: f64, steps: &Steps) -> Result<Data, Error> {
        self.meter.reserve(steps.count)?;
        Ok(Data::Scalar(vec![value; steps.count]))
    }

    fn negate(&self, inner: &Expr, steps: &Steps) -> Result<Data, Error> {
        match self.eval(inner, steps)? {
            Data::Scalar(values) => Ok(Data::Scalar(values.into_iter().map(|value| -value).collect())),
            Data::Vector(mut rows) => {
                for row in &mut rows {
                    row.labels = row.labels.without_name();
                    row.each(|value| -value);
                }
                Ok(Data::Vector(row::merged(rows)?))
            }
            Data::Text(_) => Err(wrong("a number", "a text")),
        }
    }

    fn vector(&self, expr: &Expr, steps: &Steps) -> Result<Vec<Row>, Error> {
        match self.eval(expr, steps)? {
            Data::Vector(rows) => Ok(rows),
            _ => Err(wrong("an instant vector", "something else")),
        }
    }

    fn scalar(&self, expr: &Expr, steps: &Steps) -> Result<Vec<f64>, Error> {
        match self.eval(expr, steps)? {
            Data::Scalar(values) => Ok(values),
            _ => Err(wrong("a scalar", "something else")),
        }
    }

    /// The time that `@` pins a selector to, if it has one.
    fn pinned(&self, at: Option<At>) -> Option<i64> {
        at.map(|at| match at {
            At::Start => self.start,
            At::End => self.end,
            At::Time(time) => time,
        })
    }
}

/// The checks after parsing let none of these through.
fn wrong(wanted: &str, found: &str) -> Error {
    Error::Execution(format!("bug: expected {wanted}, found {found}"))
}
