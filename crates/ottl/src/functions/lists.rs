//! Converters of lists and maps.

use std::cmp::Ordering;

use model::{List, Span, Value};

use crate::fault::RunError;
use crate::function::{Args, entries};
use crate::lex::Compare;
use crate::like;
use crate::target::Target;
use crate::value::{Val, compare, copy};

type Result<T = Val> = std::result::Result<T, RunError>;

pub fn keys(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let map = args.map(0, t)?;
    let mut list = List::EMPTY;
    for (key, _) in entries(t.arena, map) {
        t.arena.push(&mut list, Span::EMPTY, Value::Str(key));
    }
    Ok(Val::List(list))
}

pub fn values(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let map = args.map(0, t)?;
    let mut list = List::EMPTY;
    for (_, value) in entries(t.arena, map) {
        let value = copy(t.arena, value);
        t.arena.push(&mut list, Span::EMPTY, value);
    }
    Ok(Val::List(list))
}

/// The place of the first item equal to a value.
fn position(list: List, item: Val, t: &mut Target<'_>) -> Option<usize> {
    entries(t.arena, list).into_iter().position(|(_, value)| {
        let value = Val::load(t.arena, value);
        compare(t.arena, Compare::Equal, value, item)
    })
}

pub fn contains_value(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (list, item) = (args.list(0, t)?, args.any(1, t)?);
    Ok(Val::Bool(position(list, item, t).is_some()))
}

pub fn index(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (whole, part) = (args.any(0, t)?, args.any(1, t)?);
    let found = match (whole, part) {
        (Val::Str(text), Val::Str(part)) => {
            let (text, part) = (t.bytes(text), t.bytes(part));
            if part.is_empty() { Some(0) } else { text.windows(part.len()).position(|window| window == part) }
        }
        (Val::Str(_), other) => return Err(RunError::expected("string", other)),
        (Val::List(list), item) => position(list, item, t),
        (other, _) => return Err(RunError::expected("a string or list", other)),
    };
    Ok(Val::Int(found.map_or(-1, |place| place as i64)))
}

pub const ORDERS: &[&str] = &["asc", "desc"];

pub fn sort(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let list = args.list(0, t)?;
    let mut items = Vec::new();
    for (_, value) in entries(t.arena, list) {
        items.push((Val::load(t.arena, value), Span::EMPTY));
    }
    let all = |wanted: fn(&Val) -> bool| items.iter().all(|(item, _)| wanted(item));
    let numbers = all(|item| matches!(item, Val::Int(_) | Val::Double(_)));
    let bools = all(|item| matches!(item, Val::Bool(_)));
    if numbers {
        items.sort_by(|a, b| numeric(a.0, b.0));
    } else if bools {
        items.sort_by_key(|(item, _)| matches!(item, Val::Bool(true)));
    } else {
        for (item, text) in &mut items {
            *text = like::string(t, *item)?.unwrap_or_default();
        }
        items.sort_by(|a, b| t.bytes(a.1).cmp(t.bytes(b.1)));
    }
    if args.choice(1) == Some(1) {
        items.reverse();
    }
    let mut sorted = List::EMPTY;
    for (item, _) in items {
        let value = copy(t.arena, item.store()?);
        t.arena.push(&mut sorted, Span::EMPTY, value);
    }
    Ok(Val::List(sorted))
}

fn numeric(a: Val, b: Val) -> Ordering {
    match (a, b) {
        (Val::Int(a), Val::Int(b)) => a.cmp(&b),
        (a, b) => {
            let double = |value| match value {
                Val::Int(int) => int as f64,
                Val::Double(double) => double,
                _ => f64::NAN,
            };
            double(a).total_cmp(&double(b))
        }
    }
}

pub fn slice_to_map(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let list = args.list(0, t)?;
    let mut map = List::EMPTY;
    for (place, (_, item)) in entries(t.arena, list).into_iter().enumerate() {
        let key = if args.is_given(1) {
            let found = follow(t, item, args.literals(1));
            match found.map(|value| Val::load(t.arena, value)) {
                Some(Val::Str(span)) => t.bytes(span).to_vec(),
                Some(other) => return Err(RunError::expected("string", other)),
                None => return Err(RunError(format!("item {place} has no value to be its key"))),
            }
        } else {
            place.to_string().into_bytes()
        };
        let value = if args.is_given(2) {
            follow(t, item, args.literals(2))
                .ok_or_else(|| RunError(format!("item {place} has no value at the value path")))?
        } else {
            item
        };
        let value = copy(t.arena, value);
        t.arena.set(&mut map, &key, value);
    }
    Ok(Val::Map(map))
}

fn follow(t: &Target<'_>, item: Value, path: &[Box<str>]) -> Option<Value> {
    path.iter().try_fold(item, |value, key| t.arena.member(value, key.as_bytes()))
}
