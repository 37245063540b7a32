//! Which conditions of a program the plan may test first: never one that drops a row which the program keeps.

use datafusion::functions::string::expr_fn::contains;
use datafusion::logical_expr::{Expr, in_list};
use datafusion::prelude::{col, lit};
use insights::{Comparison, Condition, Path, Value};

use super::rows::{Place, place};
use crate::range::moment;

/// The condition, or a weaker one; `None` where nothing can be said early.
pub(super) fn lower(condition: &Condition) -> Option<Expr> {
    match condition {
        Condition::Compare(path, comparison, literal) => compare(path, *comparison, literal),
        Condition::In(path, literals) => {
            let texts: Option<Vec<Expr>> = literals.iter().map(|literal| Some(lit(text(literal)?))).collect();
            or_unknown(path, |column| Some(in_list(column, texts?, false)))
        }
        // The message is what it is; other fields may be found elsewhere.
        Condition::Contains(path, part) if path.name() == "@message" => {
            Some(contains(col("message"), lit(part.as_str())))
        }
        Condition::All(all) => all.iter().filter_map(lower).reduce(Expr::and),
        // One branch that says nothing keeps every row.
        Condition::Any(any) => {
            let any: Option<Vec<Expr>> = any.iter().map(lower).collect();
            any?.into_iter().reduce(Expr::or)
        }
        _ => None,
    }
}

fn compare(path: &Path, comparison: Comparison, literal: &Value<'_>) -> Option<Expr> {
    if path.name() == "@timestamp" {
        return timestamp(comparison, literal);
    }
    let text = text(literal)?;
    (comparison == Comparison::Equal).then_some(())?;
    or_unknown(path, |column| Some(column.eq(lit(text))))
}

/// A column of text that says nothing leaves the field to be found in attributes or in the message.
fn or_unknown(path: &Path, condition: impl FnOnce(Expr) -> Option<Expr>) -> Option<Expr> {
    let Place::Text(name) = place(path.name()) else { return None };
    Some(condition(col(name))?.or(col(name).is_null()))
}

/// Text that equals nothing but itself: what reads as a number equals other ways to write it, and `true` and `false`
/// equal booleans.
fn text(literal: &Value<'_>) -> Option<String> {
    let Value::Text(text) = literal else { return None };
    let number = text.trim().parse::<f64>().is_ok();
    (!number && !matches!(&**text, "true" | "false")).then(|| text.to_string())
}

/// Milliseconds, rounded down, against microseconds.
fn timestamp(comparison: Comparison, literal: &Value<'_>) -> Option<Expr> {
    let millis = match literal {
        Value::Int(int) => *int,
        Value::Time(millis) => *millis,
        _ => return None,
    };
    let (first, behind) = (millis.checked_mul(1000)?, millis.checked_add(1)?.checked_mul(1000)?);
    let time = || col("time");
    Some(match comparison {
        Comparison::Equal => time().gt_eq(moment(first)).and(time().lt(moment(behind))),
        Comparison::Less => time().lt(moment(first)),
        Comparison::LessOrEqual => time().lt(moment(behind)),
        Comparison::Greater => time().gt_eq(moment(behind)),
        Comparison::GreaterOrEqual => time().gt_eq(moment(first)),
        Comparison::NotEqual => return None,
    })
}
