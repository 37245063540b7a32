//! What a row says of the record that it was made of. The other way round of `logs.rs`, `spans.rs` and `block.rs`.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use model::{Arena, Batch, List, Value};
use serde_json::Value as Json;

/// OTLP's `AnyValue`.
#[derive(Debug, Clone)]
pub enum Any {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Any>),
    Map(BTreeMap<String, Any>),
}

impl PartialEq for Any {
    fn eq(&self, other: &Any) -> bool {
        match (self, other) {
            (Any::Null, Any::Null) => true,
            (Any::Bool(left), Any::Bool(right)) => left == right,
            (Any::Int(left), Any::Int(right)) => left == right,
            // One NaN is as good as another.
            (Any::Double(left), Any::Double(right)) => {
                left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan())
            }
            (Any::Text(left), Any::Text(right)) => left == right,
            (Any::Bytes(left), Any::Bytes(right)) => left == right,
            (Any::List(left), Any::List(right)) => left == right,
            (Any::Map(left), Any::Map(right)) => left == right,
            _ => false,
        }
    }
}

type Attributes = BTreeMap<String, Any>;

#[derive(Debug, PartialEq)]
pub struct Log {
    resource: Attributes,
    scope: String,
    time: u64,
    observed_micros: u64,
    severity: (u8, String),
    body: Any,
    attributes: Attributes,
    flags: u32,
    ids: (String, String),
    event_name: String,
}

pub fn sent_log(batch: &Batch, row: usize) -> Log {
    let (arena, record) = (&batch.arena, &batch.logs[row]);
    Log {
        resource: map(arena, batch.resources[0].attributes),
        scope: text(arena, batch.scopes[0].name),
        time: record.time,
        observed_micros: record.observed / 1000,
        severity: (record.severity.0, text(arena, record.severity_text)),
        body: any(arena, record.body),
        attributes: map(arena, record.attributes),
        flags: record.flags,
        ids: (id(&record.trace_id), id(&record.span_id)),
        event_name: text(arena, record.event_name),
    }
}

pub fn of_log(rows: &RecordBatch, row: usize) -> Log {
    let row = Row { rows, row };
    let mut attributes = row.attributes("attributes", "attribute_types");
    let resource = row.resource(&attributes);
    row.promoted(&mut attributes, LOG_COLUMNS);
    if let Some(status) = row.number("http_status") {
        attributes.insert("http.response.status_code".into(), Any::Int(status));
    }
    Log {
        resource,
        scope: row.text("scope").unwrap_or_default(),
        time: row.time(),
        observed_micros: row.micros("observed_time").expect("a time"),
        severity: (
            row.number("severity_number").expect("a number") as u8,
            row.text("severity_text").unwrap_or_default(),
        ),
        body: body(row.text("message"), row.text("body")),
        attributes,
        flags: row.number("flags").unwrap_or(0) as u32,
        ids: (row.text("trace_id").unwrap_or_default(), row.text("span_id").unwrap_or_default()),
        event_name: row.text("event_name").unwrap_or_default(),
    }
}

fn body(message: Option<String>, body: Option<String>) -> Any {
    let Some(body) = body else { return message.map_or(Any::Null, Any::Text) };
    if let Some(digits) = body.strip_prefix("0x") {
        return Any::Bytes(bytes(digits));
    }
    match body.as_bytes()[0] {
        b'{' | b'[' => json(&serde_json::from_str(&body).expect("JSON")),
        b't' | b'f' => Any::Bool(body == "true"),
        _ => body.parse().map(Any::Int).unwrap_or_else(|_| Any::Double(body.parse().expect("a number"))),
    }
}

#[derive(Debug, PartialEq)]
pub struct Span {
    resource: Attributes,
    scope: String,
    times: (u64, u64),
    name: String,
    kind: Option<String>,
    status: (String, String),
    ids: [String; 3],
    trace_state: String,
    flags: u32,
    attributes: Attributes,
    /// Time, name and attributes.
    events: Vec<(u64, String, Any)>,
    /// Ids, trace state, flags and attributes.
    links: Vec<([String; 3], u64, Any)>,
}

pub fn sent_span(batch: &Batch, row: usize) -> Span {
    let (arena, span) = (&batch.arena, &batch.spans[row]);
    let status = span.status.unwrap_or_default();
    let kinds = [None, Some("internal"), Some("server"), Some("client"), Some("producer"), Some("consumer")];
    let event = |event: &model::trace::SpanEvent| {
        (event.time, text(arena, event.name), Any::Map(map(arena, event.attributes)))
    };
    let link = |link: &model::trace::SpanLink| {
        let ids = [id(&link.trace_id), id(&link.span_id), text(arena, link.trace_state)];
        (ids, u64::from(link.flags), Any::Map(map(arena, link.attributes)))
    };
    Span {
        resource: map(arena, batch.resources[0].attributes),
        scope: text(arena, batch.scopes[0].name),
        times: (span.start, span.end),
        name: text(arena, span.name),
        kind: kinds[usize::from(span.kind)].map(str::to_owned),
        status: (["unset", "ok", "error"][usize::from(status.code)].to_owned(), text(arena, status.message)),
        ids: [id(&span.trace_id), id(&span.span_id), id(&span.parent_span_id)],
        trace_state: text(arena, span.trace_state),
        flags: span.flags,
        attributes: map(arena, span.attributes),
        events: span.events.iter().map(event).collect(),
        links: span.links.iter().map(link).collect(),
    }
}

