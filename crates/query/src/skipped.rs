//! What a question could not read, and was answered without.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Objects of one session.
#[derive(Debug, Default)]
pub(crate) struct Skipped(Mutex<BTreeSet<String>>);

impl Skipped {
    pub fn add(&self, object: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(object);
    }

    /// Why the answer is not whole, if it is not.
    pub fn told(&self) -> Option<String> {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = objects.first()?;
        Some(match objects.len() {
            1 => format!("{first} cannot be read"),
            more => format!("{first} and {} other objects cannot be read", more - 1),
        })
    }
}
