//! One message, in any of the protocol's four forms.

use model::{Batch, List, Reason};

use super::assembly::{Assembly, Home};
use super::options::{Compression, Options};
use super::record::{self, Cursor};
use super::{Context, Settings};
use crate::inflate::{self, Inflated};
use crate::msgpack::{Error, Slice, Token, write};

/// Most elements of a message; the protocol knows four.
pub(super) const MAX_ELEMENTS: u32 = 16;

pub(super) const TOO_LONG: Error = Error::Malformed("the message is longer than max_message_bytes");

/// Entries of a message that could not be read, and the first reason.
#[derive(Default)]
struct Damage {
    entries: u64,
    why: Option<&'static str>,
    too_large: bool,
}

impl Damage {
    fn add(&mut self, entries: u64, why: &'static str) {
        self.entries += entries;
        self.why.get_or_insert(why);
    }
}

pub(super) struct Reader<'a, 'b> {
    pub(super) assembly: &'a mut Assembly<'b>,
    pub(super) settings: &'a Settings,
    pub(super) context: &'a Context<'a>,
}

impl Reader<'_, '_> {
    /// Reads the message at `start` and returns where it ends. On an error nothing of it was taken in.
    pub(super) fn read(&mut self, start: usize) -> Result<usize, Error> {
        let mut cursor = Cursor { at: start, end: self.assembly.batch.arena.input().len() };
        let Token::Array(elements @ ..=MAX_ELEMENTS) = cursor.next(&self.assembly.batch.arena)? else {
            return Err(Error::Malformed("the message is not an array"));
        };
        if elements < 2 {
            // A heartbeat: nothing, or a tag alone.
            cursor.skip(&self.assembly.batch.arena, elements)?;
            return Ok(cursor.at);
        }
        let (Token::Str(tag) | Token::Bin(tag)) = cursor.next(&self.assembly.batch.arena)? else {
            return Err(Error::Malformed("the tag is not text"));
        };
        match cursor.next(&self.assembly.batch.arena)? {
            Token::Array(entries) => self.forward(start, cursor, elements, tag, entries),
            Token::Str(payload) | Token::Bin(payload) => self.packed(start, cursor, elements, tag, payload),
            time => self.single(start, cursor, elements, tag, time),
        }
    }

    /// Message mode: `[tag, time, record, options]`, what Docker's driver sends for each line.
    #[inline]
    fn single(
        &mut self,
        start: usize,
        mut cursor: Cursor,
        elements: u32,
        tag: Slice,
        time: Token,
    ) -> Result<usize, Error> {
        let arena = &mut self.assembly.batch.arena;
        let time = record::time(arena, time, self.context.now)?;
        if elements < 3 {
            return Err(Error::Malformed("the message holds no record"));
        }
        let body = record::body(arena, &mut cursor)?;
        let options = read_options(arena, &mut cursor, elements, 3)?;
        let attributes = match options.metadata {
            Some(at) => record::metadata(arena, &mut Cursor { at, end: cursor.end })?,
            None => List::EMPTY,
        };
        self.check_length(start, cursor.at)?;
        if self.is_left_out(&options, start, cursor.at, 1) {
            return Ok(cursor.at);
        }
        let home = self.assembly.open_run(tag);
        record::push(&mut self.assembly.batch, time, self.context.now, body, attributes)?;
        if options.chunk.is_some() {
            self.close(&options, home, start, cursor.at, Damage::default());
        }
        Ok(cursor.at)
    }

    /// Forward mode: `[tag, [[time, record], ...], options]`.
    fn forward(
        &mut self,
        start: usize,
        mut cursor: Cursor,
        elements: u32,
        tag: Slice,
        entries: u32,
    ) -> Result<usize, Error> {
        let (mut damage, first) = (Damage::default(), self.assembly.batch.len());
        let home = self.assembly.open_run(tag);
        for _ in 0..entries {
            let entry = cursor;
            let mark = self.assembly.batch.arena.mark();
            match record::entry(&mut self.assembly.batch, &mut cursor, self.context.now) {
                Ok(()) => {}
                Err(Error::Incomplete) => return Err(Error::Incomplete),
                Err(Error::Malformed(why)) => {
                    self.assembly.batch.arena.rewind(mark);
                    cursor = entry;
                    cursor.skip(&self.assembly.batch.arena, 1)?;
                    damage.add(1, why);
                }
            }
        }
        let options = read_options(&self.assembly.batch.arena, &mut cursor, elements, 2)?;
        self.check_length(start, cursor.at)?;
        if self.is_left_out(&options, start, cursor.at, u64::from(entries)) {
            self.assembly.batch.logs.truncate(first);
            return Ok(cursor.at);
        }
        self.close(&options, home, start, cursor.at, damage);
        Ok(cursor.at)
    }

    /// Packed forward mode: the entries are one string of bytes, perhaps compressed.
    fn packed(
        &mut self,
        start: usize,
        mut cursor: Cursor,
        elements: u32,
        tag: Slice,
        payload: Slice,
    ) -> Result<usize, Error> {
        let options = read_options(&self.assembly.batch.arena, &mut cursor, elements, 2)?;
        self.check_length(start, cursor.at)?;
        if self.is_left_out(&options, start, cursor.at, options.size.unwrap_or(1)) {
            return Ok(cursor.at);
        }
        let (home, damage) = match options.compression {
            Compression::None => {
                let home = self.assembly.open_run(tag);
                (home, entries(&mut self.assembly.batch, payload, self.context.now, options.size))
            }
            method => self.inflated(tag, payload, method),
        };
        self.close(&options, home, start, cursor.at, damage);
        Ok(cursor.at)
    }

