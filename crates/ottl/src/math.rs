//! Sums and products: integers wrap, doubles follow IEEE 754, times and durations go together as they do in Go.

use crate::fault::RunError;
use crate::syntax::Operator;
use crate::value::{Time, Val};

pub fn apply(operator: Operator, left: Val, right: Val) -> Result<Val, RunError> {
    match (left, right) {
        (Val::Int(a), Val::Int(b)) => integers(operator, a, b).map(Val::Int),
        (Val::Double(a), Val::Double(b)) => doubles(operator, a, b),
        (Val::Int(a), Val::Double(b)) => doubles(operator, a as f64, b),
        (Val::Double(a), Val::Int(b)) => doubles(operator, a, b as f64),
        (Val::Time(a), Val::Time(b)) if operator == Operator::Subtract => {
            let nanos = a.unix_nanos() - b.unix_nanos();
            Ok(Val::Duration(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64))
        }
        (Val::Time(time), Val::Duration(by)) if operator == Operator::Add => shifted(time, by.into()),
        (Val::Duration(by), Val::Time(time)) if operator == Operator::Add => shifted(time, by.into()),
        (Val::Time(time), Val::Duration(by)) if operator == Operator::Subtract => {
            shifted(time, -i128::from(by))
        }
        (Val::Duration(a), Val::Duration(b)) if operator == Operator::Add => {
            Ok(Val::Duration(a.wrapping_add(b)))
        }
        (Val::Duration(a), Val::Duration(b)) if operator == Operator::Subtract => {
            Ok(Val::Duration(a.wrapping_sub(b)))
        }
        (left, right) => {
            let (left, right) = (left.type_name(), right.type_name());
            Err(RunError(format!("no `{}` of {left} and {right}", sign(operator))))
        }
    }
}

fn sign(operator: Operator) -> char {
    match operator {
        Operator::Add => '+',
        Operator::Subtract => '-',
        Operator::Multiply => '*',
        Operator::Divide => '/',
    }
}

fn integers(operator: Operator, a: i64, b: i64) -> Result<i64, RunError> {
    Ok(match operator {
        Operator::Add => a.wrapping_add(b),
        Operator::Subtract => a.wrapping_sub(b),
        Operator::Multiply => a.wrapping_mul(b),
        Operator::Divide if b == 0 => return Err(RunError::new("attempted to divide by 0")),
        Operator::Divide => a.wrapping_div(b),
    })
}

fn doubles(operator: Operator, a: f64, b: f64) -> Result<Val, RunError> {
    Ok(Val::Double(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
    }))
}

fn shifted(time: Time, by: i128) -> Result<Val, RunError> {
    let moved = Time::from_nanos(time.unix_nanos() + by, time.offset);
    moved.map(Val::Time).ok_or_else(|| RunError::new("the time is out of range"))
}

/// A minus that stands before a path or call.
pub fn negative(value: Val) -> Result<Val, RunError> {
    match value {
        Val::Int(value) => Ok(Val::Int(value.wrapping_neg())),
        Val::Double(value) => Ok(Val::Double(-value)),
        other => Err(RunError(format!("no minus of {}", other.type_name()))),
    }
}
