//! Fields inside JSON text, found without building a tree.
//!
//! A name is flattened: `a.b.0` is a member `b` of a member `a`, its first item, or a member whose key is `a.b.0`
//! itself, whichever comes first in the text.

use std::borrow::Cow;
use std::ops::Range;

use model::json;

use crate::number;
use crate::value::Value;

/// Fields found in one event, as the service counts them: scalars other than null.
pub const MAX_LEAVES: usize = 200;

/// Shorter text cannot hold more than [`MAX_LEAVES`], so nobody counts.
const COUNTED_BYTES: usize = 2 * MAX_LEAVES;

/// The value of raw JSON. Integers beyond 64 bits stay text, so that no digit is lost.
pub fn value(raw: &str) -> Value<'_> {
    match raw.as_bytes().first() {
        Some(b'{') => Value::Map(Cow::Borrowed(raw)),
        Some(b'[') => Value::List(Cow::Borrowed(raw)),
        Some(b'"') if raw.len() >= 2 => Value::Text(string(&raw[1..raw.len() - 1])),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') | None => Value::Null,
        Some(_) => scalar(raw),
    }
}

fn scalar(raw: &str) -> Value<'_> {
    match number::parse(raw) {
        Some(number::Number::Float(_)) if !raw.contains(['.', 'e', 'E']) => Value::Text(Cow::Borrowed(raw)),
        Some(number) => number.value(),
        None => Value::Text(Cow::Borrowed(raw)),
    }
}

fn string(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    Cow::Owned(String::from_utf8_lossy(&json::unescaped(inner.as_bytes())).into_owned())
}

/// A field of an object or array.
pub fn find<'t>(text: &'t str, name: &str) -> Value<'t> {
    let mut search = Search { leaves: 0, counting: false };
    search.find(text, name).map_or(Value::Null, |range| value(&text[range]))
}

/// The items of an array.
pub fn items(text: &str) -> Vec<Value<'_>> {
    let mut found = Vec::new();
    let whole = json::items(text.as_bytes(), |range| found.push(value(&text[range])));
    if whole.is_err() {
        found.clear();
    }
    found
}

/// Finds many fields of one object at once. `found` gets their places in `text`; all `None` when it is no object.
pub fn discover<'n>(
    text: &str,
    wanted: impl Fn(usize) -> Option<&'n str>,
    found: &mut [Option<Range<usize>>],
) {
    found.fill(None);
    let mut search = Search { leaves: 0, counting: text.len() >= COUNTED_BYTES };
    let whole = json::members(text.as_bytes(), |member| {
        if search.full() {
            return;
        }
        let before = search.leaves;
        let raw = &text[member.value.clone()];
        let key = key(text, &member);
        for (slot, place) in found.iter_mut().enumerate() {
            if let Some(name) = wanted(slot).filter(|_| place.is_none())
                && let Some(rest) = below(name, &key)
            {
                search.leaves = before;
                *place = search.within(raw, rest).map(|range| shifted(range, member.value.start));
            }
        }
        search.leaves = before;
        search.count(raw);
    });
    if whole.is_err() {
        found.fill(None);
    }
}

struct Search {
    leaves: usize,
    counting: bool,
}

impl Search {
    fn full(&self) -> bool {
        self.counting && self.leaves >= MAX_LEAVES
    }

    fn find(&mut self, text: &str, name: &str) -> Option<Range<usize>> {
        let mut found = None;
        let mut visit = |key: &str, place: Range<usize>| {
            if found.is_some() || self.full() {
                return;
            }
            let raw = &text[place.clone()];
            if let Some(rest) = below(name, key) {
                let before = self.leaves;
                found = self.within(raw, rest).map(|range| shifted(range, place.start));
                if found.is_some() {
                    return;
                }
                self.leaves = before;
            }
            self.count(raw);
        };
        let whole = if text.starts_with('[') {
            let mut n_items = 0;
            json::items(text.as_bytes(), |place| {
                visit(&index(n_items, name), place);
                n_items += 1;
            })
        } else {
            json::members(text.as_bytes(), |member| visit(&key(text, &member), member.value))
        };
        whole.ok().and(found)
    }

    /// The value itself when nothing of the name is left.
    fn within(&mut self, raw: &str, rest: &str) -> Option<Range<usize>> {
        match raw.as_bytes().first() {
            _ if rest.is_empty() => Some(0..raw.len()),
            Some(b'{' | b'[') => self.find(raw, rest),
            _ => None,
        }
    }

    fn count(&mut self, raw: &str) {
        if !self.counting || self.full() {
            return;
        }
        let counted = match raw.as_bytes().first() {
            Some(b'n') | None => return,
            Some(b'{') => json::members(raw.as_bytes(), |member| self.count(&raw[member.value])),
            Some(b'[') => json::items(raw.as_bytes(), |place| self.count(&raw[place])),
            Some(_) => {
                self.leaves += 1;
                return;
            }
        };
        debug_assert!(counted.is_ok(), "bug: the outer text was valid");
    }
}

/// What is left of a name below a member of this key.
fn below<'n>(name: &'n str, key: &str) -> Option<&'n str> {
    let rest = name.strip_prefix(key)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.').filter(|rest| !rest.is_empty()) }
}

fn key<'t>(text: &'t str, member: &json::Member) -> Cow<'t, str> {
    let inner = &text[member.key.clone()];
    if member.escaped { string(inner) } else { Cow::Borrowed(inner) }
}

/// An item's place as a key, where the name could mean it.
fn index(place: usize, name: &str) -> Cow<'static, str> {
    if !name.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Cow::Borrowed("\0");
    }
    Cow::Owned(place.to_string())
}

fn shifted(range: Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_flattened() {
        let text = r#"{"a": {"b": [10, {"c": "x\ty"}], "n": null}, "a.b.2": 3, "e": 1.50, "big": 12345678901234567890}"#;
        for (name, expected) in [
            ("a.b.0", Value::Int(10)),
            ("a.b.1.c", Value::text("x\ty")),
            ("a.b.2", Value::Int(3)),
            ("a.n", Value::Null),
            ("e", Value::Float(1.5)),
            ("big", Value::text("12345678901234567890")),
            ("a.b", Value::List(r#"[10, {"c": "x\ty"}]"#.into())),
            ("a.", Value::Null),
            ("", Value::Null),
        ] {
            assert_eq!(find(text, name), expected, "{name}");
        }
    }

    #[test]
    fn only_the_first_leaves_are_discovered() {
        let many: Vec<String> = (0..300).map(|n| format!(r#""k{n}":[{n},null]"#)).collect();
        let text = format!("{{{}}}", many.join(","));
        let names = ["k199.0", "k200.0", "k0.0", "k0.1"];
        let mut found = vec![None; 4];
        discover(&text, |slot| Some(names[slot]), &mut found);
        let shown: Vec<_> = found.iter().map(|range| range.clone().map(|range| &text[range])).collect();
        assert_eq!(shown, [Some("199"), None, Some("0"), Some("null")]);
        assert_eq!(find(&text, "k200.0"), Value::Int(200), "jsonParse has no such limit");
    }

    #[test]
    fn broken_text_has_no_fields() {
        let mut found = vec![None];
        discover(r#"{"a": 1, "b"}"#, |_| Some("a"), &mut found);
        assert_eq!(found, [None]);
    }
}
