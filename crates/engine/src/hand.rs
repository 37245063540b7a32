//! A batch on its way, which nobody can lose without a word.

use std::ops::Deref;

use model::{Batch, Reason};

use crate::ledger::Ledger;

/// A batch that the ledger counts as in hand. Dropped before it is settled, as when the task that carries it is
/// ended, it counts as lost at shutdown, and whoever waits for it learns so.
pub(crate) struct Hand<'a> {
    ledger: &'a Ledger,
    batch: Option<Batch>,
}

impl<'a> Hand<'a> {
    pub fn new(ledger: &'a Ledger, batch: Batch) -> Self {
        Hand { ledger, batch: Some(batch) }
    }

    /// One more of the same, counted as added.
    pub fn copy(&self) -> Self {
        self.ledger.copied(self.len() as u64);
        Hand::new(self.ledger, self.deref().clone())
    }

    /// The batch, to be changed at once: meanwhile nobody answers for it.
    pub fn open(mut self) -> Batch {
        self.batch.take().unwrap_or_else(|| unreachable!("bug: a hand is settled once"))
    }

    pub fn routed(self) {
        let ledger = self.ledger;
        ledger.routed(self.open().len() as u64);
    }

    pub fn unmatched(self) {
        let ledger = self.ledger;
        ledger.dropped(Reason::Unmatched, self.open().len() as u64);
    }
}

impl Deref for Hand<'_> {
    type Target = Batch;

    fn deref(&self) -> &Batch {
        self.batch.as_ref().unwrap_or_else(|| unreachable!("bug: a settled hand is gone"))
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        if let Some(batch) = &self.batch {
            self.ledger.dropped(Reason::Shutdown, batch.len() as u64);
            batch.token.lose();
        }
    }
}
