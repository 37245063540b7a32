//! The operations of `modify`, compiled.

use config::Pattern;
use model::{Arena, List, Value};

use super::condition::pattern;
use super::{Operation, RuleConfig};
use crate::fields::{count, duplicate, find_first};

pub struct Rule {
    operation: Operation,
    key: Box<[u8]>,
    value: Box<[u8]>,
    /// The key as an expression, where the operation takes one.
    pattern: Option<Pattern>,
}

impl Rule {
    pub fn new(config: &RuleConfig) -> Result<Rule, String> {
        use Operation::*;
        let needs_value = matches!(config.operation, Set | Add | Rename | HardRename | Copy | HardCopy);
        if needs_value && config.value.is_none() {
            return Err("the operation needs a `value`".into());
        }
        let pattern = match config.operation {
            RemoveRegex => Some(pattern(&config.key)?),
            _ => None,
        };
        let value = config.value.as_deref().unwrap_or_default();
        let operation = config.operation;
        Ok(Rule { operation, key: config.key.as_bytes().into(), value: value.as_bytes().into(), pattern })
    }

    pub fn apply(&self, arena: &mut Arena, list: &mut List) {
        match self.operation {
            Operation::Set => {
                arena.remove(list, &self.key);
                self.append(arena, list);
            }
            Operation::Add if count(arena, *list, &self.key) == 0 => self.append(arena, list),
            Operation::Add => {}
            Operation::Remove => _ = arena.remove(list, &self.key),
            Operation::RemoveWildcard => {
                arena.retain(list, |arena, id| !arena.key(id).starts_with(&self.key));
            }
            Operation::RemoveRegex => {
                let hit = |key: &[u8]| self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(key));
                arena.retain(list, |arena, id| !hit(arena.key(id)));
            }
            Operation::Rename => self.rename(arena, list, false),
            Operation::HardRename => self.rename(arena, list, true),
            Operation::Copy => self.copy(arena, list, false),
            Operation::HardCopy => self.copy(arena, list, true),
            Operation::MoveToStart => {
                let mut moved = self.extract(arena, list);
                arena.append(&mut moved, *list);
                *list = moved;
            }
            Operation::MoveToEnd => {
                let moved = self.extract(arena, list);
                arena.append(list, moved);
            }
        }
    }

    fn append(&self, arena: &mut Arena, list: &mut List) {
        let (key, value) = (arena.store(&self.key), arena.store(&self.value));
        arena.push(list, key, Value::Str(value));
    }

    fn extract(&self, arena: &mut Arena, list: &mut List) -> List {
        arena.extract(list, |arena, id| arena.key(id).starts_with(&self.key))
    }

    fn rename(&self, arena: &mut Arena, list: &mut List, hard: bool) {
        if self.key == self.value || count(arena, *list, &self.key) == 0 {
            return;
        }
        if hard {
            arena.remove(list, &self.value);
        } else if count(arena, *list, &self.value) > 0 {
            return;
        }
        let new = arena.store(&self.value);
        // Each turn takes one away, as the two names differ.
        while let Some(id) = find_first(arena, *list, &self.key) {
            arena.set_key(id, new);
        }
    }

    /// Of a key that repeats there is no one field to copy: nothing is done.
    fn copy(&self, arena: &mut Arena, list: &mut List, hard: bool) {
        if self.key == self.value || count(arena, *list, &self.key) != 1 {
            return;
        }
        if hard {
            arena.remove(list, &self.value);
        } else if count(arena, *list, &self.value) > 0 {
            return;
        }
        let Some(from) = arena.find(*list, &self.key) else { return };
        let value = duplicate(arena, arena.node(from).value);
        let key = arena.store(&self.value);
        arena.insert_after(list, from, key, value);
    }
}
