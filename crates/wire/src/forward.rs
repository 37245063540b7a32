//! Fluentd's forward protocol, as Docker's log driver, FireLens, Fluent Bit and the Fluentd libraries speak it.
//!
//! [`Decoder`] turns what one connection sends into batches; [`handshake`] is the exchange that comes first where
//! a shared key is set; [`Packer`] writes messages. A read buffer becomes the arena of the batch made from it, so
//! keys and values are never copied.

mod assembly;
mod decoder;
mod encode;
pub mod handshake;
mod message;
mod options;
mod record;
mod tags;

use std::fmt;

use model::Batch;

use crate::Refused;

pub use decoder::Decoder;
pub use encode::{PackOptions, Packer, chunk_id};

/// What a decoder allows and how it names what it decodes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest message, as it came. A larger one is dropped, and the connection goes on.
    pub max_message_bytes: usize,
    /// Largest decompressed payload of one message.
    pub max_decompressed_bytes: usize,
    /// Replaces every tag.
    pub tag: Option<String>,
    /// Put before every tag.
    pub tag_prefix: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_message_bytes: 64 << 20,
            max_decompressed_bytes: 64 << 20,
            tag: None,
            tag_prefix: String::new(),
        }
    }
}

/// What a decoder asks its caller for each read.
pub struct Context<'a> {
    /// Nanoseconds since the epoch: when the records were observed, and the time of those that tell none.
    pub now: u64,
    /// True for the acknowledgement of a chunk that was already taken in, on a connection that broke before its
    /// sender saw the answer: its records are left out, and it is acknowledged again.
    pub already_taken: &'a dyn Fn(&[u8]) -> bool,
}

impl Context<'_> {
    pub fn at(now: u64) -> Context<'static> {
        Context { now, already_taken: &|_| false }
    }
}

/// What came out of one read.
#[derive(Debug, Default)]
pub struct Decoded {
    pub batches: Vec<Batch>,
    /// In the order of the messages.
    pub acks: Vec<Ack>,
    pub refused: Vec<Refused>,
    /// What the records took to receive, refusals not counted.
    pub bytes: u64,
    /// Chunks that were left out because they had been taken in before.
    pub resent: u64,
    /// The stream cannot be read on: the connection has to be closed.
    pub close: Option<Close>,
}

/// An answer a sender waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// Index of the batch that holds the records; `None` when there is nothing to wait for.
    pub batch: Option<usize>,
    /// The bytes to send. Each in a write of its own: some clients lose a second answer in the same read.
    pub reply: Vec<u8>,
}

/// Why a connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    Http,
    Tls,
    Json,
    NotForward,
    Corrupt(&'static str),
}

impl Close {
    /// What speaks here, judged by the first bytes of something that is no message.
    fn guess(bytes: &[u8]) -> Close {
        const METHODS: [&[u8]; 8] = [b"GET ", b"HEAD", b"POST", b"PUT ", b"OPTI", b"DELE", b"CONN", b"PATC"];
        match bytes {
            _ if METHODS.iter().any(|method| bytes.starts_with(method)) => Close::Http,
            [0x16, 0x03, ..] => Close::Tls,
            [b'{' | b'[', ..] => Close::Json,
            _ => Close::NotForward,
        }
    }

    /// An answer that a person who called the wrong port understands.
    pub fn reply(self) -> Option<&'static [u8]> {
        match self {
            Close::Http => Some(
                b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 63\r\n\
                  Connection: close\r\n\r\nThis port speaks Fluentd's forward protocol over TCP, no HTTP.\n",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Close::Http => "the client speaks HTTP; this port takes the forward protocol",
            Close::Tls => "the client speaks TLS; this port takes the forward protocol in the clear",
            Close::Json => "the client sends JSON; this port takes the forward protocol, which is msgpack",
            Close::NotForward => "the bytes are no forward message",
            Close::Corrupt(why) => return write!(f, "the message is corrupt: {why}"),
        })
    }
}
