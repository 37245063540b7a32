//! A serde deserializer over a setting that knows the path it has come.
//!
//! Text becomes a number or a boolean where the target asks for one, and the reverse, because one front end
//! knows only text. `null` stands for an empty map, as in YAML's `tls:`.

use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, Unexpected, Visitor, value::StrDeserializer,
};

use super::fault::{Fault, Problem};
use super::stand_in::StandIn;
use super::{Part, Path, Run};
use crate::{Node, Setting};

#[derive(Clone)]
pub(crate) struct Value<'a> {
    run: &'a Run,
    setting: &'a Setting,
    path: Path,
}

impl<'a> Value<'a> {
    pub fn root(run: &'a Run, setting: &'a Setting) -> Self {
        Value { run, setting, path: Path::new() }
    }

    fn child(&self, index: usize, setting: &'a Setting) -> Value<'a> {
        let path = [self.path.as_slice(), &[Part::Child(index)]].concat();
        Value { run: self.run, setting, path }
    }

    fn children(&self, settings: impl Iterator<Item = &'a Setting>) -> Vec<Value<'a>> {
        let children = settings.enumerate().map(|(index, setting)| self.child(index, setting));
        children.filter(|child| !self.run.skipped.contains(&child.path)).collect()
    }

    fn visit_list<'de, V: Visitor<'de>>(self, items: &'a [Setting], visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Items { rest: self.children(items.iter()).into_iter() })
    }

    /// `known` are the fields of a struct; any other key is noted and passed over.
    fn visit_map<'de, V: Visitor<'de>>(
        self,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let entries = self.setting.entries();
        let mut rest = Vec::new();
        for (index, (key, setting)) in entries.iter().enumerate() {
            let child = self.child(index, setting);
            if self.run.skipped.contains(&child.path) {
                continue;
            }
            match known {
                Some(known) if !known.contains(&key.name.as_str()) => {
                    self.run.unknown.borrow_mut().push((child.path, known));
                }
                _ => rest.push((key.name.as_str(), Child::Written(child))),
            }
        }
        for path in &self.run.stand_ins {
            if let Some((Part::Missing(name), parent)) = path.split_last()
                && parent == self.path
            {
                rest.push((name, Child::StandIn(StandIn { path: path.clone() })));
            }
        }
        visitor.visit_map(Entries { rest: rest.into_iter(), value: None })
    }

    fn whole_number(&self) -> Option<i64> {
        match &self.setting.node {
            Node::Int(number) => Some(*number),
            Node::Float(number) if number.fract() == 0.0 && number.abs() < 9e18 => Some(*number as i64),
            Node::Str(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn text(&self) -> Option<String> {
        match &self.setting.node {
            Node::Str(text) => Some(text.clone()),
            Node::Bool(value) => Some(value.to_string()),
            Node::Int(value) => Some(value.to_string()),
            Node::Float(value) => Some(value.to_string()),
            Node::Null | Node::List(_) | Node::Map(_) => None,
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

macro_rules! whole_numbers {
    ($($name:ident)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.whole_number() {
                Some(number) => visitor.visit_i64(number),
                None => match self.setting.as_str().and_then(|text| text.trim().parse().ok()) {
                    Some(large) => visitor.visit_u64(large),
                    None => Err(Fault::expected(&visitor)),
                },
            }
        }
    )*};
}

macro_rules! as_any {
    ($($name:ident)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.deserialize_any(visitor)
        }
    )*};
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.text() {
                Some(text) => visitor.visit_string(text),
                None => Err(Fault::expected(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Fault;

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    as_text! { deserialize_str deserialize_string deserialize_char }

    as_any! { deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_identifier }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let setting = self.setting;
        match &setting.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Int(value) => visitor.visit_i64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Str(text) => visitor.visit_str(text),
            Node::List(items) => self.visit_list(items, visitor),
            Node::Map(_) => self.visit_map(None, visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = match &self.setting.node {
            Node::Bool(value) => Some(*value),
            Node::Str(text) => boolean(text),
            _ => None,
        };
        match value {
            Some(value) => visitor.visit_bool(value),
            None => Err(Fault::expected(&visitor)),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.setting.node {
            Node::Float(number) => visitor.visit_f64(*number),
            Node::Int(number) => visitor.visit_f64(*number as f64),
            Node::Str(text) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => visitor.visit_f64(number),
                _ => Err(Fault::expected(&visitor)),
            },
            _ => Err(Fault::expected(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.setting.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.setting.node {
            Node::List(items) => self.visit_list(items, visitor),
            Node::Null => visitor.visit_seq(Items { rest: Vec::new().into_iter() }),
            _ => Err(Fault::expected(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.setting.node {
            Node::Map(_) | Node::Null => self.visit_map(None, visitor),
            _ => Err(Fault::expected(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.setting.node {
            Node::Map(_) | Node::Null => self.visit_map(Some(fields), visitor),
            _ => Err(Fault::expected(&visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let [(key, content)] = self.setting.entries() {
            let name = variant(&key.name, variants).ok_or_else(|| Fault::new(Problem::Variant(variants)))?;
            return visitor.visit_enum(Choice { name, content: self.child(0, content) });
        }
        match self.text().and_then(|text| variant(&text, variants)) {
            Some(name) => {
                let name: StrDeserializer<'_, Fault> = name.into_deserializer();
                visitor.visit_enum(name)
            }
            None => Err(Fault::new(Problem::Variant(variants))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// The variant a word names; its case does not matter.
fn variant(word: &str, variants: &'static [&'static str]) -> Option<&'static str> {
    let exact = variants.iter().find(|name| **name == word);
    exact.or_else(|| variants.iter().find(|name| name.eq_ignore_ascii_case(word.trim()))).copied()
}

struct Items<'a> {
    rest: std::vec::IntoIter<Value<'a>>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        let path = item.path.clone();
        seed.deserialize(item).map(Some).map_err(|fault| fault.at(&path))
    }
}

enum Child<'a> {
    Written(Value<'a>),
    StandIn(StandIn),
}

struct Entries<'a> {
    rest: std::vec::IntoIter<(&'a str, Child<'a>)>,
    value: Option<Child<'a>>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        let path = match &value {
            Child::Written(value) => value.path.clone(),
            Child::StandIn(stand_in) => stand_in.path.clone(),
        };
        self.value = Some(value);
        let name: StrDeserializer<'_, Fault> = name.into_deserializer();
        let key = seed.deserialize(name);
        // An unknown key belongs to its map, a key of the wrong form to itself.
        key.map(Some).map_err(|fault| match fault.problem {
            Problem::Unknown(..) => fault,
            _ => fault.at(&path),
        })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        match self.value.take() {
            Some(Child::Written(value)) => {
                let path = value.path.clone();
                seed.deserialize(value).map_err(|fault| fault.at(&path))
            }
            Some(Child::StandIn(stand_in)) => {
                let path = stand_in.path.clone();
                seed.deserialize(stand_in).map_err(|fault| fault.at(&path))
            }
            None => Err(de::Error::invalid_value(Unexpected::Map, &"a value after each key")),
        }
    }
}

/// `{name: content}`, the written form of an enum variant that carries settings.
struct Choice<'a> {
    name: &'static str,
    content: Value<'a>,
}

impl<'de, 'a> de::EnumAccess<'de> for Choice<'a> {
    type Error = Fault;
    type Variant = Content<'a>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<'a>), Fault> {
        let name: StrDeserializer<'_, Fault> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

struct Content<'a>(Value<'a>);

impl<'de> de::VariantAccess<'de> for Content<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let path = self.0.path.clone();
        seed.deserialize(self.0).map_err(|fault| fault.at(&path))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        let path = self.0.path.clone();
        self.0.deserialize_seq(visitor).map_err(|fault| fault.at(&path))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let path = self.0.path.clone();
        self.0.deserialize_struct("", fields, visitor).map_err(|fault| fault.at(&path))
    }
}
