//! Cuts what a connection sends into messages.
//!
//! The first message of a read may have begun in an earlier one. Its end is found by a [`Skipper`] that never
//! reads a byte twice, so a message of 64 MiB in small pieces costs one pass; behind it, messages are decoded
//! straight away, and the rest of the last one is kept for the next read.

use model::{Batch, Reason, Tag, buffer};

use super::assembly::Assembly;
use super::message::{MAX_ELEMENTS, Reader, TOO_LONG};
use super::tags::Tags;
use super::{Close, Context, Decoded, Settings};
use crate::msgpack::{Error, Skipper, Token, next};
use crate::{Refused, add_refusal};

/// Below this, the rest of a message is copied into the next read buffer rather than kept as one.
const COPIED_REST: usize = 16 << 10;

/// The state of one connection between two reads.
#[derive(Debug)]
pub struct Decoder {
    settings: Settings,
    tags: Tags,
    /// The begun message.
    rest: Vec<u8>,
    /// Where in it the end was looked for.
    frame: Skipper,
    /// The begun message is too long: its bytes are dropped as they come.
    dropping: bool,
}

/// Where the first message of a read stands.
enum Begun {
    /// Messages to decode start here.
    At(usize),
    Unfinished,
    /// All of the read belongs to a message that is dropped.
    Dropped,
    Lost(Close),
}

impl Decoder {
    pub fn new(settings: Settings) -> Decoder {
        let tags = Tags::new(&settings);
        Decoder { settings, tags, rest: Vec::new(), frame: Skipper::default(), dropping: false }
    }

    /// The buffer to append the next read to: it starts with the begun message.
    pub fn take_buffer(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.rest);
        if rest.len() > COPIED_REST {
            return rest;
        }
        let mut next = buffer();
        next.extend_from_slice(&rest);
        next
    }

    /// Bytes of the begun message that are held in memory.
    pub fn held(&self) -> usize {
        self.rest.len()
    }

    /// True between two messages: a connection that ends here loses nothing.
    pub fn is_between_messages(&self) -> bool {
        self.rest.is_empty() && !self.dropping
    }

    /// Takes in a buffer got from [`Decoder::take_buffer`] with what was read appended to it.
    ///
    /// All messages are decoded that it holds whole. Records with the same tag share a batch, in order.
    pub fn decode(&mut self, input: Vec<u8>, context: &Context<'_>) -> Decoded {
        let mut decoded = Decoded::default();
        match self.find_first(&input, &mut decoded) {
            Begun::At(start) => self.decode_from(input, start, context, &mut decoded),
            Begun::Unfinished => self.keep(input),
            Begun::Dropped => give_back(input),
            Begun::Lost(close) => decoded.close = Some(close),
        }
        decoded
    }

    fn find_first(&mut self, input: &[u8], decoded: &mut Decoded) -> Begun {
        // What is being dropped is not in the buffer; what was kept is, and was seen before.
        let seen = if self.dropping { 0 } else { self.frame.seen() as usize };
        if !self.dropping {
            match starts_message(input) {
                Ok(true) => {}
                Ok(false) => return Begun::Lost(Close::guess(input)),
                Err(()) => return Begun::Unfinished,
            }
        }
        match self.frame.feed(&input[seen..]) {
            Ok(Some(used)) if self.dropping => {
                self.refuse(Reason::TooLarge, why(TOO_LONG), decoded);
                self.dropping = false;
                Begun::At(used)
            }
            Ok(Some(_)) => Begun::At(0),
            Ok(None) if self.dropping => Begun::Dropped,
            Ok(None) if self.frame.least_total() > self.settings.max_message_bytes as u64 => {
                self.dropping = true;
                Begun::Dropped
            }
            Ok(None) => Begun::Unfinished,
            Err(error) => self.lose(error, decoded),
        }
    }

    fn lose(&mut self, error: Error, decoded: &mut Decoded) -> Begun {
        let why = why(error);
        self.refuse(Reason::Malformed, why, decoded);
        Begun::Lost(Close::Corrupt(why))
    }

    /// Refuses the begun message.
    fn refuse(&self, reason: Reason, why: &'static str, decoded: &mut Decoded) {
        add_refusal(&mut decoded.refused, Refused { reason, records: 1, bytes: self.frame.seen(), why });
    }

    /// The connection ended: what of a begun message is lost with it.
    pub fn finish(&mut self) -> Option<Refused> {
        if self.is_between_messages() {
            return None;
        }
        let (reason, why) = match self.dropping {
            true => (Reason::TooLarge, why(TOO_LONG)),
            false => (Reason::Malformed, "the connection ended within a message"),
        };
        let bytes = self.frame.seen().max(self.rest.len() as u64);
        self.rest = Vec::new();
        self.dropping = false;
        Some(Refused { reason, records: 1, bytes, why })
    }

    fn decode_from(&mut self, input: Vec<u8>, start: usize, context: &Context<'_>, decoded: &mut Decoded) {
        self.frame = Skipper::default();
        let mut assembly = Assembly::new(input, &mut self.tags);
        let mut at = start;
        while at < assembly.batch.arena.input().len() {
            match take_message(&mut assembly, &self.settings, context, at) {
                Ok(Some(end)) => at = end,
                Ok(None) => {
                    self.rest = assembly.batch.arena.input()[at..].to_vec();
                    break;
                }
                Err(close) => {
                    decoded.close = Some(close);
                    break;
                }
            }
        }
        let refused: u64 = assembly.refused.iter().map(|refused| refused.bytes).sum();
        decoded.bytes = ((at - start) as u64).saturating_sub(refused);
        assembly.finish(decoded);
    }

    fn keep(&mut self, mut input: Vec<u8>) {
        // A connection that stalls must not hold a read buffer for a few bytes.
        if input.len() * 2 < input.capacity() && input.len() <= COPIED_REST {
            self.rest = input.as_slice().to_vec();
            give_back(input);
        } else {
            self.rest = std::mem::take(&mut input);
        }
    }
}

