//! All there is to know of a batch, in the words of the Collector's debug exporter, which many guides show.

mod metrics;
mod spans;

use std::fmt;
use std::io::Write;

use base64::prelude::{BASE64_STANDARD, Engine};
use jiff::Timestamp;
use model::{Arena, Batch, List, LogRecord, Resource, Scope, Signal, Value, json};

/// Names of the severity numbers, by fours.
const SEVERITIES: [&str; 6] = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"];

pub fn write(batch: &Batch, out: &mut Vec<u8>) {
    match batch.signal() {
        Signal::Logs => write_rows(batch, "Log", "LogRecord", &batch.logs, |log| log.scope, write_log, out),
        Signal::Traces => {
            write_rows(batch, "Spans", "Span", &batch.spans, |span| span.scope, spans::write, out);
        }
        Signal::Metrics => {
            write_rows(
                batch,
                "Metrics",
                "Metric",
                &batch.metrics,
                |metric| metric.scope,
                metrics::write,
                out,
            );
        }
    }
}

/// Rows below their resources and scopes, each numbered from 0 within what is above it. Writing to a Vec cannot fail,
/// here and below.
fn write_rows<R>(
    batch: &Batch,
    of: &str,
    item: &str,
    rows: &[R],
    scope_of: impl Fn(&R) -> u32,
    write: impl Fn(&Arena, &R, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let arena = &batch.arena;
    let resource_of = |row: &R| batch.scopes.get(scope_of(row) as usize).map(|scope| scope.resource);
    for (place, of_resource) in rows.chunk_by(|a, b| resource_of(a) == resource_of(b)).enumerate() {
        let _ = writeln!(out, "Resource{of} #{place}");
        let resource = of_resource.first().and_then(resource_of);
        let resource = resource.and_then(|place| batch.resources.get(place as usize));
        write_resource(arena, resource.unwrap_or(&Resource::default()), out);
        for (place, of_scope) in of_resource.chunk_by(|a, b| scope_of(a) == scope_of(b)).enumerate() {
            let shell = if of == "Log" { "Logs" } else { of };
            let _ = writeln!(out, "Scope{shell} #{place}");
            let scope = of_scope.first().and_then(|row| batch.scopes.get(scope_of(row) as usize));
            write_scope(arena, shell, scope.unwrap_or(&Scope::default()), out);
            for (place, row) in of_scope.iter().enumerate() {
                let _ = writeln!(out, "{item} #{place}");
                write(arena, row, out);
            }
        }
    }
}

fn write_resource(arena: &Arena, resource: &Resource, out: &mut Vec<u8>) {
    let _ = writeln!(out, "Resource SchemaURL: {}", Text(arena, resource.schema_url));
    write_attributes(arena, "Resource attributes:", resource.attributes, out);
}

fn write_scope(arena: &Arena, shell: &str, scope: &Scope, out: &mut Vec<u8>) {
    let (name, version) = (Text(arena, scope.name), Text(arena, scope.version));
    let _ = writeln!(out, "Scope{shell} SchemaURL: {}", Text(arena, scope.schema_url));
    let _ = writeln!(out, "InstrumentationScope {name} {version}");
    write_attributes(arena, "InstrumentationScope attributes:", scope.attributes, out);
}

fn write_log(arena: &Arena, record: &LogRecord, out: &mut Vec<u8>) {
    let _ = writeln!(out, "ObservedTimestamp: {}", Time(record.observed));
    let _ = writeln!(out, "Timestamp: {}", Time(record.time));
    let _ = writeln!(out, "SeverityText: {}", Text(arena, record.severity_text));
    let _ = writeln!(out, "SeverityNumber: {}({})", severity(record.severity.0), record.severity.0);
    if !record.event_name.is_empty() {
        let _ = writeln!(out, "EventName: {}", Text(arena, record.event_name));
    }
    let _ = writeln!(out, "Body: {}", Typed(arena, record.body));
    write_attributes(arena, "Attributes:", record.attributes, out);
    let _ = writeln!(out, "Trace ID: {}", Hex(&record.trace_id));
    let _ = writeln!(out, "Span ID: {}", Hex(&record.span_id));
    let _ = writeln!(out, "Flags: {}", record.flags);
}

fn severity(number: u8) -> String {
    let Some(place) = number.checked_sub(1) else { return "Unspecified".into() };
    match (SEVERITIES.get(usize::from(place / 4)), place % 4) {
        (None, _) => String::new(),
        (Some(name), 0) => (*name).to_owned(),
        (Some(name), step) => format!("{name}{}", step + 1),
    }
}

/// A headline and a line for each attribute; nothing where there are none.
fn write_attributes(arena: &Arena, headline: &str, attributes: List, out: &mut Vec<u8>) {
    if !attributes.is_empty() {
        let _ = writeln!(out, "{headline}");
        write_list(arena, "     ", attributes, out);
    }
}

fn write_list(arena: &Arena, indent: &str, attributes: List, out: &mut Vec<u8>) {
    for (_, node) in arena.iter(attributes) {
        let _ = writeln!(out, "{indent}-> {}: {}", Text(arena, node.key), Typed(arena, node.value));
    }
}

/// An id in hexadecimal; nothing for none.
pub(super) struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Nanoseconds since the epoch, as Go prints a time.
struct Time(u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_nanosecond(self.0.into()) {
            Ok(time) => write!(f, "{}", time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC")),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

struct Text<'a>(&'a Arena, model::Span);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.0.bytes(self.1)))
    }
}

/// A value within the name of its type: `Str(text)`.
struct Typed<'a>(&'a Arena, Value);

impl fmt::Display for Typed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Typed(arena, value) = *self;
        if let Some(text) = arena.text(value).filter(|_| !matches!(value, Value::Bytes(_))) {
            return write!(f, "Str({})", String::from_utf8_lossy(&text));
        }
        match value {
            Value::Null => f.write_str("Empty()"),
            Value::Bytes(span) => write!(f, "Bytes({})", BASE64_STANDARD.encode(arena.bytes(span))),
            Value::Json(span) => match arena.bytes(span).first() {
                Some(b'{') => write!(f, "Map({})", Text(arena, span)),
                Some(b'[') => write!(f, "Slice({})", Text(arena, span)),
                _ => Typed(arena, json::scalar(arena.bytes(span)).unwrap_or(Value::Null)).fmt(f),
            },
            value => {
                let name = match value {
                    Value::Bool(_) => "Bool",
                    Value::Int(_) | Value::Uint(_) => "Int",
                    Value::Double(_) => "Double",
                    Value::Array(_) => "Slice",
                    _ => "Map",
                };
                let mut json = Vec::new();
                json::write_value(arena, value, &mut json);
                write!(f, "{name}({})", String::from_utf8_lossy(&json))
            }
        }
    }
}
