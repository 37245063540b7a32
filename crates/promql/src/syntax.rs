//! A query as a tree: names resolved, types checked, parentheses gone.

use std::sync::Arc;

use crate::functions::Function;
use crate::matcher::Matcher;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Scalar,
    String,
    Vector,
    Matrix,
}

impl Type {
    /// As Prometheus' messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Type::Scalar => "scalar",
            Type::String => "string",
            Type::Vector => "instant vector",
            Type::Matrix => "range vector",
        }
    }
}

pub enum Expr {
    Number(f64),
    Text(String),
    Selector(Selector),
    Range(Range),
    Subquery(Box<Subquery>),
    Call(Call),
    Aggregate(Box<Aggregate>),
    Binary(Box<Binary>),
    Negate(Box<Expr>),
}

pub struct Selector {
    pub matchers: Vec<Matcher>,
    pub at: Option<At>,
    /// Milliseconds to look back; negative looks forward.
    pub offset: i64,
    /// Which of the answers of the source is meant; given out in the order of the tree.
    pub id: usize,
}

pub struct Range {
    pub selector: Selector,
    pub length: i64,
}

pub struct Subquery {
    pub expr: Expr,
    pub length: i64,
    pub step: Option<i64>,
    pub at: Option<At>,
    pub offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Start,
    End,
    Time(i64),
}

pub struct Call {
    pub function: &'static Function,
    pub args: Vec<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    Quantile,
    CountValues,
}

pub struct Aggregate {
    pub op: Aggregation,
    pub param: Option<Expr>,
    pub expr: Expr,
    pub grouping: Grouping,
}

#[derive(Clone, Debug, Default)]
pub struct Grouping {
    pub without: bool,
    pub labels: Vec<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    And,
    Or,
    Unless,
}

impl Op {
    pub fn is_set(self) -> bool {
        matches!(self, Op::And | Op::Or | Op::Unless)
    }
}

pub struct Binary {
    pub op: Op,
    pub left: Expr,
    pub right: Expr,
    /// A comparison gives 0 or 1 instead of filtering.
    pub returns_bool: bool,
    pub matching: Matching,
}

#[derive(Clone, Debug)]
pub struct Matching {
    /// Whether `labels` are those that must be equal, or those that need not be.
    pub on: bool,
    pub labels: Vec<Arc<str>>,
    pub cardinality: Cardinality,
    /// Labels taken over from the "one" side.
    pub include: Vec<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    OneToOne,
    ManyToOne,
    OneToMany,
}

impl Expr {
    pub fn kind(&self) -> Type {
        match self {
            Expr::Number(_) => Type::Scalar,
            Expr::Text(_) => Type::String,
            Expr::Selector(_) | Expr::Aggregate(_) => Type::Vector,
            Expr::Range(_) | Expr::Subquery(_) => Type::Matrix,
            Expr::Call(call) => call.function.returns,
            Expr::Binary(binary) => match (binary.left.kind(), binary.right.kind()) {
                (Type::Scalar, Type::Scalar) => Type::Scalar,
                _ => Type::Vector,
            },
            Expr::Negate(inner) => inner.kind(),
        }
    }
}
