//! The shells that all three requests share, resources and scopes, around the items that differ.
//!
//! A request holds field 1, the telemetry of a resource; that holds the resource in field 1, in field 2 the telemetry
//! of each scope, and in field 3 a schema URL; that of a scope is built alike and holds items in field 2.

use std::ops::Range;

use model::{Arena, Batch, LogRecord, Metric, Resource, Scope, Signal, Tag, TraceSpan};

use super::fields::{text, write_count};
use super::value::{read_attribute, write_attributes, write_text};
use crate::protobuf::{Damaged, Message, write_message};

/// What makes a signal: its item, which is a row of the batch.
pub(super) trait Item: Sized {
    /// Reads an item of the scope that has this index. `now` as in [`decode`].
    fn read(arena: &mut Arena, message: Message, scope: u32, now: u64) -> Result<Self, Damaged>;
    fn write(&self, arena: &Arena, out: &mut Vec<u8>);
    fn scope(&self) -> u32;
    fn rows(batch: &mut Batch) -> &mut Vec<Self>;
}

/// Reads a request whole: a batch, or where it is damaged.
///
/// `now` is when it came, in nanoseconds since the epoch: the time of observation of log records that tell none.
pub fn decode(signal: Signal, request: Vec<u8>, tag: Tag, now: u64) -> Result<Batch, Damaged> {
    match signal {
        Signal::Logs => decode_logs(request, tag, now),
        Signal::Traces => decode_spans(request, tag),
        Signal::Metrics => decode_metrics(request, tag),
    }
}

/// Appends rows of a batch as a request: log records, spans or metrics, as [`Batch::signal`] says. Neighbours of one
/// resource and scope share them.
pub fn encode(batch: &Batch, rows: Range<usize>, out: &mut Vec<u8>) {
    match batch.signal() {
        Signal::Logs => encode_logs(batch, rows, out),
        Signal::Traces => encode_spans(batch, rows, out),
        Signal::Metrics => encode_metrics(batch, rows, out),
    }
}

/// [`decode`] for `ExportLogsServiceRequest`.
pub fn decode_logs(request: Vec<u8>, tag: Tag, now: u64) -> Result<Batch, Damaged> {
    read_request::<LogRecord>(request, tag, now)
}

/// [`decode`] for `ExportTraceServiceRequest`.
pub fn decode_spans(request: Vec<u8>, tag: Tag) -> Result<Batch, Damaged> {
    read_request::<TraceSpan>(request, tag, 0)
}

/// [`decode`] for `ExportMetricsServiceRequest`.
pub fn decode_metrics(request: Vec<u8>, tag: Tag) -> Result<Batch, Damaged> {
    read_request::<Metric>(request, tag, 0)
}

/// [`encode`] for log records.
pub fn encode_logs(batch: &Batch, rows: Range<usize>, out: &mut Vec<u8>) {
    write_request(batch, &batch.logs[rows], out);
}

/// [`encode`] for spans.
pub fn encode_spans(batch: &Batch, rows: Range<usize>, out: &mut Vec<u8>) {
    write_request(batch, &batch.spans[rows], out);
}

/// [`encode`] for metrics.
pub fn encode_metrics(batch: &Batch, rows: Range<usize>, out: &mut Vec<u8>) {
    write_request(batch, &batch.metrics[rows], out);
}

fn read_request<I: Item>(request: Vec<u8>, tag: Tag, now: u64) -> Result<Batch, Damaged> {
    let mut message = Message::within(0..request.len());
    let mut batch = Batch::new(tag, request);
    while let Some(field) = message.next(batch.arena.input())? {
        if field.number == 1 {
            read_of_resource::<I>(&mut batch, field.message()?, now)?;
        }
    }
    Ok(batch)
}

fn read_of_resource<I: Item>(batch: &mut Batch, mut message: Message, now: u64) -> Result<(), Damaged> {
    let place = batch.resources.len();
    batch.resources.push(Resource::default());
    while let Some(field) = message.next(batch.arena.input())? {
        match field.number {
            1 => read_resource(&mut batch.arena, &mut batch.resources[place], field.message()?)?,
            2 => read_of_scope::<I>(batch, place as u32, field.message()?, now)?,
            3 => batch.resources[place].schema_url = text(&batch.arena, field)?,
            _ => {}
        }
    }
    Ok(())
}

fn read_resource(arena: &mut Arena, resource: &mut Resource, mut message: Message) -> Result<(), Damaged> {
    while let Some(field) = message.next(arena.input())? {
        match field.number {
            1 => read_attribute(arena, &mut resource.attributes, field)?,
            2 => resource.dropped_attributes = field.varint()? as u32,
            _ => {}
        }
    }
    Ok(())
}

fn read_of_scope<I: Item>(
    batch: &mut Batch,
    resource: u32,
    mut message: Message,
    now: u64,
) -> Result<(), Damaged> {
    let place = batch.scopes.len();
    batch.scopes.push(Scope { resource, ..Scope::default() });
    while let Some(field) = message.next(batch.arena.input())? {
        match field.number {
            1 => read_scope(&mut batch.arena, &mut batch.scopes[place], field.message()?)?,
            2 => {
                let item = I::read(&mut batch.arena, field.message()?, place as u32, now)?;
                I::rows(batch).push(item);
            }
            3 => batch.scopes[place].schema_url = text(&batch.arena, field)?,
            _ => {}
        }
    }
    Ok(())
}

fn read_scope(arena: &mut Arena, scope: &mut Scope, mut message: Message) -> Result<(), Damaged> {
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

fn write_request<I: Item>(batch: &Batch, items: &[I], out: &mut Vec<u8>) {
    let resource_of = |item: &I| batch.scopes.get(item.scope() as usize).map(|scope| scope.resource);
    for of_resource in items.chunk_by(|a, b| resource_of(a) == resource_of(b)) {
        let resource = of_resource.first().and_then(resource_of);
        let resource = resource.and_then(|place| batch.resources.get(place as usize));
        write_message(out, 1, |out| {
            if let Some(resource) = resource.filter(|resource| is_told(resource)) {
                write_message(out, 1, |out| write_resource(&batch.arena, resource, out));
            }
            for of_scope in of_resource.chunk_by(|a, b| a.scope() == b.scope()) {
                write_message(out, 2, |out| write_of_scope(batch, of_scope, out));
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

fn write_of_scope<I: Item>(batch: &Batch, items: &[I], out: &mut Vec<u8>) {
    let scope = items.first().and_then(|item| batch.scopes.get(item.scope() as usize));
    if let Some(scope) = scope.filter(|scope| is_named(scope)) {
        write_message(out, 1, |out| write_scope(&batch.arena, scope, out));
    }
    for item in items {
        write_message(out, 2, |out| item.write(&batch.arena, out));
    }
    if let Some(scope) = scope {
        write_text(out, 3, batch.arena.bytes(scope.schema_url));
    }
}

fn write_scope(arena: &Arena, scope: &Scope, out: &mut Vec<u8>) {
    write_text(out, 1, arena.bytes(scope.name));
    write_text(out, 2, arena.bytes(scope.version));
    write_attributes(arena, scope.attributes, 3, out);
    write_count(out, 4, scope.dropped_attributes);
}
