//! What SDKs sent, damage, and generated values.

use model::{Signal, Span, json};
use proptest::prelude::*;

use super::*;
use crate::otlp::{count, decode_logs, encode_logs};

const PYTHON: &[u8] = include_bytes!("../../../../../fixtures/otlp/python-logs.body");
const NODE: &[u8] = include_bytes!("../../../../../fixtures/otlp/node-logs.body");

fn decode(bytes: &[u8]) -> Batch {
    decode_logs(bytes.to_vec(), "t".into(), 7).expect("the request is whole")
}

fn encode(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    encode_logs(batch, 0..batch.logs.len(), &mut out);
    out
}

fn body(batch: &Batch, place: usize) -> String {
    let mut out = Vec::new();
    json::write_value(&batch.arena, batch.logs[place].body, &mut out);
    String::from_utf8(out).expect("JSON is text")
}

#[test]
fn records_tell_what_the_python_sdk_was_told() {
    let batch = decode(PYTHON);
    let record = &batch.logs[0];
    assert_eq!(body(&batch, 0), "\"served order 0\"");
    assert_eq!((record.severity, batch.arena.bytes(record.severity_text)), (Severity(9), &b"INFO"[..]));
    let resource = &batch.resources[0];
    let name = batch
        .arena
        .get(resource.attributes, b"service.name")
        .and_then(|name| batch.arena.text(name).map(|t| t.to_vec()));
    assert_eq!(name.as_deref(), Some(&b"shop"[..]));
    assert_ne!(record.trace_id, [0; 16]);
}

#[test]
fn nested_attributes_of_the_node_sdk_stay() {
    let sent = decode(NODE);
    let again = decode(&encode(&sent));
    for batch in [&sent, &again] {
        assert_eq!(body(batch, 0), "\"served order 0\"");
        let mut attributes = Vec::new();
        json::write_value(&batch.arena, Value::Map(batch.logs[0].attributes), &mut attributes);
        let expected = r#"{"order_id":42,"nested":{"a":[1,"x",true,null]}}"#;
        assert_eq!(String::from_utf8_lossy(&attributes), expected);
    }
}

/// Built by hand from the message definitions: resource 1, scope logs 2, record 2, body 5, text 1.
#[test]
fn damage_is_refused() {
    let record = |fields: &[u8]| {
        let mut out = Vec::new();
        write_message(&mut out, 1, |out| {
            write_message(out, 2, |out| write_message(out, 2, |out| out.extend_from_slice(fields)));
        });
        out
    };
    for (fields, why) in [
        (&b"\x4a\x02ab"[..], "a trace id that is not 16 bytes"),
        (b"\x52\x01a", "a span id that is not 8 bytes"),
        (b"\x2a\x03\x0a\x01\xff", "text that is not UTF-8"),
        (b"\x08\x01", "a field of another type than expected"),
        (b"\x2a\x09\x0a", "a field longer than its message"),
    ] {
        let error = decode_logs(record(fields), "t".into(), 0).expect_err(why);
        assert_eq!(error.why, why);
    }
    let mut deep = vec![];
    for _ in 0..100 {
        let inner = std::mem::take(&mut deep);
        write_message(&mut deep, 5, |out| write_message(out, 1, |out| out.extend_from_slice(&inner)));
    }
    let mut value = vec![];
    write_message(&mut value, 5, |out| out.extend_from_slice(&deep));
    let error = decode_logs(record(&value), "t".into(), 0).expect_err("too deep");
    assert_eq!(error.why, "values nested too deeply");
}

/// What a log driver sent has no resource and may hold raw JSON.
#[test]
fn a_line_of_json_becomes_values() {
    let text = br#"{"a":[1,-2.5,"x\ny",{"b":null}],"c":true}"#;
    let mut batch = Batch::new("t".into(), text.to_vec());
    batch.logs.push(LogRecord::new(5, Value::Json(Span::input(0, text.len()))));
    let again = decode(&encode(&batch));
    assert_eq!(body(&again, 0), std::str::from_utf8(text).expect("it is text"));
    assert_eq!((again.resources.len(), again.logs[0].time, again.logs[0].observed), (1, 5, 7));
}

/// A value as the definitions have it, to be written into an arena.
#[derive(Debug, Clone)]
enum Any {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Any>),
    Map(Vec<(String, Any)>),
}

fn value() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        Just(Any::Null),
        any::<bool>().prop_map(Any::Bool),
        any::<i64>().prop_map(Any::Int),
        any::<f64>().prop_map(Any::Double),
        ".{0,20}".prop_map(Any::Text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Any::Bytes),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Any::List),
            proptest::collection::vec((".{0,5}", inner), 0..5).prop_map(Any::Map),
        ]
    })
}

fn store(arena: &mut Arena, value: &Any) -> Value {
    match value {
        Any::Null => Value::Null,
        Any::Bool(value) => Value::Bool(*value),
        Any::Int(value) => Value::Int(*value),
        Any::Double(value) => Value::Double(*value),
        Any::Text(text) => Value::Str(arena.store(text.as_bytes())),
        Any::Bytes(bytes) => Value::Bytes(arena.store(bytes)),
        Any::List(items) => {
            let mut list = model::List::EMPTY;
            for item in items {
                let value = store(arena, item);
                arena.push(&mut list, Span::EMPTY, value);
            }
            Value::Array(list)
        }
        Any::Map(entries) => {
            let mut list = model::List::EMPTY;
            for (key, item) in entries {
                let (key, value) = (arena.store(key.as_bytes()), store(arena, item));
                arena.push(&mut list, key, value);
            }
            Value::Map(list)
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(values in proptest::collection::vec((value(), any::<u64>(), any::<[u8; 16]>()), 0..6)) {
        let mut batch = Batch::new("t".into(), Vec::new());
        for (value, time, trace_id) in &values {
            let body = store(&mut batch.arena, value);
            batch.logs.push(LogRecord { observed: 1, trace_id: *trace_id, ..LogRecord::new(*time, body) });
        }
        let written = encode(&batch);
        let read = decode(&written);
        prop_assert_eq!(read.len(), values.len());
        prop_assert_eq!(encode(&read), written);
        prop_assert!(read.logs.iter().zip(&values).all(|(record, (_, time, id))| record.time == *time && record.trace_id == *id));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..4000, byte: u8) {
        let _ = decode_logs(bytes, "t".into(), 0);
        let mut damaged = PYTHON.to_vec();
        let at = at % damaged.len();
        damaged[at] = byte;
        let _ = count(Signal::Logs, &damaged);
        let _ = decode_logs(damaged, "t".into(), 0);
    }
}
