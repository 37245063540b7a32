//! Expressions: names to variables and fields, calls to functions, literals to what runs.

use memchr::memmem::Finder;
use regex_automata::meta::{self, Regex};
use regex_automata::util::syntax;

use crate::aggregate::{Aggregate, Kind};
use crate::condition::{Comparison, Pattern};
use crate::error::{Fault, Span};
use crate::expr::Expr;
use crate::functions;
use crate::nearest::nearest;
use crate::path::Needs;
use crate::period::Period;
use crate::program::Options;
use crate::scope::Scope;
use crate::syntax::{Form, Node, canonical};
use crate::value::Value;

/// Memory that one regular expression may take.
const MAX_REGEX_BYTES: usize = 2 << 20;

/// Memory that one search keeps for the states it has met.
const REGEX_CACHE_BYTES: usize = 1 << 20;

const AGGREGATES: [(&str, usize, Kind); 15] = [
    ("count", 1, Kind::Count),
    ("count_distinct", 1, Kind::Distinct),
    ("sum", 1, Kind::Sum),
    ("avg", 1, Kind::Average),
    ("min", 1, Kind::Min),
    ("max", 1, Kind::Max),
    ("stddev", 1, Kind::Deviation),
    ("pct", 2, Kind::Percentile(0.0)),
    ("percentile", 2, Kind::Percentile(0.0)),
    ("median", 1, Kind::Percentile(50.0)),
    ("earliest", 1, Kind::Earliest),
    ("latest", 1, Kind::Latest),
    ("sortsFirst", 1, Kind::SortsFirst),
    ("sortsLast", 1, Kind::SortsLast),
    ("countDistinct", 1, Kind::Distinct),
];

const PERIODS: [&str; 3] = ["bin", "datefloor", "dateceil"];

/// Compiles a regular expression, in linear time and bounded space.
pub fn regex(text: &str, span: Span) -> Result<Regex, Fault> {
    const NEST_LIMIT: u32 = 100;
    let settings = meta::Config::new()
        .utf8_empty(true)
        .nfa_size_limit(Some(MAX_REGEX_BYTES))
        .hybrid_cache_capacity(REGEX_CACHE_BYTES);
    let syntax = syntax::Config::new().nest_limit(NEST_LIMIT);
    meta::Builder::new().configure(settings).syntax(syntax).build(text).map_err(|error| {
        let why = match error.syntax_error() {
            Some(fault) => fault.to_string().lines().last().unwrap_or_default().replace("error: ", ""),
            None => error.to_string(),
        };
        Fault::new(span, format!("bad regular expression: {why}"))
    })
}

pub struct Lower<'x> {
    pub text: &'x str,
    pub options: Options,
    pub needs: &'x mut Needs,
    pub scope: &'x mut Scope,
    /// In an item of `stats`: the names before it, and the aggregates met so far.
    pub stats: Option<(&'x mut Scope, &'x mut Vec<Aggregate>)>,
}

