//! Editors of maps. A map is changed where it is, and put back because its first or last entry may be another.

use model::{Arena, List, NodeId, Value};

use crate::fault::RunError;
use crate::function::{Arg, Args};
use crate::functions::encode;
use crate::json;
use crate::like;
use crate::path::Path;
use crate::target::Target;
use crate::value::{Val, copy_list};

/// The map at a path, opened one level, to be changed and put back.
pub fn map_at(path: &Path, t: &mut Target<'_>) -> Result<List, RunError> {
    let raw = path.raw(t)?;
    match t.arena.expand(raw) {
        Value::Map(list) => Ok(list),
        other => Err(RunError::expected("map", Val::load(t.arena, other))),
    }
}

fn retain(
    path: &Path,
    t: &mut Target<'_>,
    keep: impl FnMut(&Arena, NodeId) -> bool,
) -> Result<Val, RunError> {
    let mut list = map_at(path, t)?;
    t.arena.retain(&mut list, keep);
    path.put(t, Value::Map(list))?;
    Ok(Val::Nil)
}

pub fn delete_key(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let key = args.string(1, t)?;
    retain(args.path(0)?, t, |arena, id| arena.key(id) != arena.bytes(key))
}

pub fn delete_matching_keys(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let regex = args.regex(1, t)?;
    retain(args.path(0)?, t, |arena, id| !regex.is_match(arena.key(id)))
}

pub fn keep_keys(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let keys = args.strings(1, t)?;
    retain(args.path(0)?, t, |arena, id| keys.iter().any(|key| arena.bytes(*key) == arena.key(id)))
}

pub fn keep_matching_keys(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let regex = args.regex(1, t)?;
    retain(args.path(0)?, t, |arena, id| regex.is_match(arena.key(id)))
}

/// `limit` cannot keep more keys than its number.
pub fn enough_for_priority(args: &[Arg]) -> Result<(), String> {
    match args {
        [_, Arg::Int(limit), Arg::Texts(keys)] if (*limit as usize) < keys.len() => {
            Err(format!("the limit {limit} is below the number of priority keys, {}", keys.len()))
        }
        _ => Ok(()),
    }
}

pub fn limit(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let most = args.literal_int(1).unwrap_or_default() as usize;
    let first =
        |arena: &Arena, id: NodeId| args.literals(2).iter().any(|key| key.as_bytes() == arena.key(id));
    let list = map_at(args.path(0)?, t)?;
    let mut kept = t.arena.iter(list).filter(|(id, _)| first(t.arena, *id)).count();
    retain(args.path(0)?, t, |arena, id| {
        if first(arena, id) {
            return true;
        }
        kept += 1;
        kept <= most
    })
}

pub fn truncate_all(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let most = args.literal_int(1).unwrap_or_default() as usize;
    let whole_characters = args.literal_bool(2).unwrap_or(true);
    let path = args.path(0)?;
    let list = map_at(path, t)?;
    let mut at = t.arena.first(list);
    while let Some(id) = at {
        at = t.arena.after(id);
        let value = t.arena.node(id).value;
        if let Val::Str(span) = Val::load(t.arena, value)
            && span.len() > most
        {
            let end = if whole_characters { boundary(t.bytes(span), most) } else { most };
            t.arena.set_value(id, Value::Str(span.part(0, end)));
        }
    }
    path.put(t, Value::Map(list))?;
    Ok(Val::Nil)
}

/// The last place up to `at` where a character begins.
pub fn boundary(text: &[u8], mut at: usize) -> usize {
    while at > 0 && text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
        at -= 1;
    }
    at
}

pub const STRATEGIES: &[&str] = &["insert", "update", "upsert"];

pub fn merge_maps(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let source = args.map(1, t)?;
    // A copy, for the source may be the target or a part of it.
    let source = copy_list(t.arena, source);
    let path = args.path(0)?;
    let mut list = map_at(path, t)?;
    let (insert, update) = match args.choice(2) {
        Some(0) => (true, false),
        Some(1) => (false, true),
        _ => (true, true),
    };
    for (key, value) in crate::function::entries(t.arena, source) {
        match t.arena.find(list, t.arena.bytes(key)) {
            Some(id) if update => t.arena.set_value(id, value),
            None if insert => {
                t.arena.push(&mut list, key, value);
            }
            _ => {}
        }
    }
    path.put(t, Value::Map(list))?;
    Ok(Val::Nil)
}

pub fn flatten(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let path = args.path(0)?;
    let list = map_at(path, t)?;
    let prefix = args.literal(1).filter(|prefix| !prefix.is_empty()).map(|prefix| format!("{prefix}."));
    let mut flat = Flat {
        list: List::EMPTY,
        depth: args.literal_int(2).unwrap_or(i64::MAX),
        resolve: args.literal_bool(3).unwrap_or(false),
    };
    flat.map(t, list, &prefix.unwrap_or_default().into_bytes(), 0)?;
    path.put(t, Value::Map(flat.list))?;
    Ok(Val::Nil)
}

struct Flat {
    list: List,
    depth: i64,
    /// Keep both values where two keys collide.
    resolve: bool,
}

impl Flat {
    fn map(&mut self, t: &mut Target<'_>, list: List, prefix: &[u8], level: i64) -> Result<(), RunError> {
        for (key, value) in crate::function::entries(t.arena, list) {
            let key = [prefix, t.bytes(key)].concat();
            self.value(t, key, value, level)?;
        }
        Ok(())
    }

    fn value(&mut self, t: &mut Target<'_>, key: Vec<u8>, value: Value, level: i64) -> Result<(), RunError> {
        match t.arena.expand(value) {
            Value::Map(list) if level < self.depth => {
                let prefix = [&*key, b"."].concat();
                self.map(t, list, &prefix, level + 1)
            }
            Value::Array(list) if level < self.depth => {
                for (place, (_, item)) in crate::function::entries(t.arena, list).into_iter().enumerate() {
                    let key = if self.resolve {
                        key.clone()
                    } else {
                        [&*key, b".", place.to_string().as_bytes()].concat()
                    };
                    self.value(t, key, item, level + 1)?;
                }
                Ok(())
            }
            value => {
                self.put(t, &key, value);
                Ok(())
            }
        }
    }

    fn put(&mut self, t: &mut Target<'_>, key: &[u8], value: Value) {
        if !self.resolve || t.arena.find(self.list, key).is_none() {
            t.arena.set(&mut self.list, key, value);
            return;
        }
        for suffix in 0.. {
            let other = [key, b".", suffix.to_string().as_bytes()].concat();
            if t.arena.find(self.list, &other).is_none() {
                t.arena.set(&mut self.list, &other, value);
                return;
            }
        }
    }
}

pub fn stringify_all(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let path = args.path(0)?;
    let list = map_at(path, t)?;
    let mut at = t.arena.first(list);
    while let Some(id) = at {
        at = t.arena.after(id);
        let value = t.arena.node(id).value;
        let text = match Val::load(t.arena, value) {
            Val::Str(span) => span,
            Val::Nil => t.keep(b"")?,
            Val::Bytes(span) => {
                let text = encode::base64(t.bytes(span));
                t.keep(text.as_bytes())?
            }
            Val::Double(double) => {
                let mut out = Vec::new();
                json::write_double(double, &mut out);
                t.keep(&out)?
            }
            other => like::string(t, other)?.unwrap_or_default(),
        };
        t.arena.set_value(id, Value::Str(text));
    }
    path.put(t, Value::Map(list))?;
    Ok(Val::Nil)
}
