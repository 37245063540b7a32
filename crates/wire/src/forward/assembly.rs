//! The batches of one read while they grow.
//!
//! All messages of a read are decoded into one batch over the read buffer, with a note where the tag changed.
//! Almost always it never does, and that batch is the result. Otherwise the tag with most records keeps the
//! buffer, and the records of the others are copied out.

use std::collections::HashMap;
use std::ops::Range;

use model::{Batch, LogRecord, Reason, Tag};

use super::tags::Tags;
use super::{Ack, Decoded};
use crate::msgpack::Slice;
use crate::{Refused, add_refusal};

pub(super) struct Assembly<'a> {
    pub(super) batch: Batch,
    /// Batches over buffers of their own: decompressed payloads.
    pub(super) inflated: Vec<Batch>,
    pub(super) refused: Vec<Refused>,
    pub(super) resent: u64,
    tags: &'a mut Tags,
    runs: Vec<Run>,
    tag_sent: Slice,
    acks: Vec<(Home, Vec<u8>)>,
}

/// Records that follow each other with one tag, up to where the next run starts.
struct Run {
    tag: Tag,
    first: usize,
}

/// Where the records of a message are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Run(usize),
    Inflated(usize),
    Nowhere,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(input: Vec<u8>, tags: &'a mut Tags) -> Self {
        Assembly {
            batch: Batch::new(Tag::default(), input),
            inflated: Vec::new(),
            refused: Vec::new(),
            resent: 0,
            tags,
            runs: Vec::new(),
            tag_sent: Slice { start: 0, end: 0 },
            acks: Vec::new(),
        }
    }

    /// Makes the following records belong to a tag.
    #[inline]
    pub(super) fn open_run(&mut self, tag: Slice) -> Home {
        let input = self.batch.arena.input();
        if self.runs.is_empty() || self.tag_sent.of(input) != tag.of(input) {
            self.change_run(tag);
        }
        Home::Run(self.runs.len() - 1)
    }

    fn change_run(&mut self, sent: Slice) {
        self.tag_sent = sent;
        let tag = self.tag(sent);
        match self.runs.last() {
            Some(run) if run.tag == tag => {}
            _ => self.runs.push(Run { tag, first: self.batch.logs.len() }),
        }
    }

    pub(super) fn tag(&mut self, sent: Slice) -> Tag {
        self.tags.name(sent.of(self.batch.arena.input()))
    }

    pub(super) fn answer(&mut self, home: Home, reply: Vec<u8>) {
        self.acks.push((home, reply));
    }

    pub(super) fn refuse(&mut self, reason: Reason, records: u64, bytes: usize, why: &'static str) {
        add_refusal(&mut self.refused, Refused { reason, records, bytes: bytes as u64, why });
    }

    pub(super) fn finish(mut self, decoded: &mut Decoded) {
        let places = self.split_by_tag(&mut decoded.batches);
        let first_inflated = decoded.batches.len();
        decoded.batches.append(&mut self.inflated);
        for (home, reply) in self.acks {
            let batch = match home {
                Home::Run(run) => places[run],
                Home::Inflated(place) => Some(first_inflated + place),
                Home::Nowhere => None,
            };
            decoded.acks.push(Ack { batch, reply });
        }
        self.refused.drain(..).for_each(|refused| add_refusal(&mut decoded.refused, refused));
        decoded.resent += self.resent;
    }

    /// Gives out one batch a tag, and returns for each run the index of its batch.
    fn split_by_tag(&mut self, batches: &mut Vec<Batch>) -> Vec<Option<usize>> {
        let mut batch = std::mem::replace(&mut self.batch, Batch::new(Tag::default(), Vec::new()));
        if batch.is_empty() {
            return vec![None; self.runs.len()];
        }
        if let [run] = self.runs.as_slice() {
            batch.tag = run.tag.clone();
            batches.push(batch);
            return vec![Some(0)];
        }
        self.copy_out(batch, batches)
    }

    #[cold]
    fn copy_out(&self, mut batch: Batch, batches: &mut Vec<Batch>) -> Vec<Option<usize>> {
        let shares = self.shares(batch.len());
        let Some(keeper) = (0..shares.len()).max_by_key(|place| shares[*place].records) else {
            return Vec::new();
        };
        let mut places = vec![None; self.runs.len()];
        for (place, share) in shares.iter().enumerate() {
            share.runs.iter().for_each(|(run, _)| places[*run] = Some(place));
            if place != keeper {
                batches.push(share.copy(&batch));
            }
        }
        batch.logs = shares[keeper].records_of(&batch).copied().collect();
        batch.tag = shares[keeper].tag.clone();
        batches.insert(keeper, batch);
        places
    }

    fn shares(&self, records: usize) -> Vec<Share> {
        let (mut shares, mut known): (Vec<Share>, HashMap<&Tag, usize>) = Default::default();
        let ends = self.runs.iter().skip(1).map(|run| run.first).chain([records]);
        for (number, (run, end)) in self.runs.iter().zip(ends).enumerate().filter(|(_, (r, e))| r.first < *e)
        {
            let place = *known.entry(&run.tag).or_insert_with(|| {
                shares.push(Share { tag: run.tag.clone(), runs: Vec::new(), records: 0 });
                shares.len() - 1
            });
            shares[place].runs.push((number, run.first..end));
            shares[place].records += end - run.first;
        }
        shares
    }
}

/// What one tag has in a batch of several.
struct Share {
    tag: Tag,
    /// Number of the run, and its records.
    runs: Vec<(usize, Range<usize>)>,
    records: usize,
}

impl Share {
    fn records_of<'b>(&'b self, batch: &'b Batch) -> impl Iterator<Item = &'b LogRecord> {
        self.runs.iter().flat_map(|(_, range)| &batch.logs[range.clone()])
    }

    fn copy(&self, from: &Batch) -> Batch {
        let mut copy = Batch::new(self.tag.clone(), Vec::new());
        self.records_of(from).for_each(|record| copy.import(from, record));
        copy
    }
}
