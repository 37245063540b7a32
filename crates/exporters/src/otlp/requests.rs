//! Fills requests, one a signal.
//!
//! Requests in protobuf are joined by writing them one after the other; those in JSON by taking the items out of
//! their array.

use std::ops::Range;
use std::sync::Arc;

use engine::{Encoder, Payload, Sealed};
use model::{Batch, Reason, Signal};
use tracing::warn;
use wire::otlp;

use super::{Encoding, Target};
use crate::compress::{Compression, Compressor};

/// Items written at a time, so that a payload does not pass its size by much.
const STRIDE: u64 = 256;

pub struct Requests {
    encoding: Encoding,
    compression: Compression,
    max_bytes: u64,
    open: Vec<Open>,
    /// For a request in protobuf on its way to JSON.
    protobuf: Vec<u8>,
}

struct Open {
    target: Target,
    route: Arc<str>,
    body: Compressor,
    items: u64,
}

impl Requests {
    pub fn new(encoding: Encoding, compression: Compression, max_bytes: u64) -> Requests {
        Requests { encoding, compression, max_bytes, open: Vec::new(), protobuf: Vec::new() }
    }

    fn open(&mut self, signal: Signal) -> &mut Open {
        let place = self.open.iter().position(|open| open.target.signal == signal).unwrap_or_else(|| {
            let target = Target { signal, encoding: self.encoding };
            let body = Compressor::new(self.compression);
            self.open.push(Open { target, route: target.route(), body, items: 0 });
            self.open.len() - 1
        });
        &mut self.open[place]
    }

    /// Adds the request that `write` writes; one that has become full is sealed.
    fn add(&mut self, signal: Signal, items: u64, out: &mut Sealed, write: impl FnOnce(&mut Vec<u8>)) {
        if items == 0 {
            return;
        }
        let max_bytes = self.max_bytes;
        match self.encoding {
            Encoding::Proto => write(self.open(signal).body.buffer()),
            Encoding::Json => {
                let mut protobuf = std::mem::take(&mut self.protobuf);
                protobuf.clear();
                write(&mut protobuf);
                let json = otlp::to_json(signal, &protobuf);
                self.protobuf = protobuf;
                match json {
                    Ok(json) => self.open(signal).join(&json),
                    // It came unread, so this is the first look at it.
                    Err(why) => {
                        warn!(items, %why, "request cannot be written as JSON; dropped");
                        return out.discard(Reason::Malformed, items);
                    }
                }
            }
        }
        let open = self.open(signal);
        open.items += items;
        open.body.step();
        if open.body.raw_bytes() >= max_bytes {
            open.seal(out);
        }
    }
}

/// Rows that hold about [`STRIDE`] items, beginning with this one, and how many items they hold.
pub fn stride(batch: &Batch, start: usize) -> (Range<usize>, u64) {
    let (mut end, mut items) = (start, 0);
    while end < batch.rows() && items < STRIDE {
        items += batch.metrics.get(end).map_or(1, |metric| metric.points.len() as u64);
        end += 1;
    }
    (start..end, items)
}

impl Encoder for Requests {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        if let Some(unread) = batch.unread {
            let request = batch.arena.input();
            return self.add(unread.signal, unread.items, out, |body| body.extend_from_slice(request));
        }
        let mut start = 0;
        while start < batch.rows() {
            let (rows, items) = stride(batch, start);
            start = rows.end;
            self.add(batch.signal(), items, out, |body| otlp::encode(batch, rows, body));
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        self.open.iter_mut().for_each(|open| open.seal(out));
    }
}

impl Open {
    /// Adds what a request in JSON holds: an object with one array, or with nothing.
    fn join(&mut self, json: &[u8]) {
        let Some(start) = json.iter().position(|byte| *byte == b'[') else { return };
        let is_first = self.items == 0;
        let buffer = self.body.buffer();
        match is_first {
            true => buffer.extend_from_slice(&json[..=start]),
            false => buffer.push(b','),
        }
        buffer.extend_from_slice(&json[start + 1..json.len() - b"]}".len()]);
    }

    fn seal(&mut self, out: &mut Sealed) {
        if self.items == 0 {
            return;
        }
        if self.target.encoding == Encoding::Json {
            self.body.buffer().extend_from_slice(b"]}");
        }
        let raw_bytes = self.body.raw_bytes();
        out.push(Payload::new(self.body.finish(), self.route.clone(), self.items, raw_bytes));
        self.items = 0;
    }
}
