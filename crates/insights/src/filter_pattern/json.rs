//! Conditions on the members of a message that is JSON: `{ $.status >= 500 && $.user.name = "ann*" }`.

use std::borrow::Cow;

use model::json;

use super::condition::Condition;
use super::cursor::Cursor;
use super::operand::Comparison;
use crate::error::Fault;
use crate::json::value;
use crate::number::{self, Number};
use crate::value::Value;

/// Wildcards in all selectors of a pattern together; in one there is at most one.
const MAX_WILDCARDS: usize = 3;

/// A value without quotation marks ends before these.
const ENDS: &str = "(){}&|<>=!\"";

#[derive(Debug)]
pub struct Conditions(Condition<One>);

#[derive(Debug)]
struct One {
    selector: Vec<Step>,
    test: Test,
}

#[derive(Debug)]
enum Step {
    Key(Box<str>),
    Index(usize),
    /// Any member or item.
    Any,
}

#[derive(Debug)]
enum Test {
    Compare(Comparison),
    /// `null`, `true` or `false`.
    Is(&'static str),
    NotExists,
}

impl Conditions {
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Conditions, Fault> {
        cursor.needs("{")?;
        let mut n_wildcards = 0;
        let condition = Condition::parse(cursor, &mut |cursor| One::parse(cursor, &mut n_wildcards))?;
        cursor.needs("}")?;
        Ok(Conditions(condition))
    }

    /// False of a message that is no JSON.
    pub fn matches(&self, message: &str) -> bool {
        let Ok(range) = json::value_range(message.as_bytes()) else { return false };
        let raw = &message[range];
        self.0.holds(&|one: &One| one.holds(raw))
    }
}

impl One {
    fn parse(cursor: &mut Cursor<'_>, n_wildcards: &mut usize) -> Result<One, Fault> {
        cursor.skip_blanks();
        let start = cursor.at();
        if !cursor.takes("$") {
            return Err(Fault::new(cursor.here(), "a selector starts with `$.`").expected(["$."]));
        }
        let mut selector = Vec::new();
        while let Some(step) = step(cursor)? {
            selector.push(step);
        }
        let span = cursor.since(start);
        if selector.is_empty() {
            return Err(Fault::new(span, "`$` alone selects nothing; name a member, as `$.level`"));
        }
        let wildcards = selector.iter().filter(|step| matches!(step, Step::Any)).count();
        *n_wildcards += wildcards;
        if wildcards > 1 {
            return Err(Fault::new(span, "a selector has at most one wildcard"));
        }
        if *n_wildcards > MAX_WILDCARDS {
            return Err(Fault::new(
                span,
                format!("a pattern has at most {MAX_WILDCARDS} wildcard selectors"),
            ));
        }
        Ok(One { selector, test: Test::parse(cursor)? })
    }

