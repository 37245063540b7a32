//! Text to tree, by the library `promql-parser`; its tree is lowered to ours so that nothing else knows of it.

use std::sync::{Arc, Once};
use std::time::{Duration, UNIX_EPOCH};

use promql_parser::label::{MatchOp as TheirOp, Matcher as TheirMatcher};
use promql_parser::parser as theirs;
use promql_parser::parser::token as t;
use promql_parser::parser::value::ValueType;

use crate::error::Error;
use crate::functions;
use crate::labels::METRIC_NAME;
use crate::matcher::Matcher;
use crate::place::place_of;
use crate::scan::{Token, scan};
use crate::syntax::*;

pub fn parse(text: &str) -> Result<Expr, Error> {
    teach();
    let tokens = scan(text)?;
    if tokens.is_empty() {
        return Err(Error::parse("no expression found in input", Some(0..text.chars().count())));
    }
    let tree = theirs::parse(text).map_err(|message| refused(&message, &tokens))?;
    let mut lower = Lower { selectors: 0 };
    lower.expr(&tree).map_err(|message| refused(&message, &tokens))
}

/// The library follows Prometheus 3, which renamed what mixins still call `holt_winters`.
fn teach() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let args = vec![ValueType::Matrix, ValueType::Scalar, ValueType::Scalar];
        let old = theirs::Function::new("holt_winters", args, 0, ValueType::Vector, false);
        // Refused only if the library knows the name by itself, which is as well.
        let _ = theirs::register_extra_functions(vec![old]);
    });
}

fn refused(message: &str, tokens: &[Token]) -> Error {
    let (message, place) = place_of(message, tokens);
    Error::parse(message, place)
}

struct Lower {
    selectors: usize,
}

type Lowered<T> = Result<T, String>;

impl Lower {
    fn expr(&mut self, expr: &theirs::Expr) -> Lowered<Expr> {
        match expr {
            theirs::Expr::NumberLiteral(number) => Ok(Expr::Number(number.val)),
            theirs::Expr::StringLiteral(text) => Ok(Expr::Text(text.val.clone())),
            theirs::Expr::Paren(paren) => self.expr(&paren.expr),
            theirs::Expr::VectorSelector(selector) => Ok(Expr::Selector(self.selector(selector)?)),
            theirs::Expr::MatrixSelector(range) => {
                let selector = self.selector(&range.vs)?;
                Ok(Expr::Range(Range { selector, length: positive(range.range)? }))
            }
            theirs::Expr::Unary(unary) => self.negate(unary),
            theirs::Expr::Subquery(subquery) => self.subquery(subquery),
            theirs::Expr::Call(call) => self.call(call),
            theirs::Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            theirs::Expr::Binary(binary) => self.binary(binary),
            theirs::Expr::Extension(_) => Err("extensions are not PromQL".into()),
        }
    }

    fn selector(&mut self, selector: &theirs::VectorSelector) -> Lowered<Selector> {
        if !selector.matchers.or_matchers.is_empty() {
            return Err("`or` between matchers is not PromQL; use =~ or the operator `or`".into());
        }
        let name = selector.name.iter().map(|name| Matcher::equal(METRIC_NAME, name));
        let others = selector.matchers.matchers.iter().map(matcher);
        let id = self.selectors;
        self.selectors += 1;
        Ok(Selector {
            matchers: name.chain(others).collect(),
            at: selector.at.as_ref().map(at).transpose()?,
            offset: offset(selector.offset.as_ref())?,
            id,
        })
    }

    fn negate(&mut self, unary: &theirs::UnaryExpr) -> Lowered<Expr> {
        let inner = self.expr(&unary.expr)?;
        match inner.kind() {
            Type::Scalar | Type::Vector => Ok(Expr::Negate(Box::new(inner))),
            other => Err(format!(
                "unary expression only allowed on expressions of type scalar or instant vector, got {}",
                other.name()
            )),
        }
    }

    fn subquery(&mut self, subquery: &theirs::SubqueryExpr) -> Lowered<Expr> {
        let expr = self.expr(&subquery.expr)?;
        expect(&expr, Type::Vector, "a subquery")?;
        Ok(Expr::Subquery(Box::new(Subquery {
            expr,
            length: positive(subquery.range)?,
            step: subquery.step.map(positive).transpose()?,
            at: subquery.at.as_ref().map(at).transpose()?,
            offset: offset(subquery.offset.as_ref())?,
        })))
    }

    fn call(&mut self, call: &theirs::Call) -> Lowered<Expr> {
        let name = call.func.name;
        let function = functions::find(name).ok_or(format!("unknown function with name '{name}'"))?;
        let args: Vec<Expr> = call.args.args.iter().map(|arg| self.expr(arg)).collect::<Lowered<_>>()?;
        let (least, most) = function.arity();
        if args.len() < least || args.len() > most {
            return Err(format!("wrong number of arguments in call to '{name}', got {}", args.len()));
        }
        for (i, arg) in args.iter().enumerate() {
            let wanted = function.args[i.min(function.args.len() - 1)];
            expect(arg, wanted, &format!("call to function '{name}'"))?;
        }
        Ok(Expr::Call(Call { function, args }))
    }

