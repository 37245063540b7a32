//! `LogRecord`.

use model::{Arena, Batch, LogRecord, Severity, Value};

use super::fields::{choice, span_id, text, trace_id, write_count, write_flags, write_id, write_long};
use super::request::Item;
use super::value::{read_attribute, read_value, write_any, write_attributes, write_text};
use crate::protobuf::{Damaged, Field, Message, write_message};

impl Item for LogRecord {
    fn read(arena: &mut Arena, mut message: Message, scope: u32, now: u64) -> Result<Self, Damaged> {
        let mut record = LogRecord { scope, ..LogRecord::new(0, Value::Null) };
        while let Some(field) = message.next(arena.input())? {
            take(arena, &mut record, field)?;
        }
        if record.observed == 0 {
            record.observed = now;
        }
        Ok(record)
    }

    fn write(&self, arena: &Arena, out: &mut Vec<u8>) {
        write_long(out, 1, self.time);
        write_count(out, 2, u32::from(self.severity.0));
        write_text(out, 3, arena.bytes(self.severity_text));
        if self.body != Value::Null {
            write_message(out, 5, |out| write_any(arena, self.body, out));
        }
        write_attributes(arena, self.attributes, 6, out);
        write_count(out, 7, self.dropped_attributes);
        write_flags(out, 8, self.flags);
        write_id(out, 9, &self.trace_id);
        write_id(out, 10, &self.span_id);
        write_long(out, 11, self.observed);
        write_text(out, 12, arena.bytes(self.event_name));
    }

    fn scope(&self) -> u32 {
        self.scope
    }

    fn rows(batch: &mut Batch) -> &mut Vec<Self> {
        &mut batch.logs
    }
}

fn take(arena: &mut Arena, record: &mut LogRecord, field: Field) -> Result<(), Damaged> {
    match field.number {
        1 => record.time = field.fixed64()?,
        2 => record.severity = Severity(choice(&field)?),
        3 => record.severity_text = text(arena, field)?,
        5 => record.body = read_value(arena, field, 0)?,
        6 => read_attribute(arena, &mut record.attributes, field)?,
        7 => record.dropped_attributes = field.varint()? as u32,
        8 => record.flags = field.fixed32()?,
        9 => record.trace_id = trace_id(arena, field)?,
        10 => record.span_id = span_id(arena, field)?,
        11 => record.observed = field.fixed64()?,
        12 => record.event_name = text(arena, field)?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
