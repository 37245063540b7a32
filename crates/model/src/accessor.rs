//! Reaching into a record: paths such as `$kubernetes['labels'][0]`, and templates made of text and paths.
//!
//! The syntax is Fluent Bit's record accessor, plus `$['a.b']` for top-level keys that hold dots (Datadog's
//! `dd.trace_id`). A path reads raw JSON in place.

use std::borrow::Cow;
use std::fmt;

use crate::arena::{Arena, Value};
use crate::number;

/// A place in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    key: Box<str>,
    rest: Box<[Segment]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(Box<str>),
    Index(usize),
}

/// Why a path or template is not one: what was expected, at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathError {
    pub at: usize,
    pub expected: &'static str,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at byte {}", self.expected, self.at)
    }
}

impl std::error::Error for PathError {}

impl Path {
    /// A top-level key, whatever characters it holds.
    pub fn key(name: &str) -> Path {
        Path { key: name.into(), rest: [].into() }
    }

    /// Reads `$name['sub'][0]`, `$['name']`, or a plain key name without `$`.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        let Some(after) = text.strip_prefix('$') else { return Ok(Path::key(text)) };
        let (path, used) = Path::parse_prefix(after, 1, |_| false)?;
        if used != after.len() {
            return Err(PathError { at: 1 + used, expected: "`['key']`, `[index]` or the end" });
        }
        Ok(path)
    }

    /// Reads a path behind its `$`; the name runs until `[` or a byte for which `ends` is true.
    fn parse_prefix(text: &str, base: usize, ends: impl Fn(u8) -> bool) -> Result<(Path, usize), PathError> {
        let name_end = text.bytes().position(|b| b == b'[' || ends(b)).unwrap_or(text.len());
        let (mut segments, mut at) = (Vec::new(), name_end);
        while text.as_bytes().get(at) == Some(&b'[') {
            let (segment, used) = parse_segment(&text[at..], base + at)?;
            segments.push(segment);
            at += used;
        }
        if name_end > 0 {
            return Ok((Path { key: text[..name_end].into(), rest: segments.into() }, at));
        }
        if segments.is_empty() {
            return Err(PathError { at: base, expected: "a key name" });
        }
        match segments.remove(0) {
            Segment::Key(key) => Ok((Path { key, rest: segments.into() }, at)),
            Segment::Index(_) => Err(PathError { at: base, expected: "a key, as a record is a map" }),
        }
    }

    /// The key, when the path is nothing but a top-level key.
    pub fn as_key(&self) -> Option<&str> {
        if self.rest.is_empty() { Some(&self.key) } else { None }
    }

    /// The value at this place of a record's body.
    pub fn find(&self, arena: &Arena, body: Value) -> Option<Value> {
        let mut value = arena.member(body, self.key.as_bytes())?;
        for segment in &self.rest {
            value = match segment {
                Segment::Key(key) => arena.member(value, key.as_bytes())?,
                Segment::Index(index) => arena.item(value, *index)?,
            };
        }
        Some(value)
    }

    /// The text at this place; `None` when it is missing or not text.
    pub fn text<'a>(&self, arena: &'a Arena, body: Value) -> Option<Cow<'a, [u8]>> {
        arena.text(self.find(arena, body)?)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.key)?;
        for segment in &self.rest {
            match segment {
                Segment::Key(key) => write!(f, "['{key}']")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn parse_segment(text: &str, at: usize) -> Result<(Segment, usize), PathError> {
    let inner = &text[1..];
    if let Some(quote @ (b'\'' | b'"')) = inner.bytes().next() {
        let body = &inner[1..];
        let stop =
            body.bytes().position(|b| b == quote).ok_or(PathError { at, expected: "a closing quote" })?;
        if body.as_bytes().get(stop + 1) != Some(&b']') {
            return Err(PathError { at: at + 3 + stop, expected: "`]`" });
        }
        return Ok((Segment::Key(body[..stop].into()), stop + 4));
    }
    let stop = inner.find(']').ok_or(PathError { at, expected: "`]`" })?;
    let index =
        inner[..stop].trim().parse().map_err(|_| PathError { at: at + 1, expected: "'key' or a number" })?;
    Ok((Segment::Index(index), stop + 2))
}

/// Text with places of the record, the tag and captures in it: `ecs/$TAG[1]/$service['name']`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    Path(Path),
    Tag,
    /// A part of the tag, split at dots.
    Piece(usize),
    /// A group of the rule's expression.
    Capture(usize),
}

/// What a template is rendered from.
pub struct Scope<'a> {
    pub arena: &'a Arena,
    pub body: Value,
    pub tag: &'a str,
    /// Groups of the expression that matched, 0 the whole match.
    pub captures: &'a [&'a str],
}

impl Template {
    /// Text that stands for itself.
    pub fn literal(text: &str) -> Template {
        Template { parts: vec![Part::Literal(text.into())] }
    }

