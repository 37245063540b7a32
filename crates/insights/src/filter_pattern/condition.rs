//! Conditions joined by `&&` and `||`: parentheses bind first, then `&&`.

use super::cursor::Cursor;
use crate::error::Fault;

/// Parentheses inside each other.
const MAX_DEPTH: usize = 32;

#[derive(Debug)]
pub enum Condition<L> {
    One(L),
    All(Vec<Condition<L>>),
    Any(Vec<Condition<L>>),
}

/// Reads a single condition.
pub type Leaf<'f, L> = &'f mut dyn FnMut(&mut Cursor<'_>) -> Result<L, Fault>;

impl<L> Condition<L> {
    pub fn parse(cursor: &mut Cursor<'_>, leaf: Leaf<'_, L>) -> Result<Condition<L>, Fault> {
        any(cursor, leaf, 0)
    }

    pub fn holds(&self, test: &impl Fn(&L) -> bool) -> bool {
        match self {
            Condition::One(leaf) => test(leaf),
            Condition::All(all) => all.iter().all(|condition| condition.holds(test)),
            Condition::Any(any) => any.iter().any(|condition| condition.holds(test)),
        }
    }

    /// Every single condition, from left to right.
    pub fn each(&mut self, visit: &mut impl FnMut(&mut L) -> Result<(), Fault>) -> Result<(), Fault> {
        match self {
            Condition::One(leaf) => visit(leaf),
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter_mut().try_for_each(|part| part.each(visit))
            }
        }
    }
}

fn any<L>(cursor: &mut Cursor<'_>, leaf: Leaf<'_, L>, depth: usize) -> Result<Condition<L>, Fault> {
    let mut parts = vec![all(cursor, leaf, depth)?];
    while cursor.takes("||") {
        parts.push(all(cursor, leaf, depth)?);
    }
    Ok(joined(parts, Condition::Any))
}

fn all<L>(cursor: &mut Cursor<'_>, leaf: Leaf<'_, L>, depth: usize) -> Result<Condition<L>, Fault> {
    let mut parts = vec![one(cursor, leaf, depth)?];
    while cursor.takes("&&") {
        parts.push(one(cursor, leaf, depth)?);
    }
    Ok(joined(parts, Condition::All))
}

fn one<L>(cursor: &mut Cursor<'_>, leaf: Leaf<'_, L>, depth: usize) -> Result<Condition<L>, Fault> {
    if !cursor.takes("(") {
        return leaf(cursor).map(Condition::One);
    }
    if depth == MAX_DEPTH {
        return Err(Fault::new(
            cursor.here(),
            format!("at most {MAX_DEPTH} parentheses lie inside each other"),
        ));
    }
    let inner = any(cursor, leaf, depth + 1)?;
    cursor.needs(")")?;
    Ok(inner)
}

fn joined<L>(mut parts: Vec<Condition<L>>, join: fn(Vec<Condition<L>>) -> Condition<L>) -> Condition<L> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}