pub fn of_span(rows: &RecordBatch, row: usize) -> Span {
    let row = Row { rows, row };
    let mut attributes = row.attributes("attributes", "attribute_types");
    let resource = row.resource(&Attributes::new());
    row.promoted(&mut attributes, SPAN_COLUMNS);
    const STATUS: &str = "http.response.status_code";
    if let Some(status) = row.number("http_status")
        && attributes.get("http.status_code").map(shown) != Some(status.to_string())
        && !attributes.contains_key(STATUS)
    {
        attributes.insert(STATUS.into(), Any::Int(status));
    }
    let told = |name| row.text(name).unwrap_or_default();
    let list = |name| match row.text(name) {
        Some(text) => serde_json::from_str::<Vec<Json>>(&text).expect("JSON"),
        None => Vec::new(),
    };
    let inner = |item: &Json| item.get("attributes").map_or(Any::Map(Attributes::new()), json);
    let said = |item: &Json, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let start = row.time();
    Span {
        resource,
        scope: told("scope"),
        times: (start, start + row.number("duration_ns").expect("a number") as u64),
        name: told("name"),
        kind: row.text("kind"),
        status: (told("status"), told("status_message")),
        ids: ["trace_id", "span_id", "parent_span_id"].map(told),
        trace_state: told("trace_state"),
        flags: row.number("flags").unwrap_or(0) as u32,
        attributes,
        events: list("events")
            .iter()
            .map(|item| (item["time"].as_u64().expect("a time"), said(item, "name"), inner(item)))
            .collect(),
        links: list("links")
            .iter()
            .map(|item| {
                let ids = ["trace_id", "span_id", "trace_state"].map(|name| said(item, name));
                (ids, item["flags"].as_u64().unwrap_or(0), inner(item))
            })
            .collect(),
    }
}

/// Columns that hold text attributes, and nothing else.
const LOG_COLUMNS: &[(&str, &str)] = &[
    ("http_method", "http.request.method"),
    ("http_route", "http.route"),
    ("client_ip", "client.address"),
    ("url_path", "url.path"),
    ("user_agent", "user_agent.original"),
    ("exception_type", "exception.type"),
    ("exception_message", "exception.message"),
    ("user_id", "user.id"),
    ("request_id", "request_id"),
];
const SPAN_COLUMNS: &[(&str, &str)] = &[
    ("http_method", "http.request.method"),
    ("http_route", "http.route"),
    ("rpc_system", "rpc.system"),
    ("rpc_method", "rpc.method"),
    ("db_system", "db.system.name"),
    ("db_statement", "db.query.text"),
    ("messaging_system", "messaging.system"),
    ("messaging_destination", "messaging.destination.name"),
    ("peer", "peer.service"),
];
const RESOURCE_COLUMNS: &[(&str, &str)] = &[
    ("version", "service.version"),
    ("ecs_service", "aws.ecs.service.name"),
    ("task_family", "aws.ecs.task.family"),
    ("launch_type", "aws.ecs.launchtype"),
    ("account", "cloud.account.id"),
    ("region", "cloud.region"),
    ("az", "cloud.availability_zone"),
    ("host", "host.name"),
];

struct Row<'a> {
    rows: &'a RecordBatch,
    row: usize,
}

