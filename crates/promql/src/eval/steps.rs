//! The times a node is evaluated at.

use crate::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    pub start: i64,
    pub step: i64,
    pub count: usize,
}

impl Steps {
    pub fn once(at: i64) -> Steps {
        Steps { start: at, step: 1, count: 1 }
    }

    /// From `start` to `end`, both included; refused if there are more than `most`.
    pub fn between(start: i64, end: i64, step: i64, most: usize) -> Result<Steps, Error> {
        let count =
            if end < start { 0 } else { (end.abs_diff(start) / step.unsigned_abs()).saturating_add(1) };
        match usize::try_from(count) {
            Ok(count) if count <= most => Ok(Steps { start, step, count }),
            _ => Err(Error::TooManySamples { limit: most }),
        }
    }

    pub fn at(&self, i: usize) -> i64 {
        self.start + self.step * i as i64
    }

    pub fn last(&self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }
}
