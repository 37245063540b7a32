//! Attributes that tell what was removed and masked, never what it was.

use model::{Arena, List, Value};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Summary {
    /// Keys and counts: `redaction.masked.keys`, `redaction.masked.count` and so on.
    Debug,
    /// Counts alone.
    Info,
    /// Nothing.
    #[default]
    #[serde(alias = "")]
    Silent,
}

/// What was done to one list of attributes, or to a body.
#[derive(Default)]
pub struct Seen {
    pub redacted: Vec<String>,
    pub masked: Vec<String>,
    /// Left alone because of their values.
    pub allowed: Vec<String>,
    pub ignored: u64,
}

impl Seen {
    /// Adds the attributes. Those of an earlier step are joined with them.
    pub fn tell(self, summary: Summary, prefix: &str, arena: &mut Arena, list: &mut List) {
        if summary == Summary::Silent {
            return;
        }
        for (what, mut keys) in
            [("redacted", self.redacted), ("masked", self.masked), ("allowed", self.allowed)]
        {
            if keys.is_empty() {
                continue;
            }
            let count_key = format!("{prefix}.{what}.count");
            let mut count = keys.len() as i64 + earlier(arena, *list, &count_key);
            if summary == Summary::Debug {
                let key = format!("{prefix}.{what}.keys");
                if let Some(known) = arena.get(*list, key.as_bytes()).and_then(|known| arena.text(known)) {
                    keys.extend(String::from_utf8_lossy(&known).split(',').map(str::to_owned));
                }
                keys.sort_unstable();
                keys.dedup();
                count = keys.len() as i64;
                let keys = Value::Str(arena.store(keys.join(",").as_bytes()));
                arena.set(list, key.as_bytes(), keys);
            }
            arena.set(list, count_key.as_bytes(), Value::Int(count));
        }
        if self.ignored > 0 {
            let key = format!("{prefix}.ignored.count");
            let count = self.ignored as i64 + earlier(arena, *list, &key);
            arena.set(list, key.as_bytes(), Value::Int(count));
        }
    }
}

fn earlier(arena: &Arena, list: List, key: &str) -> i64 {
    match arena.get(list, key.as_bytes()) {
        Some(Value::Int(count)) => count,
        _ => 0,
    }
}
