//! `Span`, with its events and links.

use model::trace::{SpanEvent, SpanLink, Status};
use model::{Arena, Batch, TraceSpan};

use super::fields::{choice, span_id, text, trace_id, write_count, write_flags, write_id, write_long};
use super::request::Item;
use super::value::{read_attribute, write_attributes, write_text};
use crate::protobuf::{Damaged, Field, Message, write_message};

impl Item for TraceSpan {
    fn read(arena: &mut Arena, mut message: Message, scope: u32, _: u64) -> Result<Self, Damaged> {
        let mut span = TraceSpan { scope, ..TraceSpan::default() };
        while let Some(field) = message.next(arena.input())? {
            take(arena, &mut span, field)?;
        }
        Ok(span)
    }

    fn write(&self, arena: &Arena, out: &mut Vec<u8>) {
        write_id(out, 1, &self.trace_id);
        write_id(out, 2, &self.span_id);
        write_text(out, 3, arena.bytes(self.trace_state));
        write_id(out, 4, &self.parent_span_id);
        write_text(out, 5, arena.bytes(self.name));
        write_count(out, 6, u32::from(self.kind));
        write_long(out, 7, self.start);
        write_long(out, 8, self.end);
        write_attributes(arena, self.attributes, 9, out);
        write_count(out, 10, self.dropped_attributes);
        for event in &self.events {
            write_message(out, 11, |out| write_event(arena, event, out));
        }
        write_count(out, 12, self.dropped_events);
        for link in &self.links {
            write_message(out, 13, |out| write_link(arena, link, out));
        }
        write_count(out, 14, self.dropped_links);
        if let Some(status) = &self.status {
            write_message(out, 15, |out| {
                write_text(out, 2, arena.bytes(status.message));
                write_count(out, 3, u32::from(status.code));
            });
        }
        write_flags(out, 16, self.flags);
    }

    fn scope(&self) -> u32 {
        self.scope
    }

    fn rows(batch: &mut Batch) -> &mut Vec<Self> {
        &mut batch.spans
    }
}

fn take(arena: &mut Arena, span: &mut TraceSpan, field: Field) -> Result<(), Damaged> {
    match field.number {
        1 => span.trace_id = trace_id(arena, field)?,
        2 => span.span_id = span_id(arena, field)?,
        3 => span.trace_state = text(arena, field)?,
        4 => span.parent_span_id = span_id(arena, field)?,
        5 => span.name = text(arena, field)?,
        6 => span.kind = choice(&field)?,
        7 => span.start = field.fixed64()?,
        8 => span.end = field.fixed64()?,
        9 => read_attribute(arena, &mut span.attributes, field)?,
        10 => span.dropped_attributes = field.varint()? as u32,
        11 => span.events.push(read_event(arena, field.message()?)?),
        12 => span.dropped_events = field.varint()? as u32,
        13 => span.links.push(read_link(arena, field.message()?)?),
        14 => span.dropped_links = field.varint()? as u32,
        15 => span.status = Some(read_status(arena, span.status.unwrap_or_default(), field.message()?)?),
        16 => span.flags = field.fixed32()?,
        _ => {}
    }
    Ok(())
}

fn read_event(arena: &mut Arena, mut message: Message) -> Result<SpanEvent, Damaged> {
    let mut event = SpanEvent::default();
    while let Some(field) = message.next(arena.input())? {
        match field.number {
            1 => event.time = field.fixed64()?,
            2 => event.name = text(arena, field)?,
            3 => read_attribute(arena, &mut event.attributes, field)?,
            4 => event.dropped_attributes = field.varint()? as u32,
            _ => {}
        }
    }
    Ok(event)
}

fn read_link(arena: &mut Arena, mut message: Message) -> Result<SpanLink, Damaged> {
    let mut link = SpanLink::default();
    while let Some(field) = message.next(arena.input())? {
        match field.number {
            1 => link.trace_id = trace_id(arena, field)?,
            2 => link.span_id = span_id(arena, field)?,
            3 => link.trace_state = text(arena, field)?,
            4 => read_attribute(arena, &mut link.attributes, field)?,
            5 => link.dropped_attributes = field.varint()? as u32,
            6 => link.flags = field.fixed32()?,
            _ => {}
        }
    }
    Ok(link)
}

/// A message that comes twice is one message, so what came before stays.
fn read_status(arena: &Arena, mut status: Status, mut message: Message) -> Result<Status, Damaged> {
    while let Some(field) = message.next(arena.input())? {
        match field.number {
            2 => status.message = text(arena, field)?,
            3 => status.code = choice(&field)?,
            _ => {}
        }
    }
    Ok(status)
}

fn write_event(arena: &Arena, event: &SpanEvent, out: &mut Vec<u8>) {
    write_long(out, 1, event.time);
    write_text(out, 2, arena.bytes(event.name));
    write_attributes(arena, event.attributes, 3, out);
    write_count(out, 4, event.dropped_attributes);
}

fn write_link(arena: &Arena, link: &SpanLink, out: &mut Vec<u8>) {
    write_id(out, 1, &link.trace_id);
    write_id(out, 2, &link.span_id);
    write_text(out, 3, arena.bytes(link.trace_state));
    write_attributes(arena, link.attributes, 4, out);
    write_count(out, 5, link.dropped_attributes);
    write_flags(out, 6, link.flags);
}
