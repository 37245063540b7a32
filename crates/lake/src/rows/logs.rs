//! Rows of `logs`.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, Int8Builder, Int16Builder, Int32Builder, RecordBatch, StringBuilder,
};
use model::{Arena, Batch, List, LogRecord, Value};

use super::block::{Block, Container, Origin};
use super::columns::{Label, TextMap, Times, push_id, push_text};
use super::value;
use crate::{LakeError, Table};

#[derive(Default)]
pub(super) struct LogRows {
    block: Block,
    observed_time: Times,
    severity: Label,
    severity_number: Int8Builder,
    severity_text: Label,
    message: StringBuilder,
    body: StringBuilder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    flags: Int32Builder,
    scope: Label,
    stream: Label,
    log_group: Label,
    event_name: Label,
    http_method: Label,
    http_route: Label,
    http_status: Int16Builder,
    duration_ms: Float64Builder,
    client_ip: StringBuilder,
    url_path: StringBuilder,
    user_agent: Label,
    exception_type: Label,
    exception_message: StringBuilder,
    user_id: StringBuilder,
    request_id: StringBuilder,
    attributes: TextMap,
    attribute_types: Label,
}

/// What a record's attributes say that has a column.
#[derive(Default)]
struct Promoted<'a> {
    container: Option<Cow<'a, str>>,
    container_id: Option<Cow<'a, str>>,
    stream: Option<Cow<'a, str>>,
    http_method: Option<Cow<'a, str>>,
    http_route: Option<Cow<'a, str>>,
    http_status: Option<i16>,
    duration_ms: Option<f64>,
    client_ip: Option<Cow<'a, str>>,
    url_path: Option<Cow<'a, str>>,
    user_agent: Option<Cow<'a, str>>,
    exception_type: Option<Cow<'a, str>>,
    exception_message: Option<Cow<'a, str>>,
    user_id: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
}

impl<'a> Promoted<'a> {
    /// Takes what has a column, once; gives back the rest. Only values of the kind that the column's name promises
    /// are taken, so that the table says all that the record said.
    fn take(&mut self, key: &[u8], text: Cow<'a, str>, letter: u8) -> Option<Cow<'a, str>> {
        let column = match (key, letter) {
            (b"http.response.status_code", b'i') => match (self.http_status, text.parse()) {
                (None, Ok(status)) if !text.starts_with(['0', '-']) => {
                    self.http_status = Some(status);
                    return None;
                }
                _ => return Some(text),
            },
            (b"duration_ms", b'd' | b'i') => {
                self.duration_ms = text.parse().ok();
                return Some(text);
            }
            // The column may be the resource's as well: the map tells whose it is.
            (b"container.name" | b"container.id" | b"log.iostream", b's') => {
                let column = match key {
                    b"container.name" => &mut self.container,
                    b"container.id" => &mut self.container_id,
                    _ => &mut self.stream,
                };
                if column.is_none() && !text.is_empty() {
                    *column = Some(text.clone());
                }
                return Some(text);
            }
            (b"http.request.method", b's') => &mut self.http_method,
            (b"http.route", b's') => &mut self.http_route,
            (b"client.address", b's') => &mut self.client_ip,
            (b"url.path", b's') => &mut self.url_path,
            (b"user_agent.original", b's') => &mut self.user_agent,
            (b"exception.type", b's') => &mut self.exception_type,
            (b"exception.message", b's') => &mut self.exception_message,
            (b"user.id", b's') => &mut self.user_id,
            (b"request_id", b's') => &mut self.request_id,
            _ => return Some(text),
        };
        if column.is_some() || text.is_empty() {
            return Some(text);
        }
        *column = Some(text);
        None
    }
}

impl LogRows {
    pub fn push(&mut self, batch: &Batch, now: u64) {
        let origins = Origin::all(batch);
        let fallback = Origin::default();
        for record in &batch.logs {
            let origin = origins.get(record.scope as usize).or(origins.first()).unwrap_or(&fallback);
            self.record(&batch.arena, record, origin, now);
        }
    }

    fn record(&mut self, arena: &Arena, record: &LogRecord, origin: &Origin, now: u64) {
        let observed = if record.observed > 0 { record.observed } else { now };
        let time = if record.time > 0 { record.time } else { observed };
        let promoted = self.attributes(arena, record.attributes);
        let container =
            Container { name: promoted.container.as_deref(), id: promoted.container_id.as_deref() };
        self.block.push(time, origin, container);
        self.observed_time.push_known(observed);
        let severity = severity_name(record.severity.0);
        let told = value::lossy(arena.bytes(record.severity_text));
        self.severity.push(severity.or(named_severity(&told)));
        self.severity_number.append_value(record.severity.0 as i8);
        self.severity_text.push(Some(&told));
        self.body(arena, record.body);
        push_id(&mut self.trace_id, &record.trace_id);
        push_id(&mut self.span_id, &record.span_id);
        self.flags.append_option((record.flags > 0).then_some(record.flags as i32));
        self.scope.push(origin.scope.as_deref());
        self.stream.push(promoted.stream.as_deref().or(origin.stream.as_deref()));
        self.log_group.push(origin.log_group.as_deref());
        self.event_name.push(Some(&value::lossy(arena.bytes(record.event_name))));
        self.promoted(&promoted);
    }

