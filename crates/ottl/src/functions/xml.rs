//! Converters of XML: a document as maps, in full or simplified; those that yield XML again are in `edit`.

pub mod edit;
mod tree;
mod xpath;

use model::{List, Span, Value};

use crate::fault::RunError;
use crate::function::Args;
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

/// Deepest nesting accepted: as for JSON, whose writers have to follow it.
const MAX_DEPTH: usize = 127;

#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

pub fn parse_xml(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let root = document(args, t)?;
    let map = root.full(t)?;
    Ok(Val::Map(map))
}

pub fn parse_simplified(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let root = document(args, t)?;
    let mut map = List::EMPTY;
    if let Some(value) = root.simplified(t)? {
        t.arena.set(&mut map, root.name.as_bytes(), value);
    }
    Ok(Val::Map(map))
}

fn document(args: &Args<'_>, t: &mut Target<'_>) -> Result<Element> {
    let text = args.string(0, t)?;
    let text = t.text(text);
    read(&text).map_err(|fault| RunError(format!("could not parse XML: {fault}")))
}

impl Element {
    fn full(&self, t: &mut Target<'_>) -> Result<List> {
        let mut map = List::EMPTY;
        put(t, &mut map, "tag", &self.name)?;
        if !self.attributes.is_empty() {
            let mut attributes = List::EMPTY;
            for (name, value) in &self.attributes {
                put(t, &mut attributes, name, value)?;
            }
            t.arena.set(&mut map, b"attributes", Value::Map(attributes));
        }
        let content = self.text.trim();
        if !content.is_empty() {
            put(t, &mut map, "content", content)?;
        }
        if !self.children.is_empty() {
            let mut children = List::EMPTY;
            for child in &self.children {
                let child = child.full(t)?;
                t.arena.push(&mut children, Span::EMPTY, Value::Map(child));
            }
            t.arena.set(&mut map, b"children", Value::Array(children));
        }
        Ok(map)
    }

    /// Its text, or a map of its children, those of one name in a list; nothing for an empty element.
    /// Attributes are left out, and text beside children.
    fn simplified(&self, t: &mut Target<'_>) -> Result<Option<Value>> {
        if self.children.is_empty() {
            let content = self.text.trim();
            return Ok(if content.is_empty() { None } else { Some(Value::Str(t.keep(content.as_bytes())?)) });
        }
        let mut map = List::EMPTY;
        for child in &self.children {
            let Some(value) = child.simplified(t)? else { continue };
            let value = match t.arena.get(map, child.name.as_bytes()) {
                None => value,
                Some(Value::Array(mut several)) => {
                    t.arena.push(&mut several, Span::EMPTY, value);
                    Value::Array(several)
                }
                Some(one) => {
                    let mut several = List::EMPTY;
                    t.arena.push(&mut several, Span::EMPTY, one);
                    t.arena.push(&mut several, Span::EMPTY, value);
                    Value::Array(several)
                }
            };
            t.arena.set(&mut map, child.name.as_bytes(), value);
        }
        Ok(if map.is_empty() { None } else { Some(Value::Map(map)) })
    }
}

fn put(t: &mut Target<'_>, map: &mut List, key: &str, text: &str) -> Result<()> {
    super::parsing::put_text(t, map, key, text)
}

/// Reads a document: one element, with a declaration, comments and space around it.
fn read(text: &str) -> std::result::Result<Element, String> {
    let mut rest = text;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    while !rest.is_empty() {
        let Some(start) = rest.find('<') else {
            if !rest.trim().is_empty() && open.is_empty() {
                return Err("text outside the element".to_owned());
            }
            break;
        };
        let (before, tag) = rest.split_at(start);
        match open.last_mut() {
            Some(element) => element.text.push_str(&unescaped(before)?),
            None if before.trim().is_empty() => {}
            None => return Err("text outside the element".to_owned()),
        }
        if let Some(inside) = tag.strip_prefix("<!--") {
            rest = after(inside, "-->")?.1;
        } else if let Some(inside) = tag.strip_prefix("<![CDATA[") {
            let (data, behind) = after(inside, "]]>")?;
            open.last_mut().ok_or("text outside the element")?.text.push_str(data);
            rest = behind;
        } else if let Some(inside) = tag.strip_prefix("<?") {
            rest = after(inside, "?>")?.1;
        } else if let Some(inside) = tag.strip_prefix("<!") {
            rest = after(inside, ">")?.1;
        } else if let Some(inside) = tag.strip_prefix("</") {
            let (name, behind) = after(inside, ">")?;
            let element = open.pop().ok_or_else(|| format!("`</{name}>` closes nothing"))?;
            if element.name != name.trim_end() {
                return Err(format!("element <{}> closed by </{}>", element.name, name.trim_end()));
            }
            close(element, &mut open, &mut root)?;
            rest = behind;
        } else {
            if open.len() == MAX_DEPTH {
                return Err(format!("nested deeper than {MAX_DEPTH} levels"));
            }
            let (element, empty, behind) = opening(&tag[1..])?;
            rest = behind;
            if empty {
                close(element, &mut open, &mut root)?;
            } else {
                open.push(element);
            }
        }
    }
    match (open.last(), root) {
        (Some(element), _) => Err(format!("element <{}> is not closed", element.name)),
        (None, root) => root.ok_or_else(|| "there is no element".to_owned()),
    }
}

fn close(
    element: Element,
    open: &mut [Element],
    root: &mut Option<Element>,
) -> std::result::Result<(), String> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_some() => return Err("there is more than one element".to_owned()),
        None => *root = Some(element),
    }
    Ok(())
}

fn after<'a>(text: &'a str, end: &str) -> std::result::Result<(&'a str, &'a str), String> {
    text.split_once(end).ok_or_else(|| format!("`{end}` is missing"))
}

/// From behind `<` to behind `>`: the element, and whether it ends there.
fn opening(text: &str) -> std::result::Result<(Element, bool, &str), String> {
    let is_name = |letter: char| !letter.is_whitespace() && !"/>=<\"'".contains(letter);
    let name_end = text.find(|letter| !is_name(letter)).ok_or("`>` is missing")?;
    if name_end == 0 {
        return Err("an element without a name".to_owned());
    }
    let mut element = Element { name: text[..name_end].to_owned(), ..Element::default() };
    let mut rest = &text[name_end..];
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix("/>") {
            return Ok((element, true, behind));
        }
        if let Some(behind) = rest.strip_prefix('>') {
            return Ok((element, false, behind));
        }
        let (name, behind) = after(rest, "=")?;
        let name = name.trim();
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(format!("`{name}` is no attribute"));
        }
        let behind = behind.trim_start();
        let quote = behind.chars().next().filter(|letter| matches!(letter, '"' | '\''));
        let quote = quote.ok_or_else(|| format!("the attribute `{name}` has no quotes"))?;
        let (value, behind) = after(&behind[1..], &quote.to_string())?;
        element.attributes.push((name.to_owned(), unescaped(value)?));
        rest = behind;
    }
}

fn unescaped(text: &str) -> std::result::Result<String, String> {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        let (name, behind) = after(&rest[start + 1..], ";")?;
        let wrong = || format!("unknown entity `&{name};`");
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = name.strip_prefix('#').ok_or_else(wrong)?;
                let code = match number.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                code.ok().and_then(char::from_u32).ok_or_else(wrong)?
            }
        });
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}
