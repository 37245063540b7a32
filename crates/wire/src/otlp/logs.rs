//! Log records: `ExportLogsServiceRequest`.

use std::ops::Range;

use model::{Arena, Batch, LogRecord, Resource, Scope, Severity, Tag, Value};

use super::value::{read_attribute, read_value, text, write_any, write_attributes, write_text};
use crate::protobuf::{
    Damaged, Field, Message, write_bytes, write_fixed32, write_fixed64, write_message, write_number,
};

/// Reads a request whole: a batch, or where it is damaged.
///
/// `now` is when the records came, in nanoseconds since the epoch: the time of observation of those that tell none.
pub fn decode_logs(request: Vec<u8>, tag: Tag, now: u64) -> Result<Batch, Damaged> {
    let mut message = Message::within(0..request.len());
    let mut batch = Batch::new(tag, request);
    while let Some(field) = message.next(batch.arena.input())? {
        if field.number == 1 {
            resource_logs(&mut batch, field.message()?, now)?;
        }
    }
    Ok(batch)
}

fn resource_logs(batch: &mut Batch, mut message: Message, now: u64) -> Result<(), Damaged> {
    let place = batch.resources.len();
    batch.resources.push(Resource::default());
    while let Some(field) = message.next(batch.arena.input())? {
        match field.number {
            1 => resource(&mut batch.arena, &mut batch.resources[place], field.message()?)?,
            2 => scope_logs(batch, place as u32, field.message()?, now)?,
            3 => batch.resources[place].schema_url = text(&batch.arena, field)?,
            _ => {}
        }
    }
    Ok(())
}

fn resource(arena: &mut Arena, resource: &mut Resource, mut message: Message) -> Result<(), Damaged> {
    while let Some(field) = message.next(arena.input())? {
        match field.number {
            1 => read_attribute(arena, &mut resource.attributes, field)?,
            2 => resource.dropped_attributes = field.varint()? as u32,
            _ => {}
        }
    }
    Ok(())
}

fn scope_logs(batch: &mut Batch, resource: u32, mut message: Message, now: u64) -> Result<(), Damaged> {
    let place = batch.scopes.len();
    batch.scopes.push(Scope { resource, ..Scope::default() });
    while let Some(field) = message.next(batch.arena.input())? {
        match field.number {
            1 => scope(&mut batch.arena, &mut batch.scopes[place], field.message()?)?,
            2 => {
                let record = LogRecord { scope: place as u32, ..LogRecord::new(0, Value::Null) };
                let record = log_record(&mut batch.arena, record, field.message()?, now)?;
                batch.logs.push(record);
            }
            3 => batch.scopes[place].schema_url = text(&batch.arena, field)?,
            _ => {}
        }
    }
    Ok(())
}

fn scope(arena: &mut Arena, scope: &mut Scope, mut message: Message) -> Result<(), Damaged> {
    while let Some(field) = message.next(arena.input())? {
        match field.number {
            1 => scope.name = text(arena, field)?,
            2 => scope.version = text(arena, field)?,
            3 => read_attribute(arena, &mut scope.attributes, field)?,
            4 => scope.dropped_attributes = field.varint()? as u32,
            _ => {}
        }
    }
    Ok(())
}

fn log_record(
    arena: &mut Arena,
    mut record: LogRecord,
    mut message: Message,
    now: u64,
) -> Result<LogRecord, Damaged> {
    while let Some(field) = message.next(arena.input())? {
        take(arena, &mut record, field)?;
    }
    if record.observed == 0 {
        record.observed = now;
    }
    Ok(record)
}

fn take(arena: &mut Arena, record: &mut LogRecord, field: Field) -> Result<(), Damaged> {
    match field.number {
        1 => record.time = field.fixed64()?,
        2 => record.severity = Severity(u8::try_from(field.varint()?).unwrap_or(0)),
        3 => record.severity_text = text(arena, field)?,
        5 => record.body = read_value(arena, field, 0)?,
        6 => read_attribute(arena, &mut record.attributes, field)?,
        7 => record.dropped_attributes = field.varint()? as u32,
        8 => record.flags = field.fixed32()?,
        9 => record.trace_id = field.array(arena.input(), "a trace id that is not 16 bytes")?,
        10 => record.span_id = field.array(arena.input(), "a span id that is not 8 bytes")?,
        11 => record.observed = field.fixed64()?,
        12 => record.event_name = text(arena, field)?,
        _ => {}
    }
    Ok(())
}

