//! Operators that move fields about: `add`, `copy`, `move`, `remove`, `retain`, `flatten`, `noop`.

use model::{Batch, Value};
use serde::Deserialize;

use super::build::Refusal;
use super::entry::Entry;
use super::expression::Expression;
use super::field::{Field, Root};
use super::{Flow, Operator};
use crate::fields::duplicate;
use crate::literal::Literal;

#[derive(Debug, Deserialize)]
pub(super) struct AddConfig {
    field: Field,
    value: Literal,
}

/// Sets a field to a value, or to what an expression in `EXPR(…)` amounts to.
pub(super) struct Add {
    field: Field,
    value: Given,
}

enum Given {
    Literal(Literal),
    Computed(Expression),
}

impl Add {
    pub fn new(config: AddConfig) -> Result<Add, Refusal> {
        let expression = match &config.value {
            Literal::Text(text) => text.strip_prefix("EXPR(").and_then(|rest| rest.strip_suffix(')')),
            _ => None,
        };
        let value = match expression.map(Expression::parse) {
            None => Given::Literal(config.value),
            Some(Ok(expression)) => Given::Computed(expression),
            Some(Err(why)) => return Err((why, "add fields and text with `+`")),
        };
        Ok(Add { field: config.field, value })
    }
}

impl Operator for Add {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let value = match &self.value {
            Given::Literal(literal) => literal.store(&mut batch.arena),
            Given::Computed(expression) => expression.value(batch, entry),
        };
        self.field.set(batch, entry, value).map(|()| Flow::On)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Ends {
    from: Field,
    to: Field,
}

pub(super) struct Copy(pub Ends);

impl Operator for Copy {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let value = self.0.from.get(batch, entry).ok_or_else(|| self.0.from.missing())?;
        let value = duplicate(&mut batch.arena, value);
        self.0.to.set(batch, entry, value).map(|()| Flow::On)
    }
}

pub(super) struct Move(pub Ends);

impl Operator for Move {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let value = self.0.from.remove(batch, entry).ok_or_else(|| self.0.from.missing())?;
        self.0.to.set(batch, entry, value).map(|()| Flow::On)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct One {
    field: Field,
}

pub(super) struct Remove(pub One);

impl Operator for Remove {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let Remove(One { field }) = self;
        field.remove(batch, entry).map(|_| Flow::On).ok_or_else(|| field.missing())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Several {
    fields: Vec<Field>,
}

/// Keeps fields. Body, attributes or resource stay whole where none of the fields is theirs.
pub(super) struct Retain(pub Several);

impl Operator for Retain {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        for root in [Root::Body, Root::Attributes, Root::Resource] {
            let own = || self.0.fields.iter().filter(move |field| field.root == root);
            if own().next().is_none() || own().any(|field| field.path.is_empty()) {
                continue;
            }
            let kept: Vec<_> = own().filter_map(|field| Some((field, field.get(batch, entry)?))).collect();
            entry.set_root(
                root,
                if root == Root::Body { Value::Null } else { Value::Map(model::List::EMPTY) },
            );
            for (field, value) in kept {
                let value = duplicate(&mut batch.arena, value);
                field.set(batch, entry, value)?;
            }
        }
        Ok(Flow::On)
    }
}

/// Puts the entries of a map beside it, and takes it away.
pub(super) struct Flatten {
    field: Field,
    parent: Field,
}

impl Flatten {
    pub fn new(config: One) -> Result<Flatten, Refusal> {
        let mut parent = config.field.clone();
        match parent.path.pop() {
            Some(_) => Ok(Flatten { field: config.field, parent }),
            None => Err((format!("`{}` lies in nothing", config.field.text), "name a field in it")),
        }
    }
}

impl Operator for Flatten {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let value = self.field.get(batch, entry).ok_or_else(|| self.field.missing())?;
        let is_map = match value {
            Value::Json(span) => batch.arena.bytes(span).starts_with(b"{"),
            other => matches!(other, Value::Map(_)),
        };
        if !is_map {
            return Err(format!("`{}` is no map", self.field.text));
        }
        self.field.remove(batch, entry);
        self.parent.set(batch, entry, value).map(|()| Flow::On)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

pub(super) struct Noop;

impl Operator for Noop {
    fn apply(&mut self, _: &mut Batch, _: &mut Entry) -> Result<Flow, String> {
        Ok(Flow::On)
    }
}
