//! Removes fields by name and adds fixed ones.
//!
//! ```yaml
//! record_modifier:
//!   remove_keys: [container_id, ecs_*]
//!   records:
//!     - {key: env, value: prod}
//! ```
//!
//! Removal comes first; then the new fields are put at the end, where they win over fields of the same name.
//! A filter that would leave nothing of a record leaves the record as it is.

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, List, LogRecord, Span, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fields;
use crate::uuid;

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
#[derive(Default)]
pub struct Config {
    /// Fields to add, each a text.
    pub records: Vec<Field>,
    /// Fields to remove. Case does not matter, and a `*` at the end stands for anything.
    pub remove_keys: Vec<String>,
    /// Fields to keep: all others go. Written like `remove_keys`, and not to be used with it.
    pub allow_keys: Vec<String>,
    /// A field that gets a random UUID.
    pub uuid_key: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
pub struct Field {
    pub key: String,
    pub value: String,
}

pub struct RecordModifier {
    names: Vec<Name>,
    /// Whether `names` are those to keep.
    allow: bool,
    records: Vec<Field>,
    uuid_key: Option<String>,
    ids: uuid::Source,
}

/// A field's name, or the start of one.
struct Name {
    text: Box<[u8]>,
    prefix: bool,
}

impl Processor for RecordModifier {
    const NAME: &'static str = "record_modifier";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let allow = !config.allow_keys.is_empty();
        if allow && !config.remove_keys.is_empty() {
            return Err(cx.refuse(
                "allow_keys",
                "`allow_keys` and `remove_keys` exclude each other",
                "keep one of them, or use two filters",
            ));
        }
        let names = if allow { &config.allow_keys } else { &config.remove_keys };
        let names = names.iter().map(|name| Name::new(name)).collect();
        let Config { records, uuid_key, .. } = config;
        Ok(RecordModifier { names, allow, records, uuid_key, ids: uuid::Source::default() })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let Batch { arena, logs, .. } = &mut batch;
        // Stored once for all records of the batch.
        let added: Vec<(Span, Value)> = self.records.iter().map(|field| stored(arena, field)).collect();
        let uuid_key = self.uuid_key.as_ref().map(|key| arena.store(key.as_bytes()));
        for record in logs {
            self.change(arena, record, &added, uuid_key);
        }
        out.push(batch);
    }
}

fn stored(arena: &mut Arena, field: &Field) -> (Span, Value) {
    (arena.store(field.key.as_bytes()), Value::Str(arena.store(field.value.as_bytes())))
}

impl RecordModifier {
    fn change(
        &mut self,
        arena: &mut Arena,
        record: &mut LogRecord,
        added: &[(Span, Value)],
        uuid_key: Option<Span>,
    ) {
        let Some(mut list) = fields::fields(arena, record) else { return };
        if !self.names.is_empty() && (!added.is_empty() || self.keeps_any(arena, list)) {
            arena.retain(&mut list, |arena, id| self.keeps(arena.key(id)));
        }
        for (key, value) in added {
            arena.push(&mut list, *key, *value);
        }
        if let Some(key) = uuid_key {
            let id = arena.store(self.ids.next().as_bytes());
            arena.push(&mut list, key, Value::Str(id));
        }
        record.body = Value::Map(list);
    }

    fn keeps(&self, key: &[u8]) -> bool {
        self.names.iter().any(|name| name.matches(key)) == self.allow
    }

    fn keeps_any(&self, arena: &Arena, list: List) -> bool {
        arena.iter(list).any(|(_, node)| self.keeps(arena.bytes(node.key)))
    }
}

impl Name {
    fn new(name: &str) -> Name {
        let start = name.strip_suffix('*');
        Name { text: start.unwrap_or(name).as_bytes().into(), prefix: start.is_some() }
    }

    fn matches(&self, key: &[u8]) -> bool {
        match key.get(..self.text.len()) {
            Some(start) => {
                (self.prefix || key.len() == self.text.len()) && start.eq_ignore_ascii_case(&self.text)
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};

    use super::*;
    use crate::testing::settings;

    fn change(options: &str) -> String {
        let mut modifier = processor::<RecordModifier>(settings(options)).unwrap();
        let record = r#"{"log":"x","secret":"s","Secret":"S","session":"q"}"#;
        let (out, _) = process(&mut modifier, batch("t", &[record]));
        json_lines(&out).trim_start_matches("t ").trim_end().to_owned()
    }

    #[test]
    fn fields_go_and_come() {
        for (options, expected) in [
            (
                r#"{"records": [{"key": "log", "value": "y"}, {"key": "dd.env", "value": "prod"}]}"#,
                r#"{"secret":"s","Secret":"S","session":"q","log":"y","dd.env":"prod"}"#,
            ),
            (r#"{"remove_keys": ["SECRET"]}"#, r#"{"log":"x","session":"q"}"#),
            (r#"{"remove_keys": ["se*"]}"#, r#"{"log":"x"}"#),
            (
                r#"{"remove_keys": ["secret"], "records": [{"key": "secret", "value": "new"}]}"#,
                r#"{"log":"x","session":"q","secret":"new"}"#,
            ),
            (r#"{"allow_keys": ["s*"]}"#, r#"{"secret":"s","Secret":"S","session":"q"}"#),
            (
                r#"{"allow_keys": ["log"], "records": [{"key": "env", "value": "p"}]}"#,
                r#"{"log":"x","env":"p"}"#,
            ),
            (r#"{"allow_keys": ["q"]}"#, r#"{"log":"x","secret":"s","Secret":"S","session":"q"}"#),
            (r#"{"remove_keys": ["*"]}"#, r#"{"log":"x","secret":"s","Secret":"S","session":"q"}"#),
        ] {
            assert_eq!(change(options), expected, "{options}");
        }
    }

    #[test]
    fn a_uuid_is_new_for_each_record() {
        let options = r#"{"allow_keys": ["log"], "uuid_key": "id"}"#;
        let (one, two) = (change(options), change(options));
        assert_ne!(one, two);
        assert_eq!(one.len(), r#"{"log":"x","id":"00000000-0000-4000-8000-000000000000"}"#.len(), "{one}");
    }

    #[test]
    fn both_lists_are_refused() {
        let both = settings(r#"{"allow_keys": ["a"], "remove_keys": ["b"]}"#);
        assert!(processor::<RecordModifier>(both).err().unwrap().contains("exclude each other"));
    }
}
