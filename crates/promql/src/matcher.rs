//! What a selector asks of one label.

use std::fmt;
use std::sync::Arc;

use regex::Regex;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Matches,
    MatchesNot,
}

/// `name="value"` and its three relatives. A label that a series lacks is matched as the empty text.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub name: Arc<str>,
    pub op: MatchOp,
    /// As it was written; expressions are anchored at both ends.
    pub value: Arc<str>,
    regex: Option<Regex>,
}

impl Matcher {
    /// `name="value"`.
    pub fn equal(name: &str, value: &str) -> Matcher {
        Matcher { name: name.into(), op: MatchOp::Equal, value: value.into(), regex: None }
    }

    /// `name!="value"`.
    pub fn not_equal(name: &str, value: &str) -> Matcher {
        Matcher { op: MatchOp::NotEqual, ..Matcher::equal(name, value) }
    }

    pub(crate) fn expression(name: &str, value: &str, regex: Regex, negated: bool) -> Matcher {
        let op = if negated { MatchOp::MatchesNot } else { MatchOp::Matches };
        Matcher { op, regex: Some(regex), ..Matcher::equal(name, value) }
    }

    /// The anchored expression of `=~` and `!~`.
    pub fn regex(&self) -> Option<&Regex> {
        self.regex.as_ref()
    }

    pub fn is_match(&self, value: &str) -> bool {
        match (&self.regex, self.op) {
            (Some(regex), op) => regex.is_match(value) == (op == MatchOp::Matches),
            (None, op) => (*self.value == *value) == (op == MatchOp::Equal),
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Matcher) -> bool {
        (self.op, &self.name, &self.value) == (other.op, &other.name, &other.value)
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Matches => "=~",
            MatchOp::MatchesNot => "!~",
        };
        write!(f, "{}{op}{:?}", self.name, self.value)
    }
}
