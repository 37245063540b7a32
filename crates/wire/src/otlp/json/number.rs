//! Numbers as JSON has them, and what each kind of field takes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::super::schema::Kind;

/// A number, or text that may be one or name one.
pub(super) enum Number {
    Int(i128),
    Double(f64),
    Bool(bool),
    Name(String),
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or text that holds one")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Number, E> {
        Ok(Number::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number::Int(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number::Int(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number::Double(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        Ok(match text.parse() {
            Ok(int) => Number::Int(int),
            Err(_) => Number::Name(text.to_owned()),
        })
    }
}

/// The bits that a field of this kind holds on the wire, before a varint is made of them; else what was expected.
pub(super) fn bits(kind: Kind, number: &Number) -> Result<u64, &'static str> {
    let between = |least: i128, most: i128, expected: &'static str| {
        whole(number).filter(|int| (least..=most).contains(int)).ok_or(expected)
    };
    let unsigned_32 = || between(0, u32::MAX.into(), "a whole number of 32 bits, not negative");
    let unsigned_64 = || between(0, u64::MAX.into(), "a whole number of 64 bits, not negative");
    let signed_32 = || between(i32::MIN.into(), i32::MAX.into(), "a whole number of 32 bits");
    let signed_64 = || between(i64::MIN.into(), i64::MAX.into(), "a whole number of 64 bits");
    match kind {
        Kind::Bool => match number {
            Number::Bool(value) => Ok(u64::from(*value)),
            _ => Err("true or false"),
        },
        Kind::Double => double(number).map(f64::to_bits).ok_or("a number, `NaN`, `Infinity` or `-Infinity`"),
        Kind::Choice(names) => match number {
            Number::Name(name) => named(names, name).ok_or("a value of the enumeration"),
            _ => signed_32().map(|int| int as u64),
        },
        Kind::Sint32 => signed_32().map(|int| crate::protobuf::to_zigzag(int as i32).into()),
        Kind::Uint32 | Kind::Fixed32 => unsigned_32().map(|int| int as u64),
        Kind::Int64 | Kind::Sfixed64 => signed_64().map(|int| int as u64),
        Kind::Uint64 | Kind::Fixed64 => unsigned_64().map(|int| int as u64),
        Kind::Message(_) | Kind::Text | Kind::Bytes | Kind::Id(_) => Err("something else"),
    }
}

fn named(names: &[&str], name: &str) -> Option<u64> {
    names.iter().position(|known| *known == name).map(|place| place as u64)
}

/// `1.0` and `1e3` are whole, too.
fn whole(number: &Number) -> Option<i128> {
    let double = match number {
        Number::Int(int) => return Some(*int),
        Number::Double(double) => *double,
        Number::Name(text) => text.parse().ok()?,
        Number::Bool(_) => return None,
    };
    (double.fract() == 0.0 && double.abs() < 1e30).then_some(double as i128)
}

fn double(number: &Number) -> Option<f64> {
    match number {
        Number::Int(int) => Some(*int as f64),
        Number::Double(double) => Some(*double),
        Number::Bool(_) => None,
        Number::Name(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            // `inf` and such are Rust's spelling, not JSON's.
            text => text.parse().ok().filter(|double: &f64| double.is_finite()),
        },
    }
}
