//! Which times a filter leaves possible.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// The least and the greatest `time` of rows that the filters, all together, can keep.
pub(super) fn of_time(filters: &[Expr]) -> (i64, i64) {
    filters.iter().map(of).fold((i64::MIN, i64::MAX), both)
}

fn both((from, to): (i64, i64), (other_from, other_to): (i64, i64)) -> (i64, i64) {
    (from.max(other_from), to.min(other_to))
}

const ALL: (i64, i64) = (i64::MIN, i64::MAX);

fn of(filter: &Expr) -> (i64, i64) {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => both(of(left), of(right)),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (left, right) = (of(left), of(right));
            (left.0.min(right.0), left.1.max(right.1))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (is_time(left), moment(right)) {
            (true, Some(at)) => compared(*op, at),
            _ => match (is_time(right), moment(left), op.swap()) {
                (true, Some(at), Some(op)) => compared(op, at),
                _ => ALL,
            },
        },
        Expr::Between(between) if !between.negated && is_time(&between.expr) => {
            (moment(&between.low).unwrap_or(i64::MIN), moment(&between.high).unwrap_or(i64::MAX))
        }
        _ => ALL,
    }
}

fn compared(op: Operator, at: i64) -> (i64, i64) {
    match op {
        Operator::Eq => (at, at),
        Operator::Gt | Operator::GtEq => (at, i64::MAX),
        Operator::Lt | Operator::LtEq => (i64::MIN, at),
        _ => ALL,
    }
}

fn is_time(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == "time")
}

fn moment(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::TimestampMicrosecond(micros, _), _) => *micros,
        _ => None,
    }
}
