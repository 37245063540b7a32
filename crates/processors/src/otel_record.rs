//! Makes one map of a log record, its resource and its scope, for destinations that know no more than fields.
//!
//! ```yaml
//! otel_record:
//!   layout: nested
//! ```
//!
//! `nested` is what the Collector writes to CloudWatch Logs: `body`, `severity_text`, `trace_id`, `attributes`,
//! `scope`, `resource` and their like, what is empty left out. `datadog` is what its Datadog exporter sends:
//! `message`, `status`, `service`, `hostname`, `ddtags`, `dd.trace_id`, and attributes at the top.
//! Sources: the Collector's awscloudwatchlogs exporter; Datadog's mapping of OpenTelemetry logs.

mod datadog;
mod nested;

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, List, Value};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What the map looks like.
    pub layout: Layout,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Each part under a name of its own.
    #[default]
    Nested,
    /// As Datadog's intake expects it.
    Datadog,
}

pub struct OtelRecord(Layout);

impl Processor for OtelRecord {
    const NAME: &'static str = "otel_record";
    type Config = Config;

    fn build(config: Config, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(OtelRecord(config.layout))
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        batch.need_resource();
        let Batch { arena, logs, resources, scopes, .. } = &mut batch;
        for record in logs {
            let scope = scopes.get(record.scope as usize).copied().unwrap_or_default();
            let resource = resources.get(scope.resource as usize).copied().unwrap_or_default();
            let fields = match self.0 {
                Layout::Nested => nested::fields(arena, record, &scope, &resource),
                Layout::Datadog => datadog::fields(arena, record, &scope, &resource),
            };
            record.body = Value::Map(fields);
            record.attributes = List::EMPTY;
        }
        out.push(batch);
    }
}

/// A map in the making.
struct Fields<'a> {
    arena: &'a mut Arena,
    list: List,
}

impl Fields<'_> {
    fn add(&mut self, key: &str, value: Value) {
        let key = self.arena.store(key.as_bytes());
        self.arena.push(&mut self.list, key, value);
    }

    fn add_text(&mut self, key: &str, text: &str) {
        let text = self.arena.store(text.as_bytes());
        self.add(key, Value::Str(text));
    }

    /// Left out where it is empty.
    fn add_span(&mut self, key: &str, text: model::Span) {
        if !text.is_empty() {
            self.add(key, Value::Str(text));
        }
    }

    /// Left out where it is zero.
    fn add_number(&mut self, key: &str, number: u32) {
        if number != 0 {
            self.add(key, Value::Int(i64::from(number)));
        }
    }

    /// Left out where it is empty.
    fn add_map(&mut self, key: &str, list: List) {
        if !list.is_empty() {
            self.add(key, Value::Map(list));
        }
    }

    /// Left out where it is zero.
    fn add_id(&mut self, key: &str, id: &[u8]) {
        if id.iter().any(|byte| *byte != 0) {
            self.add_text(key, &hex(id));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
