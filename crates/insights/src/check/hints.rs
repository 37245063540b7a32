//! What of a program's filters a store may test early.

use crate::condition::{Comparison, Condition};
use crate::expr::Expr;
use crate::step::{RowStep, Step};
use crate::value::Value;

/// Conjuncts that ask only fields of the event. Filters commute with the commands between them, since those change
/// no field of the event, only names.
pub fn conditions(steps: &[Step]) -> Vec<Condition> {
    let mut found = Vec::new();
    for step in steps {
        match step {
            Step::Row(RowStep::Filter(expr)) => conjuncts(expr, &mut found),
            Step::Row(_) => {}
            _ => break,
        }
    }
    found
}

fn conjuncts(expr: &Expr, found: &mut Vec<Condition>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| conjuncts(part, found)),
        expr => found.extend(condition(expr)),
    }
}

/// The same condition as data, if it can be said whole.
fn condition(expr: &Expr) -> Option<Condition> {
    let negate = |condition, negated| if negated { Condition::Not(Box::new(condition)) } else { condition };
    let all = |parts: &[Expr]| parts.iter().map(condition).collect::<Option<Vec<_>>>();
    Some(match expr {
        Expr::Compare(comparison, left, right) => compare(*comparison, left, right)?,
        Expr::In { value, list, negated } => {
            let Expr::Field(path) = &**value else { return None };
            let list = list.iter().map(constant).collect::<Option<Vec<_>>>()?;
            negate(Condition::In(path.clone(), list), *negated)
        }
        Expr::Contains { value, finder, negated } => {
            let Expr::Field(path) = &**value else { return None };
            let text = String::from_utf8(finder.needle().to_vec()).ok()?;
            negate(Condition::Contains(path.clone(), text), *negated)
        }
        Expr::Matches { value, pattern, negated } => {
            let Expr::Field(path) = &**value else { return None };
            negate(Condition::Matches(path.clone(), (**pattern).clone()), *negated)
        }
        Expr::Call { function, args, .. } if function.name == "ispresent" => {
            let [Expr::Field(path)] = args.as_slice() else { return None };
            Condition::Present(path.clone())
        }
        Expr::And(parts) => Condition::All(all(parts)?),
        Expr::Or(parts) => Condition::Any(all(parts)?),
        Expr::Not(inner) => Condition::Not(Box::new(condition(inner)?)),
        _ => return None,
    })
}

fn compare(comparison: Comparison, left: &Expr, right: &Expr) -> Option<Condition> {
    match (left, right) {
        (Expr::Field(path), other) => Some(Condition::Compare(path.clone(), comparison, constant(other)?)),
        (other, Expr::Field(path)) => {
            Some(Condition::Compare(path.clone(), comparison.flipped(), constant(other)?))
        }
        _ => None,
    }
}

fn constant(expr: &Expr) -> Option<Value<'static>> {
    match expr {
        Expr::Constant(value) => Some(value.clone()),
        _ => None,
    }
}
