//! What a checked query does, command by command.

use regex_automata::meta::Regex;

use crate::aggregate::Stats;
use crate::expr::Expr;
use crate::glob::Glob;

#[derive(Debug)]
pub enum Step {
    /// Those that need one row at a time.
    Row(RowStep),
    Sort(Vec<Key>),
    Limit(usize),
    Tail(usize),
    Dedup(Vec<Expr>),
    Stats(Stats),
    Pattern(PatternStep),
    Totals(Totals),
}

#[derive(Debug)]
pub enum RowStep {
    Filter(Expr),
    Let(usize, Expr),
    /// The variables that the wildcards fill.
    Glob {
        source: Expr,
        glob: Glob,
        slots: Vec<usize>,
    },
    /// The variables that groups fill, with the groups' numbers.
    Groups {
        source: Expr,
        regex: Regex,
        slots: Vec<(usize, usize)>,
    },
    Unnest(Expr, usize),
}

#[derive(Debug)]
pub struct Key {
    pub expr: Expr,
    pub descending: bool,
}

#[derive(Debug)]
pub struct PatternStep {
    pub expr: Expr,
    pub diff: bool,
}

#[derive(Debug)]
pub struct Totals {
    /// The variable of the new column, if there is to be one.
    pub row: Option<usize>,
    pub column: bool,
    /// The variables that are summed.
    pub slots: Vec<usize>,
}

/// A column of the answer, and its variable.
#[derive(Debug)]
pub struct Output {
    pub name: String,
    pub slot: usize,
    pub rounded: bool,
}
