//! Writes messages: packed forward mode, compressed where asked, with a chunk id where an answer is wanted.

use std::io::Write;

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::Compression;
use flate2::write::GzEncoder;
use model::{Arena, List, LogRecord, Value, json};
use sha2::{Digest, Sha512};

use crate::msgpack::write;

/// How messages are written.
#[derive(Debug, Clone, Default)]
pub struct PackOptions {
    /// Level of gzip, `None` for none.
    pub gzip: Option<u32>,
    /// Ask for an acknowledgement.
    pub ack: bool,
    /// Whole seconds instead of EventTime, for receivers older than Fluentd 0.14.
    pub time_as_integer: bool,
    /// Send a record's attributes as its metadata, which Fluent Bit before 2.1 and Fluentd do not read.
    pub metadata: bool,
    /// More options, sent as they are.
    pub extra: Vec<(String, String)>,
}

/// One message in the making. Entries are compressed as they come.
pub struct Packer {
    options: PackOptions,
    body: Body,
    entry: Vec<u8>,
    records: u64,
    /// Of the entries before compression.
    bytes: usize,
}

enum Body {
    Plain(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

/// A message as it goes on the wire.
#[derive(Debug)]
pub struct Packed {
    pub bytes: Vec<u8>,
    /// What the answer has to hold.
    pub chunk: Option<String>,
    pub records: u64,
}

impl Packer {
    pub fn new(options: PackOptions) -> Packer {
        let body = match options.gzip {
            Some(level) => Body::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::new(level)))),
            None => Body::Plain(Vec::new()),
        };
        Packer { options, body, entry: Vec::new(), records: 0, bytes: 0 }
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the entries before compression.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn push(&mut self, arena: &Arena, record: &LogRecord) {
        self.entry.clear();
        write_entry(arena, record, &self.options, &mut self.entry);
        self.records += 1;
        self.bytes += self.entry.len();
        match &mut self.body {
            Body::Plain(out) => out.extend_from_slice(&self.entry),
            // Writing to memory does not fail.
            Body::Gzip(out) => drop(out.write_all(&self.entry)),
        }
    }

    /// Ends the message.
    pub fn finish(self, tag: &str) -> Packed {
        let payload = match self.body {
            Body::Plain(out) => out,
            Body::Gzip(out) => out.finish().unwrap_or_default(),
        };
        let chunk = self.options.ack.then(|| chunk_id(&payload));
        let mut bytes = Vec::with_capacity(payload.len() + tag.len() + 128);
        write::array(3, &mut bytes);
        write::str(tag.as_bytes(), &mut bytes);
        write::bin(&payload, &mut bytes);
        let named = usize::from(chunk.is_some()) + usize::from(self.options.gzip.is_some());
        write::map(2 + named + self.options.extra.len(), &mut bytes);
        write::str(b"size", &mut bytes);
        write::uint(self.records, &mut bytes);
        write::str(b"fluent_signal", &mut bytes);
        write::uint(0, &mut bytes);
        let chunk_pair = chunk.as_ref().map(|id| ("chunk", id.as_str()));
        let gzip_pair = self.options.gzip.map(|_| ("compressed", "gzip"));
        let extra = self.options.extra.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        for (key, value) in chunk_pair.into_iter().chain(gzip_pair).chain(extra) {
            write::str(key.as_bytes(), &mut bytes);
            write::str(value.as_bytes(), &mut bytes);
        }
        Packed { bytes, chunk, records: self.records }
    }
}

/// Fluent Bit's chunk id: base64 of the first 16 bytes of the payload's SHA-512.
pub fn chunk_id(payload: &[u8]) -> String {
    BASE64_STANDARD.encode(&Sha512::digest(payload)[..16])
}

fn write_entry(arena: &Arena, record: &LogRecord, options: &PackOptions, out: &mut Vec<u8>) {
    write::array(2, out);
    let with_metadata = options.metadata && !record.attributes.is_empty();
    if with_metadata {
        write::array(2, out);
    }
    write_time(record.time, options.time_as_integer, out);
    if with_metadata {
        write_map(arena, record.attributes, out);
    }
    match record.body {
        Value::Map(list) => write_map(arena, list, out),
        Value::Json(span) if arena.bytes(span).first() == Some(&b'{') => write_json(arena.bytes(span), out),
        // A record is a map here; a bare line travels under the key that log drivers use.
        other => {
            write::map(1, out);
            write::str(b"log", out);
            write_value(arena, other, out);
        }
    }
}

fn write_time(time: u64, as_integer: bool, out: &mut Vec<u8>) {
    const SECOND: u64 = 1_000_000_000;
    if as_integer {
        return write::uint(time / SECOND, out);
    }
    let (seconds, nanoseconds) = ((time / SECOND) as u32, (time % SECOND) as u32);
    write::fixext8(0, (u64::from(seconds) << 32 | u64::from(nanoseconds)).to_be_bytes(), out);
}

