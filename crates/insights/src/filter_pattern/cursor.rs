//! The place up to which a pattern is read, and what all its forms are written with.

use regex_automata::meta::Regex;

use crate::check::regex;
use crate::error::{Fault, Span};

/// Regular expressions in one pattern, as the user guide has it.
const MAX_REGEXES: usize = 2;

/// Beside letters, digits and blanks, what may stand between `%` and `%`.
const REGEX_SIGNS: &str = ":_#=@/;,-^$?[]{}|\\*+.";

pub struct Cursor<'t> {
    text: &'t str,
    at: usize,
    n_regexes: usize,
}

impl<'t> Cursor<'t> {
    pub fn new(text: &'t str) -> Cursor<'t> {
        Cursor { text, at: 0, n_regexes: 0 }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn at(&self) -> usize {
        self.at
    }

    /// Back to where it was.
    pub fn back(&mut self, at: usize) {
        self.at = at;
    }

    pub fn since(&self, start: usize) -> Span {
        Span { start, end: self.at }
    }

    pub fn rest_span(&self) -> Span {
        Span { start: self.at, end: self.text.len() }
    }

    /// The next character, or the end.
    pub fn here(&self) -> Span {
        Span { start: self.at, end: self.at + self.peek().map_or(0, char::len_utf8) }
    }

    pub fn skip_blanks(&mut self) {
        self.run(char::is_whitespace);
    }

    /// The characters from here on of which this is true.
    pub fn run(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|letter| !fits(letter)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Whether the sign comes next, blanks aside; takes it then.
    pub fn takes(&mut self, sign: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    /// The same for a word in whatever case.
    pub fn takes_word(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let start = self.at;
        let found = self.run(char::is_alphabetic).eq_ignore_ascii_case(word);
        if !found {
            self.at = start;
        }
        found
    }

    pub fn needs(&mut self, sign: &'static str) -> Result<(), Fault> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(Fault::new(self.here(), format!("`{sign}` is missing")).expected([sign])),
        }
    }

    /// A text in quotation marks; the backslash takes their meaning away, and its own.
    pub fn quoted(&mut self) -> Result<String, Fault> {
        let start = self.at;
        let mut out = String::new();
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at = start + at + 1;
                    return Ok(out);
                }
                '\\' => match letters.next() {
                    Some((_, next @ ('"' | '\\'))) => out.push(next),
                    Some((_, next)) => out.extend(['\\', next]),
                    None => break,
                },
                _ => out.push(letter),
            }
        }
        Err(Fault::new(self.rest_span(), "this quoted text has no end").expected(["\""]))
    }

    /// An expression between percent signs.
    pub fn regex(&mut self) -> Result<Regex, Fault> {
        let start = self.at;
        let inner = &self.rest()[1..];
        let Some(length) = inner.find('%') else {
            return Err(Fault::new(self.rest_span(), "this regular expression has no end").expected(["%"]));
        };
        let inner = &inner[..length];
        self.at += length + 2;
        let span = self.since(start);
        self.n_regexes += 1;
        if self.n_regexes > MAX_REGEXES {
            let message = format!("a pattern has at most {MAX_REGEXES} regular expressions");
            return Err(Fault::new(span, message));
        }
        let fits =
            |letter: char| letter.is_ascii_alphanumeric() || letter == ' ' || REGEX_SIGNS.contains(letter);
        if let Some((at, letter)) = inner.char_indices().find(|(_, letter)| !fits(*letter)) {
            let start = start + 1 + at;
            let span = Span { start, end: start + letter.len_utf8() };
            let message = format!("`{letter}` cannot stand in a regular expression; write it as `\\xhh`");
            return Err(Fault::new(span, message));
        }
        regex(&inner.replace("{,", "{0,"), span)
    }
}