impl Row<'_> {
    fn text(&self, name: &str) -> Option<String> {
        let column = self.rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
        let column = cast(column, &DataType::Utf8).expect("text");
        let column = column.as_string::<i32>();
        column.is_valid(self.row).then(|| column.value(self.row).to_owned())
    }

    fn number(&self, name: &str) -> Option<i64> {
        let column =
            cast(self.rows.column_by_name(name).expect("a column"), &DataType::Int64).expect("numbers");
        let column = column.as_primitive::<Int64Type>();
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn micros(&self, name: &str) -> Option<u64> {
        let column = self.rows.column_by_name(name)?.as_primitive::<TimestampMicrosecondType>();
        column.is_valid(self.row).then(|| column.value(self.row) as u64)
    }

    fn time(&self) -> u64 {
        self.micros("time").expect("a time") * 1000 + self.number("time_ns").expect("a number") as u64
    }

    fn attributes(&self, name: &str, types: &str) -> Attributes {
        let types = self.text(types).unwrap_or_default();
        let column = self.rows.column_by_name(name).expect("a column").as_map();
        if column.is_null(self.row) {
            return Attributes::new();
        }
        let entries = column.value(self.row);
        let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
        let entry = |n: usize| {
            let letter = types.as_bytes().get(n).copied().unwrap_or(b's');
            (keys.value(n).to_owned(), typed(values.value(n), letter))
        };
        let all: Attributes = (0..entries.len()).map(entry).collect();
        assert_eq!(all.len(), entries.len(), "a key is there twice");
        all
    }

    fn promoted(&self, attributes: &mut Attributes, columns: &[(&str, &str)]) {
        for (column, key) in columns {
            if let Some(text) = self.text(column) {
                let double = attributes.insert((*key).to_owned(), Any::Text(text));
                assert!(double.is_none(), "{key} is there twice");
            }
        }
    }

    fn resource(&self, attributes: &Attributes) -> Attributes {
        let mut resource = self.attributes("resource", "resource_types");
        resource.retain(|key, _| !key.starts_with("otel.scope."));
        for (column, key) in RESOURCE_COLUMNS {
            say(&mut resource, key, self.text(column));
        }
        say(
            &mut resource,
            "aws.ecs.task.revision",
            self.number("task_revision").map(|revision| revision.to_string()),
        );
        for (column, key) in [("container", "container.name"), ("container_id", "container.id")] {
            let of_record = matches!(attributes.get(key), Some(Any::Text(text)) if !text.is_empty());
            say(&mut resource, key, self.text(column).filter(|_| !of_record));
        }
        let container = resource.get("container.name").map(shown);
        let other = [container, self.text("container")];
        let own = self.text("service").filter(|service| !other.contains(&Some(service.clone())));
        let old = resource.get("deployment.environment").map(shown);
        let env = self.text("env").filter(|env| old.as_ref() != Some(env));
        say(&mut resource, "service.name", own);
        say(&mut resource, "deployment.environment.name", env);
        resource
    }
}

/// What the map says stands above the columns.
fn say(resource: &mut Attributes, key: &str, text: Option<String>) {
    if let Some(text) = text {
        resource.entry(key.to_owned()).or_insert(Any::Text(text));
    }
}

/// As a column that has no kinds shows it.
fn shown(value: &Any) -> String {
    match value {
        Any::Text(text) => text.clone(),
        Any::Int(int) => int.to_string(),
        Any::Bool(value) => value.to_string(),
        Any::Bytes(bytes) => digits(bytes),
        Any::Double(double) if double.is_finite() => {
            let mut out = Vec::new();
            model::number::write_double(*double, &mut out);
            String::from_utf8(out).expect("text")
        }
        Any::Double(double) => double.to_string(),
        Any::Null => String::new(),
        Any::List(items) => format!("[{}]", items.iter().map(quoted).collect::<Vec<_>>().join(",")),
        Any::Map(map) => {
            let entry =
                |(key, value): (&String, &Any)| format!("{}:{}", Json::from(key.as_str()), quoted(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(","))
        }
    }
}

fn quoted(value: &Any) -> String {
    match value {
        Any::Text(text) => Json::from(text.as_str()).to_string(),
        Any::Null => "null".into(),
        other => shown(other),
    }
}

fn typed(text: &str, letter: u8) -> Any {
    match letter {
        b's' => Any::Text(text.to_owned()),
        b'i' => Any::Int(text.parse().expect("a whole number")),
        b'd' => Any::Double(text.parse().expect("a number")),
        b'b' => Any::Bool(text == "true"),
        b'x' => Any::Bytes(bytes(text)),
        b'j' => json(&serde_json::from_str(text).expect("JSON")),
        b'n' => Any::Null,
        other => panic!("no kind has the letter {}", other as char),
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits"))
        .collect()
}

fn json(value: &Json) -> Any {
    match value {
        Json::Null => Any::Null,
        Json::Bool(value) => Any::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Any::Int(int),
            None => Any::Double(number.as_f64().expect("a number")),
        },
        Json::String(text) => Any::Text(text.clone()),
        Json::Array(items) => Any::List(items.iter().map(json).collect()),
        Json::Object(map) => Any::Map(map.iter().map(|(key, value)| (key.clone(), json(value))).collect()),
    }
}

fn map(arena: &Arena, list: List) -> Attributes {
    arena.iter(list).map(|(_, node)| (text(arena, node.key), any(arena, node.value))).collect()
}

fn any(arena: &Arena, value: Value) -> Any {
    match value {
        Value::Null => Any::Null,
        Value::Bool(value) => Any::Bool(value),
        Value::Int(int) => Any::Int(int),
        Value::Double(double) => Any::Double(double),
        Value::Str(span) => Any::Text(text(arena, span)),
        Value::Bytes(span) => Any::Bytes(arena.bytes(span).to_vec()),
        Value::Map(list) => Any::Map(map(arena, list)),
        Value::Array(list) => Any::List(arena.iter(list).map(|(_, node)| any(arena, node.value)).collect()),
        Value::Uint(_) | Value::Json(_) => panic!("protobuf has no {value:?}"),
    }
}

fn text(arena: &Arena, span: model::Span) -> String {
    String::from_utf8(arena.bytes(span).to_vec()).expect("text")
}

/// Nothing for an id that is all zero.
fn id(bytes: &[u8]) -> String {
    match bytes.iter().all(|byte| *byte == 0) {
        true => String::new(),
        false => digits(bytes),
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
