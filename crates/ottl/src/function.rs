//! What a function is: its name, its parameters and their kinds, where it is known, and its body.
//!
//! A parameter's kind says what an argument may be when a text is compiled, and what it is turned into when it
//! runs. A body asks [`Args`] for its arguments by place and may rely on the kind.

use model::{Arena, List, Span};

use crate::context::ANYWHERE;
use crate::eval::Expr;
use crate::fault::RunError;
use crate::functions::format_time::Format;
use crate::like;
use crate::path::Path;
use crate::pattern::{Pattern, Regex};
use crate::target::Target;
use crate::value::{Time, Val};

pub type Body = fn(&Args<'_>, &mut Target<'_>) -> Result<Val, RunError>;

#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    pub run: Body,
    /// Bits of the contexts that know it.
    pub contexts: u8,
    /// What literal arguments must be beside their kind; the text says what is wrong.
    pub check: fn(&[Arg]) -> Result<(), String>,
}

/// A function known in every context.
pub const fn function(name: &'static str, parameters: &'static [Parameter], run: Body) -> Function {
    Function { name, parameters, run, contexts: ANYWHERE, check: |_| Ok(()) }
}

impl Function {
    pub const fn only_in(mut self, contexts: u8) -> Function {
        self.contexts = contexts;
        self
    }

    pub const fn checked(mut self, check: fn(&[Arg]) -> Result<(), String>) -> Function {
        self.check = check;
        self
    }

    /// Editors change a record and have lower-case names; converters yield a value.
    pub fn is_editor(&self) -> bool {
        self.name.starts_with(|letter: char| letter.is_ascii_lowercase())
    }

    pub fn required(&self) -> usize {
        self.parameters.iter().filter(|parameter| !parameter.optional).count()
    }
}

#[derive(Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
    pub optional: bool,
}

pub const fn need(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, optional: false }
}

pub const fn may(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, optional: true }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Any,
    String,
    /// Turned into text; nil stays nil.
    StringLike,
    Int,
    IntLike,
    DoubleLike,
    BoolLike,
    BytesLike,
    Map,
    List,
    Time,
    Duration,
    /// A path that can be set.
    Path,
    Values,
    Strings,
    StringLikes,
    /// Written out in the text, as are all below.
    LiteralString,
    LiteralDouble,
    LiteralBool,
    LiteralStrings,
    LiteralDoubles,
    AtLeast(i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of a converter that takes one string.
    Function,
    TimeFormat,
    /// A regular expression; compiled once when it is literal.
    Regex,
    /// A pattern with `*` and `?`, which matches the whole text.
    Glob,
}

/// An argument as it was compiled.
#[derive(Debug)]
pub enum Arg {
    Absent,
    Value(Expr),
    /// Computed already; how a function calls another.
    Ready(Val),
    Path(Path),
    Values(Box<[Expr]>),
    Text(Box<str>),
    Int(i64),
    Double(f64),
    Bool(bool),
    Texts(Box<[Box<str>]>),
    Doubles(Box<[f64]>),
    Choice(usize),
    Function(&'static Function),
    TimeFormat(Format),
    Pattern(Pattern),
}

/// The arguments of one call, in the order of the parameters.
pub struct Args<'a> {
    function: &'static Function,
    args: &'a [Arg],
}

impl<'a> Args<'a> {
    pub fn new(function: &'static Function, args: &'a [Arg]) -> Self {
        Args { function, args }
    }

