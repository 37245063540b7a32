//! Names of fields: `body`, `attributes.a.b`, `attributes["a.b"]`, `resource.c`.

use model::{Arena, Batch, List, Span, Value};
use serde::de::{Deserialize, Deserializer, Error};

use super::entry::Entry;
use crate::fields::text_span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Body,
    Attributes,
    Resource,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub root: Root,
    pub path: Vec<Box<[u8]>>,
    /// As it was written, for messages.
    pub text: String,
}

impl Field {
    pub fn body() -> Field {
        Field { root: Root::Body, path: Vec::new(), text: "body".to_owned() }
    }

    pub fn attributes() -> Field {
        Field { root: Root::Attributes, path: Vec::new(), text: "attributes".to_owned() }
    }

    pub fn attribute(name: &str) -> Field {
        let text = format!("attributes[\"{name}\"]");
        Field { root: Root::Attributes, path: vec![name.as_bytes().into()], text }
    }

    pub fn parse(text: &str) -> Result<Field, String> {
        let (field, rest) = Field::parse_start(text)?;
        if rest.is_empty() { Ok(field) } else { Err(format!("`{text}` is no field, from `{rest}` on")) }
    }

    /// Reads the field at the start of a text; also gives what is behind it.
    pub fn parse_start(text: &str) -> Result<(Field, &str), String> {
        let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, mut rest) = text.split_at(word(text));
        let root = match name {
            "body" => Root::Body,
            "attributes" => Root::Attributes,
            "resource" => Root::Resource,
            _ => return Err(format!("`{text}`: a field begins with `body`, `attributes` or `resource`")),
        };
        let mut path = Vec::new();
        loop {
            if let Some(after) = rest.strip_prefix("?.").or(rest.strip_prefix('.')) {
                // Outside of expressions a dash and the like are part of a name.
                let end = after.find(|c: char| ".[] \t=!<>()+,&|?".contains(c)).unwrap_or(after.len());
                if end == 0 {
                    return Err(format!("`{text}`: a name is missing behind the dot"));
                }
                path.push(after.as_bytes()[..end].into());
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let (name, after) = bracketed(after)
                    .ok_or_else(|| format!("`{text}`: a name in brackets is written `[\"name\"]`"))?;
                path.push(name.as_bytes().into());
                rest = after;
            } else {
                let text = text[..text.len() - rest.len()].to_owned();
                return Ok((Field { root, path, text }, rest));
            }
        }
    }

    pub fn get(&self, batch: &Batch, entry: &Entry) -> Option<Value> {
        let root = entry.root(batch, self.root);
        let found = self.path.iter().try_fold(root, |value, key| batch.arena.member(value, key))?;
        if found == Value::Null { None } else { Some(found) }
    }

    /// Where its text lies. An error when it is not there or no text.
    pub fn text(&self, batch: &mut Batch, entry: &Entry) -> Result<Span, String> {
        let value = self.get(batch, entry).ok_or_else(|| self.missing())?;
        text_span(&mut batch.arena, value).ok_or_else(|| format!("`{}` is no text", self.text))
    }

    pub fn missing(&self) -> String {
        format!("`{}` is not there", self.text)
    }

    /// Sets it. The entries of a map are added to a map that is there already.
    pub fn set(&self, batch: &mut Batch, entry: &mut Entry, value: Value) -> Result<(), String> {
        let value = batch.arena.expand_map(value);
        if self.root != Root::Body && self.path.is_empty() && !matches!(value, Value::Map(_)) {
            return Err(format!("`{}` can only be set to a map", self.text));
        }
        let mut root = entry.root_to_change(batch, self.root);
        put(&mut batch.arena, &mut root, &self.path, value);
        entry.set_root(self.root, root);
        Ok(())
    }

    /// Takes it away; `None` when it is not there.
    pub fn remove(&self, batch: &mut Batch, entry: &mut Entry) -> Option<Value> {
        let mut root = entry.root_to_change(batch, self.root);
        let Some((last, way)) = self.path.split_last() else {
            let empty = if self.root == Root::Body { Value::Null } else { Value::Map(List::EMPTY) };
            entry.set_root(self.root, empty);
            return Some(root).filter(|root| *root != Value::Null);
        };
        let taken = take(&mut batch.arena, &mut root, way, last);
        entry.set_root(self.root, root);
        taken
    }
}

/// Behind an opening bracket: the quoted name, and what is behind the closing one.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (name, rest) = text[1..].split_once(quote)?;
    Some((name, rest.strip_prefix(']')?)).filter(|(name, _)| !name.is_empty())
}

trait ExpandMap {
    fn expand_map(&mut self, value: Value) -> Value;
}

impl ExpandMap for Arena {
    /// A raw JSON object becomes a map, other values stay as they are.
    fn expand_map(&mut self, value: Value) -> Value {
        match value {
            Value::Json(span) if self.bytes(span).starts_with(b"{") => self.expand(value),
            other => other,
        }
    }
}

fn put(arena: &mut Arena, at: &mut Value, path: &[Box<[u8]>], value: Value) {
    let here = arena.expand_map(*at);
    let Some((key, rest)) = path.split_first() else {
        *at = match (here, value) {
            (Value::Map(mut list), Value::Map(new)) => {
                let new: Vec<(Span, Value)> =
                    arena.iter(new).map(|(_, node)| (node.key, node.value)).collect();
                for (key, value) in new {
                    match arena.find(list, arena.bytes(key)) {
                        Some(id) => arena.set_value(id, value),
                        None => drop(arena.push(&mut list, key, value)),
                    }
                }
                Value::Map(list)
            }
            (_, value) => value,
        };
        return;
    };
    let mut list = if let Value::Map(list) = here { list } else { List::EMPTY };
    let mut inner = arena.get(list, key).unwrap_or(Value::Null);
    put(arena, &mut inner, rest, value);
    arena.set(&mut list, key, inner);
    *at = Value::Map(list);
}

fn take(arena: &mut Arena, at: &mut Value, way: &[Box<[u8]>], last: &[u8]) -> Option<Value> {
    let Value::Map(mut list) = arena.expand_map(*at) else { return None };
    let taken = match way.split_first() {
        None => {
            let value = arena.get(list, last);
            arena.remove(&mut list, last);
            value
        }
        Some((key, rest)) => {
            let mut inner = arena.get(list, key)?;
            let value = take(arena, &mut inner, rest, last);
            arena.set(&mut list, key, inner);
            value
        }
    };
    *at = Value::Map(list);
    taken
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Field::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_fields() {
        for (text, root, path) in [
            ("body", Root::Body, vec![]),
            ("body.a.b", Root::Body, vec!["a", "b"]),
            ("attributes[\"a.b\"]", Root::Attributes, vec!["a.b"]),
            ("attributes['a b'].c", Root::Attributes, vec!["a b", "c"]),
            ("resource.service-name", Root::Resource, vec!["service-name"]),
            ("resource[\"k8s.pod.name\"]", Root::Resource, vec!["k8s.pod.name"]),
        ] {
            let field = Field::parse(text).unwrap();
            let names: Vec<_> = field.path.iter().map(|key| std::str::from_utf8(key).unwrap()).collect();
            assert_eq!((field.root, names), (root, path), "{text}");
        }
        for text in
            ["", "a", "$body", "body.", "body[a]", "body[\"a\"", "attributes..a", "body a", "body[\"\"]"]
        {
            assert!(Field::parse(text).is_err(), "{text}");
        }
    }
}