    fn holds(&self, raw: &str) -> bool {
        match &self.test {
            Test::NotExists => !selected(raw, &self.selector, &|_| true),
            Test::Is(word) => selected(raw, &self.selector, &|found| found == *word),
            Test::Compare(comparison) => selected(raw, &self.selector, &|found| {
                scalar(found).is_some_and(|(text, number)| comparison.holds(&text, number))
            }),
        }
    }
}

/// `.name`, `.*`, `['a name']`, `.['a name']`, `[0]` or `[*]`; nothing at the selector's end.
fn step(cursor: &mut Cursor<'_>) -> Result<Option<Step>, Fault> {
    let start = cursor.at();
    let dot = cursor.peek() == Some('.') && cursor.takes(".");
    if cursor.peek() == Some('[') {
        cursor.takes("[");
        return bracketed(cursor, start).map(Some);
    }
    if !dot {
        return Ok(None);
    }
    if cursor.peek() == Some('*') {
        cursor.takes("*");
        return Ok(Some(Step::Any));
    }
    let name = cursor.run(|letter| !letter.is_whitespace() && !".[](){}=!<>&|\"%,'".contains(letter));
    match name {
        "" => Err(Fault::new(cursor.here(), "the name of a member is missing here")),
        name => Ok(Some(Step::Key(name.into()))),
    }
}

fn bracketed(cursor: &mut Cursor<'_>, start: usize) -> Result<Step, Fault> {
    let step = if cursor.takes("*") {
        Step::Any
    } else if cursor.takes("'") {
        let name = cursor.run(|letter| letter != '\'');
        cursor.needs("'")?;
        Step::Key(name.into())
    } else {
        let digits = cursor.run(|letter| letter.is_ascii_digit());
        let index = digits.parse().map_err(|_| {
            let message = "between brackets stand a number from 0, `*`, or a name in single quotation marks";
            Fault::new(cursor.since(start), message).expected(["[0]", "[*]", "['a.name']"])
        })?;
        Step::Index(index)
    };
    cursor.needs("]")?;
    Ok(step)
}

impl Test {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Test, Fault> {
        cursor.skip_blanks();
        let start = cursor.at();
        if cursor.takes_word("NOT") {
            return match cursor.takes_word("EXISTS") {
                true => Ok(Test::NotExists),
                false => Err(Fault::new(cursor.here(), "after `NOT` comes `EXISTS`").expected(["EXISTS"])),
            };
        }
        if cursor.takes_word("IS") {
            let words = [("NULL", "null"), ("TRUE", "true"), ("FALSE", "false")];
            return match words.into_iter().find(|(word, _)| cursor.takes_word(word)) {
                Some((_, raw)) => Ok(Test::Is(raw)),
                None => {
                    let message = "after `IS` comes `NULL`, `TRUE` or `FALSE`";
                    Err(Fault::new(cursor.here(), message).expected(["NULL", "TRUE", "FALSE"]))
                }
            };
        }
        if cursor.takes_word("EXISTS") {
            let message = "there is no `EXISTS`; `= *` is true of a member that has a value";
            return Err(Fault::new(cursor.since(start), message).expected(["= *", "NOT EXISTS"]));
        }
        Comparison::parse(cursor, ENDS).map(Test::Compare)
    }
}

/// Whether the test is true of anything that the selector finds in raw JSON.
fn selected(raw: &str, selector: &[Step], test: &dyn Fn(&str) -> bool) -> bool {
    let Some((step, rest)) = selector.split_first() else { return test(raw) };
    let mut found = false;
    let whole = match raw.as_bytes().first() {
        Some(b'{') => json::members(raw.as_bytes(), |member| {
            found = found
                || step.is_key(&raw[member.key.clone()], member.escaped)
                    && selected(&raw[member.value], rest, test);
        }),
        Some(b'[') => {
            let mut index = 0;
            json::items(raw.as_bytes(), |place| {
                found = found || step.is_index(index) && selected(&raw[place], rest, test);
                index += 1;
            })
        }
        _ => Ok(()),
    };
    debug_assert!(whole.is_ok(), "bug: the whole message is valid");
    found
}

impl Step {
    fn is_key(&self, raw: &str, escaped: bool) -> bool {
        match self {
            Step::Key(name) if escaped => json::unescaped(raw.as_bytes()) == name.as_bytes(),
            Step::Key(name) => raw == &**name,
            Step::Index(_) => false,
            Step::Any => true,
        }
    }

    fn is_index(&self, index: usize) -> bool {
        match self {
            Step::Key(_) => false,
            Step::Index(wanted) => index == *wanted,
            Step::Any => true,
        }
    }
}

/// A string or a number as text, a number as such too; objects, arrays and null are never compared.
fn scalar(raw: &str) -> Option<(Cow<'_, str>, Option<Number>)> {
    match value(raw) {
        Value::Null | Value::Map(_) | Value::List(_) => None,
        Value::Text(text) if raw.starts_with('"') => Some((text, None)),
        Value::Bool(_) => Some((Cow::Borrowed(raw), None)),
        _ => Some((Cow::Borrowed(raw), number::parse(raw))),
    }
}