    fn arg(&self, place: usize) -> &'a Arg {
        self.args.get(place).unwrap_or(&Arg::Absent)
    }

    fn bug<T>(&self, place: usize) -> Result<T, RunError> {
        let message = format!("bug: {} asks for argument {place} as something else", self.function.name);
        Err(RunError(message))
    }

    pub fn is_given(&self, place: usize) -> bool {
        !matches!(self.arg(place), Arg::Absent)
    }

    /// The value, whatever it is; nil when left out.
    pub fn any(&self, place: usize, t: &mut Target<'_>) -> Result<Val, RunError> {
        match self.arg(place) {
            Arg::Value(expression) => expression.eval(t),
            Arg::Ready(value) => Ok(*value),
            Arg::Path(path) => path.get(t),
            Arg::Text(text) => t.string(text.as_bytes()),
            Arg::Int(int) => Ok(Val::Int(*int)),
            Arg::Double(double) => Ok(Val::Double(*double)),
            Arg::Bool(bool) => Ok(Val::Bool(*bool)),
            _ => Ok(Val::Nil),
        }
    }

    pub fn string(&self, place: usize, t: &mut Target<'_>) -> Result<Span, RunError> {
        match self.any(place, t)? {
            Val::Str(span) => Ok(span),
            other => Err(RunError::expected("string", other)),
        }
    }

    pub fn string_or(&self, place: usize, t: &mut Target<'_>, other: &str) -> Result<Span, RunError> {
        if self.is_given(place) { self.string(place, t) } else { t.keep(other.as_bytes()) }
    }

    pub fn string_like(&self, place: usize, t: &mut Target<'_>) -> Result<Option<Span>, RunError> {
        let value = self.any(place, t)?;
        like::string(t, value)
    }

    pub fn int(&self, place: usize, t: &mut Target<'_>) -> Result<i64, RunError> {
        match self.any(place, t)? {
            Val::Int(int) => Ok(int),
            other => Err(RunError::expected("int64", other)),
        }
    }

    pub fn int_like(&self, place: usize, t: &mut Target<'_>) -> Result<Option<i64>, RunError> {
        let value = self.any(place, t)?;
        like::int(t, value)
    }

    pub fn double_like(&self, place: usize, t: &mut Target<'_>) -> Result<Option<f64>, RunError> {
        let value = self.any(place, t)?;
        like::double(t, value)
    }

    pub fn map(&self, place: usize, t: &mut Target<'_>) -> Result<List, RunError> {
        match self.any(place, t)? {
            Val::Map(list) => Ok(list),
            other => Err(RunError::expected("map", other)),
        }
    }

    pub fn list(&self, place: usize, t: &mut Target<'_>) -> Result<List, RunError> {
        match self.any(place, t)? {
            Val::List(list) => Ok(list),
            other => Err(RunError::expected("list", other)),
        }
    }

    pub fn time(&self, place: usize, t: &mut Target<'_>) -> Result<Time, RunError> {
        match self.any(place, t)? {
            Val::Time(time) => Ok(time),
            other => Err(RunError::expected("time.Time", other)),
        }
    }

    pub fn duration(&self, place: usize, t: &mut Target<'_>) -> Result<i64, RunError> {
        match self.any(place, t)? {
            Val::Duration(nanos) => Ok(nanos),
            other => Err(RunError::expected("time.Duration", other)),
        }
    }

    pub fn path(&self, place: usize) -> Result<&'a Path, RunError> {
        if let Arg::Path(path) = self.arg(place) { Ok(path) } else { self.bug(place) }
    }

    pub fn values(&self, place: usize) -> &'a [Expr] {
        if let Arg::Values(values) = self.arg(place) { values } else { &[] }
    }

    /// The strings of a list; fails on anything else in it.
    pub fn strings(&self, place: usize, t: &mut Target<'_>) -> Result<Vec<Span>, RunError> {
        let string = |expression: &Expr| match expression.eval(t)? {
            Val::Str(span) => Ok(span),
            other => Err(RunError::expected("string", other)),
        };
        self.values(place).iter().map(string).collect()
    }

    pub fn literal(&self, place: usize) -> Option<&'a str> {
        if let Arg::Text(text) = self.arg(place) { Some(text) } else { None }
    }

    pub fn literals(&self, place: usize) -> &'a [Box<str>] {
        if let Arg::Texts(texts) = self.arg(place) { texts } else { &[] }
    }

    pub fn literal_doubles(&self, place: usize) -> &'a [f64] {
        if let Arg::Doubles(doubles) = self.arg(place) { doubles } else { &[] }
    }

    pub fn literal_int(&self, place: usize) -> Option<i64> {
        if let Arg::Int(int) = self.arg(place) { Some(*int) } else { None }
    }

    pub fn literal_double(&self, place: usize) -> Option<f64> {
        if let Arg::Double(double) = self.arg(place) { Some(*double) } else { None }
    }

    pub fn literal_bool(&self, place: usize) -> Option<bool> {
        if let Arg::Bool(bool) = self.arg(place) { Some(*bool) } else { None }
    }

    /// The place among the words of its kind.
    pub fn choice(&self, place: usize) -> Option<usize> {
        if let Arg::Choice(choice) = self.arg(place) { Some(*choice) } else { None }
    }

    pub fn function(&self, place: usize) -> Option<&'static Function> {
        if let Arg::Function(function) = self.arg(place) { Some(*function) } else { None }
    }

    pub fn format(&self, place: usize) -> Result<&'a Format, RunError> {
        if let Arg::TimeFormat(format) = self.arg(place) { Ok(format) } else { self.bug(place) }
    }

    pub fn regex(&self, place: usize, t: &mut Target<'_>) -> Result<Regex, RunError> {
        if let Arg::Pattern(pattern) = self.arg(place) { pattern.regex(t) } else { self.bug(place) }
    }
}

/// Calls a converter that takes one string.
pub fn call(function: &'static Function, text: Span, t: &mut Target<'_>) -> Result<Span, RunError> {
    let args = [Arg::Ready(Val::Str(text))];
    match (function.run)(&Args::new(function, &args), t)? {
        Val::Str(span) => Ok(span),
        other => like::string(t, other).map(Option::unwrap_or_default),
    }
}

/// The values of a list or map, in order.
pub fn entries(arena: &Arena, list: List) -> Vec<(Span, model::Value)> {
    arena.iter(list).map(|(_, node)| (node.key, node.value)).collect()
}
