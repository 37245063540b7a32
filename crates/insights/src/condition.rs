//! What a store may test before it hands rows over.

use std::cmp::Ordering;
use std::fmt;

use regex_automata::meta::Regex;

use crate::path::Path;
use crate::value::{self, Value};

/// A part of a leading `filter`, as data. All conditions of a program hold for every row that it keeps.
///
/// The program tests them again, so a store may use any of them or none, and may keep rows that fail one. It must
/// never drop a row that passes: [`Condition::test`] is the law, over the values that [`Row::field`](crate::Row::field) would give.
/// In particular
///
/// - **Numbers.** `Compare` and `In` compare as numbers when the field's value and the literal both read in full as
///   decimal numbers (sign, fraction, exponent), whatever their types: the text `"200"`, the text `"2e2"` and the
///   number `200.0` all equal the literal `200`, and the literal `"200"` too. Otherwise both are compared as text by
///   code point. So `status = "200"` may not be looked up as that text alone, and `name < "b"` is true of the
///   number 5. An index over exact texts is safe only for a literal that does not read as a number.
/// - **Booleans** count as 1 and 0, and equal the texts `true` and `false`.
/// - **Missing** fields, JSON null, maps and lists fail every `Compare`, `!=` included, and every `In`; `Not` of
///   those is then true. `Contains` and `Matches` fail where the field is missing.
/// - **Present** fields are all that are not missing, maps and lists included.
/// - **Contains** and **Matches** look at the text form (numbers in decimal, times as
///   `YYYY-MM-DD HH:MM:SS.mmm`), respecting case; a match may lie anywhere.
/// - `@timestamp` is milliseconds since the epoch.
#[derive(Debug, Clone)]
pub enum Condition {
    Compare(Path, Comparison, Value<'static>),
    /// Any of these.
    In(Path, Vec<Value<'static>>),
    Contains(Path, String),
    Matches(Path, Pattern),
    /// The field has a value.
    Present(Path),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A compiled expression with its text.
#[derive(Clone)]
pub struct Pattern {
    pub(crate) text: String,
    pub(crate) regex: Regex,
}

impl Pattern {
    /// The expression as written between the slashes.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}

impl Comparison {
    pub(crate) fn holds(self, left: &Value<'_>, right: &Value<'_>) -> bool {
        value::compare(left, right).is_some_and(|order| match self {
            Comparison::Equal => order == Ordering::Equal,
            Comparison::NotEqual => order != Ordering::Equal,
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::GreaterOrEqual => order != Ordering::Less,
        })
    }

    /// The same question with its sides exchanged.
    pub(crate) fn flipped(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }
}

impl Condition {
    /// Whether a row passes, `field` giving its values.
    pub fn test<'a>(&self, field: &impl Fn(&Path) -> Value<'a>) -> bool {
        match self {
            Condition::Compare(path, comparison, literal) => comparison.holds(&field(path), literal),
            Condition::In(path, list) => {
                let found = field(path);
                list.iter().any(|literal| Comparison::Equal.holds(&found, literal))
            }
            Condition::Contains(path, text) => {
                field(path).shown().is_some_and(|found| found.contains(text.as_str()))
            }
            Condition::Matches(path, pattern) => {
                field(path).shown().is_some_and(|found| pattern.is_match(&found))
            }
            Condition::Present(path) => !field(path).is_null(),
            Condition::All(all) => all.iter().all(|one| one.test(field)),
            Condition::Any(any) => any.iter().any(|one| one.test(field)),
            Condition::Not(one) => !one.test(field),
        }
    }

    /// The fields it asks of.
    pub fn paths<'c>(&'c self, each: &mut impl FnMut(&'c Path)) {
        match self {
            Condition::Compare(path, ..)
            | Condition::In(path, _)
            | Condition::Contains(path, _)
            | Condition::Matches(path, _)
            | Condition::Present(path) => each(path),
            Condition::All(many) | Condition::Any(many) => many.iter().for_each(|one| one.paths(each)),
            Condition::Not(one) => one.paths(each),
        }
    }
}
