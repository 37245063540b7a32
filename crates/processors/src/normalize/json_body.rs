//! Opens bodies that are JSON objects.

use model::{Arena, List, LogRecord, NodeId, Value};

use crate::fields::text_span;

/// Where applications write the message, the first of them first. The page names them.
const MESSAGES: [&[u8]; 8] =
    [b"message", b"msg", b"log", b"body", b"@m", b"RenderedMessage", b"MessageTemplate", b"@mt"];

/// True when the body was an object; its fields are attributes now.
pub fn open(arena: &mut Arena, record: &mut LogRecord) -> bool {
    if !looks_like_an_object(arena, record.body) {
        return false;
    }
    let Some(text) = text_span(arena, record.body) else { return false };
    let Ok(mut fields) = arena.parse_object(text) else { return false };
    if let Some(message) = message(arena, fields) {
        record.body = arena.expand(arena.node(message).value);
        arena.retain(&mut fields, |_, id| id != message);
    }
    add(arena, record, fields);
    true
}

fn looks_like_an_object(arena: &Arena, body: Value) -> bool {
    let bytes = match body {
        Value::Str(span) => arena.bytes(span).trim_ascii(),
        // Text in JSON; a brace is never escaped.
        Value::Json(span) => match arena.bytes(span) {
            [b'"', inner @ .., b'"'] => inner.trim_ascii(),
            _ => return false,
        },
        _ => return false,
    };
    bytes.first() == Some(&b'{') && bytes.len() > 2
}

/// The entry of the name that ranks first, and of one name the last, as JSON is read.
fn message(arena: &Arena, fields: List) -> Option<NodeId> {
    let mut best = None;
    for (id, node) in arena.iter(fields) {
        let name = arena.bytes(node.key);
        let Some(rank) = MESSAGES.iter().position(|message| *message == name) else { continue };
        let is_text = match node.value {
            Value::Json(span) => arena.bytes(span).first() == Some(&b'"'),
            _ => false,
        };
        if is_text && best.is_none_or(|(known, _)| rank <= known) {
            best = Some((rank, id));
        }
    }
    best.map(|(_, id)| id)
}

/// What the application says of a name replaces what was there.
fn add(arena: &mut Arena, record: &mut LogRecord, fields: List) {
    let mut attributes = record.attributes;
    arena.retain(&mut attributes, |arena, id| arena.find(fields, arena.key(id)).is_none());
    arena.append(&mut attributes, fields);
    record.attributes = attributes;
}
