//! JSON values that follow each other: where each ends, and what record it becomes.

use std::ops::Range;

use model::{Batch, Span, Value, json};

use super::{Found, keyed, push};

/// Finds the ends of values in a stream, in constant memory: brackets are counted, strings are passed over.
/// Whether a value is valid is for the parser to say.
#[derive(Debug, Default)]
pub(super) struct Finder {
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// No value started here: everything up to the end of the line is passed over.
    lost: bool,
    /// Where in the input to go on: the begun value's bytes before it were seen.
    next: usize,
}

impl Finder {
    /// Reports the values that end in the input. Returns where the begun one starts.
    pub(super) fn find(&mut self, input: &[u8], found: &mut Vec<Found>) -> usize {
        let mut start = 0;
        let mut at = self.next;
        while let Some(&byte) = input.get(at) {
            at += 1;
            if self.is_between() {
                match byte {
                    b'{' | b'[' => {
                        self.depth = 1;
                        start = at - 1;
                    }
                    b' ' | b'\t' | b'\r' | b'\n' | b',' => start = at,
                    _ => {
                        self.lost = true;
                        start = at - 1;
                    }
                }
            } else if self.lost {
                if byte == b'\n' {
                    self.lost = false;
                    found.push(Found::Wrong(start..at));
                    start = at;
                }
            } else if self.closes(byte) {
                found.push(Found::Record(start..at));
                start = at;
            }
        }
        start
    }

    fn is_between(&self) -> bool {
        self.depth == 0 && !self.lost
    }

    /// Takes a byte of a value; true when it is its last.
    fn closes(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }

    /// The next input starts with so many bytes that were seen.
    pub(super) fn rest_starts_at(&mut self, held: usize) {
        self.next = held;
    }
}

/// Makes a record of the JSON value at this place: an object is the record, an array becomes `{"msg": [...]}`
/// as in Fluent Bit. The error is the offset of the first wrong byte.
pub fn push_json(batch: &mut Batch, place: Range<usize>, now: u64) -> Result<(), usize> {
    let span = Span::input(place.start, place.end);
    let body = match batch.arena.input().get(place.start) {
        Some(b'[') => {
            let span = batch.arena.repaired(span);
            let range = json::value_range(batch.arena.bytes(span))?;
            let value = Value::Json(span.part(range.start, range.end));
            keyed(&mut batch.arena, b"msg", value)
        }
        _ => batch.arena.parse_object(span)?,
    };
    push(batch, now, body);
    Ok(())
}

/// Makes records of a whole document: an object, an array of objects, or either several times. Items that are
/// not objects are passed over; how many is returned. The error is the offset of the first wrong byte.
pub fn from_document(batch: &mut Batch, now: u64) -> Result<u64, usize> {
    let (mut found, mut finder) = (Vec::new(), Finder::default());
    let end = finder.find(batch.arena.input(), &mut found);
    if end < batch.arena.input().len() {
        return Err(end);
    }
    let mut passed_over = 0;
    for value in found {
        let Found::Record(place) = value else { return Err(0) };
        match batch.arena.input()[place.start] {
            b'[' => passed_over += push_items(batch, place)?,
            _ => push_json(batch, place, now)?,
        }
    }
    batch.logs.iter_mut().for_each(|record| (record.time, record.observed) = (now, now));
    Ok(passed_over)
}

fn push_items(batch: &mut Batch, place: Range<usize>) -> Result<u64, usize> {
    let mut places = Vec::new();
    json::items(&batch.arena.input()[place.clone()], |item| places.push(item))?;
    let mut passed_over = 0;
    for item in places {
        let item = place.start + item.start..place.start + item.end;
        match batch.arena.input()[item.start] {
            b'{' => push_json(batch, item, 0)?,
            _ => passed_over += 1,
        }
    }
    Ok(passed_over)
}
