//! Filter patterns of CloudWatch Logs: which messages `FilterLogEvents` and `aws logs tail` give back.
//!
//! A pattern has one of three forms: terms that stand anywhere in a message (`ERROR -timeout`), conditions on the members
//! of a JSON message (`{ $.status >= 500 }`), or conditions on the fields of a line (`[ip, ..., status = 4*, bytes]`).
//! The rules are those of the page "Filter pattern syntax" of the service's user guide. A pattern is read once, and a
//! message is looked at without building a tree of it.

mod condition;
mod cursor;
mod fields;
mod json;
mod operand;
mod terms;
#[cfg(test)]
mod tests;

use crate::Error;
use crate::error::{Fault, Span};
use cursor::Cursor;

/// Longest pattern, in characters, as the reference of `FilterLogEvents` has it.
const MAX_CHARS: usize = 1024;

/// A pattern that messages are held against.
#[derive(Debug)]
pub struct FilterPattern(Form);

#[derive(Debug)]
enum Form {
    Terms(terms::Terms),
    Json(json::Conditions),
    Fields(fields::Fields),
}

impl FilterPattern {
    /// Reads a pattern. Nothing but blanks matches every message.
    pub fn parse(text: &str) -> Result<FilterPattern, Error> {
        form(text).map(FilterPattern).map_err(|fault| fault.place(text))
    }

    /// Whether it has conditions on members, which only a message that is JSON fulfils.
    pub fn reads_json(&self) -> bool {
        matches!(self.0, Form::Json(_))
    }

    /// Texts that every message which matches holds, for stores that can look for them.
    pub fn texts(&self) -> Vec<&str> {
        match &self.0 {
            Form::Terms(terms) => terms.texts(),
            Form::Json(_) | Form::Fields(_) => Vec::new(),
        }
    }

    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Form::Terms(terms) => terms.matches(message),
            Form::Json(conditions) => conditions.matches(message),
            Form::Fields(fields) => fields.matches(message),
        }
    }
}

fn form(text: &str) -> Result<Form, Fault> {
    if text.chars().count() > MAX_CHARS {
        let span = Span { start: 0, end: text.len() };
        return Err(Fault::new(span, format!("a filter pattern has at most {MAX_CHARS} characters")));
    }
    let mut cursor = Cursor::new(text);
    cursor.skip_blanks();
    let form = match cursor.peek() {
        Some('{') => Form::Json(json::Conditions::parse(&mut cursor)?),
        Some('[') => Form::Fields(fields::Fields::parse(&mut cursor)?),
        _ => Form::Terms(terms::Terms::parse(&mut cursor)?),
    };
    cursor.skip_blanks();
    match cursor.peek() {
        None => Ok(form),
        Some(_) => Err(Fault::new(cursor.rest_span(), "nothing may follow the end of the pattern")),
    }
}
