//! For tests: requests made from the table of messages, not by the encoders.
//!
//! They are canonical: fields in the order of their numbers, what is zero or empty left out, numbers packed, and of the
//! shells none without an item, since rows keep no others.

use model::Signal;
use proptest::prelude::*;

use super::schema::{self, Kind, Presence, Shape, Slot};
use crate::protobuf::{to_zigzag, write_bytes, write_fixed32, write_fixed64, write_number, write_varint};

pub fn signal() -> impl Strategy<Value = Signal> {
    prop_oneof![Just(Signal::Logs), Just(Signal::Traces), Just(Signal::Metrics)]
}

/// A request of this signal for each list of bytes, which are the dice. Fewer make a smaller one.
pub fn request(signal: Signal, dice: Vec<u8>) -> Vec<u8> {
    let mut dice = Dice { bytes: dice.into_iter() };
    let mut out = Vec::new();
    if !dice.roll().is_multiple_of(16) {
        dice.message(schema::request(signal), 0, &mut out);
    }
    out
}

pub fn dice() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..600)
}

struct Dice {
    bytes: std::vec::IntoIter<u8>,
}

/// Messages deeper than this have no repeated fields, so that values end.
const MAX_DEPTH: u32 = 14;

impl Dice {
    /// Zero once the bytes are used up, which everywhere means the least.
    fn roll(&mut self) -> u8 {
        self.bytes.next().unwrap_or(0)
    }

    fn long(&mut self) -> u64 {
        match self.roll() % 4 {
            0 => 0,
            1 => u64::from(self.roll()),
            2 => u64::MAX - u64::from(self.roll()),
            _ => u64::from_le_bytes(std::array::from_fn(|_| self.roll())),
        }
    }

    fn double(&mut self) -> u64 {
        match self.roll() % 8 {
            0 => 0,
            1 => f64::NAN.to_bits(),
            2 => f64::INFINITY.to_bits(),
            3 => f64::NEG_INFINITY.to_bits(),
            4 => (-0.0f64).to_bits(),
            5 => (f64::from(self.roll()) / 8.0).to_bits(),
            _ => Some(f64::from_bits(self.long())).filter(|double| !double.is_nan()).unwrap_or(0.1).to_bits(),
        }
    }

    fn message(&mut self, shape: &Shape, depth: u32, out: &mut Vec<u8>) {
        // At most one of those that exclude each other; what is optional is thrown for on its own.
        let is_optional = |slot: &Slot| matches!(slot.name, "sum" | "min" | "max") && shape.name != "Metric";
        let choices: Vec<u32> = shape
            .fields
            .iter()
            .filter(|s| s.presence == Presence::Known && !is_optional(s))
            .map(|s| s.number)
            .collect();
        let chosen = choices.get(self.roll() as usize % (choices.len() + 1)).copied();
        for slot in shape.fields {
            let has = match slot.presence {
                Presence::Repeated => true,
                Presence::Known if is_optional(slot) => self.roll() % 2 == 1,
                Presence::Known => chosen == Some(slot.number),
                Presence::Plain => slot.name == "value" || self.roll() % 2 == 1,
            };
            // Rows have no place for entities.
            if has && slot.name != "entityRefs" {
                self.field(slot, depth, out);
            }
        }
    }

    fn field(&mut self, slot: &Slot, depth: u32, out: &mut Vec<u8>) {
        let is_shell = slot.number <= 2 && depth < 3 && !matches!(slot.name, "resource" | "scope");
        let most = if depth > MAX_DEPTH { 1 } else { 4 };
        let count = match slot.presence {
            Presence::Repeated if is_shell => 1 + self.roll() % 3,
            Presence::Repeated => self.roll() % most,
            _ => 1,
        };
        match (slot.kind, slot.presence) {
            (Kind::Message(shape), _) => (0..count).for_each(|_| {
                let mut content = Vec::new();
                self.message(shape, depth + 1, &mut content);
                let is_needed = !matches!(slot.name, "resource" | "scope" | "body") || !content.is_empty();
                if is_needed {
                    write_bytes(out, slot.number, &content);
                }
            }),
            (Kind::Double | Kind::Fixed64 | Kind::Uint64, Presence::Repeated) => {
                self.packed(slot, count, out);
            }
            _ => self.scalar(slot, out),
        }
    }

    fn packed(&mut self, slot: &Slot, count: u8, out: &mut Vec<u8>) {
        let mut packed = Vec::new();
        (0..count).for_each(|_| match slot.kind {
            Kind::Uint64 => write_varint(&mut packed, self.long()),
            Kind::Double => packed.extend_from_slice(&self.double().to_le_bytes()),
            _ => packed.extend_from_slice(&self.long().to_le_bytes()),
        });
        if !packed.is_empty() {
            write_bytes(out, slot.number, &packed);
        }
    }

    fn scalar(&mut self, slot: &Slot, out: &mut Vec<u8>) {
        let (number, keeps_zero) = (slot.number, slot.presence == Presence::Known);
        match slot.kind {
            Kind::Text | Kind::Bytes | Kind::Id(_) => {
                let bytes = self.bytes(slot.kind);
                if keeps_zero || !bytes.is_empty() {
                    write_bytes(out, number, &bytes);
                }
            }
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => {
                let value = if let Kind::Double = slot.kind { self.double() } else { self.long() };
                if keeps_zero || value != 0 {
                    write_fixed64(out, number, value);
                }
            }
            Kind::Fixed32 => {
                let value = self.long() as u32;
                if value != 0 {
                    write_fixed32(out, number, value);
                }
            }
            _ => {
                let value = self.varint(slot.kind);
                if keeps_zero || value != 0 {
                    write_number(out, number, value);
                }
            }
        }
    }

    fn varint(&mut self, kind: Kind) -> u64 {
        match kind {
            Kind::Bool => u64::from(self.roll() % 2),
            Kind::Choice(names) => u64::from(self.roll()) % names.len() as u64,
            Kind::Sint32 => u64::from(to_zigzag(self.long() as i32)),
            Kind::Uint32 => self.long() & u64::from(u32::MAX),
            _ => self.long(),
        }
    }

    fn bytes(&mut self, kind: Kind) -> Vec<u8> {
        const TEXTS: [&str; 8] = ["", "a", "\"", "\n\\\u{1}", "é€𝄞", "http.route", "</p>", "\u{2028}\u{7f}"];
        match kind {
            Kind::Id(len) => (0..len).map(|place| self.roll() | u8::from(place == 0)).collect(),
            Kind::Text => {
                TEXTS[self.roll() as usize % TEXTS.len()].repeat(self.roll() as usize % 30).into_bytes()
            }
            _ => (0..self.roll() % 20).map(|_| self.roll()).collect(),
        }
    }
}
