//! Protobuf to JSON.
//!
//! What the request leaves out is left out. Fields come in the order of their numbers; of a field that comes twice
//! though it is none of many, the last one counts.

use base64::prelude::{BASE64_STANDARD, Engine};
use model::{Signal, json, number};

use super::super::schema::{self, Kind, Presence, Shape, Slot};
use crate::protobuf::{Damaged, Field, Message, from_zigzag};

/// Deepest nesting of objects and arrays, so that others can read it: many stop there.
const MAX_DEPTH: u32 = 127;

/// The JSON of an export request in protobuf.
pub fn to_json(signal: Signal, request: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut writer = Writer { input: request, out: Vec::with_capacity(2 * request.len()), depth: 0 };
    writer.message(schema::request(signal), Message::within(0..request.len()))?;
    Ok(writer.out)
}

struct Writer<'a> {
    input: &'a [u8],
    out: Vec<u8>,
    depth: u32,
}

impl Writer<'_> {
    fn message(&mut self, shape: &Shape, mut message: Message) -> Result<(), Damaged> {
        let mut fields: Vec<(&'static Slot, Field)> = Vec::new();
        while let Some(field) = message.next(self.input)? {
            fields.extend(shape.numbered(field.number).map(|slot| (slot, field)));
        }
        fields.sort_by_key(|(slot, _)| slot.number);
        self.open(b'{', &fields)?;
        for (place, same) in fields.chunk_by(|a, b| a.0.number == b.0.number).enumerate() {
            self.comma(place);
            self.fields(same)?;
        }
        self.close(b'}');
        Ok(())
    }

    /// All that a message holds of one field.
    fn fields(&mut self, same: &[(&'static Slot, Field)]) -> Result<(), Damaged> {
        let [.., (slot, last)] = same else { return Ok(()) };
        self.out.push(b'"');
        self.out.extend_from_slice(slot.name.as_bytes());
        self.out.extend_from_slice(b"\":");
        if slot.presence != Presence::Repeated {
            return self.value(slot, last);
        }
        self.open(b'[', same)?;
        let mut place = 0;
        for (slot, field) in same {
            self.items(slot, field, &mut place)?;
        }
        self.close(b']');
        Ok(())
    }

    /// What one field adds to an array: packed numbers, or one item.
    fn items(&mut self, slot: &Slot, field: &Field, place: &mut usize) -> Result<(), Damaged> {
        let input = self.input;
        let add = |bits| {
            self.comma(*place);
            self.number(slot.kind, bits);
            *place += 1;
        };
        match slot.kind {
            Kind::Double | Kind::Fixed64 => field.clone().each_fixed64(input, add),
            Kind::Uint64 => field.clone().each_varint(input, add),
            _ => {
                self.comma(*place);
                *place += 1;
                self.value(slot, field)
            }
        }
    }

    fn value(&mut self, slot: &Slot, field: &Field) -> Result<(), Damaged> {
        match slot.kind {
            Kind::Message(shape) => return self.message(shape, field.clone().message()?),
            Kind::Text => {
                let text = field.clone().text(self.input)?;
                json::write_string(&self.input[text], &mut self.out);
            }
            Kind::Bytes => {
                let bytes = field.clone().range()?;
                self.quoted(BASE64_STANDARD.encode(&self.input[bytes]).as_bytes());
            }
            Kind::Id(len) => {
                let id = field.clone().range()?;
                if !id.is_empty() && id.len() != len {
                    return Err(Damaged { at: id.start, why: "an id of another length" });
                }
                let digits: String = self.input[id].iter().map(|byte| format!("{byte:02x}")).collect();
                self.quoted(digits.as_bytes());
            }
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => self.number(slot.kind, field.fixed64()?),
            Kind::Fixed32 => self.number(slot.kind, field.fixed32()?.into()),
            kind => self.number(kind, field.varint()?),
        }
        Ok(())
    }

    /// Numbers of 64 bits are text, since JavaScript's have no more than 53.
    fn number(&mut self, kind: Kind, bits: u64) {
        match kind {
            Kind::Bool => self.out.extend_from_slice(if bits != 0 { b"true" } else { b"false" }),
            Kind::Double => self.double(f64::from_bits(bits)),
            Kind::Choice(_) => number::write_int(i64::from(bits as i32), &mut self.out),
            Kind::Sint32 => number::write_int(from_zigzag(bits as u32).into(), &mut self.out),
            Kind::Uint32 | Kind::Fixed32 => number::write_uint((bits as u32).into(), &mut self.out),
            Kind::Int64 | Kind::Sfixed64 => self.quoted((bits as i64).to_string().as_bytes()),
            _ => self.quoted(bits.to_string().as_bytes()),
        }
    }

    fn double(&mut self, double: f64) {
        if double.is_nan() {
            self.quoted(b"NaN");
        } else if double.is_infinite() {
            self.quoted(if double > 0.0 { b"Infinity" } else { b"-Infinity" });
        } else {
            number::write_double(double, &mut self.out);
        }
    }

    fn quoted(&mut self, plain: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(plain);
        self.out.push(b'"');
    }

    fn open(&mut self, bracket: u8, fields: &[(&'static Slot, Field)]) -> Result<(), Damaged> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let at = fields.first().map_or(0, |(_, field)| field.at());
            return Err(Damaged { at, why: "values nested too deeply for JSON" });
        }
        self.out.push(bracket);
        Ok(())
    }

    fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        self.out.push(bracket);
    }

    fn comma(&mut self, place: usize) {
        if place > 0 {
            self.out.push(b',');
        }
    }
}