    fn aggregate(&mut self, aggregate: &theirs::AggregateExpr) -> Lowered<Expr> {
        let op = match aggregate.op.id() {
            t::T_SUM => Aggregation::Sum,
            t::T_AVG => Aggregation::Avg,
            t::T_MIN => Aggregation::Min,
            t::T_MAX => Aggregation::Max,
            t::T_COUNT => Aggregation::Count,
            t::T_GROUP => Aggregation::Group,
            t::T_STDDEV => Aggregation::Stddev,
            t::T_STDVAR => Aggregation::Stdvar,
            t::T_TOPK => Aggregation::Topk,
            t::T_BOTTOMK => Aggregation::Bottomk,
            t::T_QUANTILE => Aggregation::Quantile,
            t::T_COUNT_VALUES => Aggregation::CountValues,
            _ => return Err(format!("aggregation '{}' is not supported", aggregate.op)),
        };
        let param = aggregate.param.as_ref().map(|param| self.expr(param)).transpose()?;
        if let Some(param) = &param {
            let wanted = if op == Aggregation::CountValues { Type::String } else { Type::Scalar };
            expect(param, wanted, "the parameter of an aggregation")?;
        }
        let expr = self.expr(&aggregate.expr)?;
        expect(&expr, Type::Vector, "an aggregation")?;
        let grouping = aggregate.modifier.as_ref().map_or_else(Grouping::default, |modifier| Grouping {
            without: !modifier.is_include(),
            labels: names(modifier.labels()),
        });
        Ok(Expr::Aggregate(Box::new(Aggregate { op, param, expr, grouping })))
    }

    fn binary(&mut self, binary: &theirs::BinaryExpr) -> Lowered<Expr> {
        let op = operator(binary.op.id()).ok_or(format!("operator '{}' is not supported", binary.op))?;
        let mut matching =
            Matching { on: false, labels: vec![], cardinality: Cardinality::OneToOne, include: vec![] };
        let mut returns_bool = false;
        if let Some(modifier) = &binary.modifier {
            if modifier.fill_values != Default::default() {
                return Err("fill modifiers are not supported".into());
            }
            returns_bool = modifier.return_bool;
            if let Some(labels) = &modifier.matching {
                matching.on = labels.is_include();
                matching.labels = names(labels.labels());
            }
            matching.cardinality = match &modifier.card {
                theirs::VectorMatchCardinality::ManyToOne(_) => Cardinality::ManyToOne,
                theirs::VectorMatchCardinality::OneToMany(_) => Cardinality::OneToMany,
                _ => Cardinality::OneToOne,
            };
            matching.include = modifier.card.labels().map(names).unwrap_or_default();
        }
        let (left, right) = (self.expr(&binary.lhs)?, self.expr(&binary.rhs)?);
        for side in [&left, &right] {
            if !matches!(side.kind(), Type::Scalar | Type::Vector)
                || (op.is_set() && side.kind() != Type::Vector)
            {
                return Err(format!("{} cannot be an operand here", side.kind().name()));
            }
        }
        Ok(Expr::Binary(Box::new(Binary { op, left, right, returns_bool, matching })))
    }
}

fn expect(expr: &Expr, wanted: Type, place: &str) -> Lowered<()> {
    if expr.kind() == wanted {
        return Ok(());
    }
    Err(format!("expected type {} in {place}, got {}", wanted.name(), expr.kind().name()))
}

fn operator(id: t::TokenId) -> Option<Op> {
    Some(match id {
        t::T_ADD => Op::Add,
        t::T_SUB => Op::Sub,
        t::T_MUL => Op::Mul,
        t::T_DIV => Op::Div,
        t::T_MOD => Op::Mod,
        t::T_POW => Op::Pow,
        t::T_ATAN2 => Op::Atan2,
        t::T_EQLC => Op::Equal,
        t::T_NEQ => Op::NotEqual,
        t::T_GTR => Op::Greater,
        t::T_LSS => Op::Less,
        t::T_GTE => Op::GreaterEqual,
        t::T_LTE => Op::LessEqual,
        t::T_LAND => Op::And,
        t::T_LOR => Op::Or,
        t::T_LUNLESS => Op::Unless,
        _ => return None,
    })
}

fn matcher(matcher: &TheirMatcher) -> Matcher {
    match &matcher.op {
        TheirOp::Equal => Matcher::equal(&matcher.name, &matcher.value),
        TheirOp::NotEqual => Matcher::not_equal(&matcher.name, &matcher.value),
        TheirOp::Re(regex) => Matcher::expression(&matcher.name, &matcher.value, regex.clone(), false),
        TheirOp::NotRe(regex) => Matcher::expression(&matcher.name, &matcher.value, regex.clone(), true),
    }
}

fn names(labels: &promql_parser::label::Labels) -> Vec<Arc<str>> {
    labels.labels.iter().map(|name| name.as_str().into()).collect()
}

fn at(at: &theirs::AtModifier) -> Lowered<At> {
    Ok(match at {
        theirs::AtModifier::Start => At::Start,
        theirs::AtModifier::End => At::End,
        theirs::AtModifier::At(time) => At::Time(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => milliseconds(after)?,
            Err(before) => -milliseconds(before.duration())?,
        }),
    })
}

fn offset(offset: Option<&theirs::Offset>) -> Lowered<i64> {
    match offset {
        None => Ok(0),
        Some(theirs::Offset::Pos(length)) => milliseconds(*length),
        Some(theirs::Offset::Neg(length)) => Ok(-milliseconds(*length)?),
    }
}

fn positive(length: Duration) -> Lowered<i64> {
    match milliseconds(length)? {
        0 => Err("duration must be at least a millisecond".into()),
        ms => Ok(ms),
    }
}

fn milliseconds(length: Duration) -> Lowered<i64> {
    /// Ten thousand years: sums of a few of them still fit.
    const MOST: u128 = 10_000 * 365 * 86_400_000;
    match length.as_millis() {
        ms if ms <= MOST => Ok(ms as i64),
        _ => Err("duration out of range".into()),
    }
}
