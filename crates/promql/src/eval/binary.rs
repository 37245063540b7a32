//! Operators: two scalars, a vector and a scalar; what pairs of series need is in `join` and `set`.

use super::row::{ABSENT, Row, is_absent, merged};
use super::steps::Steps;
use super::{Data, Evaluator, wrong};
use crate::error::Error;
use crate::syntax::{Binary, Op};

impl Evaluator<'_> {
    pub(super) fn binary(&self, binary: &Binary, steps: &Steps) -> Result<Data, Error> {
        let left = self.eval(&binary.left, steps)?;
        let right = self.eval(&binary.right, steps)?;
        match (left, right) {
            (Data::Scalar(left), Data::Scalar(right)) => {
                let pairs = left.into_iter().zip(right);
                Ok(Data::Scalar(pairs.map(|(left, right)| scalars(binary.op, left, right)).collect()))
            }
            (Data::Vector(rows), Data::Scalar(scalars)) => self.with_scalar(binary, rows, &scalars, false),
            (Data::Scalar(scalars), Data::Vector(rows)) => self.with_scalar(binary, rows, &scalars, true),
            (Data::Vector(left), Data::Vector(right)) if binary.op.is_set() => {
                Ok(Data::Vector(self.set(binary, left, right, steps)?))
            }
            (Data::Vector(left), Data::Vector(right)) => {
                Ok(Data::Vector(self.join(binary, left, right, steps)?))
            }
            _ => Err(wrong("numbers or vectors", "a text")),
        }
    }

    fn with_scalar(
        &self,
        binary: &Binary,
        mut rows: Vec<Row>,
        scalars: &[f64],
        scalar_is_left: bool,
    ) -> Result<Data, Error> {
        let names_go = drops_name(binary.op) || binary.returns_bool;
        for row in &mut rows {
            self.meter.work(row.values.len())?;
            let present = row.values.iter_mut().zip(scalars).filter(|(value, _)| !is_absent(**value));
            for (value, scalar) in present {
                let (left, right) = if scalar_is_left { (*scalar, *value) } else { (*value, *scalar) };
                *value = match elements(binary.op, left, right) {
                    Element::Value(result) => result,
                    Element::Test(holds) if binary.returns_bool => f64::from(u8::from(holds)),
                    // A filter gives the vector's value, on whichever side it stands.
                    Element::Test(true) => *value,
                    Element::Test(false) => ABSENT,
                };
            }
            if names_go {
                row.labels = row.labels.without_name();
            }
        }
        Ok(Data::Vector(merged(rows)?))
    }
}

/// What an operator makes of two values: another, or whether they compare so.
pub enum Element {
    Value(f64),
    Test(bool),
}

pub fn elements(op: Op, left: f64, right: f64) -> Element {
    match op {
        Op::Add => Element::Value(left + right),
        Op::Sub => Element::Value(left - right),
        Op::Mul => Element::Value(left * right),
        Op::Div => Element::Value(left / right),
        Op::Mod => Element::Value(left % right),
        Op::Pow => Element::Value(left.powf(right)),
        Op::Atan2 => Element::Value(left.atan2(right)),
        Op::Equal => Element::Test(left == right),
        Op::NotEqual => Element::Test(left != right),
        Op::Greater => Element::Test(left > right),
        Op::Less => Element::Test(left < right),
        Op::GreaterEqual => Element::Test(left >= right),
        Op::LessEqual => Element::Test(left <= right),
        // Set operators never come here; a query that does so anyway finds nothing.
        Op::And | Op::Or | Op::Unless => Element::Test(false),
    }
}

fn scalars(op: Op, left: f64, right: f64) -> f64 {
    match elements(op, left, right) {
        Element::Value(value) => value,
        Element::Test(holds) => f64::from(u8::from(holds)),
    }
}

/// Whether the result is no longer the metric it was.
pub fn drops_name(op: Op) -> bool {
    matches!(op, Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow | Op::Atan2)
}
