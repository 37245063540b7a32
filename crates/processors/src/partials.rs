//! Joins lines that a log driver cut, by the fields it marks the pieces with.
//!
//! Docker's and containerd's drivers cut lines at 16 KiB and mark each piece with `partial_message`,
//! `partial_id` (alike for all pieces of a line), `partial_ordinal` and `partial_last`. The cut may go
//! through a character, so text is joined as bytes. Pieces of one line arrive in order.

use std::time::Duration;

use model::{Arena, Batch, List, LogRecord, Reason, Span};
use tokio::time::Instant;

use crate::fields::text_span;
use crate::held::{Held, Place};

/// What all unfinished lines together may hold. Above it the one that waited longest is let go as it is.
const MAX_HELD_BYTES: usize = 16 << 20;

pub struct Partials {
    key: Box<[u8]>,
    timeout: Duration,
    max_bytes: usize,
    lines: Vec<Line>,
}

struct Line {
    id: Box<[u8]>,
    held: Held,
}

/// One piece of a cut line.
struct Piece {
    list: List,
    id: Span,
    text: Span,
    last: bool,
}

impl Partials {
    /// `key` is the field whose text was cut.
    pub fn new(key: &str, timeout: Duration, max_bytes: usize) -> Partials {
        Partials { key: key.as_bytes().into(), timeout, max_bytes, lines: Vec::new() }
    }

    pub fn held(&self) -> u64 {
        self.lines.len() as u64
    }

    pub fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        if batch.logs.iter().any(|record| is_marked(&batch.arena, record)) {
            self.join(&mut batch);
            self.limit(out);
        }
        out.push(batch);
    }

    fn join(&mut self, batch: &mut Batch) {
        let now = Instant::now();
        let records = std::mem::take(&mut batch.logs);
        batch.logs.reserve(records.len());
        for record in records {
            match self.piece(&mut batch.arena, &record) {
                Some(piece) => self.take(batch, record, piece, now),
                None => batch.logs.push(record),
            }
        }
    }

    fn limit(&mut self, out: &mut Vec<Batch>) {
        while self.lines.iter().map(|line| line.held.size()).sum::<usize>() > MAX_HELD_BYTES {
            let oldest = (0..self.lines.len()).min_by_key(|place| self.lines[*place].held.touched);
            out.extend(oldest.map(|place| self.lines.remove(place).held.into_batch()));
        }
    }

    /// The record as a piece; `None` when it is a whole line, or lacks what is needed to find its others.
    fn piece(&self, arena: &mut Arena, record: &LogRecord) -> Option<Piece> {
        if !is_marked(arena, record) {
            return None;
        }
        let list = record.fields()?;
        let id = arena.get(list, b"partial_id")?;
        let id = text_span(arena, id)?;
        let text = arena.get(list, &self.key)?;
        let text = text_span(arena, text)?;
        let last = arena.get(list, b"partial_last").and_then(|value| arena.text(value));
        let last = last.is_some_and(|word| word.eq_ignore_ascii_case(b"true"));
        Some(Piece { list, id, text, last })
    }

    fn take(&mut self, batch: &mut Batch, record: LogRecord, piece: Piece, now: Instant) {
        let text = batch.arena.bytes(piece.text);
        let id: &[u8] = batch.arena.bytes(piece.id);
        let known = self.lines.iter().position(|line| *line.id == *id && line.held.tag() == &batch.tag);
        let place = match known {
            Some(place) if self.lines[place].held.content().len() + text.len() <= self.max_bytes => {
                self.lines[place].held.add(text, &batch.token, now);
                batch.discard(Reason::Joined, 1);
                place
            }
            // Too long for one record: what there is goes on, and the rest becomes a record of its own.
            Some(place) => {
                let next = Line { id: id.into(), held: self.first(batch, record, &piece, now) };
                std::mem::replace(&mut self.lines[place], next).held.release_into(batch);
                place
            }
            None => {
                let line = Line { id: id.into(), held: self.first(batch, record, &piece, now) };
                self.lines.push(line);
                self.lines.len() - 1
            }
        };
        if piece.last {
            self.lines.remove(place).held.release_into(batch);
        }
    }

    fn first(&self, batch: &mut Batch, record: LogRecord, piece: &Piece, now: Instant) -> Held {
        let mut list = piece.list;
        batch.arena.retain(&mut list, |arena, id| !is_mark(arena.key(id)));
        Held::new(batch, record, list, &self.key, Place::Last, now)
    }

    /// Lets go of lines whose next piece did not come in time.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Batch>) {
        let late = |line: &mut Line| now.saturating_duration_since(line.held.touched) >= self.timeout;
        out.extend(self.lines.extract_if(.., late).map(|line| line.held.into_batch()));
    }

    pub fn finish(&mut self, out: &mut Vec<Batch>) {
        out.extend(self.lines.drain(..).map(|line| line.held.into_batch()));
    }
}

/// Whether a driver marked the record as a piece. Every record passes here, so it compares lengths first.
#[inline]
fn is_marked(arena: &Arena, record: &LogRecord) -> bool {
    const MARK: &[u8] = b"partial_message";
    record.fields().is_some_and(|list| {
        arena.iter(list).any(|(_, node)| node.key.len() == MARK.len() && arena.bytes(node.key) == MARK)
    })
}

fn is_mark(key: &[u8]) -> bool {
    matches!(key, b"partial_message" | b"partial_id" | b"partial_ordinal" | b"partial_last")
}

#[cfg(test)]
mod tests;