impl Lower<'_> {
    pub fn expr(&mut self, node: &Node) -> Result<Expr, Fault> {
        if let Some(column) = self.column(node) {
            return Ok(column);
        }
        Ok(match &node.kind {
            Form::Literal(value) => Expr::Constant(value.clone()),
            Form::Regex(_) => return Err(Fault::new(node.span, "a regular expression cannot stand here")),
            Form::Measure(text) => {
                let message = format!("`{text}` is no number; a field of that name needs backticks");
                return Err(Fault::new(node.span, message));
            }
            Form::Field(name) => self.field(name, node.span)?,
            Form::Call { name, args, star } => self.call(name, args, *star, node.span)?,
            Form::Compare(Comparison::NotEqual, left, right) if self.options.missing_is_unequal => {
                let equal = Expr::Compare(Comparison::Equal, self.boxed(left)?, self.boxed(right)?);
                Expr::Not(Box::new(equal))
            }
            Form::Compare(comparison, left, right) => {
                Expr::Compare(*comparison, self.boxed(left)?, self.boxed(right)?)
            }
            Form::In { value, list, negated } => {
                Expr::In { value: self.boxed(value)?, list: self.all(list)?, negated: *negated }
            }
            Form::Like { value, pattern, negated } => self.like(value, pattern, *negated)?,
            Form::And(parts) => Expr::And(self.all(parts)?),
            Form::Or(parts) => Expr::Or(self.all(parts)?),
            Form::Not(inner) => Expr::Not(self.boxed(inner)?),
            Form::Math(math, left, right) => Expr::Math(*math, self.boxed(left)?, self.boxed(right)?),
            Form::Negate(inner) => Expr::Negate(self.boxed(inner)?),
        })
    }

    fn boxed(&mut self, node: &Node) -> Result<Box<Expr>, Fault> {
        self.expr(node).map(Box::new)
    }

    fn all(&mut self, nodes: &[Node]) -> Result<Vec<Expr>, Fault> {
        nodes.iter().map(|node| self.expr(node)).collect()
    }

    /// A column made before and named by its text: `sort count(*)`.
    fn column(&self, node: &Node) -> Option<Expr> {
        if !self.scope.closed || matches!(node.kind, Form::Literal(_) | Form::Field(_)) {
            return None;
        }
        self.scope.names(&canonical(&self.text[node.span.start..node.span.end])).map(Expr::Variable)
    }

    fn field(&mut self, name: &str, span: Span) -> Result<Expr, Fault> {
        if self.stats.is_none() {
            return Ok(self.scope.resolve(name, self.needs));
        }
        self.scope.known(name).ok_or_else(|| {
            Fault::new(span, format!("`{name}` must be inside an aggregate, or be named after `by`"))
        })
    }

    fn like(&mut self, value: &Node, pattern: &Node, negated: bool) -> Result<Expr, Fault> {
        let value = self.boxed(value)?;
        match &pattern.kind {
            Form::Literal(Value::Text(text)) => {
                let finder = Box::new(Finder::new(text.as_bytes()).into_owned());
                Ok(Expr::Contains { value, finder, negated })
            }
            Form::Regex(text) => {
                let pattern = Pattern { text: text.clone(), regex: regex(text, pattern.span)? };
                Ok(Expr::Matches { value, pattern: Box::new(pattern), negated })
            }
            _ => Err(Fault::new(pattern.span, "`like` takes a string or a regular expression")),
        }
    }

    fn call(&mut self, name: &str, args: &[Node], star: bool, span: Span) -> Result<Expr, Fault> {
        if let Some((name, n_args, kind)) = AGGREGATES.iter().find(|known| known.0.eq_ignore_ascii_case(name))
        {
            return self.aggregate(name, *n_args, *kind, args, star, span);
        }
        if star {
            return Err(Fault::new(span, format!("`{name}` does not take `*`")));
        }
        if PERIODS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return self.cut(&name.to_ascii_lowercase(), args, span);
        }
        let Some(function) = functions::find(name) else { return Err(unknown(name, span)) };
        if function.name == "messageSize" && args.is_empty() {
            let message = self.field("@message", span)?;
            return Ok(Expr::Call { function, args: vec![message], regex: None });
        }
        if args.len() < function.min || args.len() > function.max {
            return Err(arity(name, function.min, function.max, args.len(), span));
        }
        if function.name != "regexReplace" {
            return Ok(Expr::Call { function, args: self.all(args)?, regex: None });
        }
        let regex = match &args[1].kind {
            Form::Regex(text) => regex(text, args[1].span)?,
            _ => return Err(Fault::new(args[1].span, "a regular expression is written out here")),
        };
        let args = vec![self.expr(&args[0])?, Expr::Constant(Value::Null), self.expr(&args[2])?];
        Ok(Expr::Call { function, args, regex: Some(regex) })
    }

    /// `bin(5m)`, `datefloor(time, 1h)`, `dateceil(time, 1d)`.
    fn cut(&mut self, name: &str, args: &[Node], span: Span) -> Result<Expr, Fault> {
        let wanted = if name == "bin" { 1 } else { 2 };
        if args.len() != wanted {
            return Err(arity(name, wanted, wanted, args.len(), span));
        }
        let last = &args[wanted - 1];
        let period = match &last.kind {
            Form::Measure(text) => Period::parse(text),
            _ => None,
        };
        let Some(period) = period else {
            let fault = Fault::new(last.span, "a period is a whole number and a unit, such as `5m`");
            return Err(fault.expected(["ms", "s", "m", "h", "d", "w", "mo", "q", "y"]));
        };
        let period = if self.options.weeks_from_monday { period.starting_monday() } else { period };
        let value = if wanted == 2 {
            self.expr(&args[0])?
        } else if self.scope.closed && self.scope.names("@timestamp").is_none() {
            return Err(Fault::new(
                span,
                "`bin` needs `@timestamp`, which is no column here; try `datefloor`",
            ));
        } else {
            self.scope.resolve("@timestamp", self.needs)
        };
        Ok(Expr::Cut { value: Box::new(value), period, up: name == "dateceil" })
    }

    fn aggregate(
        &mut self,
        name: &str,
        n_args: usize,
        kind: Kind,
        args: &[Node],
        star: bool,
        span: Span,
    ) -> Result<Expr, Fault> {
        let Some((outer, aggregates)) = &mut self.stats else {
            return Err(Fault::new(
                span,
                format!("`{name}` may only be used in `stats`, and not inside another"),
            ));
        };
        let counts = kind == Kind::Count && args.is_empty();
        if !counts && (star || args.len() != n_args) {
            return Err(arity(name, n_args, n_args, args.len(), span));
        }
        let kind = match (kind, args.get(1)) {
            (Kind::Percentile(_), Some(percent)) => Kind::Percentile(percentage(percent)?),
            (kind, _) => kind,
        };
        let mut inner =
            Lower { text: self.text, options: self.options, needs: self.needs, scope: outer, stats: None };
        let argument = args.first().map(|argument| inner.expr(argument)).transpose()?;
        let time = match kind {
            Kind::Earliest | Kind::Latest if outer.closed && outer.names("@timestamp").is_none() => {
                return Err(Fault::new(
                    span,
                    format!("`{name}` needs `@timestamp`, which is no column here"),
                ));
            }
            Kind::Earliest | Kind::Latest => Some(outer.resolve("@timestamp", self.needs)),
            _ => None,
        };
        let slot = self.scope.slot();
        aggregates.push(Aggregate { slot, kind, argument, time });
        Ok(Expr::Variable(slot))
    }
}

fn percentage(node: &Node) -> Result<f64, Fault> {
    let number = match &node.kind {
        Form::Literal(Value::Int(int)) => *int as f64,
        Form::Literal(Value::Float(float)) => *float,
        _ => f64::NAN,
    };
    if (0.0..=100.0).contains(&number) {
        return Ok(number);
    }
    Err(Fault::new(node.span, "a percentile is a number from 0 to 100"))
}

fn unknown(name: &str, span: Span) -> Fault {
    let name_span = Span { start: span.start, end: span.start + name.len() };
    let known = functions::names().chain(AGGREGATES.map(|known| known.0)).chain(PERIODS);
    Fault::new(name_span, format!("unknown function `{name}`")).expected(nearest(name, known))
}

fn arity(name: &str, min: usize, max: usize, given: usize, span: Span) -> Fault {
    let wanted = match (min, max) {
        (0, 0) => "no argument".to_owned(),
        (1, 1) => "one argument".to_owned(),
        (min, max) if min == max => format!("{min} arguments"),
        (min, 22..) => format!("at least {min} and not too many arguments"),
        (min, max) => format!("{min} to {max} arguments"),
    };
    Fault::new(span, format!("`{name}` takes {wanted}, not {given}"))
}
