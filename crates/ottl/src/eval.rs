//! What a text is compiled to, and running it.

use model::{List, Span, Value};

use crate::fault::RunError;
use crate::function::{Arg, Args, Function};
use crate::lex::Compare;
use crate::math;
use crate::path::{self, Key, Path};
use crate::syntax::Operator;
use crate::target::Target;
use crate::value::{Val, compare, copy};

#[derive(Debug)]
pub enum Expr {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<[u8]>),
    Bytes(Box<[u8]>),
    Path(Path),
    Call(Box<Invocation>),
    List(Box<[Expr]>),
    Map(Box<[(Box<[u8]>, Expr)]>),
    Math(Operator, Box<Expr>, Box<Expr>),
    Negative(Box<Expr>),
}

/// A function with its arguments, and the keys behind it.
#[derive(Debug)]
pub struct Invocation {
    pub function: &'static Function,
    pub args: Box<[Arg]>,
    pub keys: Box<[Key]>,
}

#[derive(Debug)]
pub enum Test {
    Literal(bool),
    Not(Box<Test>),
    And(Box<[Test]>),
    Or(Box<[Test]>),
    Compare(Compare, Expr, Expr),
    Call(Invocation),
}

impl Expr {
    pub fn eval(&self, t: &mut Target<'_>) -> Result<Val, RunError> {
        Ok(match self {
            Expr::Nil => Val::Nil,
            Expr::Bool(value) => Val::Bool(*value),
            Expr::Int(value) => Val::Int(*value),
            Expr::Double(value) => Val::Double(*value),
            Expr::Text(text) => Val::Str(t.keep(text)?),
            Expr::Bytes(bytes) => Val::Bytes(t.keep(bytes)?),
            Expr::Path(path) => return path.get(t),
            Expr::Call(call) => return call.run(t),
            Expr::List(items) => {
                let mut list = List::EMPTY;
                for item in items {
                    let value = item.stored(t)?;
                    t.arena.push(&mut list, Span::EMPTY, value);
                }
                Val::List(list)
            }
            Expr::Map(entries) => {
                let mut list = List::EMPTY;
                for (key, value) in entries {
                    let value = value.stored(t)?;
                    t.arena.set(&mut list, key, value);
                }
                Val::Map(list)
            }
            Expr::Math(operator, left, right) => {
                let left = left.eval(t)?;
                let right = right.eval(t)?;
                return math::apply(*operator, left, right);
            }
            Expr::Negative(inner) => return math::negative(inner.eval(t)?),
        })
    }

    /// A value of its own to put into a list or map.
    fn stored(&self, t: &mut Target<'_>) -> Result<Value, RunError> {
        let value = self.eval(t)?.store()?;
        Ok(copy(t.arena, value))
    }

    /// Whether the value is this, without a copy of a literal.
    fn compare(operator: Compare, left: &Expr, right: &Expr, t: &mut Target<'_>) -> Result<bool, RunError> {
        if let (Expr::Path(path), Expr::Text(text), Compare::Equal | Compare::NotEqual) =
            (left, right, operator)
        {
            let same = match path.get(t)? {
                // Texts are often compared with the empty one, and comparing no bytes is oddly slow.
                Val::Str(span) if text.is_empty() => span.is_empty(),
                Val::Str(span) => t.bytes(span) == &**text,
                _ => false,
            };
            return Ok(same == (operator == Compare::Equal));
        }
        let left = left.eval(t)?;
        let right = right.eval(t)?;
        Ok(compare(t.arena, operator, left, right))
    }
}

impl Invocation {
    pub fn run(&self, t: &mut Target<'_>) -> Result<Val, RunError> {
        let value = (self.function.run)(&Args::new(self.function, &self.args), t)?;
        if self.keys.is_empty() {
            return Ok(value);
        }
        let mut value = value.store()?;
        for key in &self.keys {
            value = path::walk(t, value, std::slice::from_ref(key))?;
            if value == Value::Null {
                return Err(RunError::new("key not found in map"));
            }
        }
        Ok(Val::load(t.arena, value))
    }
}

impl Test {
    pub fn holds(&self, t: &mut Target<'_>) -> Result<bool, RunError> {
        match self {
            Test::Literal(value) => Ok(*value),
            Test::Not(inner) => inner.holds(t).map(|holds| !holds),
            Test::And(terms) => {
                for term in terms {
                    if !term.holds(t)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::Or(terms) => {
                for term in terms {
                    if term.holds(t)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Test::Compare(operator, left, right) => Expr::compare(*operator, left, right, t),
            Test::Call(call) => match call.run(t)? {
                Val::Bool(value) => Ok(value),
                other => {
                    let (name, got) = (call.function.name, other.type_name());
                    Err(RunError(format!("{name} as a condition must return bool, not {got}")))
                }
            },
        }
    }
}
