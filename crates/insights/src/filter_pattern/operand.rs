//! What a field or member is compared with.

use std::cmp::Ordering;

use regex_automata::meta::Regex;

use super::cursor::Cursor;
use crate::error::Fault;
use crate::number::{self, Number};

#[derive(Debug)]
pub struct Comparison {
    operator: Operator,
    operand: Operand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
enum Operand {
    /// Compared as a number with what is one, as text with the rest.
    Number(Number, Wildcard),
    Text(Wildcard),
    Regex(Regex),
}

const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Comparison {
    /// An operator and what follows it. A word without quotation marks ends before a blank and any of `ends`.
    pub fn parse(cursor: &mut Cursor<'_>, ends: &str) -> Result<Comparison, Fault> {
        let Some((_, operator)) = OPERATORS.into_iter().find(|(sign, _)| cursor.takes(sign)) else {
            let message = "there is no operator here";
            return Err(Fault::new(cursor.here(), message).expected(["=", "!=", "<", "<=", ">", ">="]));
        };
        cursor.skip_blanks();
        let start = cursor.at();
        let operand = Operand::parse(cursor, ends)?;
        let orders = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if orders && !matches!(operand, Operand::Number(..)) {
            let message =
                "only a number can be compared with `<`, `<=`, `>` and `>=`, without quotation marks";
            return Err(Fault::new(cursor.since(start), message));
        }
        Ok(Comparison { operator, operand })
    }

    /// `number` is the value as a number, where it is one.
    pub fn holds(&self, text: &str, number: Option<Number>) -> bool {
        let is_equal = match &self.operand {
            Operand::Number(wanted, digits) => match number {
                Some(number) => return self.operator.fits(number.compare(*wanted)),
                None => digits.is(text),
            },
            Operand::Text(wildcard) => wildcard.is(text),
            Operand::Regex(regex) => regex.is_match(text),
        };
        match self.operator {
            Operator::Equal => is_equal,
            Operator::NotEqual => !is_equal,
            // What is no number is neither more nor less.
            _ => false,
        }
    }
}

impl Operator {
    fn fits(self, ordering: Ordering) -> bool {
        match self {
            Operator::Equal => ordering.is_eq(),
            Operator::NotEqual => ordering.is_ne(),
            Operator::Less => ordering.is_lt(),
            Operator::LessOrEqual => ordering.is_le(),
            Operator::Greater => ordering.is_gt(),
            Operator::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Operand {
    fn parse(cursor: &mut Cursor<'_>, ends: &str) -> Result<Operand, Fault> {
        match cursor.peek() {
            Some('"') => Ok(Operand::Text(Wildcard::new(&cursor.quoted()?))),
            Some('%') => cursor.regex().map(Operand::Regex),
            _ => {
                let word = cursor.run(|letter| !letter.is_whitespace() && !ends.contains(letter));
                match number::parse(word) {
                    _ if word.is_empty() => {
                        let message = "a value is missing here";
                        Err(Fault::new(cursor.here(), message).expected(["text", "a number", "%expression%"]))
                    }
                    Some(number) => Ok(Operand::Number(number, Wildcard::new(word))),
                    None => Ok(Operand::Text(Wildcard::new(word))),
                }
            }
        }
    }
}

/// Text that may have `*` for anything before and behind it; between other letters it means itself.
#[derive(Debug)]
struct Wildcard {
    text: Box<str>,
    open_before: bool,
    open_behind: bool,
}

impl Wildcard {
    fn new(text: &str) -> Wildcard {
        let behind = text.strip_prefix('*');
        let (text, open_before) = (behind.unwrap_or(text), behind.is_some());
        let before = text.strip_suffix('*');
        let (text, open_behind) = (before.unwrap_or(text), before.is_some());
        Wildcard { text: text.into(), open_before, open_behind }
    }

    fn is(&self, text: &str) -> bool {
        match (self.open_before, self.open_behind) {
            (false, false) => text == &*self.text,
            (true, false) => text.ends_with(&*self.text),
            (false, true) => text.starts_with(&*self.text),
            (true, true) => text.contains(&*self.text),
        }
    }
}
