//! `trace_parser`, and the `trace` block of other parsers: fields into trace and span ids and flags.

use model::Batch;
use serde::Deserialize;

use super::entry::Entry;
use super::field::Field;
use super::{Flow, Operator};
use crate::normalize::trace_context;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    trace_id: Option<From>,
    span_id: Option<From>,
    trace_flags: Option<From>,
}

#[derive(Debug, Deserialize)]
struct From {
    parse_from: Option<Field>,
}

/// A field that is not there is passed over.
pub(super) struct TraceParser {
    trace_id: Field,
    span_id: Field,
    trace_flags: Field,
}

impl TraceParser {
    pub fn new(config: Config) -> TraceParser {
        let field = |from: Option<From>, name: &str| {
            let usual = || Field {
                path: vec![name.as_bytes().into()],
                text: format!("body.{name}"),
                ..Field::body()
            };
            from.and_then(|from| from.parse_from).unwrap_or_else(usual)
        };
        TraceParser {
            trace_id: field(config.trace_id, "trace_id"),
            span_id: field(config.span_id, "span_id"),
            trace_flags: field(config.trace_flags, "trace_flags"),
        }
    }
}

impl Operator for TraceParser {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let mut bytes = |field: &Field, entry: &Entry| match field.get(batch, entry) {
            Some(_) => field.text(batch, entry).map(|text| Some(batch.arena.bytes(text).to_vec())),
            None => Ok(None),
        };
        let wrong =
            |field: &Field| format!("`{}` is not written in hexadecimal digits of its length", field.text);
        if let Some(text) = bytes(&self.trace_id, entry)? {
            entry.record.trace_id = trace_context::context(&text).ok_or_else(|| wrong(&self.trace_id))?.trace;
        }
        if let Some(text) = bytes(&self.span_id, entry)? {
            entry.record.span_id = trace_context::span(&text).ok_or_else(|| wrong(&self.span_id))?;
        }
        if let Some(text) = bytes(&self.trace_flags, entry)? {
            let flags = trace_context::flags(&text).ok_or_else(|| wrong(&self.trace_flags))?;
            entry.record.flags = flags.into();
        }
        Ok(Flow::On)
    }
}
