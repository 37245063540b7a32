//! Rows of real requests, and what was sent read back from them.

mod real;
mod recovered;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use bytes::Bytes;
use model::trace::{SpanEvent, SpanLink, Status};
use model::{Arena, Batch, List, LogRecord, Resource, Scope, Severity, Signal, TraceSpan, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::Rows;
use crate::{Table, decode};
use recovered::{Any, of_log, of_span, sent_log, sent_span};

/// Rows of every table that a batch makes, as they come out of a payload.
fn rows(batch: &Batch) -> BTreeMap<Table, RecordBatch> {
    let mut rows = Rows::default();
    rows.push(batch, 1);
    assert_eq!(rows.records(), batch.len() as u64);
    let payload = Bytes::from(rows.seal([7; 16]).expect("rows are sealed"));
    decode(&payload).expect("a payload").into_iter().collect()
}

/// As it comes from a sender.
fn over_the_wire(batch: &Batch, signal: Signal) -> Batch {
    let mut request = Vec::new();
    wire::otlp::encode(batch, 0..batch.rows(), &mut request);
    wire::otlp::decode(signal, request, "t".into(), 1).expect("a request")
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z0-9]{1,3}",
        Just("INFO".to_owned()),
        Just("200".to_owned()),
        "\\PC{0,20}",
        Just("one \"line\"\n\tand\\another \u{1f600}".to_owned()),
    ]
}

fn scalar() -> impl Strategy<Value = Any> {
    prop_oneof![
        4 => text().prop_map(Any::Text),
        1 => any::<bool>().prop_map(Any::Bool),
        2 => prop_oneof![any::<i64>(), 0..1000i64, Just(200)].prop_map(Any::Int),
    ]
}

/// What a list or map may hold and JSON can say.
fn inner() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![4 => scalar(), 1 => Just(Any::Null), 1 => (-1000..1000i32).prop_map(|n| Any::Double(f64::from(n) / 8.0))];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Any::List),
            btree_map("[a-z]{1,4}", inner, 0..3).prop_map(Any::Map),
        ]
    })
}

fn value() -> impl Strategy<Value = Any> {
    prop_oneof![
        6 => scalar(),
        1 => Just(Any::Null),
        1 => any::<f64>().prop_map(Any::Double),
        1 => prop_oneof![Just(f64::NAN), Just(f64::NEG_INFINITY), Just(-0.0)].prop_map(Any::Double),
        1 => vec(any::<u8>(), 0..6).prop_map(Any::Bytes),
        2 => inner(),
    ]
}

/// Names that have columns, of one kind or another, and others.
const KEYS: &[&str] = &[
    "service.name",
    "deployment.environment.name",
    "deployment.environment",
    "service.version",
    "aws.ecs.task.family",
    "aws.ecs.task.revision",
    "aws.ecs.task.arn",
    "aws.ecs.cluster.arn",
    "container.name",
    "container.id",
    "cloud.region",
    "host.name",
    "log.iostream",
    "http.response.status_code",
    "http.status_code",
    "http.request.method",
    "http.route",
    "client.address",
    "url.path",
    "user_agent.original",
    "exception.type",
    "exception.message",
    "user.id",
    "request_id",
    "duration_ms",
    "rpc.system",
    "rpc.method",
    "db.system.name",
    "db.query.text",
    "messaging.system",
    "messaging.destination.name",
    "peer.service",
];

fn attributes() -> impl Strategy<Value = BTreeMap<String, Any>> {
    let key = prop_oneof![5 => proptest::sample::select(KEYS).prop_map(str::to_owned), 1 => "[a-z.]{0,8}"];
    // Few texts, so that columns which may hold one or the other attribute meet the same text.
    btree_map(key, prop_oneof![2 => "[ab]".prop_map(Any::Text), 3 => value()], 0..8)
}

fn put(arena: &mut Arena, attributes: &BTreeMap<String, Any>) -> List {
    let mut list = List::EMPTY;
    for (key, value) in attributes {
        let key = arena.store(key.as_bytes());
        let value = store(arena, value);
        arena.push(&mut list, key, value);
    }
    list
}

fn store(arena: &mut Arena, value: &Any) -> Value {
    match value {
        Any::Null => Value::Null,
        Any::Bool(value) => Value::Bool(*value),
        Any::Int(int) => Value::Int(*int),
        Any::Double(double) => Value::Double(*double),
        Any::Text(text) => Value::Str(arena.store(text.as_bytes())),
        Any::Bytes(bytes) => Value::Bytes(arena.store(bytes)),
        Any::Map(map) => Value::Map(put(arena, map)),
        Any::List(items) => {
            let mut list = List::EMPTY;
            for item in items {
                let value = store(arena, item);
                arena.push(&mut list, model::Span::EMPTY, value);
            }
            Value::Array(list)
        }
    }
}

/// Of one resource and scope.
fn batch(resource: &BTreeMap<String, Any>, scope: &str) -> Batch {
    let mut batch = Batch::new("t".into(), Vec::new());
    let attributes = put(&mut batch.arena, resource);
    batch.resources.push(Resource { attributes, ..Resource::default() });
    let name = batch.arena.store(scope.as_bytes());
    batch.scopes.push(Scope { name, ..Scope::default() });
    batch
}

