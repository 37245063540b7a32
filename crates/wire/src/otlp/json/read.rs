//! JSON to protobuf, in one pass.
//!
//! Members may come in any order; each message is put in the order of its fields' numbers once it is read. Nesting is
//! limited by the JSON parser, to 127.

use std::fmt;
use std::fmt::Write;

use model::Signal;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::schema::{self, Kind, Presence, Shape, Slot};
use super::letters::Letters;
use super::number::{Number, bits};
use crate::protobuf::{
    close_message, open_message, write_bytes, write_fixed32, write_fixed64, write_number, write_varint,
};

/// Why JSON is no export request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct JsonFault {
    /// The way to it, as `resourceLogs[0].scopeLogs[0].logRecords[2].timeUnixNano`.
    pub field: String,
    /// What was found, what was expected, line and column.
    pub why: String,
}

/// A long value that is quoted in a complaint is cut here.
const MAX_WHY: usize = 300;

/// The protobuf of an export request in JSON. No text at all is an empty request.
pub fn from_json(signal: Signal, json: &[u8]) -> Result<Vec<u8>, JsonFault> {
    let mut reader = Reader { out: Vec::with_capacity(json.len() / 2), path: Vec::new() };
    if json.trim_ascii().is_empty() {
        return Ok(reader.out);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let content = Content { reader: &mut reader, shape: schema::request(signal) };
    match content.deserialize(&mut deserializer).and_then(|()| deserializer.end()) {
        Ok(()) => Ok(reader.out),
        Err(error) => Err(fault(&reader.path, &error.to_string())),
    }
}

fn fault(path: &[Step], error: &str) -> JsonFault {
    let mut field = String::new();
    for step in path {
        // Writing to a String cannot fail.
        let _ = match step {
            Step::Field(name) if field.is_empty() => write!(field, "{name}"),
            Step::Field(name) => write!(field, ".{name}"),
            Step::Item(place) => write!(field, "[{place}]"),
        };
    }
    if field.is_empty() {
        field.push_str("the request");
    }
    let why = match error.char_indices().nth(MAX_WHY) {
        Some((end, _)) => format!("{}...", &error[..end]),
        None => error.to_owned(),
    };
    JsonFault { field, why }
}

struct Reader {
    out: Vec<u8>,
    /// Where in the request the parser is. An error leaves it as it stands.
    path: Vec<Step>,
}

enum Step {
    Field(&'static str),
    Item(usize),
}

/// Reads the content of a message; `null` is an empty one.
struct Content<'a> {
    reader: &'a mut Reader,
    shape: &'static Shape,
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Content<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object, {}", self.shape.name)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let start = self.reader.out.len();
        let mut fields: Vec<(u32, usize)> = Vec::new();
        while let Some(slot) = map.next_key_seed(Name(self.shape))? {
            let Some(slot) = slot else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            fields.push((slot.number, self.reader.out.len()));
            self.reader.path.push(Step::Field(slot.name));
            map.next_value_seed(Member { reader: self.reader, slot })?;
            self.reader.path.pop();
        }
        sort(&mut self.reader.out, start, &fields);
        Ok(())
    }
}

/// Puts fields, each with where it begins, into the order of their numbers.
fn sort(out: &mut Vec<u8>, start: usize, fields: &[(u32, usize)]) {
    if fields.is_sorted_by_key(|(number, _)| number) {
        return;
    }
    let ends = fields.iter().skip(1).map(|(_, begin)| *begin).chain([out.len()]);
    let mut parts: Vec<_> =
        fields.iter().zip(ends).map(|((number, begin), end)| (*number, *begin..end)).collect();
    parts.sort_by_key(|(number, _)| *number);
    let sorted: Vec<u8> = parts.into_iter().flat_map(|(_, part)| &out[part]).copied().collect();
    out.truncate(start);
    out.extend_from_slice(&sorted);
}

/// Finds the field that a member is.
struct Name(&'static Shape);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Slot>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static Slot>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a field of {}", self.0.name)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.named(name))
    }
}

/// Reads what a member holds; `null` is nothing.
struct Member<'a> {
    reader: &'a mut Reader,
    slot: &'static Slot,
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.slot.presence {
            Presence::Repeated => deserializer.deserialize_seq(self),
            Presence::Plain | Presence::Known => {
                Item { reader: self.reader, slot: self.slot }.deserialize(deserializer)
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Member { reader, slot } = self;
        let start = reader.out.len();
        let opened = is_number(slot.kind).then(|| open_message(&mut reader.out, slot.number));
        let before = reader.out.len();
        reader.path.push(Step::Item(0));
        while items.next_element_seed(Item { reader, slot })?.is_some() {
            if let Some(Step::Item(place)) = reader.path.last_mut() {
                *place += 1;
            }
        }
        reader.path.pop();
        match opened {
            // No numbers at all.
            Some(_) if reader.out.len() == before => reader.out.truncate(start),
            Some(opened) => close_message(&mut reader.out, opened),
            None => {}
        }
        Ok(())
    }
}

fn is_number(kind: Kind) -> bool {
    !matches!(kind, Kind::Message(_) | Kind::Text | Kind::Bytes | Kind::Id(_))
}

/// Reads one value of a field. A repeated number goes without its key: it is one of a packed field.
struct Item<'a> {
    reader: &'a mut Reader,
    slot: &'static Slot,
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Item { reader, slot } = self;
        match slot.kind {
            Kind::Message(shape) => {
                let opened = open_message(&mut reader.out, slot.number);
                Content { reader, shape }.deserialize(deserializer)?;
                close_message(&mut reader.out, opened);
            }
            Kind::Text | Kind::Bytes | Kind::Id(_) => {
                let bytes = deserializer.deserialize_bytes(Letters(slot.kind))?;
                if slot.presence != Presence::Plain || !bytes.is_empty() {
                    write_bytes(&mut reader.out, slot.number, &bytes);
                }
            }
            kind => {
                let number: Number = serde::Deserialize::deserialize(deserializer)?;
                let bits = bits(kind, &number)
                    .map_err(|expected| D::Error::custom(format_args!("expected {expected}")))?;
                write_bits(slot, bits, &mut reader.out);
            }
        }
        Ok(())
    }
}

fn write_bits(slot: &Slot, bits: u64, out: &mut Vec<u8>) {
    let is_packed = slot.presence == Presence::Repeated;
    match slot.kind {
        _ if slot.presence == Presence::Plain && bits == 0 => {}
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 if is_packed => {
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => write_fixed64(out, slot.number, bits),
        Kind::Fixed32 => write_fixed32(out, slot.number, bits as u32),
        _ if is_packed => write_varint(out, bits),
        _ => write_number(out, slot.number, bits),
    }
}
