//! The labels of one series, sorted, in one piece of text that serves series after series.

use std::borrow::Cow;
use std::fmt::Write;

use base64::prelude::{BASE64_STANDARD, Engine};
use model::{Arena, List, Value, json};

use super::names::write_label_name;

/// Where name and value lie in the text.
#[derive(Debug, Clone, Copy)]
struct Entry {
    name: (usize, usize),
    value: (usize, usize),
}

/// What happens to a label whose name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Keep,
    Replace,
    /// Both values, a semicolon between them.
    Join,
}

#[derive(Debug, Default)]
pub(super) struct Labels {
    text: String,
    entries: Vec<Entry>,
    name: String,
    value: String,
}

/// A place to return to: what several series have in common.
pub(super) struct Common {
    text: usize,
    entries: Vec<Entry>,
}

impl Labels {
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    pub fn common(&self) -> Common {
        Common { text: self.text.len(), entries: self.entries.clone() }
    }

    pub fn return_to(&mut self, common: &Common) {
        self.text.truncate(common.text);
        self.entries.clone_from(&common.entries);
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (self.part(entry.name), self.part(entry.value)))
    }

    fn part(&self, (start, end): (usize, usize)) -> &str {
        &self.text[start..end]
    }

    /// Adds a label. One without a value is as good as none, and must not be sent.
    pub fn put(&mut self, name: &str, value: &str, taken: Taken) {
        if name.is_empty() || value.is_empty() {
            return;
        }
        match self.entries.binary_search_by(|entry| self.part(entry.name).cmp(name)) {
            Ok(place) => match taken {
                Taken::Keep => {}
                Taken::Replace => self.entries[place].value = self.store(value),
                Taken::Join => {
                    let both = format!("{};{value}", self.part(self.entries[place].value));
                    self.entries[place].value = self.store(&both);
                }
            },
            Err(place) => {
                let entry = Entry { name: self.store(name), value: self.store(value) };
                self.entries.insert(place, entry);
            }
        }
    }

    fn store(&mut self, text: &str) -> (usize, usize) {
        let start = self.text.len();
        self.text.push_str(text);
        (start, self.text.len())
    }

    /// Adds attributes, in the order of their keys; keys that become the same label share it.
    pub fn put_attributes(&mut self, arena: &Arena, attributes: &[(&[u8], Value)], prefix: &str) {
        let (mut name, mut value) = (std::mem::take(&mut self.name), std::mem::take(&mut self.value));
        for (key, content) in attributes {
            name.clear();
            name.push_str(prefix);
            write_label_name(&String::from_utf8_lossy(key), &mut name);
            value.clear();
            write_text(arena, *content, &mut value);
            self.put(&name, &value, Taken::Join);
        }
        (self.name, self.value) = (name, value);
    }
}

/// Attributes sorted by key, of repeated keys the last.
pub(super) fn sorted<'a>(arena: &'a Arena, lists: &[List]) -> Vec<(&'a [u8], Value)> {
    let nodes = lists.iter().flat_map(|list| arena.iter(*list));
    let mut all: Vec<(&[u8], Value)> = nodes.map(|(_, node)| (arena.bytes(node.key), node.value)).collect();
    all.reverse();
    // Stable, so the last of equal keys, which is now the first, stays so.
    all.sort_by_key(|(key, _)| *key);
    all.dedup_by_key(|(key, _)| *key);
    all
}

/// An attribute's value as text.
pub(super) fn write_text(arena: &Arena, value: Value, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Null => Ok(()),
        Value::Bool(flag) => write!(out, "{flag}"),
        Value::Int(int) => write!(out, "{int}"),
        Value::Uint(uint) => write!(out, "{uint}"),
        Value::Double(double) => out.write_str(&number(double)),
        Value::Bytes(span) => {
            BASE64_STANDARD.encode_string(arena.bytes(span), out);
            Ok(())
        }
        Value::Str(span) => out.write_str(&String::from_utf8_lossy(arena.bytes(span))),
        Value::Json(_) | Value::Map(_) | Value::Array(_) => match arena.text(value) {
            Some(text) => out.write_str(&String::from_utf8_lossy(&text)),
            None => {
                let mut text = Vec::new();
                json::write_value(arena, value, &mut text);
                out.write_str(&String::from_utf8_lossy(&text))
            }
        },
    };
}

/// A number as Prometheus writes it in labels.
pub(super) fn number(double: f64) -> Cow<'static, str> {
    match double {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        _ => double.to_string().into(),
    }
}
