//! A record as a person reads it: OTLP's JSON, with attributes and bodies as plain JSON and times as dates.
//!
//! The writing is `wire`'s; here the lists of keys and typed values are folded into objects and values, and what is
//! long is cut.

use jiff::Timestamp;
use model::Batch;
use serde_json::{Map, Value};

use crate::clock;

/// The most a sample takes as JSON.
pub(crate) const MAX_BYTES: usize = 32 << 10;
/// A text longer than this is cut, in bytes.
const MAX_TEXT_BYTES: usize = 2 << 10;
/// What keys and values of a record may take together before the rest is left out, in bytes.
const MAX_CONTENT_BYTES: usize = 8 << 10;
/// A record larger than this in protobuf is not rendered at all.
const MAX_RECORD_BYTES: usize = 256 << 10;
/// A request that came unread and is larger than this is not read for a sample.
const MAX_REQUEST_BYTES: usize = 4 << 20;
/// Integers beyond this, 2^53, are shown as text: JavaScript would round them.
const MAX_EXACT: i64 = 1 << 53;

/// The first records of a batch as JSON: log records, spans or metrics with their points.
pub(crate) fn records(batch: &Batch, most: usize) -> Vec<String> {
    let Some(unread) = batch.unread else {
        return (0..batch.rows().min(most)).map(|row| record(batch, row)).collect();
    };
    let request = batch.arena.input();
    if most == 0 {
        return Vec::new();
    }
    if request.len() > MAX_REQUEST_BYTES {
        return vec![text(&format!("a request of {} bytes, too large to show", request.len()))];
    }
    match wire::otlp::decode(unread.signal, request.to_vec(), batch.tag.clone(), clock::now_nanos()) {
        Ok(read) => records(&read, most),
        Err(damaged) => vec![text(&format!("a request that cannot be read: {damaged}"))],
    }
}

/// A text as JSON, cut to what a record may take.
pub(crate) fn text(text: &str) -> String {
    let mut left = MAX_CONTENT_BYTES;
    bounded(&Value::String(cut(text, MAX_CONTENT_BYTES, &mut left)))
}

fn record(batch: &Batch, row: usize) -> String {
    let mut request = Vec::new();
    wire::otlp::encode(batch, row..row + 1, &mut request);
    if request.len() > MAX_RECORD_BYTES {
        return text(&format!("a record of {} bytes, too large to show", request.len()));
    }
    let json = wire::otlp::to_json(batch.signal(), &request).ok();
    match json.and_then(|json| serde_json::from_slice(&json).ok()) {
        Some(request) => bounded(&flat(&batch.tag, request)),
        None => text("a record that is nested too deeply to show"),
    }
}

fn bounded(value: &Value) -> String {
    let json = value.to_string();
    match json.len() {
        0..=MAX_BYTES => json,
        bytes => format!("\"a record of {bytes} bytes, too large to show\""),
    }
}

/// The one record of a request, beside it its tag, scope and resource.
fn flat(tag: &str, request: Value) -> Value {
    let mut left = MAX_CONTENT_BYTES;
    let mut out = Map::new();
    if !tag.is_empty() {
        out.insert("tag".into(), cut(tag, MAX_TEXT_BYTES, &mut left).into());
    }
    let (of_resource, _) = one(request, "");
    let (of_scope, resource) = one(of_resource, "resource");
    let (record, scope) = one(of_scope, "scope");
    if let Value::Object(fields) = fold(record, &mut left) {
        out.extend(fields);
    }
    for (name, of) in [("scope", scope), ("resource", resource)] {
        if let Some(of) = of {
            out.insert(name.into(), fold(of, &mut left));
        }
    }
    Value::Object(out)
}

/// The first item of the only list in an object, and what the object says of `shell`, unless that is nothing.
fn one(object: Value, shell: &str) -> (Value, Option<Value>) {
    let Value::Object(mut fields) = object else { return (object, None) };
    let said = fields.remove(shell).filter(|said| said.as_object().is_some_and(|said| !said.is_empty()));
    let item = fields.into_iter().find_map(|(_, value)| match value {
        Value::Array(items) => items.into_iter().next(),
        _ => None,
    });
    (item.unwrap_or_default(), said)
}