#[derive(Debug, Clone)]
struct Log {
    time: u64,
    observed: u64,
    body: Any,
    attributes: BTreeMap<String, Any>,
    severity: (u8, String),
    event_name: String,
    flags: u32,
    ids: ([u8; 16], [u8; 8]),
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![1..10_000u64, 1_700_000_000_000_000_000..1_700_000_000_000_009_999u64, 1..=u64::MAX]
}

fn log() -> impl Strategy<Value = Log> {
    let ids = (prop_oneof![Just([0; 16]), any::<[u8; 16]>()], prop_oneof![Just([0; 8]), any::<[u8; 8]>()]);
    let severity = (0..=24u8, prop_oneof![text(), Just("WARN".to_owned()), Just("error".to_owned())]);
    (time(), time(), value(), attributes(), severity, text(), any::<u32>(), ids).prop_map(
        |(time, observed, body, attributes, severity, event_name, flags, ids)| Log {
            time,
            observed,
            body,
            attributes,
            severity,
            event_name,
            flags,
            ids,
        },
    )
}

fn add_log(batch: &mut Batch, log: &Log) {
    let arena = &mut batch.arena;
    let mut record = LogRecord::new(log.time, store(arena, &log.body));
    record.observed = log.observed;
    record.attributes = put(arena, &log.attributes);
    record.severity = Severity(log.severity.0);
    record.severity_text = arena.store(log.severity.1.as_bytes());
    record.event_name = arena.store(log.event_name.as_bytes());
    record.flags = log.flags;
    (record.trace_id, record.span_id) = log.ids;
    batch.logs.push(record);
}

#[derive(Debug, Clone)]
struct Spanned {
    start: u64,
    duration: u64,
    attributes: BTreeMap<String, Any>,
    inner: BTreeMap<String, Any>,
    texts: [String; 4],
    kind: u8,
    status: u8,
    flags: (u32, u32),
    ids: ([u8; 16], [u8; 8], [u8; 8]),
}

fn span() -> impl Strategy<Value = Spanned> {
    let ids = (any::<[u8; 16]>(), any::<[u8; 8]>(), prop_oneof![Just([0; 8]), any::<[u8; 8]>()]);
    let texts = [text(), text(), text(), text()];
    let numbers = (0..6u8, 0..3u8, any::<(u32, u32)>());
    let inside = btree_map("[a-z]{1,4}", inner(), 0..3);
    ((1..1u64 << 62), (0..1u64 << 40), attributes(), inside, texts, numbers, ids).prop_map(
        |(start, duration, attributes, inner, texts, (kind, status, flags), ids)| Spanned {
            start,
            duration,
            attributes,
            inner,
            texts,
            kind,
            status,
            flags,
            ids,
        },
    )
}

fn add_span(batch: &mut Batch, span: &Spanned) {
    let arena = &mut batch.arena;
    let [name, state, message, event] = span.texts.clone().map(|text| arena.store(text.as_bytes()));
    let mut inner = || put(arena, &span.inner);
    let event = SpanEvent { time: span.start, name: event, attributes: inner(), dropped_attributes: 0 };
    let link = SpanLink {
        trace_id: span.ids.0,
        span_id: span.ids.1,
        trace_state: state,
        attributes: inner(),
        dropped_attributes: 0,
        flags: span.flags.1,
    };
    let attributes = put(arena, &span.attributes);
    batch.spans.push(TraceSpan {
        trace_id: span.ids.0,
        span_id: span.ids.1,
        parent_span_id: span.ids.2,
        trace_state: state,
        flags: span.flags.0,
        name,
        kind: span.kind,
        start: span.start,
        end: span.start + span.duration,
        attributes,
        events: vec![event],
        links: vec![link],
        status: Some(Status { message, code: span.status }),
        ..TraceSpan::default()
    });
}

proptest! {
    #[test]
    fn logs_are_read_back(resource in attributes(), scope in text(), logs in vec(log(), 1..4)) {
        let mut made = batch(&resource, &scope);
        logs.iter().for_each(|log| add_log(&mut made, log));
        let sent = over_the_wire(&made, Signal::Logs);
        let tables = rows(&sent);
        let kept = &tables[&Table::Logs];
        prop_assert_eq!(kept.num_rows(), logs.len());
        for row in 0..logs.len() {
            prop_assert_eq!(of_log(kept, row), sent_log(&sent, row));
        }
    }

    #[test]
    fn spans_are_read_back(resource in attributes(), scope in text(), spans in vec(span(), 1..4)) {
        let mut made = batch(&resource, &scope);
        spans.iter().for_each(|span| add_span(&mut made, span));
        let sent = over_the_wire(&made, Signal::Traces);
        let tables = rows(&sent);
        let kept = &tables[&Table::Spans];
        prop_assert_eq!(kept.num_rows(), spans.len());
        for row in 0..spans.len() {
            prop_assert_eq!(of_span(kept, row), sent_span(&sent, row));
        }
        let counted: i64 = real::numbers(&tables[&Table::Traces], "span_count").iter().sum();
        prop_assert_eq!(counted, spans.len() as i64);
    }
}
