//! Paths: which part of the record a name means, and reading and writing it.
//!
//! Each context has a file with its table and its fields. Fields that hold maps or any value are handled here,
//! keys and all; `raw` and `put` move such a field's value without copying its chains.

mod event;
mod log;
mod metric;
mod point;
mod resource;
mod scope;
mod setter;
mod span;

use model::{List, Span, Value};

use crate::context::Context;
use crate::eval::Expr;
use crate::fault::RunError;
use crate::target::{Row, Target};
use crate::value::{Val, copy};

/// Largest list that writing to an index may create or fill up, so that one statement cannot eat the memory.
const MAX_PADDED: i64 = 1 << 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Resource(resource::Field),
    Scope(scope::Field),
    Log(log::Field),
    Span(span::Field),
    Event(event::Field),
    Metric(metric::Field),
    Point(point::Field),
    Cache,
    /// What the Collector knows of the client that sent the data; here it is always nil.
    Client,
}

/// The paths of a context, without its prefix.
pub fn table(context: Context) -> Vec<(&'static str, Field)> {
    fn all<F: Copy>(paths: &[(&'static str, F)], wrap: fn(F) -> Field) -> Vec<(&'static str, Field)> {
        paths.iter().map(|(name, field)| (*name, wrap(*field))).collect()
    }
    match context {
        Context::Resource => all(resource::PATHS, Field::Resource),
        Context::Scope => all(scope::PATHS, Field::Scope),
        Context::Log => all(log::PATHS, Field::Log),
        Context::Span => all(span::PATHS, Field::Span),
        Context::SpanEvent => all(event::PATHS, Field::Event),
        Context::Metric => all(metric::PATHS, Field::Metric),
        Context::DataPoint => all(point::PATHS, Field::Point),
    }
}

/// What `otelcol.` may be followed by.
pub const CLIENT: &[&str] = &["client.addr", "client.auth.attributes", "client.metadata", "grpc.metadata"];

#[derive(Debug)]
pub struct Path {
    pub field: Field,
    pub keys: Box<[Key]>,
}

#[derive(Debug)]
pub enum Key {
    Name(Box<[u8]>),
    Index(i64),
    Computed(Expr),
}

/// A key whose value is known.
enum Step<'p> {
    Name(&'p [u8]),
    Kept(Span),
    Index(i64),
}

impl Key {
    fn step<'p>(&'p self, t: &mut Target<'_>) -> Result<Step<'p>, RunError> {
        Ok(match self {
            Key::Name(name) => Step::Name(name),
            Key::Index(index) => Step::Index(*index),
            Key::Computed(expression) => match expression.eval(t)? {
                Val::Str(span) => Step::Kept(span),
                Val::Int(index) => Step::Index(index),
                other => {
                    return Err(RunError(format!("a key is a string or int64, not {}", other.type_name())));
                }
            },
        })
    }
}

impl Field {
    /// The field is a map, or may be one, so keys can stand behind it.
    pub fn takes_keys(self) -> bool {
        self.is_list_field()
            || matches!(
                self,
                Field::Log(log::Field::Body) | Field::Span(span::Field::TraceState) | Field::Client
            )
    }

    /// Nothing can be set there.
    pub fn is_read_only(self) -> bool {
        matches!(self, Field::Client | Field::Event(event::Field::Index))
    }

    fn is_list_field(self) -> bool {
        matches!(
            self,
            Field::Cache
                | Field::Resource(resource::Field::Attributes)
                | Field::Scope(scope::Field::Attributes)
                | Field::Log(log::Field::Attributes)
                | Field::Span(span::Field::Attributes)
                | Field::Event(event::Field::Attributes)
                | Field::Metric(metric::Field::Metadata)
                | Field::Point(point::Field::Attributes)
        )
    }

    fn list(self, t: &mut Target<'_>) -> List {
        let list = match self {
            Field::Cache => Some(*t.cache),
            Field::Resource(_) => t.resource().map(|resource| resource.attributes),
            Field::Scope(_) => t.scope().map(|scope| scope.attributes),
            Field::Log(_) => t.log().map(|record| record.attributes),
            Field::Span(_) => t.span().map(|span| span.attributes),
            Field::Event(_) => t.event().map(|event| event.attributes),
            Field::Metric(_) => t.metric().map(|metric| metric.metadata),
            Field::Point(_) => t.point().map(|point| point.attributes),
            Field::Client => None,
        };
        list.unwrap_or_default()
    }

    fn put_list(self, t: &mut Target<'_>, list: List) -> Result<(), RunError> {
        let place = match self {
            Field::Cache => Some(&mut *t.cache),
            Field::Resource(_) => Some(&mut t.resource_mut()?.attributes),
            Field::Scope(_) => Some(&mut t.scope_mut()?.attributes),
            Field::Log(_) => t.log().map(|record| &mut record.attributes),
            Field::Span(_) => t.span().map(|span| &mut span.attributes),
            Field::Event(_) => t.event().map(|event| &mut event.attributes),
            Field::Metric(_) => t.metric().map(|metric| &mut metric.metadata),
            Field::Point(_) => t.point().map(|point| &mut point.attributes),
            Field::Client => None,
        };
        match place {
            Some(place) => *place = list,
            None => return Err(absent()),
        }
        Ok(())
    }

    /// The stored value of a field that takes keys.
    fn value(self, t: &mut Target<'_>) -> Value {
        if let Field::Log(log::Field::Body) = self {
            return t.log().map_or(Value::Null, |record| record.body);
        }
        Value::Map(self.list(t))
    }

    fn put_value(self, t: &mut Target<'_>, value: Value) -> Result<(), RunError> {
        if let Field::Log(log::Field::Body) = self {
            t.log().ok_or_else(absent)?.body = value;
            return Ok(());
        }
        match value {
            Value::Map(list) => self.put_list(t, list),
            _ => Err(RunError::new("this field is always a map")),
        }
    }
}

fn absent() -> RunError {
    RunError::new("the record has no such field")
}

impl Path {
    pub fn get(&self, t: &mut Target<'_>) -> Result<Val, RunError> {
        if self.field.is_list_field() || matches!(self.field, Field::Log(log::Field::Body)) {
            let value = self.raw(t)?;
            return Ok(Val::load(t.arena, value));
        }
        Ok(match self.field {
            Field::Resource(field) => resource::get(field, t),
            Field::Scope(field) => scope::get(field, t),
            Field::Log(field) => log::get(field, t)?,
            Field::Span(span::Field::TraceState) if !self.keys.is_empty() => span::state(self, t)?,
            Field::Span(field) => span::get(field, t)?,
            Field::Event(field) => event::get(field, t),
            Field::Metric(field) => metric::get(field, t),
            Field::Point(field) => point::get(field, t),
            Field::Cache | Field::Client => Val::Nil,
        })
    }

    /// Sets the field to a copy of the value. Nil changes nothing.
    pub fn set(&self, t: &mut Target<'_>, value: Val) -> Result<(), RunError> {
        if let Val::Nil = value {
            return Ok(());
        }
        if self.field.is_list_field() || matches!(self.field, Field::Log(log::Field::Body)) {
            let value = copy(t.arena, value.store()?);
            return self.put(t, value);
        }
        match self.field {
            Field::Resource(field) => resource::set(field, t, value),
            Field::Scope(field) => scope::set(field, t, value),
            Field::Log(field) => log::set(field, t, value),
            Field::Span(span::Field::TraceState) if !self.keys.is_empty() => span::set_state(self, t, value),
            Field::Span(field) => span::set(field, t, value),
            Field::Event(field) => event::set(field, t, value),
            Field::Metric(field) => metric::set(field, t, value),
            Field::Point(field) => point::set(field, t, value),
            Field::Cache | Field::Client => Err(RunError::new("this field cannot be set")),
        }
    }

    /// The stored value, raw JSON perhaps; null where a key is missing.
    pub fn raw(&self, t: &mut Target<'_>) -> Result<Value, RunError> {
        if !self.field.takes_keys() || matches!(self.field, Field::Span(_)) && !self.field.is_list_field() {
            return self.get(t)?.store();
        }
        let value = self.field.value(t);
        walk(t, value, &self.keys)
    }

    /// Stores a value that nothing else holds.
    pub fn put(&self, t: &mut Target<'_>, value: Value) -> Result<(), RunError> {
        if !self.field.is_list_field() && !matches!(self.field, Field::Log(log::Field::Body)) {
            let value = Val::load(t.arena, value);
            return self.set(t, value);
        }
        if self.keys.is_empty() {
            return self.field.put_value(t, value);
        }
        let whole = self.field.value(t);
        let whole = set_in(t, whole, &self.keys, value)?;
        self.field.put_value(t, whole)
    }
}

/// Follows the keys into a stored value. A missing key of a map yields null.
pub fn walk(t: &mut Target<'_>, mut value: Value, keys: &[Key]) -> Result<Value, RunError> {
    for key in keys {
        let step = key.step(t)?;
        value = match (shape(t, value), step) {
            (Shape::Nothing, _) => return Ok(Value::Null),
            (Shape::Map, Step::Name(name)) => t.arena.member(value, name).unwrap_or(Value::Null),
            (Shape::Map, Step::Kept(name)) => {
                t.arena.member(value, t.arena.bytes(name)).unwrap_or(Value::Null)
            }
            (Shape::List, Step::Index(index)) => {
                let item = usize::try_from(index).ok().and_then(|index| t.arena.item(value, index));
                item.ok_or_else(|| out_of_bounds(index))?
            }
            (shape, step) => return Err(wrong_key(t, &shape, &step, value)),
        };
    }
    Ok(value)
}

pub fn out_of_bounds(index: i64) -> RunError {
    RunError(format!("index {index} out of bounds"))
}

enum Shape {
    Nothing,
    Map,
    List,
    Other,
}

fn shape(t: &Target<'_>, value: Value) -> Shape {
    match value {
        Value::Null => Shape::Nothing,
        Value::Map(_) => Shape::Map,
        Value::Array(_) => Shape::List,
        Value::Json(span) => match t.bytes(span).first() {
            Some(b'{') => Shape::Map,
            Some(b'[') => Shape::List,
            Some(b'n') => Shape::Nothing,
            _ => Shape::Other,
        },
        _ => Shape::Other,
    }
}

fn wrong_key(t: &mut Target<'_>, shape: &Shape, step: &Step<'_>, value: Value) -> RunError {
    let (into, key) = match (shape, step) {
        (Shape::Map, _) => {
            return RunError::new("unable to resolve an integer index in map: invalid key type");
        }
        (Shape::List, _) => {
            return RunError::new("unable to resolve a string index in list: invalid key type");
        }
        (_, Step::Index(_)) => (Val::load(t.arena, value).type_name(), "int"),
        _ => (Val::load(t.arena, value).type_name(), "string"),
    };
    RunError(format!("type {into} does not support {key} indexing"))
}

/// Sets what the keys lead to and returns the value it lies in, with maps and lists made on the way.
fn set_in(t: &mut Target<'_>, value: Value, keys: &[Key], new: Value) -> Result<Value, RunError> {
    let Some((key, rest)) = keys.split_first() else { return Ok(new) };
    let step = key.step(t)?;
    let value = t.arena.expand(value);
    match (value, step) {
        (Value::Map(_) | Value::Null, Step::Name(name)) => set_member(t, value, name, rest, new),
        (Value::Map(_) | Value::Null, Step::Kept(name)) => {
            let name = t.bytes(name).to_vec();
            set_member(t, value, &name, rest, new)
        }
        (Value::Array(_) | Value::Null, Step::Index(index)) => set_item(t, value, index, rest, new),
        (value, step) => {
            let shape = shape(t, value);
            Err(wrong_key(t, &shape, &step, value))
        }
    }
}

fn set_member(
    t: &mut Target<'_>,
    map: Value,
    name: &[u8],
    rest: &[Key],
    new: Value,
) -> Result<Value, RunError> {
    let mut list = if let Value::Map(list) = map { list } else { List::EMPTY };
    let mut value = new;
    if !rest.is_empty() {
        let old = t.arena.get(list, name).unwrap_or(Value::Null);
        value = set_in(t, old, rest, new)?;
    }
    t.arena.set(&mut list, name, value);
    Ok(Value::Map(list))
}

fn set_item(
    t: &mut Target<'_>,
    items: Value,
    index: i64,
    rest: &[Key],
    new: Value,
) -> Result<Value, RunError> {
    let fresh = matches!(items, Value::Null);
    let mut list = if let Value::Array(list) = items { list } else { List::EMPTY };
    let (mut at, mut place) = (t.arena.first(list), 0);
    while let Some(id) = at
        && place < index
    {
        (at, place) = (t.arena.after(id), place + 1);
    }
    if !(0..=MAX_PADDED).contains(&index) || (at.is_none() && !fresh) {
        return Err(out_of_bounds(index));
    }
    let old = at.map_or(Value::Null, |id| t.arena.node(id).value);
    let value = set_in(t, old, rest, new)?;
    match at {
        Some(id) => t.arena.set_value(id, value),
        None => {
            for _ in 0..index {
                t.arena.push(&mut list, Span::EMPTY, Value::Null);
            }
            t.arena.push(&mut list, Span::EMPTY, value);
        }
    }
    Ok(Value::Array(list))
}

/// A path's own row; for fields that look at more than their part of it.
fn event_index(t: &Target<'_>) -> Val {
    match &t.row {
        Row::SpanEvent(_, place) => Val::Int(*place as i64),
        _ => Val::Nil,
    }
}
