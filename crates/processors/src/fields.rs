//! Small steps on records that several processors take.

use model::{Arena, List, LogRecord, NodeId, Path, Span, Value};

/// The record's fields. A body that is raw JSON is opened first; text and the like have none.
pub fn fields(arena: &mut Arena, record: &mut LogRecord) -> Option<List> {
    if let Value::Json(_) = record.body {
        record.body = arena.expand(record.body);
    }
    record.fields()
}

/// Where the text of a string-like value lies; `None` for numbers, maps and the rest.
pub fn text_span(arena: &mut Arena, value: Value) -> Option<Span> {
    match value {
        Value::Str(span) | Value::Bytes(span) => Some(span),
        Value::Json(span) if arena.bytes(span).starts_with(b"\"") => match arena.expand(value) {
            Value::Str(span) => Some(span),
            _ => None,
        },
        _ => None,
    }
}

/// The first entry with this key.
pub fn find_first(arena: &Arena, list: List, key: &[u8]) -> Option<NodeId> {
    arena.iter(list).find(|(_, node)| arena.bytes(node.key) == key).map(|(id, _)| id)
}

pub fn count(arena: &Arena, list: List, key: &[u8]) -> usize {
    arena.iter(list).filter(|(_, node)| arena.bytes(node.key) == key).count()
}

/// A copy that shares no node with the original, so that either may be relinked. Bytes stay shared.
pub fn duplicate(arena: &mut Arena, value: Value) -> Value {
    match value {
        Value::Map(list) => Value::Map(duplicate_list(arena, list)),
        Value::Array(list) => Value::Array(duplicate_list(arena, list)),
        other => other,
    }
}

fn duplicate_list(arena: &mut Arena, list: List) -> List {
    let entries: Vec<(Span, Value)> = arena.iter(list).map(|(_, node)| (node.key, node.value)).collect();
    let mut copy = List::EMPTY;
    for (key, value) in entries {
        let value = duplicate(arena, value);
        arena.push(&mut copy, key, value);
    }
    copy
}

/// Reads a path; the error is worded for a person.
pub fn path(text: &str) -> Result<Path, String> {
    Path::parse(text).map_err(|error| format!("`{text}` is no path into a record: {error}"))
}

/// Where settings go wrong in a list, the text names the item, as its own place is the list's.
pub fn at(place: usize, message: impl std::fmt::Display) -> String {
    format!("item {}: {message}", place + 1)
}