fn write_map(arena: &Arena, list: List, out: &mut Vec<u8>) {
    write::map(arena.iter(list).count(), out);
    for (_, node) in arena.iter(list) {
        write::str(arena.bytes(node.key), out);
        write_value(arena, node.value, out);
    }
}

fn write_value(arena: &Arena, value: Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => write::nil(out),
        Value::Bool(flag) => write::bool(flag, out),
        Value::Int(int) => write::int(int, out),
        Value::Uint(uint) => write::uint(uint, out),
        Value::Double(double) => write::float(double, out),
        Value::Str(span) => write::str(arena.bytes(span), out),
        Value::Bytes(span) => write::bin(arena.bytes(span), out),
        Value::Json(span) => write_json(arena.bytes(span), out),
        Value::Map(list) => write_map(arena, list, out),
        Value::Array(list) => {
            write::array(arena.iter(list).count(), out);
            arena.iter(list).for_each(|(_, node)| write_value(arena, node.value, out));
        }
    }
}

/// Writes raw JSON. Each level is read once more than the one above it; JSON nests at most 64 deep.
fn write_json(raw: &[u8], out: &mut Vec<u8>) {
    match raw.first() {
        Some(b'{') => {
            let mut members = Vec::new();
            // Raw JSON in an arena is valid.
            let _ = json::members(raw, |member| members.push((member.key, member.value)));
            write::map(members.len(), out);
            for (key, value) in members {
                write::str(&json::unescaped(&raw[key]), out);
                write_json(&raw[value], out);
            }
        }
        Some(b'[') => {
            let mut items = Vec::new();
            let _ = json::items(raw, |item| items.push(item));
            write::array(items.len(), out);
            items.into_iter().for_each(|item| write_json(&raw[item], out));
        }
        Some(b'"') => write::str(&json::string_text(raw).unwrap_or_default(), out),
        _ => match json::scalar(raw) {
            Some(Value::Bool(flag)) => write::bool(flag, out),
            Some(Value::Int(int)) => write::int(int, out),
            Some(Value::Uint(uint)) => write::uint(uint, out),
            Some(Value::Double(double)) => write::float(double, out),
            _ => write::nil(out),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::{Context, Decoder, Settings};
    use model::Span;

    const RECORD: &str =
        r#"{"log":"l\n","n":-3,"big":18446744073709551615,"d":1.5,"o":{"a":[true,null,{}]},"k\u00e9":"v"}"#;

    fn pack(options: PackOptions) -> Packed {
        let mut arena = Arena::new(RECORD.as_bytes().to_vec());
        let body = arena.parse_object(Span::input(0, RECORD.len())).unwrap();
        let mut record = LogRecord::new(1_694_498_816_000_000_001, Value::Map(body));
        let (key, value) = (arena.store(b"trace"), Value::Int(1));
        arena.push(&mut record.attributes, key, value);
        let mut packer = Packer::new(options);
        packer.push(&arena, &record);
        packer.push(&arena, &LogRecord::new(2_000_000_000, Value::Json(Span::input(0, RECORD.len()))));
        packer.push(&arena, &LogRecord::new(3_000_000_000, Value::Bool(true)));
        packer.finish("a.b")
    }

    #[test]
    fn what_is_written_is_read_back() {
        for gzip in [None, Some(1), Some(9)] {
            for (ack, metadata, time_as_integer) in
                [(false, false, false), (true, true, false), (true, false, true)]
            {
                let extra = vec![("extra".into(), "1".into())];
                let packed = pack(PackOptions { gzip, ack, metadata, time_as_integer, extra });
                let decoded = Decoder::new(Settings::default()).decode(packed.bytes, &Context::at(1));
                assert!(decoded.refused.is_empty() && decoded.close.is_none());
                let batch = &decoded.batches[0];
                assert_eq!(&*batch.tag, "a.b");
                let texts: Vec<String> = batch.logs.iter().map(|record| text(batch, record.body)).collect();
                let expected = RECORD.replace("\\u00e9", "é");
                assert_eq!(texts, [expected.as_str(), &expected, r#"{"log":true}"#]);
                let nanosecond = if time_as_integer { 0 } else { 1 };
                assert_eq!(batch.logs[0].time, 1_694_498_816_000_000_000 + nanosecond);
                assert_eq!(batch.logs[0].attributes.is_empty(), !metadata);
                let reply = packed.chunk.map(|chunk| crate::forward::handshake::ack(&chunk));
                assert_eq!(decoded.acks.first().map(|ack| ack.reply.clone()), reply);
            }
        }
    }

    fn text(batch: &model::Batch, value: Value) -> String {
        let mut out = Vec::new();
        json::write_value(&batch.arena, value, &mut out);
        String::from_utf8(out).unwrap()
    }
}
