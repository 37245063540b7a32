//! Lines that are held until they are a whole record.

use std::time::Duration;

use model::{Batch, Reason, Token, Value};
use tokio::time::Instant;

use super::entry::Entry;
use super::field::Field;

/// What all groups of an operator together may hold. Above it the oldest is let go.
const MAX_HELD_BYTES: usize = 16 << 20;

/// One record in the making. It holds a copy of its fields, and the token of each batch that gave it text.
pub(super) struct Group {
    pub source: Box<[u8]>,
    record: Batch,
    pub text: Vec<u8>,
    pub lines: usize,
    /// It began with a line that was known to be the first.
    pub is_matched: bool,
    begun: Instant,
    tokens: Vec<Token>,
}

impl Group {
    pub fn new(batch: &Batch, entry: &Entry, source: &[u8], text: &[u8]) -> Group {
        Group {
            source: source.into(),
            record: entry.export(batch),
            text: text.to_vec(),
            lines: 1,
            is_matched: false,
            begun: Instant::now(),
            tokens: vec![batch.token.clone()],
        }
    }

    /// Adds the record's text, and takes over its other fields if they are to be the newest.
    pub fn add(&mut self, batch: &mut Batch, entry: &Entry, joint: &[u8], text: &[u8], newest: bool) {
        self.text.extend_from_slice(joint);
        self.text.extend_from_slice(text);
        self.lines += 1;
        if newest {
            self.record = entry.export(batch);
        }
        if batch.token.is_awaited() {
            self.tokens.push(batch.token.clone());
            // Many lines of one batch are one token.
            if self.tokens.len() > 64 {
                self.tokens = vec![Token::join(std::mem::take(&mut self.tokens))];
            }
        }
        batch.discard(Reason::Joined, 1);
    }

    /// The joined record in a batch of its own; its text goes into `field`.
    fn into_batch(self, field: &Field) -> Batch {
        let mut own = self.record;
        if let Some(mut entry) = Entry::of(&mut own) {
            let text = Value::Str(own.arena.store(&self.text));
            // Text fits any field that text was read from.
            let _ = field.set(&mut own, &mut entry, text);
            if let Some(attributes) = entry.resource {
                own.resources.push(model::Resource { attributes, ..model::Resource::default() });
            }
            own.logs.push(entry.record);
        }
        own.token = Token::join(self.tokens);
        own
    }

    fn size(&self) -> usize {
        self.text.len() + self.record.byte_size()
    }
}

/// The groups of one operator, the oldest first.
pub(super) struct Groups {
    groups: Vec<Group>,
    field: Field,
    wait: Duration,
    most: usize,
}

impl Groups {
    pub fn new(field: Field, wait: Duration, most: usize) -> Groups {
        Groups { groups: Vec::new(), field, wait, most }
    }

    pub fn open(&mut self, source: &[u8]) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| *group.source == *source)
    }

    pub fn get(&self, source: &[u8]) -> Option<&Group> {
        self.groups.iter().find(|group| *group.source == *source)
    }

    /// Begins a group; gives what has to go to make room for it.
    pub fn begin(&mut self, group: Group) -> Vec<Batch> {
        self.groups.push(group);
        let mut released = Vec::new();
        while self.groups.len() > 1
            && (self.groups.len() > self.most
                || self.groups.iter().map(Group::size).sum::<usize>() > MAX_HELD_BYTES)
        {
            released.push(self.groups.remove(0).into_batch(&self.field));
        }
        released
    }

    pub fn close(&mut self, source: &[u8]) -> Option<Batch> {
        let place = self.groups.iter().position(|group| *group.source == *source)?;
        Some(self.groups.remove(place).into_batch(&self.field))
    }

    pub fn len(&self) -> usize {
        self.groups.len()
    }

    pub fn release(&mut self, late: Option<Instant>) -> Vec<Batch> {
        let is_due = |group: &mut Group| {
            late.is_none_or(|now| now.saturating_duration_since(group.begun) >= self.wait)
        };
        let due: Vec<Group> = self.groups.extract_if(.., is_due).collect();
        due.into_iter().map(|group| group.into_batch(&self.field)).collect()
    }
}
