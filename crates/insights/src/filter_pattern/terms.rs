//! Terms anywhere in a message: `ERROR "not found" -timeout`, or `?ERROR ?WARN`.

use memchr::memmem::Finder;
use regex_automata::meta::Regex;

use super::cursor::Cursor;
use crate::error::Fault;

#[derive(Debug, Default)]
pub struct Terms {
    all: Vec<Term>,
    none: Vec<Term>,
    /// Of no effect beside the others.
    any: Vec<Term>,
}

#[derive(Debug)]
enum Term {
    Text(Box<Finder<'static>>),
    Regex(Box<Regex>),
}

impl Terms {
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Terms, Fault> {
        let mut terms = Terms::default();
        loop {
            cursor.skip_blanks();
            let to = match cursor.peek() {
                None => return Ok(terms),
                Some('-') => &mut terms.none,
                Some('?') => &mut terms.any,
                Some(_) => {
                    terms.all.push(Term::parse(cursor)?);
                    continue;
                }
            };
            let start = cursor.at();
            let sign = if cursor.takes("-") { "-" } else { "?" };
            cursor.back(start + sign.len());
            if cursor.peek().is_none_or(char::is_whitespace) {
                let message = format!("`{sign}` stands right before a term");
                return Err(Fault::new(cursor.since(start), message));
            }
            to.push(Term::parse(cursor)?);
        }
    }

    pub fn texts(&self) -> Vec<&str> {
        fn text(term: &Term) -> Option<&str> {
            match term {
                Term::Text(finder) => {
                    std::str::from_utf8(finder.needle()).ok().filter(|text| !text.is_empty())
                }
                Term::Regex(_) => None,
            }
        }
        self.all.iter().filter_map(text).collect()
    }

    pub fn matches(&self, message: &str) -> bool {
        let is_in = |term: &Term| term.is_in(message);
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.is_empty() || self.any.iter().any(is_in);
        }
        self.all.iter().all(is_in) && !self.none.iter().any(is_in)
    }
}

impl Term {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Term, Fault> {
        let start = cursor.at();
        let text = match cursor.peek() {
            Some('%') => return Ok(Term::Regex(Box::new(cursor.regex()?))),
            Some('"') => {
                let text = cursor.quoted()?;
                // `" "` is how the user guide writes a pattern for everything.
                if text.trim().is_empty() { String::new() } else { text }
            }
            _ => cursor.run(|letter| !letter.is_whitespace()).to_owned(),
        };
        if matches!(&*text, "&&" | "||") && cursor.at() - start == text.len() {
            let message = format!(
                "`{text}` joins conditions between braces or brackets; of terms all must be there, of `?term`s any"
            );
            return Err(Fault::new(cursor.since(start), message));
        }
        Ok(Term::Text(Box::new(Finder::new(&text).into_owned())))
    }

    fn is_in(&self, message: &str) -> bool {
        match self {
            Term::Text(finder) => finder.find(message.as_bytes()).is_some(),
            Term::Regex(regex) => regex.is_match(message),
        }
    }
}