/// Appends records of a batch as a request. Neighbours of one resource and scope share them.
pub fn encode_logs(batch: &Batch, records: Range<usize>, out: &mut Vec<u8>) {
    let logs = &batch.logs[records];
    let resource_of =
        |record: &LogRecord| batch.scopes.get(record.scope as usize).map(|scope| scope.resource);
    for of_resource in logs.chunk_by(|a, b| resource_of(a) == resource_of(b)) {
        let resource = of_resource.first().and_then(resource_of);
        let resource = resource.and_then(|place| batch.resources.get(place as usize));
        write_message(out, 1, |out| {
            if let Some(resource) = resource.filter(|resource| is_told(resource)) {
                write_message(out, 1, |out| write_resource(&batch.arena, resource, out));
            }
            for of_scope in of_resource.chunk_by(|a, b| a.scope == b.scope) {
                write_message(out, 2, |out| write_scope_logs(batch, of_scope, out));
            }
            if let Some(resource) = resource {
                write_text(out, 3, batch.arena.bytes(resource.schema_url));
            }
        });
    }
}

/// An empty message says no more than none.
fn is_told(resource: &Resource) -> bool {
    !resource.attributes.is_empty() || resource.dropped_attributes != 0
}

fn is_named(scope: &Scope) -> bool {
    let named = !scope.name.is_empty() || !scope.version.is_empty();
    named || !scope.attributes.is_empty() || scope.dropped_attributes != 0
}

fn write_resource(arena: &Arena, resource: &Resource, out: &mut Vec<u8>) {
    write_attributes(arena, resource.attributes, 1, out);
    write_count(out, 2, resource.dropped_attributes);
}

fn write_scope_logs(batch: &Batch, records: &[LogRecord], out: &mut Vec<u8>) {
    let arena = &batch.arena;
    let scope = records.first().and_then(|record| batch.scopes.get(record.scope as usize));
    if let Some(scope) = scope.filter(|scope| is_named(scope)) {
        write_message(out, 1, |out| {
            write_text(out, 1, arena.bytes(scope.name));
            write_text(out, 2, arena.bytes(scope.version));
            write_attributes(arena, scope.attributes, 3, out);
            write_count(out, 4, scope.dropped_attributes);
        });
    }
    for record in records {
        write_message(out, 2, |out| write_record(arena, record, out));
    }
    if let Some(scope) = scope {
        write_text(out, 3, arena.bytes(scope.schema_url));
    }
}

fn write_record(arena: &Arena, record: &LogRecord, out: &mut Vec<u8>) {
    if record.time != 0 {
        write_fixed64(out, 1, record.time);
    }
    write_count(out, 2, u32::from(record.severity.0));
    write_text(out, 3, arena.bytes(record.severity_text));
    if record.body != Value::Null {
        write_message(out, 5, |out| write_any(arena, record.body, out));
    }
    write_attributes(arena, record.attributes, 6, out);
    write_count(out, 7, record.dropped_attributes);
    if record.flags != 0 {
        write_fixed32(out, 8, record.flags);
    }
    if record.trace_id != [0; 16] {
        write_bytes(out, 9, &record.trace_id);
    }
    if record.span_id != [0; 8] {
        write_bytes(out, 10, &record.span_id);
    }
    if record.observed != 0 {
        write_fixed64(out, 11, record.observed);
    }
    write_text(out, 12, arena.bytes(record.event_name));
}

/// A number that is left out where it is zero.
fn write_count(out: &mut Vec<u8>, number: u32, count: u32) {
    if count != 0 {
        write_number(out, number, u64::from(count));
    }
}

#[cfg(test)]
mod tests;