    fn promoted(&mut self, promoted: &Promoted<'_>) {
        self.http_method.push(promoted.http_method.as_deref());
        self.http_route.push(promoted.http_route.as_deref());
        self.http_status.append_option(promoted.http_status);
        self.duration_ms.append_option(promoted.duration_ms);
        self.client_ip.append_option(promoted.client_ip.as_deref());
        self.url_path.append_option(promoted.url_path.as_deref());
        self.user_agent.push(promoted.user_agent.as_deref());
        self.exception_type.push(promoted.exception_type.as_deref());
        self.exception_message.append_option(promoted.exception_message.as_deref());
        self.user_id.append_option(promoted.user_id.as_deref());
        self.request_id.append_option(promoted.request_id.as_deref());
    }

    /// Fills the map, and hands out what belongs into columns.
    fn attributes<'a>(&mut self, arena: &'a Arena, attributes: List) -> Promoted<'a> {
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
        self.attributes.end(types.any());
        self.attribute_types.push(types.told());
        promoted
    }

    /// A body of text is the message; of another, the message is what its writer meant to be read. `body` tells what
    /// it was: JSON, or `0x` and hexadecimal digits for bytes.
    fn body(&mut self, arena: &Arena, body: Value) {
        let (text, letter) = value::text(arena, body);
        if letter != b'j' {
            self.message.append_option((letter != b'n').then_some(&text));
            return match letter {
                b's' | b'n' => self.body.append_null(),
                b'x' => self.body.append_value(format!("0x{text}")),
                _ => self.body.append_value(&text),
            };
        }
        let message = MESSAGES.iter().find_map(|key| arena.text(arena.member(body, key)?));
        match message {
            Some(message) => self.message.append_value(value::lossy(&message)),
            None => self.message.append_value(&text),
        }
        push_text(&mut self.body, &text);
    }

    pub fn finish(&mut self) -> Result<RecordBatch, LakeError> {
        let mut columns = self.block.finish();
        let own: [ArrayRef; 26] = [
            self.observed_time.finish(),
            self.severity.finish(),
            Arc::new(self.severity_number.finish()),
            self.severity_text.finish(),
            Arc::new(self.message.finish()),
            Arc::new(self.body.finish()),
            Arc::new(self.trace_id.finish()),
            Arc::new(self.span_id.finish()),
            Arc::new(self.flags.finish()),
            self.scope.finish(),
            self.stream.finish(),
            self.log_group.finish(),
            self.event_name.finish(),
            self.http_method.finish(),
            self.http_route.finish(),
            Arc::new(self.http_status.finish()),
            Arc::new(self.duration_ms.finish()),
            Arc::new(self.client_ip.finish()),
            Arc::new(self.url_path.finish()),
            self.user_agent.finish(),
            self.exception_type.finish(),
            Arc::new(self.exception_message.finish()),
            Arc::new(self.user_id.finish()),
            Arc::new(self.request_id.finish()),
            self.attributes.finish(),
            self.attribute_types.finish(),
        ];
        columns.extend(own);
        Ok(RecordBatch::try_new(Table::Logs.arriving(), columns)?)
    }
}

/// Members of a structured body that hold its message: what log drivers and loggers call it.
const MESSAGES: [&[u8]; 4] = [b"log", b"message", b"msg", b"event"];

/// OpenTelemetry's name of a severity number (logs data model, "Displaying Severity").
fn severity_name(number: u8) -> Option<&'static str> {
    const NAMES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    NAMES.get((usize::from(number).checked_sub(1)?) / 4).copied()
}

/// Where there is no number, the name may tell.
fn named_severity(text: &str) -> Option<&'static str> {
    let is = |name: &str| text.eq_ignore_ascii_case(name);
    let known = [
        ("TRACE", &["trace", "verbose"][..]),
        ("DEBUG", &["debug"]),
        ("INFO", &["info", "information", "notice"]),
        ("WARN", &["warn", "warning"]),
        ("ERROR", &["error", "err"]),
        ("FATAL", &["fatal", "critical", "panic", "emergency", "alert"]),
    ];
    known.iter().find(|(_, names)| names.iter().any(|name| is(name))).map(|(severity, _)| *severity)
}

/// The letters of a row's attributes; nothing is told where all are text.
#[derive(Default)]
pub(super) struct Types(String);

impl Types {
    pub fn push(&mut self, letter: u8) {
        self.0.push(letter as char);
    }

    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    pub fn told(&self) -> Option<&str> {
        Some(&*self.0).filter(|letters| letters.bytes().any(|letter| letter != b's'))
    }
}
