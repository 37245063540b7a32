//! A series on the grid of steps.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::error::Error;
use crate::labels::Labels;
use crate::series::{STALE, is_stale};

/// Stands where a series has no value. A stale marker never is a value, so its bits are free for it, and arithmetic
/// cannot make them: it turns a signalling NaN into a quiet one.
pub const ABSENT: f64 = STALE;

pub fn is_absent(value: f64) -> bool {
    is_stale(value)
}

#[derive(Clone, Debug)]
pub struct Row {
    pub labels: Labels,
    /// One a step.
    pub values: Vec<f64>,
}

impl Row {
    pub fn empty(labels: Labels, steps: usize) -> Row {
        Row { labels, values: vec![ABSENT; steps] }
    }

    /// Replaces each value that is there.
    pub fn each(&mut self, mut f: impl FnMut(f64) -> f64) {
        for value in self.values.iter_mut().filter(|value| !is_absent(**value)) {
            *value = f(*value);
        }
    }

    /// The steps that have a value, with it.
    pub fn present(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.values.iter().copied().enumerate().filter(|(_, value)| !is_absent(*value))
    }

    pub fn has_any(&self) -> bool {
        self.values.iter().any(|value| !is_absent(*value))
    }
}

/// Makes one row of rows with the same labels, which must not have values at one step. Rows without values go.
pub fn merged(rows: Vec<Row>) -> Result<Vec<Row>, Error> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(rows.len());
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows.into_iter().filter(Row::has_any) {
        match places.entry(row.labels.clone()) {
            Entry::Vacant(place) => {
                place.insert(merged.len());
                merged.push(row);
            }
            Entry::Occupied(place) => join(&mut merged[*place.get()], &row)?,
        }
    }
    Ok(merged)
}

fn join(into: &mut Row, row: &Row) -> Result<(), Error> {
    for (i, value) in row.present() {
        if !is_absent(into.values[i]) {
            return Err(Error::Execution("vector cannot contain metrics with the same labelset".into()));
        }
        into.values[i] = value;
    }
    Ok(())
}
