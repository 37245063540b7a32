//! A record kept back while text is added to it.
//!
//! It owns a copy of the first piece's fields and the tokens of every batch that gave it text. The batch it
//! leaves in joins those tokens, so no sender is answered before its part has gone on.

use model::{Batch, List, LogRecord, Tag, Token, Value};
use tokio::time::Instant;

pub struct Held {
    /// The first piece without its text, alone in a batch.
    record: Batch,
    key: Box<[u8]>,
    content: Vec<u8>,
    tokens: Vec<Token>,
    /// When text was last added.
    pub touched: Instant,
}

/// Where the joined text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where the first piece had it.
    Kept,
    /// Behind the other fields.
    Last,
}

impl Held {
    /// Takes over a record whose fields are `list`; `key` is the one that holds its text.
    pub fn new(
        batch: &mut Batch,
        mut record: LogRecord,
        list: List,
        key: &[u8],
        place: Place,
        now: Instant,
    ) -> Held {
        let mut list = list;
        let arena = &mut batch.arena;
        let content = arena.get(list, key).and_then(|value| Some(arena.text(value)?.into_owned()));
        if place == Place::Last {
            arena.remove(&mut list, key);
            let key = arena.store(key);
            arena.push(&mut list, key, Value::Null);
        } else if let Some(id) = arena.find(list, key) {
            // The text goes its own way and is not worth a second copy.
            arena.set_value(id, Value::Null);
        }
        record.body = Value::Map(list);
        let mut own = Batch::new(batch.tag.clone(), Vec::new());
        own.import(batch, &record);
        Held {
            record: own,
            key: key.into(),
            content: content.unwrap_or_default(),
            tokens: vec![batch.token.clone()],
            touched: now,
        }
    }

    pub fn tag(&self) -> &Tag {
        &self.record.tag
    }

    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Bytes held, near enough.
    pub fn size(&self) -> usize {
        self.content.len() + self.record.byte_size()
    }

    /// Adds text that came in a batch with this token.
    pub fn add(&mut self, text: &[u8], token: &Token, now: Instant) {
        self.content.extend_from_slice(text);
        self.touched = now;
        if token.is_awaited() {
            self.tokens.push(token.clone());
            // Thousands of lines of one batch are one token.
            if self.tokens.len() > 64 {
                self.tokens = vec![Token::join(std::mem::take(&mut self.tokens))];
            }
        }
    }

    /// Puts the joined record behind the records of `batch`.
    pub fn release_into(mut self, batch: &mut Batch) {
        let Some(record) = self.record.logs.pop() else { return };
        batch.import(&self.record, &record);
        batch.token = Token::join(std::iter::once(batch.token.clone()).chain(self.tokens.drain(..)));
        fill(batch, &self.key, &self.content);
    }

    /// The joined record in a batch of its own.
    pub fn into_batch(mut self) -> Batch {
        fill(&mut self.record, &self.key, &self.content);
        self.record.token = Token::join(self.tokens);
        self.record
    }
}

fn fill(batch: &mut Batch, key: &[u8], content: &[u8]) {
    let Some(list) = batch.logs.last().and_then(LogRecord::fields) else { return };
    let text = batch.arena.store(content);
    if let Some(id) = batch.arena.find(list, key) {
        batch.arena.set_value(id, Value::Str(text));
    }
}
