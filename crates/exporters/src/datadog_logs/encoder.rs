//! Records to entries, entries to payloads within the intake's limits.

use std::ops::Range;
use std::sync::Arc;

use engine::{Encoder, Payload, Sealed};
use model::{Arena, Batch, LogRecord, NodeId, Reason, Value, json, number};

use super::entries::Oversize;
use super::layout::{Head, Layout, Role};
use crate::compress::{Compression, Compressor};
use crate::fields::{comma, escape_unicode, write_members};

/// The intake takes 1,000.
const MAX_ENTRIES: u64 = 1_000;
/// The intake takes 5 MB; it is not said whether of 10^6 or 2^20 bytes, nor what else it counts.
const MAX_BODY_BYTES: u64 = 4_900_000;
/// The intake takes 1 MB and cuts what is longer, without a mark.
const MAX_ENTRY_BYTES: usize = 990_000;

pub struct DatadogEncoder {
    layout: Arc<Layout>,
    out: Compressor,
    entries: u64,
    route: Arc<str>,
    // Kept from record to record for their room.
    live: Vec<NodeId>,
    stops: Vec<(usize, Stop)>,
    tags: Vec<u8>,
}

/// Where the plain run of a record's fields is interrupted.
#[derive(Clone, Copy)]
enum Stop {
    /// Written as `message`.
    Rename,
    /// Left out.
    Drop,
}

impl Encoder for DatadogEncoder {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        for record in &batch.logs {
            self.add(batch, record, out);
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        if self.entries == 0 {
            return;
        }
        self.out.buffer().push(b']');
        let raw_bytes = self.out.raw_bytes();
        let body = self.out.finish();
        out.push(Payload::new(body, self.route.clone(), self.entries, raw_bytes));
        self.entries = 0;
    }
}

impl DatadogEncoder {
    pub(super) fn new(layout: Arc<Layout>, compression: Compression) -> Self {
        DatadogEncoder {
            layout,
            out: Compressor::new(compression),
            entries: 0,
            route: "logs".into(),
            live: Vec::new(),
            stops: Vec::new(),
            tags: Vec::new(),
        }
    }

    fn add(&mut self, batch: &Batch, record: &LogRecord, out: &mut Sealed) {
        if self.entries == MAX_ENTRIES {
            self.seal(out);
        }
        let start = self.out.buffer().len();
        self.out.buffer().push(if self.entries == 0 { b'[' } else { b',' });
        self.write_entry(batch, record);
        let entry = self.out.buffer().len() - start - 1;
        if entry > MAX_ENTRY_BYTES && !self.shrink(start + 1) {
            self.out.buffer().truncate(start);
            out.discard(Reason::TooLarge, 1);
            return;
        }
        if self.out.raw_bytes() >= MAX_BODY_BYTES && self.entries > 0 {
            let entry = self.out.buffer().split_off(start + 1);
            self.out.buffer().truncate(start);
            self.seal(out);
            self.out.buffer().push(b'[');
            self.out.buffer().extend_from_slice(&entry);
        }
        self.entries += 1;
        self.out.step();
    }

    /// Cuts the longest value of the entry that stands at the end of the buffer. False if that is not enough.
    fn shrink(&mut self, start: usize) -> bool {
        let buffer = self.out.buffer();
        let Some(shorter) = Oversize::of(&buffer[start..]).and_then(|entry| entry.cut_to(MAX_ENTRY_BYTES))
        else {
            return false;
        };
        buffer.truncate(start);
        buffer.extend_from_slice(&shorter);
        true
    }

    fn write_entry(&mut self, batch: &Batch, record: &LogRecord) {
        let DatadogEncoder { layout, out, live, stops, tags, .. } = self;
        let (arena, out) = (&batch.arena, out.buffer());
        let start = out.len();
        live.clear();
        if let Some(list) = record.fields() {
            arena.live_fields(list, live);
        }
        tags.clear();
        let own = sort_out(layout, arena, live, stops, tags);
        write_head(layout, record, &batch.tag, own, out);
        write_body(arena, live, stops, out);
        if record.fields().is_none() && record.body != Value::Null {
            comma(out);
            out.extend_from_slice(b"\"message\":");
            json::write_value(arena, record.body, out);
        }
        write_tags(tags, out);
        if layout.escape_unicode {
            escape_unicode(out, start);
        }
    }
}

