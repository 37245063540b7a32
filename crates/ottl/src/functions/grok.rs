//! Grok: expressions made of named patterns, `%{NAME:field:type}`.
//!
//! The library holds the names that the field's configurations use most; others are given as definitions.

mod library;

use model::Value;

use crate::pattern::{Regex, regex};

pub struct Grok {
    pub regex: Regex,
    /// The name of a group and the field it fills. Fields may have dots, groups cannot.
    pub fields: Vec<(String, Field)>,
}

pub struct Field {
    pub name: String,
    pub kind: Type,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Type {
    Text,
    Int,
    Double,
    Bool,
}

/// Longest expression that patterns may unfold to, and deepest nesting, so that a definition that names itself ends.
const MAX_LENGTH: usize = 1 << 18;
const MAX_DEPTH: u32 = 32;

impl Grok {
    pub fn compile(pattern: &str, named_only: bool, definitions: &[String]) -> Result<Grok, String> {
        let mut own = Vec::new();
        for definition in definitions {
            let (name, text) = definition.split_once('=').ok_or("a pattern definition is `NAME=regex`")?;
            if name.contains(':') || name.is_empty() {
                return Err(format!("a pattern's name cannot be `{name}`"));
            }
            own.push((name, text));
        }
        let mut unfolding = Unfolding { own, named_only, out: String::new(), fields: Vec::new() };
        unfolding.unfold(pattern, 0)?;
        let Unfolding { out, mut fields, .. } = unfolding;
        let regex = regex(&out)?;
        for name in regex.group_info().pattern_names(regex_automata::PatternID::ZERO).flatten() {
            if !fields.iter().any(|(group, _)| group == name) {
                fields.push((name.to_owned(), Field { name: name.to_owned(), kind: Type::Text }));
            }
        }
        if named_only && fields.is_empty() {
            return Err("at least 1 named capture group must be supplied in the given regex".to_owned());
        }
        Ok(Grok { regex, fields })
    }
}

struct Unfolding<'a> {
    own: Vec<(&'a str, &'a str)>,
    named_only: bool,
    out: String,
    fields: Vec<(String, Field)>,
}

impl Unfolding<'_> {
    fn unfold(&mut self, pattern: &str, depth: u32) -> Result<(), String> {
        if depth == MAX_DEPTH || self.out.len() > MAX_LENGTH {
            return Err("the grok pattern is nested too deeply or too long".to_owned());
        }
        let mut rest = pattern;
        while let Some(start) = rest.find("%{") {
            self.out.push_str(&rest[..start]);
            let inside = &rest[start + 2..];
            let end = inside.find('}').ok_or("`%{` without `}` in the grok pattern")?;
            self.reference(&inside[..end], depth)?;
            rest = &inside[end + 1..];
        }
        self.out.push_str(rest);
        Ok(())
    }

    fn reference(&mut self, reference: &str, depth: u32) -> Result<(), String> {
        let mut parts = reference.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let field = parts.next().filter(|field| !field.is_empty());
        let kind = match parts.next().unwrap_or("string") {
            "int" | "long" => Type::Int,
            "double" | "float" => Type::Double,
            "bool" | "boolean" => Type::Bool,
            "string" => Type::Text,
            other => return Err(format!("unknown type `{other}` in `%{{{reference}}}`")),
        };
        let own = self.own.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        let library = || library::pattern(name).map(str::to_owned);
        let text = own.or_else(library).ok_or_else(|| library::missing(name))?;
        let field = field.or(if self.named_only { None } else { Some(name) });
        match field {
            Some(field) => {
                let group = format!("outrigger_{}", self.fields.len());
                self.out.push_str(&format!("(?P<{group}>"));
                self.fields.push((group, Field { name: field.to_owned(), kind }));
            }
            None => self.out.push_str("(?:"),
        }
        self.unfold(&text, depth + 1)?;
        self.out.push(')');
        Ok(())
    }
}

/// The value of a capture; `None` where it stays text.
pub fn typed(kind: Type, text: &str) -> Result<Option<Value>, String> {
    let wrong = |what: &str| format!("`{text}` is no {what}");
    Ok(Some(match kind {
        Type::Text => return Ok(None),
        Type::Int => Value::Int(text.parse().map_err(|_| wrong("integer"))?),
        Type::Double => Value::Double(text.parse().map_err(|_| wrong("number"))?),
        Type::Bool => Value::Bool(text.parse().map_err(|_| wrong("truth value"))?),
    }))
}
