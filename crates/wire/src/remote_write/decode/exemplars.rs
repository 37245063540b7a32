//! Exemplars, which Prometheus sends as series of their own that have the labels of the one they belong to.

use std::collections::HashMap;
use std::ops::Range;

use model::metric::{Exemplar, ExemplarValue};
use model::{Arena, List, Value};

use super::labels::Labels;
use super::{Decoder, Unreadable, Version, double, nanoseconds};
use crate::prometheus::hex;
use crate::protobuf::{Damaged, Message};

/// A metric and its point.
type Place = (usize, usize);

/// Series that are nothing but exemplars, and the others, among which theirs is looked for at the end.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    ranges: Vec<Range<usize>>,
    others: Vec<(Range<usize>, Place)>,
}

impl Orphans {
    pub fn note(&mut self, range: Range<usize>) {
        self.ranges.push(range);
    }

    /// Keeps where the latest point of a series is.
    pub fn keep(&mut self, range: Range<usize>, place: Place) {
        self.others.push((range, place));
    }
}

impl Decoder {
    /// Gives each exemplar that came alone to a point of the same labels. One whose series is not in the request has
    /// nowhere to be, and is not counted as written.
    pub(super) fn adopt(&mut self) -> Result<(), Unreadable> {
        let orphans = std::mem::take(&mut self.orphans);
        if orphans.ranges.is_empty() {
            return Ok(());
        }
        let mut parents = HashMap::new();
        for (range, place) in orphans.others {
            parents.insert(self.label_bytes(range)?, place);
        }
        for range in orphans.ranges {
            if let Some(place) = parents.get(&self.label_bytes(range.clone())?) {
                self.exemplars(range, *place)?;
            }
        }
        Ok(())
    }

    /// The labels as one sender writes them each time.
    fn label_bytes(&self, range: Range<usize>) -> Result<Vec<u8>, Damaged> {
        let (input, mut message, mut bytes) = (self.input(), Message::within(range), Vec::new());
        while let Some(field) = message.next(input)? {
            if field.number == 1 {
                let range = field.range()?;
                bytes.extend_from_slice(&range.len().to_le_bytes());
                bytes.extend_from_slice(&input[range]);
            }
        }
        Ok(bytes)
    }

    /// Adds the exemplars of a series to one of its points.
    pub(super) fn exemplars(&mut self, range: Range<usize>, place: Place) -> Result<(), Unreadable> {
        let mut message = Message::within(range);
        while let Some(field) = message.next(self.input())? {
            if !matches!((self.version, field.number), (Version::One, 3) | (Version::Two, 4)) {
                continue;
            }
            let Some(exemplar) = self.exemplar(field.message()?)? else { continue };
            let point = self.decoded.batch.metrics.get_mut(place.0).and_then(|m| m.points.get_mut(place.1));
            if let Some(point) = point {
                point.exemplars.push(exemplar);
                self.decoded.exemplars += 1;
                self.held += size_of::<Exemplar>();
                self.check_memory()?;
            }
        }
        Ok(())
    }

    /// `None` where its labels or its time are wrong.
    fn exemplar(&mut self, mut message: Message) -> Result<Option<Exemplar>, Damaged> {
        let (mut value, mut time) = (0.0, 0);
        self.labels.clear();
        while let Some(field) = message.next(self.input())? {
            match field.number {
                1 => {
                    let input = self.decoded.batch.arena.input();
                    self.labels.read(self.version, input, field, &self.symbols)?;
                }
                2 => value = double(&field)?,
                3 => time = field.varint()?,
                _ => {}
            }
        }
        let arena = &mut self.decoded.batch.arena;
        let (Ok(()), Some(time)) = (self.labels.check(arena), nanoseconds(time)) else { return Ok(None) };
        Ok(Some(row(arena, &self.labels, value, time)))
    }
}

/// The trace and the span are ids where they are written as such; other labels are attributes.
fn row(arena: &mut Arena, labels: &Labels, value: f64, time: u64) -> Exemplar {
    let (mut trace_id, mut span_id, mut attributes) = ([0; 16], [0; 8], List::EMPTY);
    for (name, value) in &labels.rest {
        match arena.bytes(*name) {
            b"trace_id" if hex(arena.bytes(*value), &mut trace_id) => {}
            b"span_id" if hex(arena.bytes(*value), &mut span_id) => {}
            _ => _ = arena.push(&mut attributes, *name, Value::Str(*value)),
        }
    }
    Exemplar { time, value: ExemplarValue::Double(value), trace_id, span_id, attributes }
}
