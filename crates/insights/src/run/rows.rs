//! The commands that need one row at a time.

use std::ops::Range;

use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;

use crate::aggregate::set;
use crate::expr::Env;
use crate::json;
use crate::program::Window;
use crate::row::Row;
use crate::step::{RowStep, Step};
use crate::value::Value;
use std::borrow::Cow;

/// Rows that one row may become by `unnest`.
const MOST_UNNESTED: usize = 100_000;

/// Memory used again from row to row.
#[derive(Debug, Default)]
pub struct Scratch {
    found: Vec<Range<usize>>,
    /// One for each `parse` with an expression, by its place among the steps.
    captures: Vec<Option<Captures>>,
}

/// Runs a row through steps, and calls `emit` for each row that comes out.
pub fn walk<'r>(
    steps: &'r [Step],
    row: &'r dyn Row,
    window: Window,
    variables: &mut Vec<Value<'r>>,
    scratch: &mut Scratch,
    emit: &mut dyn FnMut(&Env<'_, 'r>),
) {
    let mut walk = Walk { steps, row, window, scratch, emit, left: MOST_UNNESTED };
    walk.from(0, variables);
}

struct Walk<'w, 'r> {
    steps: &'r [Step],
    row: &'r dyn Row,
    window: Window,
    scratch: &'w mut Scratch,
    emit: &'w mut dyn FnMut(&Env<'_, 'r>),
    /// Rows that may still come out.
    left: usize,
}

impl<'r> Walk<'_, 'r> {
    fn from(&mut self, start: usize, variables: &mut Vec<Value<'r>>) {
        let steps = self.steps;
        for (place, step) in steps.iter().enumerate().skip(start) {
            let Step::Row(step) = step else { break };
            let env = Env { row: self.row, variables, window: self.window };
            match step {
                RowStep::Filter(expr) if expr.holds(&env) => {}
                RowStep::Filter(_) => return,
                RowStep::Let(slot, expr) => {
                    let value = expr.eval(&env);
                    set(variables, *slot, value);
                }
                RowStep::Glob { source, glob, slots } => {
                    let text = source.eval(&env).string();
                    let found = &mut self.scratch.found;
                    let matched = text.as_ref().is_some_and(|text| glob.find(text, found));
                    for (place, slot) in slots.iter().enumerate() {
                        let range = if matched { found.get(place).cloned() } else { None };
                        set(variables, *slot, part(text.as_ref(), range));
                    }
                }
                RowStep::Groups { source, regex, slots } => {
                    let text = source.eval(&env).string();
                    let captures = captures(self.scratch, place, regex);
                    match &text {
                        Some(text) => regex.captures(text.as_bytes(), captures),
                        None => captures.clear(),
                    }
                    for (group, slot) in slots {
                        let range = captures.get_group(*group).map(|span| span.start..span.end);
                        set(variables, *slot, part(text.as_ref(), range));
                    }
                }
                RowStep::Unnest(expr, slot) => {
                    let value = expr.eval(&env);
                    return self.unnest(value, place, *slot, variables);
                }
            }
        }
        if self.left > 0 {
            self.left -= 1;
            (self.emit)(&Env { row: self.row, variables, window: self.window });
        }
    }

    /// Goes on with each item of a list, or with the value itself.
    fn unnest(&mut self, value: Value<'r>, place: usize, slot: usize, variables: &mut Vec<Value<'r>>) {
        let items = match value {
            Value::List(Cow::Borrowed(text)) => json::items(text),
            Value::List(Cow::Owned(text)) => json::items(&text).into_iter().map(Value::into_owned).collect(),
            other => vec![other],
        };
        let before = variables.clone();
        for item in items {
            if self.left == 0 {
                return;
            }
            variables.clone_from(&before);
            set(variables, slot, item);
            self.from(place + 1, variables);
        }
    }
}

/// A part of a text, borrowing as the text does.
fn part<'r>(text: Option<&Cow<'r, str>>, range: Option<Range<usize>>) -> Value<'r> {
    match (text, range) {
        (Some(Cow::Borrowed(text)), Some(range)) => Value::Text(Cow::Borrowed(&text[range])),
        (Some(Cow::Owned(text)), Some(range)) => Value::Text(Cow::Owned(text[range].to_owned())),
        _ => Value::Null,
    }
}

fn captures<'s>(scratch: &'s mut Scratch, place: usize, regex: &Regex) -> &'s mut Captures {
    if scratch.captures.len() <= place {
        scratch.captures.resize(place + 1, None);
    }
    scratch.captures[place].get_or_insert_with(|| regex.create_captures())
}
