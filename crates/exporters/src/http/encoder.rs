//! Fills request bodies, one at a time or one a tag.

use std::sync::Arc;

use engine::{Payload, Sealed};
use model::{Batch, LogRecord};
use wire::forward::{PackOptions, Packer};
use wire::msgpack::{self, Token};

use super::{Config, Format};
use crate::compress::{self, Compression, Compressor};
use crate::dated::{DatedJson, Layout};

/// Bodies that may be open at once; with more tags than this the oldest is sent early.
const MAX_OPEN: usize = 32;

pub struct Encoder {
    format: Format,
    compression: Compression,
    max_bytes: u64,
    by_tag: bool,
    json: DatedJson,
    route: Arc<str>,
    open: Vec<Open>,
}

struct Open {
    route: Arc<str>,
    body: Body,
    records: u64,
}

enum Body {
    Json(Layout, Compressor),
    Msgpack(Packer),
}

impl Encoder {
    pub(super) fn new(config: &Config) -> Encoder {
        Encoder {
            format: config.format,
            compression: config.compression,
            max_bytes: config.max_body_bytes.get(),
            by_tag: config.tag_header.is_some(),
            json: DatedJson::new(&config.date_key, config.date_format, config.escape_unicode),
            route: "".into(),
            open: Vec::new(),
        }
    }

    /// The place of the body for a tag, opened where there is none.
    fn open(&mut self, tag: &Arc<str>, out: &mut Sealed) -> usize {
        let route = if self.by_tag { tag } else { &self.route };
        if let Some(place) = self.open.iter().position(|open| open.route == *route) {
            return place;
        }
        let body = match self.format {
            Format::Msgpack => Body::Msgpack(Packer::new(PackOptions::default())),
            Format::JsonLines => Body::Json(Layout::Lines, Compressor::new(self.compression)),
            Format::JsonStream => Body::Json(Layout::Stream, Compressor::new(self.compression)),
            Format::Json | Format::Gelf => Body::Json(Layout::Array, Compressor::new(self.compression)),
        };
        let opened = Open { route: route.clone(), body, records: 0 };
        if self.open.len() == MAX_OPEN {
            self.open.remove(0).seal(self.compression, out);
        }
        self.open.push(opened);
        self.open.len() - 1
    }
}

impl engine::Encoder for Encoder {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        if batch.is_empty() {
            return;
        }
        let place = self.open(&batch.tag, out);
        let (open, max_bytes, compression) = (&mut self.open[place], self.max_bytes, self.compression);
        for record in &batch.logs {
            open.push(batch, record, &mut self.json, max_bytes, compression, out);
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        for mut open in self.open.drain(..) {
            open.seal(self.compression, out);
        }
    }
}

impl Open {
    fn push(
        &mut self,
        batch: &Batch,
        record: &LogRecord,
        json: &mut DatedJson,
        max_bytes: u64,
        compression: Compression,
        out: &mut Sealed,
    ) {
        match &mut self.body {
            Body::Msgpack(packer) => packer.push(&batch.arena, record),
            Body::Json(layout, compressor) => {
                let layout = *layout;
                let before = compressor.raw_bytes();
                let buffer = compressor.buffer();
                let start = buffer.len();
                buffer.extend_from_slice(layout.before(self.records == 0));
                json.write(&batch.arena, record, buffer);
                buffer.extend_from_slice(layout.after());
                let written = (buffer.len() - start) as u64;
                let is_over = before + written + layout.end().len() as u64 > max_bytes && self.records > 0;
                if is_over {
                    // Taken back, and written again as the first of the next body.
                    buffer.truncate(start);
                    self.seal(compression, out);
                    return self.push(batch, record, json, max_bytes, compression, out);
                }
                compressor.step();
            }
        }
        self.records += 1;
        if let Body::Msgpack(packer) = &self.body
            && packer.bytes() as u64 >= max_bytes
        {
            self.seal(compression, out);
        }
    }

    fn seal(&mut self, compression: Compression, out: &mut Sealed) {
        if self.records == 0 {
            return;
        }
        let (body, raw) = match &mut self.body {
            Body::Json(layout, compressor) => {
                compressor.buffer().extend_from_slice(layout.end());
                let raw = compressor.raw_bytes();
                (compressor.finish(), raw)
            }
            Body::Msgpack(packer) => {
                let entries = entries(std::mem::replace(packer, Packer::new(PackOptions::default())));
                (compress::compress(compression, &entries), entries.len() as u64)
            }
        };
        out.push(Payload::new(body, self.route.clone(), self.records, raw));
        self.records = 0;
    }
}

/// The entries alone, without the message around them.
fn entries(packer: Packer) -> Vec<u8> {
    let message = packer.finish("").bytes;
    let (mut at, mut last) = (0, Vec::new());
    for _ in 0..3 {
        match msgpack::next(&message, &mut at) {
            Ok(Token::Bin(slice)) => last = slice.of(&message).to_vec(),
            Ok(_) => {}
            Err(error) => unreachable!("bug: a message of our own cannot be read: {error}"),
        }
    }
    last
}
