//! Rows of `spans`.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Int16Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
};
use model::trace::{SpanEvent, SpanLink};
use model::{Arena, Batch, List, TraceSpan, Value, json};

use super::block::{Block, Container, Origin};
use super::columns::{Label, TextMap, Times, hex, push_id, push_text};
use super::logs::Types;
use super::traces::TraceRows;
use super::value;
use crate::{LakeError, Table};

#[derive(Default)]
pub(super) struct SpanRows {
    block: Block,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    parent_span_id: StringBuilder,
    trace_state: StringBuilder,
    flags: Int32Builder,
    name: Label,
    kind: Label,
    status: Label,
    status_message: StringBuilder,
    end_time: Times,
    duration_ns: Int64Builder,
    scope: Label,
    http_method: Label,
    http_route: Label,
    http_status: Int16Builder,
    rpc_system: Label,
    rpc_method: Label,
    db_system: Label,
    db_statement: StringBuilder,
    messaging_system: Label,
    messaging_destination: Label,
    peer: Label,
    exception_type: Label,
    error: BooleanBuilder,
    is_root: BooleanBuilder,
    is_entry: BooleanBuilder,
    events: StringBuilder,
    links: StringBuilder,
    attributes: TextMap,
    attribute_types: Label,
    traces: TraceRows,
}

/// OpenTelemetry's kinds, by number.
const KINDS: [Option<&str>; 6] =
    [None, Some("internal"), Some("server"), Some("client"), Some("producer"), Some("consumer")];
const STATUSES: [&str; 3] = ["unset", "ok", "error"];

/// What a span's attributes say that has a column.
#[derive(Default)]
pub(super) struct Promoted<'a> {
    http_method: Option<Cow<'a, str>>,
    http_route: Option<Cow<'a, str>>,
    http_status: Option<i16>,
    old_http_status: Option<i16>,
    rpc_system: Option<Cow<'a, str>>,
    rpc_method: Option<Cow<'a, str>>,
    db_system: Option<Cow<'a, str>>,
    db_statement: Option<Cow<'a, str>>,
    messaging_system: Option<Cow<'a, str>>,
    messaging_destination: Option<Cow<'a, str>>,
    peer: Option<Cow<'a, str>>,
}

impl<'a> Promoted<'a> {
    /// As for logs: what is taken is not in the map.
    fn take(&mut self, key: &[u8], text: Cow<'a, str>, letter: u8) -> Option<Cow<'a, str>> {
        let column = match (key, letter) {
            (b"http.response.status_code", b'i') => match (self.http_status, text.parse()) {
                (None, Ok(status)) if !text.starts_with(['0', '-']) => {
                    self.http_status = Some(status);
                    return None;
                }
                _ => return Some(text),
            },
            // The name before the conventions were stable: the column helps, the map keeps it.
            (b"http.status_code", b'i') => {
                self.old_http_status = self.old_http_status.or(text.parse().ok());
                return Some(text);
            }
            (b"http.request.method", b's') => &mut self.http_method,
            (b"http.route", b's') => &mut self.http_route,
            (b"rpc.system", b's') => &mut self.rpc_system,
            (b"rpc.method", b's') => &mut self.rpc_method,
            (b"db.system.name", b's') => &mut self.db_system,
            (b"db.query.text", b's') => &mut self.db_statement,
            (b"messaging.system", b's') => &mut self.messaging_system,
            (b"messaging.destination.name", b's') => &mut self.messaging_destination,
            (b"peer.service", b's') => &mut self.peer,
            _ => return Some(text),
        };
        if column.is_some() || text.is_empty() {
            return Some(text);
        }
        *column = Some(text);
        None
    }
}

impl SpanRows {
    pub fn push(&mut self, batch: &Batch) {
        let origins = Origin::all(batch);
        let fallback = Origin::default();
        for span in &batch.spans {
            let origin = origins.get(span.scope as usize).or(origins.first()).unwrap_or(&fallback);
            let status = self.span(&batch.arena, span, origin);
            self.traces.add(&batch.arena, span, origin, status);
        }
        self.traces.close(&origins);
    }

    fn span(&mut self, arena: &Arena, span: &TraceSpan, origin: &Origin) -> Option<i16> {
        self.block.push(span.start, origin, Container::default());
        push_id(&mut self.trace_id, &span.trace_id);
        push_id(&mut self.span_id, &span.span_id);
        push_id(&mut self.parent_span_id, &span.parent_span_id);
        push_text(&mut self.trace_state, &value::lossy(arena.bytes(span.trace_state)));
        self.flags.append_option((span.flags > 0).then_some(span.flags as i32));
        self.name.push(Some(&value::lossy(arena.bytes(span.name))));
        self.kind.push(KINDS.get(usize::from(span.kind)).copied().flatten());
        let status = span.status.unwrap_or_default();
        self.status.push(Some(STATUSES[usize::from(status.code).min(2)]));
        push_text(&mut self.status_message, &value::lossy(arena.bytes(status.message)));
        self.end_time.push_known(span.end);
        self.duration_ns.append_value(span.end.saturating_sub(span.start) as i64);
        self.scope.push(origin.scope.as_deref());
        self.error.append_value(status.code == 2);
        let root = span.parent_span_id == [0; 8];
        self.is_root.append_value(root);
        self.is_entry.append_value(root || matches!(span.kind, 2 | 5));
        self.exception_type.push(exception(arena, &span.events).as_deref());
        push_text(&mut self.events, &events(arena, &span.events));
        push_text(&mut self.links, &links(arena, &span.links));
        self.attributes(arena, span.attributes)
    }

