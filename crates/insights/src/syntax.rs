//! A query as it was written, before names and functions are looked up.

use crate::condition::Comparison;
use crate::error::Span;
use crate::source::Source;
use crate::value::Value;

#[derive(Debug)]
pub struct Query {
    pub source: Option<Source>,
    pub clauses: Vec<Clause>,
}

#[derive(Debug)]
pub struct Clause {
    /// The command's name.
    pub span: Span,
    pub command: Command,
}

#[derive(Debug)]
pub enum Command {
    Fields(Vec<Item>),
    Display(Vec<Item>),
    Filter(Node),
    Stats {
        items: Vec<Item>,
        by: Vec<Item>,
    },
    /// Each with whether it is descending.
    Sort(Vec<(Node, bool)>),
    Limit(usize),
    Tail(usize),
    ParseGlob {
        source: Option<Node>,
        glob: String,
        names: Vec<String>,
    },
    ParseRegex {
        source: Option<Node>,
        text: String,
        span: Span,
    },
    Dedup(Vec<Node>),
    Pattern(Node),
    /// The word behind it, in lower case.
    Diff(Option<String>),
    Unnest(Node, String),
    Unmask(Vec<Node>),
    Totals(Totals),
}

#[derive(Debug)]
pub struct Totals {
    pub name: String,
    pub row: bool,
    pub column: bool,
    pub fields: Vec<Node>,
}

/// An expression that becomes a column.
#[derive(Debug)]
pub struct Item {
    pub node: Node,
    pub alias: Option<String>,
}

#[derive(Debug)]
pub struct Node {
    pub kind: Form,
    pub span: Span,
    /// Levels below, bounded when parsed so that walks may recurse.
    pub depth: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Math {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

#[derive(Debug)]
pub enum Form {
    Literal(Value<'static>),
    Regex(String),
    /// `5m`, where a period may stand.
    Measure(String),
    Field(String),
    Call {
        name: String,
        args: Vec<Node>,
        star: bool,
    },
    Compare(Comparison, Box<Node>, Box<Node>),
    In {
        value: Box<Node>,
        list: Vec<Node>,
        negated: bool,
    },
    Like {
        value: Box<Node>,
        pattern: Box<Node>,
        negated: bool,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Math(Math, Box<Node>, Box<Node>),
    Negate(Box<Node>),
}

/// The name that an expression has when it gets none: its text, white space made even.
pub fn canonical(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quote, mut space) = (None, false);
    for letter in text.chars() {
        if quote.is_none() && letter.is_whitespace() {
            space = true;
            continue;
        }
        let tight = out.is_empty() || out.ends_with(['(', '[']) || matches!(letter, ')' | ']' | ',' | '(');
        if std::mem::take(&mut space) && !tight {
            out.push(' ');
        }
        match quote {
            Some(open) if open == letter => quote = None,
            None if matches!(letter, '"' | '\'' | '/') && letter != '/' => quote = Some(letter),
            _ => {}
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn names_have_even_space() {
        for (text, expected) in [
            ("count( * )", "count(*)"),
            ("a  +\n b", "a + b"),
            ("avg (x)", "avg(x)"),
            ("concat(a ,'x  y')", "concat(a,'x  y')"),
        ] {
            assert_eq!(canonical(text), expected);
        }
    }
}