/// Finds what of a record is renamed or left out, appends its ECS tags and the configured ones to `tags`, and
/// returns which of the configured heads the record replaces.
fn sort_out(
    layout: &Layout,
    arena: &Arena,
    live: &[NodeId],
    stops: &mut Vec<(usize, Stop)>,
    tags: &mut Vec<u8>,
) -> u8 {
    stops.clear();
    let (mut own, mut message, mut record_tags, mut ordered) = (0, None, None, true);
    for (place, id) in live.iter().enumerate() {
        match layout.role(arena.key(*id)) {
            Role::Plain => {}
            Role::Own(head) => own |= 1 << head as u8,
            role @ (Role::Message | Role::Renamed) => {
                // Of a `message` and a field that becomes one, the later is kept.
                if let Some((earlier, role)) = message.replace((place, role)) {
                    stops.retain(|(stop, _)| *stop != earlier || role != Role::Renamed);
                    stops.push((earlier, Stop::Drop));
                    ordered = false;
                }
                if role == Role::Renamed {
                    stops.push((place, Stop::Rename));
                }
            }
            Role::Tags => record_tags = Some(place),
            Role::Ecs(field) => {
                let value = arena.node(*id).value;
                let text = arena.text(value).filter(|text| !text.is_empty());
                if let (Some(value), false) = (text, matches!(value, Value::Bytes(_))) {
                    field.write(&value, tags);
                    stops.push((place, Stop::Drop));
                }
            }
        }
    }
    if !layout.tags.is_empty() {
        if !tags.is_empty() {
            tags.push(b',');
        }
        tags.extend_from_slice(&layout.tags);
    }
    if let (Some(place), false) = (record_tags, tags.is_empty()) {
        stops.push((place, Stop::Drop));
        ordered = false;
    }
    if !ordered {
        stops.sort_unstable_by_key(|(place, _)| *place);
    }
    own
}

fn write_head(layout: &Layout, record: &LogRecord, tag: &str, own: u8, out: &mut Vec<u8>) {
    let has = |head: Head| own & 1 << head as u8 != 0;
    out.push(b'{');
    if !layout.date.is_empty() && !has(Head::Date) {
        out.extend_from_slice(&layout.date);
        number::write_uint(milliseconds(record), out);
    }
    if !layout.tag.is_empty() && !has(Head::Tag) {
        comma(out);
        out.extend_from_slice(&layout.tag);
        json::write_string(tag.as_bytes(), out);
    }
    if own == 0 && out.last() != Some(&b'{') {
        return out.extend_from_slice(&layout.all_fixed);
    }
    for (head, member) in &layout.fixed {
        if !has(*head) {
            comma(out);
            out.extend_from_slice(member);
        }
    }
}

/// Rounded half up, as Fluent Bit does for Datadog. A record without a time has that of its arrival.
fn milliseconds(record: &LogRecord) -> u64 {
    let nanos = match (record.time, record.observed) {
        (0, 0) => engine::clock::now_nanos(),
        (0, observed) => observed,
        (time, _) => time,
    };
    (nanos + 500_000) / 1_000_000
}

fn write_body(arena: &Arena, live: &[NodeId], stops: &[(usize, Stop)], out: &mut Vec<u8>) {
    let plain = |range: Range<usize>, out: &mut Vec<u8>| {
        if !range.is_empty() {
            comma(out);
            write_members(arena, &live[range], out);
        }
    };
    let mut from = 0;
    for (place, stop) in stops {
        plain(from..*place, out);
        if let Stop::Rename = stop {
            comma(out);
            out.extend_from_slice(b"\"message\":");
            json::write_value(arena, arena.node(live[*place]).value, out);
        }
        from = place + 1;
    }
    plain(from..live.len(), out);
}

fn write_tags(tags: &[u8], out: &mut Vec<u8>) {
    if !tags.is_empty() {
        comma(out);
        out.extend_from_slice(b"\"ddtags\":\"");
        out.extend_from_slice(tags);
        out.push(b'"');
    }
    out.push(b'}');
}