    fn attributes(&mut self, arena: &Arena, attributes: List) -> Option<i16> {
        let mut promoted = Promoted::default();
        let mut types = Types::default();
        for (_, node) in arena.iter(attributes) {
            let key = arena.bytes(node.key);
            let (text, letter) = value::text(arena, node.value);
            if let Some(text) = promoted.take(key, text, letter) {
                self.attributes.entry(&value::lossy(key), &text);
                types.push(letter);
            }
        }
        // The column says this of either name: the map tells that both were there.
        if let (Some(status), true) = (promoted.http_status, promoted.http_status == promoted.old_http_status)
        {
            self.attributes.entry("http.response.status_code", &status.to_string());
            types.push(b'i');
        }
        let http_status = promoted.http_status.or(promoted.old_http_status);
        self.attributes.end(types.any());
        self.attribute_types.push(types.told());
        self.http_method.push(promoted.http_method.as_deref());
        self.http_route.push(promoted.http_route.as_deref());
        self.http_status.append_option(http_status);
        self.rpc_system.push(promoted.rpc_system.as_deref());
        self.rpc_method.push(promoted.rpc_method.as_deref());
        self.db_system.push(promoted.db_system.as_deref());
        self.db_statement.append_option(promoted.db_statement.as_deref());
        self.messaging_system.push(promoted.messaging_system.as_deref());
        self.messaging_destination.push(promoted.messaging_destination.as_deref());
        self.peer.push(promoted.peer.as_deref());
        http_status
    }

    /// `spans` and `traces`.
    pub fn finish(&mut self) -> Result<(RecordBatch, RecordBatch), LakeError> {
        let mut columns = self.block.finish();
        let own: [ArrayRef; 30] = [
            Arc::new(self.trace_id.finish()),
            Arc::new(self.span_id.finish()),
            Arc::new(self.parent_span_id.finish()),
            Arc::new(self.trace_state.finish()),
            Arc::new(self.flags.finish()),
            self.name.finish(),
            self.kind.finish(),
            self.status.finish(),
            Arc::new(self.status_message.finish()),
            self.end_time.finish(),
            Arc::new(self.duration_ns.finish()),
            self.scope.finish(),
            self.http_method.finish(),
            self.http_route.finish(),
            Arc::new(self.http_status.finish()),
            self.rpc_system.finish(),
            self.rpc_method.finish(),
            self.db_system.finish(),
            Arc::new(self.db_statement.finish()),
            self.messaging_system.finish(),
            self.messaging_destination.finish(),
            self.peer.finish(),
            self.exception_type.finish(),
            Arc::new(self.error.finish()),
            Arc::new(self.is_root.finish()),
            Arc::new(self.is_entry.finish()),
            Arc::new(self.events.finish()),
            Arc::new(self.links.finish()),
            self.attributes.finish(),
            self.attribute_types.finish(),
        ];
        columns.extend(own);
        Ok((RecordBatch::try_new(Table::Spans.arriving(), columns)?, self.traces.finish()?))
    }
}

/// The type that the span's first recorded exception has.
fn exception<'a>(arena: &'a Arena, events: &[SpanEvent]) -> Option<Cow<'a, str>> {
    events.iter().find_map(|event| {
        let value = arena.get(event.attributes, b"exception.type")?;
        Some(value::text(arena, value).0)
    })
}

/// `[{"time":nanoseconds,"name":"..","attributes":{..}}]`; nothing for none.
fn events(arena: &Arena, events: &[SpanEvent]) -> String {
    list(events, |event, out| {
        out.extend_from_slice(format!("{{\"time\":{},\"name\":", event.time).as_bytes());
        json::write_string(arena.bytes(event.name), out);
        attributes(arena, event.attributes, out);
    })
}

/// `[{"trace_id":"..","span_id":"..","trace_state":"..","flags":1,"attributes":{..}}]`; nothing for none.
fn links(arena: &Arena, links: &[SpanLink]) -> String {
    list(links, |link, out| {
        let (mut trace, mut span) = ([0; 32], [0; 32]);
        let ids = (hex(&link.trace_id, &mut trace), hex(&link.span_id, &mut span));
        out.extend_from_slice(format!("{{\"trace_id\":\"{}\",\"span_id\":\"{}\"", ids.0, ids.1).as_bytes());
        if !link.trace_state.is_empty() {
            out.extend_from_slice(b",\"trace_state\":");
            json::write_string(arena.bytes(link.trace_state), out);
        }
        if link.flags > 0 {
            out.extend_from_slice(format!(",\"flags\":{}", link.flags).as_bytes());
        }
        attributes(arena, link.attributes, out);
    })
}

fn attributes(arena: &Arena, attributes: List, out: &mut Vec<u8>) {
    if !attributes.is_empty() {
        out.extend_from_slice(b",\"attributes\":");
        json::write_value(arena, Value::Map(attributes), out);
    }
    out.push(b'}');
}

fn list<T>(items: &[T], write: impl Fn(&T, &mut Vec<u8>)) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut out = vec![b'['];
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write(item, &mut out);
    }
    out.push(b']');
    String::from_utf8_lossy(&out).into_owned()
}
