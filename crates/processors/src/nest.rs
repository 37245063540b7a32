//! Moves fields into a map, or a map's fields up beside it.
//!
//! ```yaml
//! nest:
//!   operation: nest
//!   wildcards: [ecs_*]
//!   nest_under: ecs
//!   remove_prefix: ecs_
//! ```
//!
//! What is moved comes last, so it wins over fields of the same name. To lift, a value that is not a map is
//! left where it is.

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, List, LogRecord, NodeId, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::warn;

use crate::fields;

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    pub operation: Operation,
    /// For `nest`: the fields to move. A `*` at the end stands for anything.
    #[serde(default)]
    pub wildcards: Vec<String>,
    /// For `nest`: the key of the map they move into.
    pub nest_under: Option<String>,
    /// For `lift`: the key of the map whose fields move up.
    pub nested_under: Option<String>,
    /// Put in front of the keys that move.
    pub add_prefix: Option<String>,
    /// Taken off the keys that move.
    pub remove_prefix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Nest,
    Lift,
}

pub struct Nest {
    id: config::ComponentId,
    operation: Operation,
    /// The map's key.
    under: String,
    wildcards: Vec<String>,
    rename: Rename,
}

enum Rename {
    None,
    Add(String),
    Remove(String),
}

impl Processor for Nest {
    const NAME: &'static str = "nest";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let (name, under) = match config.operation {
            Operation::Nest => ("nest_under", config.nest_under),
            Operation::Lift => ("nested_under", config.nested_under),
        };
        let Some(under) = under else {
            return Err(cx.refuse(name, format!("`{name}` is not set"), "name the map's key"));
        };
        let rename = match (config.add_prefix, config.remove_prefix) {
            (None, None) => Rename::None,
            (Some(prefix), None) => Rename::Add(prefix),
            (None, Some(prefix)) => Rename::Remove(prefix),
            (Some(_), Some(_)) => {
                let message = "`add_prefix` and `remove_prefix` exclude each other";
                return Err(cx.refuse("add_prefix", message, "keep one of them"));
            }
        };
        let Config { operation, wildcards, .. } = config;
        Ok(Nest { id: cx.id.clone(), operation, under, wildcards, rename })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let Batch { arena, logs, .. } = &mut batch;
        for record in logs {
            self.change(arena, record);
        }
        out.push(batch);
    }
}

impl Nest {
    fn change(&self, arena: &mut Arena, record: &mut LogRecord) {
        let Some(mut list) = fields::fields(arena, record) else { return };
        match self.operation {
            Operation::Nest => self.nest(arena, &mut list),
            Operation::Lift => self.lift(arena, &mut list),
        }
        record.body = Value::Map(list);
    }

    fn nest(&self, arena: &mut Arena, list: &mut List) {
        let moved =
            arena.extract(list, |arena, id| self.wildcards.iter().any(|name| fits(name, arena.key(id))));
        if moved.is_empty() {
            return;
        }
        self.rename(arena, moved);
        let key = arena.store(self.under.as_bytes());
        arena.push(list, key, Value::Map(moved));
    }

    fn lift(&self, arena: &mut Arena, list: &mut List) {
        let nested = arena.extract(list, |arena, id| self.is_liftable(arena, id));
        let maps: Vec<Value> = arena.iter(nested).map(|(_, node)| node.value).collect();
        for map in maps {
            if let Value::Map(inner) = arena.expand(map) {
                self.rename(arena, inner);
                arena.append(list, inner);
            }
        }
    }

    fn is_liftable(&self, arena: &Arena, id: NodeId) -> bool {
        if arena.key(id) != self.under.as_bytes() {
            return false;
        }
        let map = match arena.node(id).value {
            Value::Map(_) => true,
            Value::Json(span) => arena.bytes(span).starts_with(b"{"),
            _ => false,
        };
        if !map {
            warn!(component = %self.id, key = %self.under, "the value to lift is not a map and stays");
        }
        map
    }