    fn inflated(&mut self, tag: Slice, payload: Slice, method: Compression) -> (Home, Damage) {
        let cap = self.settings.max_decompressed_bytes;
        let payload = payload.of(self.assembly.batch.arena.input());
        let Inflated { bytes, broken, too_large } = match method {
            Compression::Gzip => inflate::gzip(payload, cap),
            Compression::Zstd => inflate::zstd(payload, cap),
            _ => inflate::nothing("compressed with a method that is not known"),
        };
        if too_large {
            let why = Some("the payload decompresses to more than max_decompressed_bytes");
            return (Home::Nowhere, Damage { entries: 1, why, too_large });
        }
        let whole = Slice { start: 0, end: bytes.len() };
        let mut batch = Batch::new(self.assembly.tag(tag), bytes);
        // With compression, `size` is a number of bytes for some senders, so it counts nothing here.
        let mut damage = entries(&mut batch, whole, self.context.now, None);
        if let Some(why) = broken {
            // Where decompression stopped, the last entry is cut off: one cause, counted once.
            damage = Damage { entries: damage.entries.max(1), why: Some(why), too_large };
        }
        if batch.is_empty() {
            return (Home::Nowhere, damage);
        }
        self.assembly.inflated.push(batch);
        (Home::Inflated(self.assembly.inflated.len() - 1), damage)
    }

    #[inline]
    fn check_length(&self, start: usize, end: usize) -> Result<(), Error> {
        if end - start > self.settings.max_message_bytes { Err(TOO_LONG) } else { Ok(()) }
    }

    /// True for a message whose records are not wanted: metrics or traces, or a chunk sent a second time.
    #[inline]
    fn is_left_out(&mut self, options: &Options, start: usize, end: usize, records: u64) -> bool {
        if options.signal == 0 && options.chunk.is_none() {
            return false;
        }
        let reply = options.chunk.map(|chunk| self.reply(chunk));
        let resent = reply.as_ref().is_some_and(|reply| (self.context.already_taken)(reply));
        let why = match options.signal {
            0 if !resent => return false,
            0 => None,
            1 => Some("Fluent Bit's metrics, not logs"),
            2 => Some("Fluent Bit's traces, not logs"),
            _ => Some("a signal that is not known"),
        };
        match why {
            Some(why) => self.assembly.refuse(Reason::Malformed, records, end - start, why),
            None => self.assembly.resent += 1,
        }
        // Acknowledged all the same: sending it again would not help.
        if let Some(reply) = reply {
            self.assembly.answer(Home::Nowhere, reply);
        }
        true
    }

    /// Notes the damage. A chunk that lost entries is not acknowledged: its sender has to know.
    fn close(&mut self, options: &Options, home: Home, start: usize, end: usize, damage: Damage) {
        if let Some(why) = damage.why {
            let reason = if damage.too_large { Reason::TooLarge } else { Reason::Malformed };
            self.assembly.refuse(reason, damage.entries, end - start, why);
        } else if let Some(chunk) = options.chunk {
            let reply = self.reply(chunk);
            self.assembly.answer(home, reply);
        }
    }

    /// `{"ack": chunk}` with the chunk as it came.
    fn reply(&self, chunk: Slice) -> Vec<u8> {
        let mut reply = Vec::with_capacity(chunk.len() + 5);
        write::map(1, &mut reply);
        write::str(b"ack", &mut reply);
        reply.extend_from_slice(chunk.of(self.assembly.batch.arena.input()));
        reply
    }
}

/// Options behind `before` elements, and whatever else the array holds.
#[inline]
fn read_options(
    arena: &model::Arena,
    cursor: &mut Cursor,
    elements: u32,
    before: u32,
) -> Result<Options, Error> {
    if elements <= before {
        return Ok(Options::default());
    }
    let options = Options::read(arena, cursor)?;
    cursor.skip(arena, elements - before - 1)?;
    Ok(options)
}

/// Reads concatenated entries. Those that cannot be read are passed over where their end can be found.
fn entries(batch: &mut Batch, payload: Slice, now: u64, size: Option<u64>) -> Damage {
    let (mut damage, first) = (Damage::default(), batch.len());
    let mut cursor = Cursor { at: payload.start, end: payload.end };
    while cursor.at < cursor.end {
        let (entry, mark) = (cursor, batch.arena.mark());
        let Err(error) = record::entry(batch, &mut cursor, now) else { continue };
        batch.arena.rewind(mark);
        cursor = entry;
        let why = match error {
            Error::Incomplete => "the payload is cut off",
            Error::Malformed(why) => why,
        };
        if error == Error::Incomplete || cursor.skip(&batch.arena, 1).is_err() {
            let seen = (batch.len() - first) as u64 + damage.entries;
            let missing = counted(size, payload).unwrap_or(0).saturating_sub(seen);
            damage.add(missing.max(1), why);
            return damage;
        }
        damage.add(1, why);
    }
    damage
}

/// The `size` option, unless it is the number of bytes, as Node's client sends it: an entry has at least three.
fn counted(size: Option<u64>, payload: Slice) -> Option<u64> {
    size.filter(|size| *size <= payload.len() as u64 / 3)
}
