//! Records to events, events to the open payload of their stream.

use std::sync::Arc;

use engine::{Encoder, Sealed};
use model::{Batch, LogRecord, NodeId, Reason};
use tracing::warn;

use super::message::{MAX_MESSAGE_BYTES, Shape};
use super::names::{self, Names};
use super::open::Open;

/// Streams with an open payload; with one more, the payload that was opened first is sealed.
const MAX_OPEN: usize = 64;
/// Bytes in open payloads; with more, the largest is sealed.
const MAX_OPEN_BYTES: usize = 4 << 20;

pub struct Layout {
    pub names: Names,
    pub shape: Shape,
}

pub struct CloudWatchEncoder {
    layout: Arc<Layout>,
    open: Vec<Open>,
    opened: u64,
    cut: u64,
    renamed: u64,
    // Kept from record to record for their room.
    rendered: Vec<u8>,
    message: Vec<u8>,
    live: Vec<NodeId>,
}

impl Encoder for CloudWatchEncoder {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        let depends = self.layout.names.depend_on_record();
        let (mut slot, mut empty) = (None, 0);
        for record in &batch.logs {
            let cut = self.layout.shape.write(&batch.arena, record, &mut self.live, &mut self.message);
            if self.message.is_empty() {
                empty += 1;
                continue;
            }
            if cut {
                self.note_cut();
            }
            let slot = match slot {
                Some(slot) if !depends => slot,
                _ => *slot.insert(self.slot(batch, record, out)),
            };
            self.add(slot, record, out);
        }
        out.discard(Reason::Empty, empty);
        self.bound(out);
    }

    fn seal(&mut self, out: &mut Sealed) {
        self.open.retain_mut(|open| {
            let payload = open.seal();
            let is_busy = payload.is_some() && open.is_roomy();
            payload.into_iter().for_each(|payload| out.push(payload));
            is_busy
        });
    }
}

impl CloudWatchEncoder {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        CloudWatchEncoder {
            layout,
            open: Vec::new(),
            opened: 0,
            cut: 0,
            renamed: 0,
            rendered: Vec::new(),
            message: Vec::new(),
            live: Vec::new(),
        }
    }

    fn add(&mut self, slot: usize, record: &LogRecord, out: &mut Sealed) {
        let (time, ascii_only) = (milliseconds(record), self.layout.shape.escape_unicode);
        let open = &mut self.open[slot];
        if open.push(time, &self.message, ascii_only) {
            return;
        }
        if let Some(payload) = open.seal() {
            out.push(payload);
        }
        let taken = open.push(time, &self.message, ascii_only);
        debug_assert!(taken, "bug: an empty payload refuses an event");
    }

    /// Where the record's stream is in `open`.
    fn slot(&mut self, batch: &Batch, record: &LogRecord, out: &mut Sealed) -> usize {
        self.layout.names.render(batch, record, &mut self.rendered);
        if let Some(slot) = self.open.iter().position(|open| open.rendered == self.rendered) {
            return slot;
        }
        if self.open.len() == MAX_OPEN {
            let oldest = self.open.iter().enumerate().min_by_key(|(_, open)| open.age);
            let mut oldest = self.open.swap_remove(oldest.map_or(0, |(place, _)| place));
            if let Some(payload) = oldest.seal() {
                out.push(payload);
            }
        }
        let (route, changed) = names::tidy(&self.rendered);
        if changed {
            self.renamed += 1;
            if self.renamed.is_power_of_two() {
                let (group, stream) = names::parts(&route);
                warn!(
                    group,
                    stream,
                    times = self.renamed,
                    "log group or stream renamed to what CloudWatch takes"
                );
            }
        }
        self.opened += 1;
        self.open.push(Open::new(self.rendered.clone(), route, self.opened));
        self.open.len() - 1
    }

    fn bound(&mut self, out: &mut Sealed) {
        while self.open.iter().map(Open::bytes).sum::<usize>() > MAX_OPEN_BYTES {
            let largest = self.open.iter_mut().max_by_key(|open| open.bytes());
            let Some(payload) = largest.and_then(Open::seal) else { return };
            out.push(payload);
        }
    }

    fn note_cut(&mut self) {
        self.cut += 1;
        if self.cut.is_power_of_two() {
            warn!(limit = MAX_MESSAGE_BYTES, times = self.cut, "message cut to what CloudWatch takes");
        }
    }
}

/// Cut, not rounded, as Fluent Bit does here. A record without a time has that of its arrival.
fn milliseconds(record: &LogRecord) -> u64 {
    let nanos = match (record.time, record.observed) {
        (0, 0) => engine::clock::now_nanos(),
        (0, observed) => observed,
        (time, _) => time,
    };
    nanos / 1_000_000
}
