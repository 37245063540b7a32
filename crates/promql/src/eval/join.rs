//! Operators between two vectors: series are paired by their labels, step by step.
//!
//! One side is the "one": at each step at most one of its series may have each combination of the labels that are
//! matched. With `group_left` and `group_right` the other may have many.

use std::collections::HashMap;
use std::sync::Arc;

use super::Evaluator;
use super::binary::{Element, drops_name, elements};
use super::row::{Row, is_absent, merged};
use super::steps::Steps;
use crate::error::Error;
use crate::labels::{Labels, METRIC_NAME};
use crate::syntax::{Binary, Cardinality, Matching};

/// What the labels of a series come down to for matching.
pub struct Signature<'a> {
    matching: &'a Matching,
    dropped: Vec<Arc<str>>,
}

impl<'a> Signature<'a> {
    pub fn new(matching: &'a Matching) -> Signature<'a> {
        let dropped = matching.labels.iter().cloned().chain([METRIC_NAME.into()]).collect();
        Signature { matching, dropped }
    }

    pub fn of(&self, labels: &Labels) -> Labels {
        if self.matching.on { labels.keep(&self.matching.labels) } else { labels.without(&self.dropped) }
    }
}

/// The series of the "one" side with one signature.
struct Slot {
    /// The row that has a value at each step, counted from 1; 0 where none has.
    rows: Vec<u32>,
    /// Steps at which a pair was made already.
    is_matched: Vec<bool>,
}

impl Evaluator<'_> {
    pub(super) fn join(
        &self,
        binary: &Binary,
        left: Vec<Row>,
        right: Vec<Row>,
        steps: &Steps,
    ) -> Result<Vec<Row>, Error> {
        let swapped = binary.matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let signature = Signature::new(&binary.matching);
        let (places, mut slots) = self.slots(binary, &signature, &many, &one, steps)?;
        let mut found = Vec::new();
        for row in &many {
            self.meter.work(steps.count)?;
            if let Some(place) = places.get(&signature.of(&row.labels)) {
                self.pair(binary, row, &one, &mut slots[*place], &mut found)?;
            }
        }
        merged(found)
    }

    fn slots(
        &self,
        binary: &Binary,
        signature: &Signature<'_>,
        many: &[Row],
        one: &[Row],
        steps: &Steps,
    ) -> Result<(HashMap<Labels, usize>, Vec<Slot>), Error> {
        let mut has_many = vec![false; steps.count];
        many.iter().for_each(|row| row.present().for_each(|(i, _)| has_many[i] = true));
        let mut places = HashMap::new();
        let mut slots: Vec<Slot> = Vec::new();
        for (n, row) in one.iter().enumerate() {
            self.meter.work(steps.count)?;
            let group = signature.of(&row.labels);
            let place = *places.entry(group.clone()).or_insert_with(|| {
                slots.push(Slot { rows: vec![0; steps.count], is_matched: vec![false; steps.count] });
                slots.len() - 1
            });
            let rows = &mut slots[place].rows;
            // Where the other side is empty, nothing is matched, and nothing is wrong.
            for (i, _) in row.present().filter(|(i, _)| has_many[*i]) {
                if rows[i] != 0 {
                    return Err(duplicate(binary, &group, &row.labels, &one[rows[i] as usize - 1].labels));
                }
                rows[i] = n as u32 + 1;
            }
        }
        Ok((places, slots))
    }

    /// Pairs one series of the "many" side with whichever of the other it meets at each step.
    fn pair(
        &self,
        binary: &Binary,
        row: &Row,
        one: &[Row],
        slot: &mut Slot,
        found: &mut Vec<Row>,
    ) -> Result<(), Error> {
        let swapped = binary.matching.cardinality == Cardinality::OneToMany;
        // The rows made so far, by the other's number: nearly always one.
        let mut made: Vec<(u32, usize)> = Vec::new();
        for (i, value) in row.present() {
            let n = slot.rows[i];
            if n == 0 {
                continue;
            }
            let other = &one[n as usize - 1];
            debug_assert!(!is_absent(other.values[i]), "bug: a slot names a row without a value");
            let (left, right) = if swapped { (other.values[i], value) } else { (value, other.values[i]) };
            let result = match elements(binary.op, left, right) {
                Element::Value(result) => result,
                Element::Test(holds) if binary.returns_bool => f64::from(u8::from(holds)),
                Element::Test(true) => left,
                Element::Test(false) => continue,
            };
            if binary.matching.cardinality == Cardinality::OneToOne
                && std::mem::replace(&mut slot.is_matched[i], true)
            {
                let message = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
                return Err(Error::Execution(message.into()));
            }
            let place = match made.iter().find(|(with, _)| *with == n) {
                Some((_, place)) => *place,
                None => {
                    found.push(Row::empty(labels(binary, &row.labels, &other.labels), row.values.len()));
                    made.push((n, found.len() - 1));
                    self.meter.reserve(found.len().saturating_mul(row.values.len()))?;
                    found.len() - 1
                }
            };
            found[place].values[i] = result;
        }
        Ok(())
    }
}

fn labels(binary: &Binary, many: &Labels, one: &Labels) -> Labels {
    let matching = &binary.matching;
    let mut labels =
        if drops_name(binary.op) || binary.returns_bool { many.without_name() } else { many.clone() };
    if matching.cardinality == Cardinality::OneToOne {
        labels = if matching.on { labels.keep(&matching.labels) } else { labels.without(&matching.labels) };
    }
    for name in &matching.include {
        labels = labels.with(name, one.get(name));
    }
    if binary.returns_bool { labels.without_name() } else { labels }
}

fn duplicate(binary: &Binary, group: &Labels, a: &Labels, b: &Labels) -> Error {
    let side = if binary.matching.cardinality == Cardinality::OneToMany { "left" } else { "right" };
    Error::Execution(format!(
        "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{a}, {b}]; \
         many-to-many matching not allowed: matching labels must be unique on one side"
    ))
}
