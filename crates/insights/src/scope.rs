//! Which names mean what at one place of a query.

use std::collections::HashMap;

use crate::expr::Expr;
use crate::path::{Needs, Path};
use crate::value::Value;

#[derive(Debug, Default)]
pub struct Scope {
    /// Names given by commands before, with their variables.
    names: HashMap<String, usize>,
    /// Fields that kept rows must carry along, with their variables.
    captured: HashMap<String, usize>,
    pub captures: Vec<(usize, Path)>,
    /// Rows are kept here, so fields of the event are out of reach unless carried along.
    pub kept: bool,
    /// Only named columns exist, as after `stats`.
    pub closed: bool,
    width: usize,
}

impl Scope {
    pub fn columns() -> Scope {
        Scope { kept: true, closed: true, ..Scope::default() }
    }

    pub fn slot(&mut self) -> usize {
        self.width += 1;
        self.width - 1
    }

    /// A new variable of this name; the name's former one is forgotten.
    pub fn bind(&mut self, name: &str) -> usize {
        let slot = self.slot();
        self.names.insert(name.to_owned(), slot);
        slot
    }

    pub fn alias(&mut self, name: &str, slot: usize) {
        self.names.insert(name.to_owned(), slot);
    }

    pub fn names(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// A name: a variable, a part of one, or a field of the event.
    pub fn resolve(&mut self, name: &str, needs: &mut Needs) -> Expr {
        if let Some(known) = self.known(name) {
            return known;
        }
        if self.closed {
            return Expr::Constant(Value::Null);
        }
        let path = needs.path(name);
        if !self.kept {
            return Expr::Field(path);
        }
        if let Some(slot) = self.captured.get(name) {
            return Expr::Variable(*slot);
        }
        let slot = self.slot();
        self.captured.insert(name.to_owned(), slot);
        self.captures.push((slot, path));
        Expr::Variable(slot)
    }

    pub fn known(&self, name: &str) -> Option<Expr> {
        if let Some(slot) = self.names.get(name) {
            return Some(Expr::Variable(*slot));
        }
        let mut end = name.len();
        while let Some(dot) = name[..end].rfind('.') {
            if let Some(slot) = self.names.get(&name[..dot]) {
                let whole = Box::new(Expr::Variable(*slot));
                return Some(Expr::Inside(whole, name[dot + 1..].to_owned()));
            }
            end = dot;
        }
        None
    }
}
