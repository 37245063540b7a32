//! Gives log records the shape OpenTelemetry has for them: what applications and web servers write as text, and what
//! FireLens adds, goes where destinations look for it.
//!
//! ```yaml
//! normalize:
//!   ecs: false
//! ```
//!
//! Each part can be switched off; all are on.
//!
//! - `json`: a body that is a JSON object becomes attributes, and its message the body. The message is the text of
//!   `message`, `msg`, `log`, `body`, `@m`, `RenderedMessage`, `MessageTemplate` or `@mt`, the first of them in this
//!   order; without one the body stays as it is.
//! - `severity`: from `level`, `severity`, `lvl`, `loglevel`, `log.level`, `levelname` or `status`, as a word or as a
//!   number of pino's and bunyan's; else from the level at the head of a line, where it is written in one of the
//!   usual forms (`INFO: …`, `[error] …`, `2024-05-01 12:00:00,000 WARN …`, `level=info …`).
//! - `trace_context`: trace and span ids from `trace_id`, `traceId`, `trace.id`, `otelTraceID`, `dd.trace_id`,
//!   `traceparent`, an X-Ray header and their like, or from `trace: {id: …}`.
//! - `time`: of JSON lines, from `time`, `timestamp`, `@timestamp`, `ts` or `@t`, as RFC 3339 or since the epoch.
//! - `access_logs`: nginx's and Apache's access logs, common or combined, as attributes of the semantic conventions,
//!   an error from status 500 on; nginx's error log, whose body becomes its message.
//! - `ecs`: the task's fields (`ecs_task_arn`, `ecs_cluster`, `ecs_task_definition`, `ec2_instance_id`) on the
//!   resource; `container_id`, `container_name` and `source` as `container.id`, `container.name`, `log.iostream`.
//!
//! A field that was understood is removed; one that was not stays an attribute. What a record says itself, its
//! severity or its ids, is never replaced. Its time is, as the application's own is closer to the event.

mod access_log;
mod ecs;
mod error_log;
mod found;
mod json_body;
mod leading;
mod role;
mod severity;
mod text;
mod time;
mod trace_context;

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, LogRecord, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use found::Found;

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Open bodies that are JSON objects.
    pub json: bool,
    /// Set the severity.
    pub severity: bool,
    /// Set trace and span ids.
    pub trace_context: bool,
    /// Take the time that the application wrote.
    pub time: bool,
    /// Take lines of web servers apart.
    pub access_logs: bool,
    /// Rename what FireLens and Docker's log driver add.
    pub ecs: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { json: true, severity: true, trace_context: true, time: true, access_logs: true, ecs: true }
    }
}

pub struct Normalize(Config);

impl Processor for Normalize {
    const NAME: &'static str = "normalize";
    type Config = Config;

    fn build(config: Config, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Normalize(config))
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        if self.0.ecs && !batch.logs.is_empty() {
            batch.need_resource();
        }
        let Batch { arena, logs, resources, scopes, .. } = &mut batch;
        for record in logs {
            if self.0.ecs {
                let scope = scopes.get(record.scope as usize).copied().unwrap_or_default();
                ecs::rename(arena, record, resources.get_mut(scope.resource as usize));
            }
            self.record(arena, record);
        }
        out.push(batch);
    }
}

impl Normalize {
    fn record(&self, arena: &mut Arena, record: &mut LogRecord) {
        let opened = self.0.json && json_body::open(arena, record);
        self.fields(arena, record, opened);
        if let (Value::Str(span), false) = (record.body, opened) {
            let known = self.0.access_logs
                && (access_log::read(arena, record, span, self.0)
                    || error_log::read(arena, record, span, self.0));
            if !known && self.0.severity && record.severity.0 == 0 {
                leading::severity(arena, record, span);
            }
        }
    }

    /// What fields tell. Only a line in JSON says when it was written; elsewhere `time` may be anything.
    fn fields(&self, arena: &mut Arena, record: &mut LogRecord, opened: bool) {
        let wanted = Config { time: self.0.time && opened, ..self.0 };
        if !arena.iter(record.attributes).any(|(_, node)| role::of(arena.bytes(node.key)).is_some()) {
            return;
        }
        let mut found = Found::new(wanted, record);
        found.take(arena, &mut record.attributes);
        found.write(arena, record);
    }
}

#[cfg(test)]
mod tests;
