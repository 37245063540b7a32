//! `and`, `or`, `unless`: series stay or go by whether the other side has their labels at the step.

use std::collections::HashMap;

use super::Evaluator;
use super::join::Signature;
use super::row::{ABSENT, Row, merged};
use super::steps::Steps;
use crate::error::Error;
use crate::labels::Labels;
use crate::syntax::{Binary, Op};

/// At which steps a side has a series with these labels.
type Presence = HashMap<Labels, Vec<bool>>;

impl Evaluator<'_> {
    pub(super) fn set(
        &self,
        binary: &Binary,
        mut left: Vec<Row>,
        mut right: Vec<Row>,
        steps: &Steps,
    ) -> Result<Vec<Row>, Error> {
        let signature = Signature::new(&binary.matching);
        match binary.op {
            Op::Or => {
                let present = self.presence(&signature, &left, steps)?;
                self.filter(&mut right, &signature, &present, false)?;
                left.append(&mut right);
            }
            op => {
                let present = self.presence(&signature, &right, steps)?;
                self.filter(&mut left, &signature, &present, op == Op::And)?;
            }
        }
        merged(left)
    }

    fn presence(&self, signature: &Signature<'_>, rows: &[Row], steps: &Steps) -> Result<Presence, Error> {
        let mut presence = Presence::new();
        for row in rows {
            self.meter.work(steps.count)?;
            let present =
                presence.entry(signature.of(&row.labels)).or_insert_with(|| vec![false; steps.count]);
            row.present().for_each(|(i, _)| present[i] = true);
        }
        Ok(presence)
    }

    /// Keeps values where the presence is as wanted.
    fn filter(
        &self,
        rows: &mut [Row],
        signature: &Signature<'_>,
        presence: &Presence,
        wanted: bool,
    ) -> Result<(), Error> {
        for row in rows {
            self.meter.work(row.values.len())?;
            match presence.get(&signature.of(&row.labels)) {
                Some(present) => {
                    let unwanted = row.values.iter_mut().zip(present).filter(|(_, has)| **has != wanted);
                    unwanted.for_each(|(value, _)| *value = ABSENT);
                }
                None if wanted => row.values.fill(ABSENT),
                None => {}
            }
        }
        Ok(())
    }
}
