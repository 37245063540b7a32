//! Reads fixtures, and writes what was decoded as text to compare.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use model::{Arena, Batch, Value};
use wire::Refused;
use wire::forward::{Close, Context, Decoded, Decoder, Settings};

pub const NOW: u64 = 42;

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

pub fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file that holds a Forward stream.
pub fn streams() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in ["forward/dockerd", "forward/docker-like", "forward/py", "forward/node"] {
        for entry in std::fs::read_dir(fixtures().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            found.push(format!("{folder}/{name}"));
        }
    }
    found.push("forward/docker-fluentd-driver.bin".into());
    found.sort();
    found.into_iter().map(|path| (path.clone(), fixture(&path))).collect()
}

/// Everything that comes out of a connection.
#[derive(Default, PartialEq, Debug)]
pub struct Seen {
    /// One text a record, in order within its tag.
    pub records: Vec<(String, String)>,
    pub acks: Vec<Vec<u8>>,
    pub refused: Vec<Refused>,
    pub close: Option<Close>,
}

/// One connection, fed in pieces.
pub struct Connection {
    decoder: Decoder,
    pub seen: Seen,
}

impl Connection {
    pub fn new(settings: Settings) -> Self {
        Connection { decoder: Decoder::new(settings), seen: Seen::default() }
    }

    pub fn feed(&mut self, piece: &[u8]) {
        if self.seen.close.is_some() {
            return;
        }
        let mut buffer = self.decoder.take_buffer();
        buffer.extend_from_slice(piece);
        let decoded = self.decoder.decode(buffer, &Context::at(NOW));
        self.take(decoded);
    }

    pub fn is_between_messages(&self) -> bool {
        self.decoder.is_between_messages()
    }

    pub fn held(&self) -> usize {
        self.decoder.held()
    }

    fn take(&mut self, decoded: Decoded) {
        for batch in &decoded.batches {
            assert!(!batch.is_empty(), "an empty batch");
            self.seen
                .records
                .extend(batch.logs.iter().map(|record| (batch.tag.to_string(), text(batch, record))));
        }
        for ack in decoded.acks {
            assert!(ack.batch.is_none_or(|place| place < decoded.batches.len()));
            self.seen.acks.push(ack.reply);
        }
        for refused in decoded.refused {
            match self.seen.refused.iter_mut().find(|r| r.why == refused.why && r.reason == refused.reason) {
                Some(same) => {
                    same.records += refused.records;
                    same.bytes += refused.bytes;
                }
                None => self.seen.refused.push(refused),
            }
        }
        self.seen.close = decoded.close;
    }
}

pub fn decode(bytes: &[u8]) -> Seen {
    let mut connection = Connection::new(Settings::default());
    connection.feed(bytes);
    connection.seen
}

/// A record as Fluent Bit's stdout output prints it.
fn text(batch: &Batch, record: &model::LogRecord) -> String {
    let mut out = format!("[[{}.{:09}, ", record.time / 1_000_000_000, record.time % 1_000_000_000);
    write_value(&batch.arena, Value::Map(record.attributes), &mut out);
    out.push_str("], ");
    write_value(&batch.arena, record.body, &mut out);
    out.push(']');
    out
}

fn write_value(arena: &Arena, value: Value, out: &mut String) {
    match value {
        Value::Str(span) => write!(out, "\"{}\"", arena.bytes(span).escape_ascii()),
        Value::Bytes(span) => write!(out, "<{}>", arena.bytes(span).escape_ascii()),
        Value::Json(span) => write!(out, "{}", arena.bytes(span).escape_ascii()),
        Value::Int(int) => write!(out, "{int}"),
        Value::Uint(uint) => write!(out, "{uint}"),
        Value::Double(double) => write!(out, "{double:?}"),
        Value::Bool(flag) => write!(out, "{flag}"),
        Value::Null => write!(out, "nil"),
        Value::Map(list) => return items(arena, list, ["{", "}"], true, out),
        Value::Array(list) => return items(arena, list, ["[", "]"], false, out),
    }
    .unwrap();
}

fn items(arena: &Arena, list: model::List, [open, close]: [&str; 2], keys: bool, out: &mut String) {
    out.push_str(open);
    for (place, (_, node)) in arena.iter(list).enumerate() {
        out.push_str(if place > 0 { ", " } else { "" });
        if keys {
            write!(out, "\"{}\"=>", arena.bytes(node.key).escape_ascii()).unwrap();
        }
        write_value(arena, node.value, out);
    }
    out.push_str(close);
}
