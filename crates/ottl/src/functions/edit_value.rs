//! Editors of any value: set, append, delete_index.

use model::{List, Span, Value};

use crate::fault::RunError;
use crate::function::{Arg, Args};
use crate::target::Target;
use crate::value::{Val, copy};

pub fn set(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let value = args.any(1, t)?;
    args.path(0)?.set(t, value)?;
    Ok(Val::Nil)
}

/// What `append` needs beside its target.
pub fn something_to_append(args: &[Arg]) -> Result<(), String> {
    match args {
        [_, Arg::Absent, Arg::Absent] => Err("give `value` or `values`".to_owned()),
        _ => Ok(()),
    }
}

pub fn append(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let path = args.path(0)?;
    let mut added = Vec::new();
    if args.is_given(1) {
        added.push(args.any(1, t)?.store()?);
    }
    for value in args.values(2) {
        added.push(value.eval(t)?.store()?);
    }
    let old = path.raw(t)?;
    let mut list = match t.arena.expand(old) {
        Value::Array(list) => list,
        Value::Null => List::EMPTY,
        Value::Map(list) => return Err(RunError::expected("a list or a single value", Val::Map(list))),
        single => {
            let mut list = List::EMPTY;
            t.arena.push(&mut list, Span::EMPTY, single);
            list
        }
    };
    for value in added {
        let value = copy(t.arena, value);
        t.arena.push(&mut list, Span::EMPTY, value);
    }
    path.put(t, Value::Array(list))?;
    Ok(Val::Nil)
}

pub fn delete_index(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let path = args.path(0)?;
    let start = args.int(1, t)?;
    let end = if args.is_given(2) { args.int(2, t)? } else { start.saturating_add(1) };
    let raw = path.raw(t)?;
    let mut list = match t.arena.expand(raw) {
        Value::Array(list) => list,
        other => return Err(RunError::expected("list", Val::load(t.arena, other))),
    };
    let len = t.arena.iter(list).count() as i64;
    if start < 0 || start >= len || end <= start || end > len {
        return Err(RunError(format!("deletion range [{start}:{end}] out of bounds (length {len})")));
    }
    let mut place = -1;
    t.arena.retain(&mut list, |_, _| {
        place += 1;
        place < start || place >= end
    });
    path.put(t, Value::Array(list))?;
    Ok(Val::Nil)
}