/// Whether a message can start like this; `Err` when too little is there to tell.
fn starts_message(input: &[u8]) -> Result<bool, ()> {
    match next(input, &mut 0) {
        Ok(Token::Array(elements)) => Ok(elements <= MAX_ELEMENTS),
        Err(Error::Incomplete) if matches!(input.first(), None | Some(0xdc | 0xdd)) => Err(()),
        _ => Ok(false),
    }
}

/// Reads the message at `at` and returns its end, `None` when it is not whole.
#[inline]
fn take_message(
    assembly: &mut Assembly<'_>,
    settings: &Settings,
    context: &Context<'_>,
    at: usize,
) -> Result<Option<usize>, Close> {
    let (mark, records) = (assembly.batch.arena.mark(), assembly.batch.len());
    match (Reader { assembly, settings, context }).read(at) {
        Ok(end) => Ok(Some(end)),
        Err(error) => {
            assembly.batch.logs.truncate(records);
            assembly.batch.arena.rewind(mark);
            pass_over(assembly, at, error)
        }
    }
}

/// Finds the end of a message that is not taken in.
#[cold]
fn pass_over(assembly: &mut Assembly<'_>, at: usize, cause: Error) -> Result<Option<usize>, Close> {
    let input = &assembly.batch.arena.input()[at..];
    match starts_message(input) {
        Ok(true) => {}
        Ok(false) => return Err(Close::guess(input)),
        Err(()) => return Ok(None),
    }
    let reason = if cause == TOO_LONG { Reason::TooLarge } else { Reason::Malformed };
    match Skipper::default().feed(input) {
        Ok(Some(used)) => {
            assembly.refuse(reason, 1, used, why(cause));
            Ok(Some(at + used))
        }
        Ok(None) => Ok(None),
        Err(error) => {
            let bytes = input.len();
            assembly.refuse(Reason::Malformed, 1, bytes, why(error));
            Err(Close::Corrupt(why(error)))
        }
    }
}

fn why(error: Error) -> &'static str {
    match error {
        Error::Malformed(why) => why,
        Error::Incomplete => "the value is cut off",
    }
}

/// Lets the next reader have the memory.
fn give_back(input: Vec<u8>) {
    drop(Batch::new(Tag::default(), input));
}