/// Lists of keys and values become objects, typed values what they hold, and what does not fit in `left` bytes is
/// left out with a mark.
fn fold(value: Value, left: &mut usize) -> Value {
    match value {
        Value::String(text) => Value::String(cut(&text, MAX_TEXT_BYTES, left)),
        Value::Array(items) if is_keyed(&items) => object(items.into_iter().map(keyed), left),
        Value::Array(items) => array(items, left),
        Value::Object(mut fields) if fields.len() == 1 => match typed(&mut fields) {
            Some(value) => fold(value, left),
            None => object(fields.into_iter(), left),
        },
        Value::Object(fields) => object(fields.into_iter(), left),
        value => {
            *left = left.saturating_sub(8);
            value
        }
    }
}

fn object(fields: impl ExactSizeIterator<Item = (String, Value)>, left: &mut usize) -> Value {
    let (mut out, all) = (Map::new(), fields.len());
    for (place, (key, value)) in fields.enumerate() {
        if *left == 0 {
            out.insert("…".into(), format!("{} more left out", all - place).into());
            break;
        }
        let key = cut(&key, MAX_TEXT_BYTES, left);
        let (key, value) = dated(key, value);
        out.insert(key, fold(value, left));
    }
    Value::Object(out)
}

fn array(items: Vec<Value>, left: &mut usize) -> Value {
    let (mut out, all) = (Vec::new(), items.len());
    for (place, item) in items.into_iter().enumerate() {
        if *left == 0 {
            out.push(format!("… {} more left out", all - place).into());
            break;
        }
        out.push(fold(item, left));
    }
    Value::Array(out)
}

/// Whether these are `KeyValue`s.
fn is_keyed(items: &[Value]) -> bool {
    let is_pair = |item: &Value| {
        item.as_object().is_some_and(|fields| {
            fields.contains_key("key") && fields.keys().all(|name| name == "key" || name == "value")
        })
    };
    !items.is_empty() && items.iter().all(is_pair)
}

fn keyed(item: Value) -> (String, Value) {
    let Value::Object(mut fields) = item else { return (String::new(), item) };
    let key = fields.remove("key").and_then(|key| key.as_str().map(str::to_owned));
    (key.unwrap_or_default(), fields.remove("value").unwrap_or_default())
}

/// What the only field of an `AnyValue` holds.
fn typed(fields: &mut Map<String, Value>) -> Option<Value> {
    let (kind, value) = fields.iter_mut().next()?;
    match &**kind {
        "stringValue" | "boolValue" | "doubleValue" | "bytesValue" => Some(value.take()),
        "intValue" => Some(exact(value.take())),
        "kvlistValue" | "arrayValue" => {
            let empty =
                || if kind == "arrayValue" { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
            Some(value.get_mut("values").map_or_else(empty, Value::take))
        }
        _ => None,
    }
}

fn exact(value: Value) -> Value {
    match value.as_str().and_then(|text| text.parse::<i64>().ok()) {
        Some(number) if (-MAX_EXACT..=MAX_EXACT).contains(&number) => number.into(),
        _ => value,
    }
}

/// `timeUnixNano` and its like become `time` as a date; 0 and what is no time stay.
fn dated(key: String, value: Value) -> (String, Value) {
    let nanos = value.as_str().filter(|_| key.ends_with("UnixNano"));
    let nanos = nanos.and_then(|text| text.parse().ok()).filter(|nanos| *nanos > 0);
    match nanos.and_then(|nanos| Timestamp::from_nanosecond(nanos).ok()) {
        Some(time) => (key[..key.len() - "UnixNano".len()].to_owned(), time.to_string().into()),
        None => (key, value),
    }
}

/// At most `most` bytes of a text, and no more than are left, with a mark where it goes on.
fn cut(text: &str, most: usize, left: &mut usize) -> String {
    let end = text.floor_char_boundary(most.min(*left));
    *left = left.saturating_sub(end.max(1));
    match text.len() - end {
        0 => text.to_owned(),
        gone => format!("{}… ({gone} bytes left out)", &text[..end]),
    }
}

#[cfg(test)]
mod tests;
