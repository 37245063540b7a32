//! A ready-made row: a message with its time, generated fields and attributes; other fields are found in its JSON.

mod lambda;
mod vpc;

use std::cell::{Cell, RefCell};
use std::ops::Range;

use crate::json;
use crate::path::{Needs, Path};
use crate::row::Row;
use crate::value::Value;

/// Finds the fields that a program needs in messages. One serves any number of events, one after the other.
#[derive(Debug)]
pub struct Discovery {
    /// By the number of the path: its name inside the JSON, if it can be there.
    names: Vec<Option<Box<str>>>,
    /// Where the fields of the latest event are.
    found: RefCell<Vec<Option<Range<usize>>>>,
    /// The event they were found in.
    latest: Cell<u64>,
    next: Cell<u64>,
}

impl Discovery {
    pub fn new(needs: &Needs) -> Discovery {
        let name = |path: &Path| (!path.is_generated()).then(|| inner_name(path.name()).into());
        Discovery {
            names: needs.paths().iter().map(name).collect(),
            found: RefCell::new(vec![None; needs.paths().len()]),
            latest: Cell::new(0),
            next: Cell::new(1),
        }
    }
}

/// A member whose key starts with `@` is named with one more.
fn inner_name(name: &str) -> &str {
    if name.starts_with("@@") { &name[1..] } else { name }
}

/// A log event.
///
/// A row with columns of its own can answer what it knows and ask an event for the rest.
///
/// A field is looked for among the generated names, then in `attributes`, then in the message: its JSON (the first
/// 200 values), a flow log's columns, and for log groups named `/aws/lambda/..` the JSON inside a line and the
/// platform's own lines. The message is read at most once, and only for a field not found before.
#[derive(Debug)]
pub struct Event<'a> {
    discovery: &'a Discovery,
    number: u64,
    timestamp_ms: i64,
    message: &'a str,
    /// `@logStream`, `@log`, `@ingestionTime`, `@ptr`, `@entity.*` by their names.
    pub generated: &'a [(&'a str, Value<'a>)],
    /// Promoted columns and attributes by their names. They hide members of the message.
    pub attributes: &'a [(&'a str, Value<'a>)],
}

impl<'a> Event<'a> {
    pub fn new(discovery: &'a Discovery, timestamp_ms: i64, message: &'a str) -> Event<'a> {
        let number = discovery.next.get();
        discovery.next.set(number + 1);
        Event { discovery, number, timestamp_ms, message, generated: &[], attributes: &[] }
    }

    fn given(&self, name: &str) -> Option<Value<'_>> {
        let given = self.generated.iter().chain(self.attributes).find(|(known, _)| *known == name);
        given.map(|(_, value)| value.borrowed()).or_else(|| self.inside_given(name))
    }

    /// A part of an attribute that is a map or list.
    fn inside_given(&self, name: &str) -> Option<Value<'_>> {
        self.attributes.iter().filter(|(_, value)| value.is_nested()).find_map(|(known, value)| {
            let rest = name.strip_prefix(known)?.strip_prefix('.')?;
            Some(value.inside(rest)).filter(|found| !found.is_null())
        })
    }

    fn is_lambda(&self) -> bool {
        let log = self.generated.iter().find(|(name, _)| *name == "@log");
        log.and_then(|(_, value)| value.shown()).is_some_and(|log| log.contains("/aws/lambda/"))
    }

    /// The part of the message that may be a JSON object.
    fn json(&self) -> Option<Range<usize>> {
        let trimmed = self.message.trim_start();
        if trimmed.starts_with('{') {
            return Some(self.message.len() - trimmed.len()..self.message.len());
        }
        if !self.is_lambda() {
            return None;
        }
        let (start, end) = (self.message.find('{')?, self.message.rfind('}')?);
        (start < end).then_some(start..end + 1)
    }

    fn discovered(&self, path: &Path) -> Value<'_> {
        let discovery = self.discovery;
        let Some(Some(name)) = discovery.names.get(path.index()) else { return Value::Null };
        let Some(json) = self.json() else {
            return vpc::field(self.message, path.name());
        };
        let text = &self.message[json];
        let mut found = discovery.found.borrow_mut();
        if discovery.latest.replace(self.number) != self.number {
            json::discover(text, |slot| discovery.names[slot].as_deref(), &mut found);
        }
        debug_assert!(!name.is_empty());
        found[path.index()].clone().map_or(Value::Null, |range| json::value(&text[range]))
    }
}

impl Row for Event<'_> {
    fn field(&self, path: &Path) -> Value<'_> {
        let name = path.name();
        match name {
            "@timestamp" => return Value::Time(self.timestamp_ms),
            "@message" => return Value::text(self.message),
            _ => {}
        }
        if let Some(given) = self.given(name) {
            return given;
        }
        if path.is_generated() {
            return if self.is_lambda() { lambda::field(self.message, name) } else { Value::Null };
        }
        self.discovered(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_where_they_are() {
        let mut needs = Needs::default();
        let names = ["@log", "status", "a.b", "@@id", "@id", "level", "@message", "@timestamp"];
        let paths = names.map(|name| needs.path(name));
        let discovery = Discovery::new(&needs);
        let (generated, attributes) = ([("@log", Value::text("1:g"))], [("status", Value::Int(1))]);
        let message = r#" {"status":2,"a":{"b":"x"},"@id":3,"level":null}"#;
        let mut event = Event::new(&discovery, 5, message);
        (event.generated, event.attributes) = (&generated, &attributes);
        let expected = [
            Value::text("1:g"),
            Value::Int(1),
            Value::text("x"),
            Value::Int(3),
            Value::Null,
            Value::Null,
            Value::text(message),
            Value::Time(5),
        ];
        assert_eq!(paths.each_ref().map(|path| event.field(path)), expected);
        let attributes = [("a", Value::Map(r#"{"b":9}"#.into()))];
        let mut nested = Event::new(&discovery, 6, "");
        nested.attributes = &attributes;
        assert_eq!(nested.field(&paths[2]), Value::Int(9));
        let other = Event::new(&discovery, 6, r#"{"a":{"b":"y"}}"#);
        assert_eq!(other.field(&paths[2]), Value::text("y"));
        assert_eq!(event.field(&paths[2]), Value::text("x"), "events may be asked in turn");
    }
}
