//! A record as a line of text.

use std::borrow::Cow;

use model::{Arena, Batch, List, LogRecord, NodeId, Value, json};

use super::Format;
use super::labels::{Chosen, is_hint, resource_of};

/// The line; `None` where there is nothing to write.
pub fn write(batch: &Batch, record: &LogRecord, chosen: &Chosen<'_>) -> Option<String> {
    let parts = Parts::of(batch, record, chosen);
    let line = match chosen.format {
        Format::Json => parts.json(),
        Format::Logfmt => parts.logfmt(),
        Format::Raw => plain(&batch.arena, record.body)?.into_owned(),
    };
    Some(match String::from_utf8(line) {
        Ok(line) => line,
        Err(bad) => String::from_utf8_lossy(bad.as_bytes()).into_owned(),
    })
}

struct Parts<'a> {
    batch: &'a Batch,
    record: &'a LogRecord,
    attributes: Vec<NodeId>,
    resource: Vec<NodeId>,
}

impl<'a> Parts<'a> {
    fn of(batch: &'a Batch, record: &'a LogRecord, chosen: &Chosen<'_>) -> Parts<'a> {
        let left = |list: List, taken: &[Cow<'_, [u8]>]| {
            let mut fields = Vec::new();
            batch.arena.live_fields(list, &mut fields);
            fields.retain(|id| {
                let key = batch.arena.key(*id);
                !is_hint(key) && !taken.iter().any(|taken| **taken == *key)
            });
            fields
        };
        let attributes = left(record.attributes, &chosen.of_record);
        let resource = left(resource_of(batch, record), &chosen.of_resource);
        Parts { batch, record, attributes, resource }
    }

    fn json(&self) -> Vec<u8> {
        let Parts { batch, record, .. } = self;
        let arena = &batch.arena;
        let mut out = Object::default();
        if record.body != Value::Null {
            json::write_value(arena, record.body, out.member("body"));
        }
        for (name, id) in [("traceid", &record.trace_id[..]), ("spanid", &record.span_id[..])] {
            if let Some(id) = hex(id) {
                json::write_string(id.as_bytes(), out.member(name));
            }
        }
        if !record.severity_text.is_empty() {
            json::write_string(arena.bytes(record.severity_text), out.member("severity"));
        }
        if record.flags != 0 {
            out.member("flags").extend_from_slice(record.flags.to_string().as_bytes());
        }
        for (name, fields) in [("attributes", &self.attributes), ("resources", &self.resource)] {
            if !fields.is_empty() {
                let out = out.member(name);
                out.push(b'{');
                json::write_fields(arena, fields, out);
                out.push(b'}');
            }
        }
        if let Some(scope) = batch.scopes.get(record.scope as usize).filter(|scope| !scope.name.is_empty()) {
            let mut inner = Object::default();
            json::write_string(arena.bytes(scope.name), inner.member("name"));
            if !scope.version.is_empty() {
                json::write_string(arena.bytes(scope.version), inner.member("version"));
            }
            if !scope.attributes.is_empty() {
                json::write_map(arena, scope.attributes, inner.member("attributes"));
            }
            let inner = inner.finish();
            out.member("instrumentation_scope").extend_from_slice(&inner);
        }
        out.finish()
    }

    fn logfmt(&self) -> Vec<u8> {
        let Parts { batch, record, .. } = self;
        let arena = &batch.arena;
        let mut out = Pairs::default();
        match arena_map(arena, record.body) {
            Some(fields) => out.fields(arena, "", &fields),
            None => {
                if let Some(text) = plain(arena, record.body) {
                    out.pair(b"msg", &text);
                }
            }
        }
        for (name, id) in [("traceID", &record.trace_id[..]), ("spanID", &record.span_id[..])] {
            if let Some(id) = hex(id) {
                out.pair(name.as_bytes(), id.as_bytes());
            }
        }
        if !record.severity_text.is_empty() {
            out.pair(b"severity", arena.bytes(record.severity_text));
        }
        out.fields(arena, "attribute_", &self.attributes);
        out.fields(arena, "resource_", &self.resource);
        if let Some(scope) = batch.scopes.get(record.scope as usize).filter(|scope| !scope.name.is_empty()) {
            out.pair(b"instrumentation_scope_name", arena.bytes(scope.name));
            if !scope.version.is_empty() {
                out.pair(b"instrumentation_scope_version", arena.bytes(scope.version));
            }
        }
        out.0
    }
}

fn arena_map(arena: &Arena, value: Value) -> Option<Vec<NodeId>> {
    let Value::Map(list) = value else { return None };
    let mut fields = Vec::new();
    arena.live_fields(list, &mut fields);
    Some(fields)
}

/// Text as it is, anything else as JSON; `None` for nothing.
fn plain(arena: &Arena, value: Value) -> Option<Cow<'_, [u8]>> {
    if value == Value::Null {
        return None;
    }
    Some(arena.text(value).unwrap_or_else(|| {
        let mut text = Vec::new();
        json::write_value(arena, value, &mut text);
        Cow::Owned(text)
    }))
}

/// `None` for an id that is none.
fn hex(id: &[u8]) -> Option<String> {
    id.iter().any(|byte| *byte != 0).then(|| id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// An object while it is written.
#[derive(Default)]
struct Object(Vec<u8>);

impl Object {
    /// Writes a name that needs no escaping; the value goes behind it.
    fn member(&mut self, name: &str) -> &mut Vec<u8> {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        self.0.extend_from_slice(format!("\"{name}\":").as_bytes());
        &mut self.0
    }

    fn finish(mut self) -> Vec<u8> {
        if self.0.is_empty() {
            self.0.push(b'{');
        }
        self.0.push(b'}');
        self.0
    }
}

#[derive(Default)]
struct Pairs(Vec<u8>);

impl Pairs {
    fn fields(&mut self, arena: &Arena, prefix: &str, fields: &[NodeId]) {
        for id in fields {
            let key = [prefix.as_bytes(), arena.key(*id)].concat();
            self.pair(&key, &plain(arena, arena.node(*id).value).unwrap_or_default());
        }
    }

    fn pair(&mut self, key: &[u8], value: &[u8]) {
        let is_odd = |byte: &u8| *byte <= b' ' || matches!(byte, b'=' | b'"' | 0x7f);
        if !self.0.is_empty() {
            self.0.push(b' ');
        }
        self.0.extend(key.iter().map(|byte| if is_odd(byte) { b'_' } else { *byte }));
        self.0.push(b'=');
        match value.is_empty() || value.iter().any(is_odd) {
            true => json::write_string(value, &mut self.0),
            false => self.0.extend_from_slice(value),
        }
    }
}