    fn rename(&self, arena: &mut Arena, list: List) {
        if let Rename::None = self.rename {
            return;
        }
        let ids: Vec<NodeId> = arena.iter(list).map(|(id, _)| id).collect();
        for id in ids {
            let key = arena.node(id).key;
            let renamed = match &self.rename {
                Rename::Add(prefix) => arena.derive(key, |old, out| {
                    out.extend_from_slice(prefix.as_bytes());
                    out.extend_from_slice(old);
                }),
                Rename::Remove(prefix) if arena.bytes(key).starts_with(prefix.as_bytes()) => {
                    key.part(prefix.len(), key.len())
                }
                _ => key,
            };
            arena.set_key(id, renamed);
        }
    }
}

fn fits(name: &str, key: &[u8]) -> bool {
    match name.strip_suffix('*') {
        Some(start) => key.starts_with(start.as_bytes()),
        None => key == name.as_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};

    use super::*;
    use crate::testing::settings;

    fn change(options: &str, record: &str) -> String {
        let mut nest = processor::<Nest>(settings(options)).unwrap();
        let (out, _) = process(&mut nest, batch("t", &[record]));
        json_lines(&out).trim_start_matches("t ").trim_end().to_owned()
    }

    #[test]
    fn fields_move_into_a_map() {
        let record = r#"{"ecs_a":"1","log":"x","ecs_b":"2"}"#;
        for (options, expected) in [
            (
                r#""wildcards": ["ecs_*"], "nest_under": "ecs""#,
                r#"{"log":"x","ecs":{"ecs_a":"1","ecs_b":"2"}}"#,
            ),
            (
                r#""wildcards": ["ecs_*", "log"], "nest_under": "top""#,
                r#"{"top":{"ecs_a":"1","log":"x","ecs_b":"2"}}"#,
            ),
            (r#""wildcards": ["ecs_"], "nest_under": "ecs""#, record),
            (
                r#""wildcards": ["ecs_*"], "nest_under": "ecs", "remove_prefix": "ecs_""#,
                r#"{"log":"x","ecs":{"a":"1","b":"2"}}"#,
            ),
            (
                r#""wildcards": ["log"], "nest_under": "m", "add_prefix": "x_""#,
                r#"{"ecs_a":"1","ecs_b":"2","m":{"x_log":"x"}}"#,
            ),
            (r#""wildcards": ["ecs_*"], "nest_under": "log""#, r#"{"log":{"ecs_a":"1","ecs_b":"2"}}"#),
        ] {
            assert_eq!(change(&format!(r#"{{"operation": "nest", {options}}}"#), record), expected);
        }
    }

    #[test]
    fn a_map_is_lifted() {
        let lift = r#"{"operation": "lift", "nested_under": "m"}"#;
        for (record, expected) in [
            (r#"{"m":{"a":1,"log":"in","d":{"e":2}},"log":"out"}"#, r#"{"a":1,"log":"in","d":{"e":2}}"#),
            (r#"{"m":"text","log":"x"}"#, r#"{"m":"text","log":"x"}"#),
            (r#"{"m":{},"log":"x"}"#, r#"{"log":"x"}"#),
            (r#"{"log":"x"}"#, r#"{"log":"x"}"#),
            (r#"{"m":{"m":{"a":1}}}"#, r#"{"m":{"a":1}}"#),
        ] {
            assert_eq!(change(lift, record), expected, "{record}");
        }
        let record = r#"{"m":{"a":1,"ab":2}}"#;
        let add = r#"{"operation": "lift", "nested_under": "m", "add_prefix": "m."}"#;
        assert_eq!(change(add, record), r#"{"m.a":1,"m.ab":2}"#);
        let remove = r#"{"operation": "lift", "nested_under": "m", "remove_prefix": "a"}"#;
        assert_eq!(change(remove, record), r#"{"":1,"b":2}"#);
    }

    #[test]
    fn wrong_settings_say_what_to_do() {
        let error = processor::<Nest>(settings(r#"{"operation": "nest"}"#)).err().unwrap();
        assert!(error.contains("`nest_under` is not set"), "{error}");
    }
}
