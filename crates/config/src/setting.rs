//! A tree of settings in which every value and key knows where it was written.
//!
//! A setting may be `hidden`: a credential, or text that came from a variable that names one. Hidden values
//! are never printed, by `Debug` no more than by `explain` or a diagnostic.

use std::fmt;
use std::time::Duration;

use crate::{Interval, Origin};

#[derive(Clone, PartialEq, Default)]
pub struct Setting {
    pub node: Node,
    pub origin: Option<Origin>,
    pub hidden: bool,
}

#[derive(Clone, PartialEq, Default)]
pub enum Node {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    List(Vec<Setting>),
    Map(Vec<(Key, Setting)>),
}

#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    pub origin: Option<Origin>,
}

impl Key {
    pub fn new(name: impl Into<String>) -> Self {
        Key { name: name.into(), origin: None }
    }
}

impl Setting {
    pub fn map() -> Self {
        Setting::from(Node::Map(Vec::new()))
    }

    pub fn list(items: impl IntoIterator<Item = impl Into<Setting>>) -> Self {
        Setting::from(Node::List(items.into_iter().map(Into::into).collect()))
    }

    pub fn at(mut self, origin: impl Into<Option<Origin>>) -> Self {
        self.origin = origin.into();
        self
    }

    /// Hides it with everything in it.
    pub fn hide(mut self) -> Self {
        self.hidden = true;
        match &mut self.node {
            Node::List(items) => items.iter_mut().for_each(|item| *item = std::mem::take(item).hide()),
            Node::Map(entries) => {
                entries.iter_mut().for_each(|(_, value)| *value = std::mem::take(value).hide())
            }
            _ => {}
        }
        self
    }

    /// Sets a key of a map, replacing one of that name; turns anything else into a map first.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Setting>) -> Self {
        self.set(name, value);
        self
    }

    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Setting>) {
        self.set_key(Key::new(name), value.into());
    }

    pub fn set_key(&mut self, mut key: Key, value: Setting) {
        key.origin = key.origin.or(value.origin);
        let entries = self.entries_mut();
        match entries.iter_mut().find(|(k, _)| k.name == key.name) {
            Some(entry) => *entry = (key, value),
            None => entries.push((key, value)),
        }
    }

    /// The entries of a map; what was no map becomes an empty one.
    pub fn entries_mut(&mut self) -> &mut Vec<(Key, Setting)> {
        if !matches!(self.node, Node::Map(_)) {
            self.node = Node::Map(Vec::new());
        }
        match &mut self.node {
            Node::Map(entries) => entries,
            _ => unreachable!("bug: it was made a map above"),
        }
    }

    pub fn entries(&self) -> &[(Key, Setting)] {
        match &self.node {
            Node::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Setting] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    pub fn remove(&mut self, name: &str) -> Option<Setting> {
        let Node::Map(entries) = &mut self.node else { return None };
        let index = entries.iter().position(|(key, _)| key.name == name)?;
        Some(entries.remove(index).1)
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.node {
            Node::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The tree as JSON for `explain`, hidden values masked.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        if self.hidden && self.node != Node::Null {
            return Value::from("***");
        }
        match &self.node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::from(*value),
            Node::Int(value) => Value::from(*value),
            Node::Float(value) => Value::from(*value),
            Node::Str(text) => Value::from(text.as_str()),
            Node::List(items) => items.iter().map(Setting::to_json).collect(),
            Node::Map(entries) => {
                entries.iter().map(|(key, value)| (key.name.clone(), value.to_json())).collect()
            }
        }
    }

    /// The value as a message names it: short, quoted, and never a secret.
    pub fn describe(&self) -> String {
        match &self.node {
            _ if self.hidden => "a value that is not shown".into(),
            Node::Null => "nothing".into(),
            Node::Bool(value) => format!("`{value}`"),
            Node::Int(value) => format!("`{value}`"),
            Node::Float(value) => format!("`{value}`"),
            Node::Str(text) if text.chars().count() > 60 => {
                format!("`{}...`", text.chars().take(57).collect::<String>().escape_debug())
            }
            Node::Str(text) => format!("`{}`", text.replace(char::is_control, " ")),
            Node::List(_) => "a list".into(),
            Node::Map(_) => "a map".into(),
        }
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hidden { f.write_str("***") } else { self.node.fmt(f) }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Null => f.write_str("null"),
            Node::Bool(value) => value.fmt(f),
            Node::Int(value) => value.fmt(f),
            Node::Float(value) => value.fmt(f),
            Node::Str(value) => value.fmt(f),
            Node::List(items) => f.debug_list().entries(items).finish(),
            Node::Map(entries) => f.debug_map().entries(entries.iter().map(|(k, v)| (k, v))).finish(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl From<Node> for Setting {
    fn from(node: Node) -> Self {
        Setting { node, origin: None, hidden: false }
    }
}

macro_rules! setting_from {
    ($($from:ty, $value:ident => $node:expr;)*) => {$(
        impl From<$from> for Setting {
            fn from($value: $from) -> Self {
                Setting::from($node)
            }
        }
    )*};
}

setting_from! {
    bool, value => Node::Bool(value);
    i32, value => Node::Int(value.into());
    u32, value => Node::Int(value.into());
    i64, value => Node::Int(value);
    u64, value => i64::try_from(value).map_or(Node::Float(value as f64), Node::Int);
    usize, value => i64::try_from(value).map_or(Node::Float(value as f64), Node::Int);
    f64, value => Node::Float(value);
    &str, value => Node::Str(value.into());
    String, value => Node::Str(value);
    Duration, value => Node::Str(Interval(value).to_string());
    Vec<Setting>, value => Node::List(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_value_is_never_printed() {
        let setting = Setting::map().with("api_key", Setting::from("s3cr3t").hide()).with("port", 80);
        assert_eq!(format!("{setting:?}"), r#"{api_key: ***, port: 80}"#);
        assert_eq!(setting.to_json().to_string(), r#"{"api_key":"***","port":80}"#);
        assert!(!setting.get("api_key").unwrap().describe().contains("s3cr3t"));
    }

    #[test]
    fn setting_a_key_again_replaces_it() {
        let setting = Setting::map().with("a", 1).with("a", 2);
        assert_eq!(setting.entries().len(), 1);
        assert_eq!(setting.get("a").unwrap().node, Node::Int(2));
    }
}
