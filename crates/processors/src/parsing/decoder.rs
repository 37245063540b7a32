//! Decoders: what a parser does with the text of single fields once the line is read.

use model::{Arena, List, NodeId, Span, Value, json};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fields::text_span;

/// Decodes the text of one field after parsing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Decoder {
    /// `json` reads an object, `escaped` resolves backslashes, `escaped_utf8` also `\uXXXX`, `mysql_quoted`
    /// takes off quotes and resolves what stood in them.
    pub r#type: DecoderType,
    /// The field whose text is decoded.
    pub key: String,
    /// Put the result in the field's place. Otherwise the members of an object are added to the record and
    /// the field stays as it was.
    #[serde(default)]
    pub replace: bool,
    /// Whether the next decoder of the same field runs: never, when this one failed, or always.
    #[serde(default)]
    pub action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecoderType {
    Json,
    Escaped,
    EscapedUtf8,
    MysqlQuoted,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    #[default]
    Stop,
    TryNext,
    DoNext,
}

/// Runs the decoders in order on the fields they name.
pub fn decode(decoders: &[Decoder], arena: &mut Arena, fields: &mut List) {
    for (place, decoder) in decoders.iter().enumerate() {
        // Each field's decoders are a chain of their own; the first one starts it.
        if decoders[..place].iter().any(|earlier| earlier.key == decoder.key) {
            continue;
        }
        let chain = decoders[place..].iter().filter(|later| later.key == decoder.key);
        for id in text_fields(arena, *fields, decoder.key.as_bytes()) {
            run_chain(chain.clone(), arena, fields, id);
        }
    }
}

fn text_fields(arena: &Arena, fields: List, key: &[u8]) -> Vec<NodeId> {
    let of_key = arena.iter(fields).filter(|(_, node)| arena.bytes(node.key) == key);
    of_key.map(|(id, _)| id).collect()
}

fn run_chain<'d>(chain: impl Iterator<Item = &'d Decoder>, arena: &mut Arena, fields: &mut List, id: NodeId) {
    for decoder in chain {
        let Some(text) = text_span(arena, arena.node(id).value) else { return };
        let decoded = decoder.r#type.decode(arena, text);
        let go_on = match decoded {
            Some(_) => decoder.action == Action::DoNext,
            None => decoder.action != Action::Stop,
        };
        match decoded {
            Some(value) if decoder.replace => arena.set_value(id, value),
            Some(value) => add_members(arena, fields, value),
            None => {}
        }
        if !go_on {
            return;
        }
    }
}

fn add_members(arena: &mut Arena, fields: &mut List, value: Value) {
    if let Value::Map(members) = arena.expand(value) {
        arena.append(fields, members);
    }
}

impl DecoderType {
    fn decode(self, arena: &mut Arena, text: Span) -> Option<Value> {
        match self {
            DecoderType::Json => object_at_the_front(arena, text).map(Value::Json),
            DecoderType::Escaped => Some(Value::Str(arena.derive(text, unescape))),
            DecoderType::EscapedUtf8 => Some(Value::Str(arena.derive(text, json::unescape))),
            DecoderType::MysqlQuoted => {
                let quote = *arena.bytes(text).first()?;
                let whole = text.len() >= 2 && arena.bytes(text).last() == Some(&quote);
                if !whole || !matches!(quote, b'\'' | b'"') {
                    return None;
                }
                let inner = text.part(1, text.len() - 1);
                Some(Value::Str(arena.derive(inner, |raw, out| unescape_mysql(raw, quote, out))))
            }
        }
    }
}

/// The object that the text begins with. What follows it is not looked at, as in Fluent Bit.
fn object_at_the_front(arena: &mut Arena, text: Span) -> Option<Span> {
    let text = arena.repaired(text);
    let bytes = arena.bytes(text);
    let range = json::value_range(bytes).or_else(|offset| {
        let front = bytes[..offset.min(bytes.len())].trim_ascii_end();
        json::value_range(front)
    });
    let range = range.ok()?;
    (bytes[range.start] == b'{').then(|| text.part(range.start, range.end))
}

/// Resolves the escapes of one letter; of others the backslash goes.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        out.push(match byte {
            b'\\' => bytes.next().map_or(b'\\', |letter| escaped_letter(*letter)),
            plain => plain,
        });
    }
}

fn escaped_letter(letter: u8) -> u8 {
    match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        other => other,
    }
}

/// The inside of a quoted string as MySQL writes it: backslashes, and the quote doubled.
fn unescape_mysql(raw: &[u8], quote: u8, out: &mut Vec<u8>) {
    let mut bytes = raw.iter().peekable();
    while let Some(&byte) = bytes.next() {
        if byte == quote {
            bytes.next_if(|next| **next == quote);
            out.push(quote);
        } else if byte == b'\\' {
            out.push(match bytes.next() {
                None => b'\\',
                Some(b'0') => 0,
                Some(b'Z') => 0x1a,
                Some(b'b') => 8,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(other) => *other,
            });
        } else {
            out.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: DecoderType, text: &str, expected: Option<&str>) {
        let mut arena = Arena::default();
        let span = arena.store(text.as_bytes());
        let decoded = kind.decode(&mut arena, span).map(|value| {
            let mut out = Vec::new();
            json::write_value(&arena, value, &mut out);
            String::from_utf8(out).unwrap()
        });
        assert_eq!(decoded.as_deref(), expected, "{kind:?} {text:?}");
    }

    #[test]
    fn fields_are_decoded() {
        use DecoderType::*;
        check(Json, r#" {"sp":1} "#, Some(r#"{"sp":1}"#));
        check(Json, r#"{"x":1} tail"#, Some(r#"{"x":1}"#));
        check(Json, "[1,2]", None);
        check(Json, "not json", None);
        check(Json, "", None);
        check(Escaped, r#"esc \n \" \u00e9 \t"#, Some(r#""esc \n \" u00e9 \t""#));
        check(Escaped, r"\", Some(r#""\\""#));
        check(EscapedUtf8, r#"esc \n \" \u00e9 \t"#, Some(r#""esc \n \" é \t""#));
        check(MysqlQuoted, r"'it''s \'so\''", Some(r#""it's 'so'""#));
        check(MysqlQuoted, "plain", None);
        check(MysqlQuoted, "'", None);
    }
}