    /// Reads a template. A key name runs until `.`, space, `,`, `"` or the end (Fluent Bit's rule).
    pub fn parse(text: &str) -> Result<Template, PathError> {
        let (mut parts, mut literal, mut at) = (Vec::new(), String::new(), 0);
        while let Some(ahead) = text[at..].find('$') {
            literal.push_str(&text[at..at + ahead]);
            let dollar = at + ahead;
            let Some((part, used)) = parse_part(&text[dollar + 1..], dollar + 1)? else {
                literal.push('$');
                at = dollar + 1;
                continue;
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal).into()));
            }
            parts.push(part);
            at = dollar + 1 + used;
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        Ok(Template { parts })
    }

    /// The text, when no part of it depends on the record or the tag.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// True when records of one tag may render differently.
    pub fn depends_on_record(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Path(_) | Part::Capture(_)))
    }

    /// Appends the text; a missing value adds nothing. False when anything was missing.
    pub fn render(&self, scope: &Scope<'_>, out: &mut Vec<u8>) -> bool {
        let mut complete = true;
        for part in &self.parts {
            complete &= match part {
                Part::Literal(text) => append(out, Some(text.as_bytes())),
                Part::Tag => append(out, Some(scope.tag.as_bytes())),
                Part::Piece(n) => append(out, scope.tag.split('.').nth(*n).map(str::as_bytes)),
                Part::Capture(n) => append(out, scope.captures.get(*n).map(|text| text.as_bytes())),
                Part::Path(path) => path
                    .find(scope.arena, scope.body)
                    .is_some_and(|value| write_text(scope.arena, value, out)),
            };
        }
        complete
    }
}

fn append(out: &mut Vec<u8>, text: Option<&[u8]>) -> bool {
    out.extend_from_slice(text.unwrap_or_default());
    text.is_some()
}

/// Appends a scalar as plain text. False, and nothing appended, for null, maps and arrays.
fn write_text(arena: &Arena, value: Value, out: &mut Vec<u8>) -> bool {
    match value {
        Value::Null | Value::Map(_) | Value::Array(_) => return false,
        Value::Bool(flag) => out.extend_from_slice(if flag { b"true" } else { b"false" }),
        Value::Int(int) => number::write_int(int, out),
        Value::Uint(uint) => number::write_uint(uint, out),
        Value::Double(double) => number::write_double(double, out),
        Value::Str(span) | Value::Bytes(span) => out.extend_from_slice(arena.bytes(span)),
        Value::Json(span) => match (arena.text(value), arena.bytes(span)) {
            (Some(text), _) => out.extend_from_slice(&text),
            (None, [b'{' | b'[', ..] | b"null") => return false,
            (None, raw) => out.extend_from_slice(raw),
        },
    }
    true
}

/// Reads what follows a `$`. `None` when nothing that could be meant does: the `$` stands for itself.
fn parse_part(text: &str, base: usize) -> Result<Option<(Part, usize)>, PathError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        let group = text[..1].parse().map_err(|_| PathError { at: base, expected: "a digit" })?;
        return Ok(Some((Part::Capture(group), 1)));
    }
    if let Some(after) = text.strip_prefix("TAG") {
        if !after.starts_with('[') {
            return Ok(Some((Part::Tag, 3)));
        }
        return match parse_segment(after, base + 3)? {
            (Segment::Index(n), used) => Ok(Some((Part::Piece(n), 3 + used))),
            (Segment::Key(_), _) => Err(PathError { at: base + 3, expected: "a number, as in `$TAG[1]`" }),
        };
    }
    let ends = |b: u8| matches!(b, b'.' | b' ' | b',' | b'"');
    if text.bytes().next().is_none_or(ends) {
        return Ok(None);
    }
    Path::parse_prefix(text, base, ends).map(|(path, used)| Some((Part::Path(path), used)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Span;

    fn render(template: &str, record: &str, tag: &str, captures: &[&str]) -> (String, bool) {
        let mut arena = Arena::new(record.as_bytes().to_vec());
        let body = Value::Map(arena.parse_object(Span::input(0, record.len())).unwrap());
        let mut out = Vec::new();
        let complete = Template::parse(template)
            .unwrap()
            .render(&Scope { arena: &arena, body, tag, captures }, &mut out);
        (String::from_utf8(out).unwrap(), complete)
    }

    #[test]
    fn templates_render() {
        let record =
            r#"{"svc":"web","svc-prod":"w","n":7,"o":{"a":["x",{"b":true}]},"dd.trace_id":"1f","z":null}"#;
        for (template, expected, complete) in [
            ("plain", "plain", true),
            ("ecs/$TAG", "ecs/a.b.c", true),
            ("$TAG[1]-$TAG[9]", "b-", false),
            ("$svc.$n", "web.7", true),
            ("$svc-prod", "w", true),
            ("$svc/x", "", false),
            ("$o['a'][0],$o['a'][1]['b']", "x,true", true),
            ("$['dd.trace_id']", "1f", true),
            ("$dd.trace_id", ".trace_id", false),
            ("$z|$o", "", false),
            ("$1:$0", "one:all", true),
            ("cost 5$", "cost 5$", true),
            ("a $ b", "a $ b", true),
        ] {
            assert_eq!(
                render(template, record, "a.b.c", &["all", "one"]),
                (expected.into(), complete),
                "{template}"
            );
        }
    }

    #[test]
    fn broken_templates_say_where() {
        for (template, at) in [("$a['b", 2), ("$a[x]", 3), ("$a['b'x", 6), ("$TAG['a']", 4), ("$[0]", 1)] {
            assert_eq!(Template::parse(template).unwrap_err().at, at, "{template}");
        }
    }

    #[test]
    fn plain_names_are_keys() {
        assert_eq!(Path::parse("dd.trace_id").unwrap(), Path::key("dd.trace_id"));
        assert_eq!(Path::parse("$log").unwrap().as_key(), Some("log"));
        assert_eq!(Path::parse("$a['b'][1]").unwrap().to_string(), "$a['b'][1]");
    }
}
