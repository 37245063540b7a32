//! Gathers records into objects, one open object a tag.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{Payload, Sealed, Surroundings};
use model::{Arena, Batch, LogRecord, Reason, Tag, Value, json};

use super::key::KeyFormat;
use super::{Config, Format, MAX_OBJECT_BYTES};
use crate::compress::{Compression, Compressor};
use crate::dated::{DatedJson, Layout};

/// Objects open at once in one encoder; with more tags than this the largest is closed early.
const MAX_OPEN: usize = 16;

/// Log lines compress at least so well; the memory limit counts on it.
const LEAST_RATIO: u64 = 4;

/// Bytes before compression that one encoder may gather: a quarter of the memory budget for all of them.
pub(super) fn share(compression: Compression, surroundings: &Surroundings) -> u64 {
    let memory = surroundings.memory_budget / 4 / surroundings.workers.max(1) as u64;
    match compression {
        Compression::None => memory,
        Compression::Gzip | Compression::Zstd => memory.saturating_mul(LEAST_RATIO),
    }
}

pub struct Encoder {
    key: Arc<KeyFormat>,
    index: Arc<AtomicU64>,
    line: Line,
    layout: Layout,
    compression: Compression,
    max_bytes: u64,
    gather: u64,
    open: Vec<Object>,
}

/// How one record is written.
enum Line {
    Record(Box<DatedJson>),
    Value(String),
}

struct Object {
    tag: Tag,
    key: Arc<str>,
    body: Compressor,
    records: u64,
}

impl Encoder {
    pub(super) fn new(config: &Config, key: Arc<KeyFormat>, index: Arc<AtomicU64>, gather: u64) -> Encoder {
        let line = match &config.log_key {
            Some(name) => Line::Value(name.clone()),
            None => Line::Record(
                DatedJson::new(&config.date_key, config.date_format, config.escape_unicode).into(),
            ),
        };
        let layout = match (config.format, &config.log_key) {
            (Format::Json, None) => Layout::Array,
            _ => Layout::Lines,
        };
        let (compression, max_bytes) =
            (config.compression, config.max_file_bytes.get().min(MAX_OBJECT_BYTES));
        Encoder { key, index, line, layout, compression, max_bytes, gather, open: Vec::new() }
    }

    /// The place of the tag's object, opened with this record where there is none.
    fn open(&mut self, tag: &Tag, record: &LogRecord, out: &mut Sealed) -> usize {
        if let Some(place) = self.open.iter().position(|object| object.tag == *tag) {
            return place;
        }
        if self.open.len() == MAX_OPEN {
            self.seal_largest(out);
        }
        let time = [record.time, record.observed].into_iter().find(|time| *time > 0);
        let time = time.unwrap_or_else(engine::clock::now_nanos);
        let index = self.index.fetch_add(1, Ordering::Relaxed);
        let key = self.key.render(tag, time, index).into();
        self.open.push(Object { tag: tag.clone(), key, body: Compressor::new(self.compression), records: 0 });
        self.open.len() - 1
    }

    fn write(&mut self, batch: &Batch, record: &LogRecord, out: &mut Sealed) {
        if let Line::Value(name) = &self.line
            && batch.arena.member(record.body, name.as_bytes()).is_none()
        {
            return out.discard(Reason::Empty, 1);
        }
        let place = self.open(&batch.tag, record, out);
        let object = &mut self.open[place];
        let buffer = object.body.buffer();
        buffer.extend_from_slice(self.layout.before(object.records == 0));
        match &mut self.line {
            Line::Record(json) => json.write(&batch.arena, record, buffer),
            Line::Value(name) => {
                let value = batch.arena.member(record.body, name.as_bytes()).unwrap_or(Value::Null);
                write_plain(&batch.arena, value, buffer);
            }
        }
        buffer.extend_from_slice(self.layout.after());
        object.body.step();
        object.records += 1;
        if object.body.raw_bytes() >= self.max_bytes {
            self.open.remove(place).seal(self.layout, out);
        }
    }

    fn seal_largest(&mut self, out: &mut Sealed) {
        let sizes = self.open.iter().enumerate().map(|(place, object)| (object.body.raw_bytes(), place));
        if let Some((_, place)) = sizes.max() {
            self.open.remove(place).seal(self.layout, out);
        }
    }
}

impl engine::Encoder for Encoder {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        for record in &batch.logs {
            self.write(batch, record, out);
        }
        while self.open.iter().map(|object| object.body.raw_bytes()).sum::<u64>() > self.gather {
            self.seal_largest(out);
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        self.open.drain(..).for_each(|object| object.seal(self.layout, out));
    }
}

impl Object {
    fn seal(mut self, layout: Layout, out: &mut Sealed) {
        self.body.buffer().extend_from_slice(layout.end());
        let raw = self.body.raw_bytes();
        out.push(Payload::new(self.body.finish(), self.key, self.records, raw));
    }
}

/// Text as it is, anything else as JSON.
fn write_plain(arena: &Arena, value: Value, out: &mut Vec<u8>) {
    match arena.text(value) {
        Some(text) => out.extend_from_slice(&text),
        None => json::write_value(arena, value, out),
    }
}
