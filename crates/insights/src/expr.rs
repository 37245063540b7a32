//! Expressions ready to run: names are fields or variables, functions are found, literals are compiled.

use memchr::memmem::Finder;
use regex_automata::meta::Regex;

use crate::condition::{Comparison, Pattern};
use crate::functions::{Call, Function};
use crate::json;
use crate::number::{self, Number};
use crate::path::Path;
use crate::period::Period;
use crate::program::Window;
use crate::row::Row;
use crate::syntax::Math;
use crate::value::Value;

#[derive(Debug)]
pub enum Expr {
    Constant(Value<'static>),
    Field(Path),
    /// What a command before has computed.
    Variable(usize),
    /// A part of a map or list, by its flattened name.
    Inside(Box<Expr>, String),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In {
        value: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    Contains {
        value: Box<Expr>,
        finder: Box<Finder<'static>>,
        negated: bool,
    },
    Matches {
        value: Box<Expr>,
        pattern: Box<Pattern>,
        negated: bool,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Math(Math, Box<Expr>, Box<Expr>),
    Negate(Box<Expr>),
    /// A time cut down, or up, to a period's boundary.
    Cut {
        value: Box<Expr>,
        period: Period,
        up: bool,
    },
    Call {
        function: &'static Function,
        args: Vec<Expr>,
        regex: Option<Regex>,
    },
}

/// What an expression is evaluated over.
pub struct Env<'v, 'r> {
    pub row: &'r dyn Row,
    pub variables: &'v [Value<'r>],
    pub window: Window,
}

/// Arguments up to this many need no allocation.
const FEW: usize = 4;

impl Expr {
    pub fn eval<'r>(&'r self, env: &Env<'_, 'r>) -> Value<'r> {
        match self {
            Expr::Constant(value) => value.borrowed(),
            Expr::Field(path) => env.row.field(path),
            Expr::Variable(slot) => env.variables.get(*slot).cloned().unwrap_or_default(),
            Expr::Inside(whole, name) => inside(whole.eval(env), name),
            Expr::Negate(value) => arithmetic(Math::Subtract, &Value::Int(0), &value.eval(env)),
            Expr::Math(math, left, right) => arithmetic(*math, &left.eval(env), &right.eval(env)),
            Expr::Cut { value, period, up } => cut(&value.eval(env), *period, *up),
            Expr::Call { function, args, regex } => call(function, args, regex.as_ref(), env),
            condition => Value::flag(condition.holds(env)),
        }
    }

    /// As a condition.
    pub fn holds<'r>(&'r self, env: &Env<'_, 'r>) -> bool {
        match self {
            Expr::And(parts) => parts.iter().all(|part| part.holds(env)),
            Expr::Or(parts) => parts.iter().any(|part| part.holds(env)),
            Expr::Not(inner) => !inner.holds(env),
            Expr::Compare(comparison, left, right) => comparison.holds(&left.eval(env), &right.eval(env)),
            Expr::In { value, list, negated } => {
                let found = value.eval(env);
                list.iter().any(|item| Comparison::Equal.holds(&found, &item.eval(env))) != *negated
            }
            Expr::Contains { value, finder, negated } => {
                let found = value.eval(env);
                found.shown().is_some_and(|text| finder.find(text.as_bytes()).is_some()) != *negated
            }
            Expr::Matches { value, pattern, negated } => {
                let found = value.eval(env);
                found.shown().is_some_and(|text| pattern.is_match(&text)) != *negated
            }
            other => other.eval(env).truth(),
        }
    }
}

fn inside<'r>(whole: Value<'r>, name: &str) -> Value<'r> {
    use std::borrow::Cow;
    match whole {
        Value::Map(Cow::Borrowed(text)) | Value::List(Cow::Borrowed(text)) => json::find(text, name),
        Value::Map(Cow::Owned(text)) | Value::List(Cow::Owned(text)) => json::find(&text, name).into_owned(),
        _ => Value::Null,
    }
}

fn cut<'r>(value: &Value<'_>, period: Period, up: bool) -> Value<'r> {
    let Some(number) = value.number() else { return Value::Null };
    let moment = if up { period.ceil(number.int()) } else { period.floor(number.int()) };
    moment.map_or(Value::Null, Value::Time)
}

fn call<'r>(
    function: &'static Function,
    args: &'r [Expr],
    regex: Option<&'r Regex>,
    env: &Env<'_, 'r>,
) -> Value<'r> {
    if args.len() <= FEW {
        let mut values = [const { Value::Null }; FEW];
        for (value, argument) in values.iter_mut().zip(args) {
            *value = argument.eval(env);
        }
        return (function.run)(Call { args: &mut values[..args.len()], regex, window: env.window });
    }
    let mut values: Vec<Value<'r>> = args.iter().map(|argument| argument.eval(env)).collect();
    (function.run)(Call { args: &mut values, regex, window: env.window })
}

/// Null when a side is no number, or when nothing sensible comes out.
fn arithmetic<'r>(math: Math, left: &Value<'_>, right: &Value<'_>) -> Value<'r> {
    let (Some(left), Some(right)) = (left.number(), right.number()) else { return Value::Null };
    if let (Number::Int(a), Number::Int(b)) = (left, right)
        && let Some(int) = integer(math, a, b)
    {
        return Value::Int(int);
    }
    let (a, b) = (left.float(), right.float());
    let float = match math {
        Math::Add => a + b,
        Math::Subtract => a - b,
        Math::Multiply => a * b,
        Math::Divide | Math::Modulo if b == 0.0 => return Value::Null,
        Math::Divide => a / b,
        Math::Modulo => a % b,
        Math::Power => a.powf(b),
    };
    if float.is_finite() { number::tidy(float).value() } else { Value::Null }
}

/// Where integers stay integers.
fn integer(math: Math, a: i64, b: i64) -> Option<i64> {
    match math {
        Math::Add => a.checked_add(b),
        Math::Subtract => a.checked_sub(b),
        Math::Multiply => a.checked_mul(b),
        Math::Divide => (b != 0 && a.checked_rem(b)? == 0).then(|| a.checked_div(b))?,
        Math::Modulo => a.checked_rem(b),
        Math::Power => a.checked_pow(u32::try_from(b).ok()?),
    }
}
