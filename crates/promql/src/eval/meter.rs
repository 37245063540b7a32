//! What a query may still cost: samples held, time left.

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::error::Error;
use crate::options::Options;

/// Values looked at between two looks at the clock; well below a millisecond's work.
const BETWEEN_LOOKS: usize = 1 << 16;

pub struct Meter<'a> {
    options: &'a Options,
    held: Cell<usize>,
    worked: Cell<usize>,
}

impl<'a> Meter<'a> {
    pub fn new(options: &'a Options) -> Meter<'a> {
        Meter { options, held: Cell::new(0), worked: Cell::new(0) }
    }

    pub fn limit(&self) -> usize {
        self.options.max_samples
    }

    /// Values held now.
    pub fn held(&self) -> usize {
        self.held.get()
    }

    /// Says how many values are held beside `before`.
    pub fn hold(&self, before: usize, more: usize) -> Result<(), Error> {
        self.held.set(before.saturating_add(more));
        self.reserve(0)
    }

    /// Asks for room before it is taken.
    pub fn reserve(&self, more: usize) -> Result<(), Error> {
        if self.held.get().saturating_add(more) > self.limit() {
            return Err(Error::TooManySamples { limit: self.limit() });
        }
        Ok(())
    }

    /// Asks for room and takes it.
    pub fn take(&self, more: usize) -> Result<(), Error> {
        self.reserve(more)?;
        self.held.set(self.held.get() + more);
        Ok(())
    }

    /// Counts work; looks at the clock now and then.
    pub fn work(&self, values: usize) -> Result<(), Error> {
        let worked = self.worked.get().saturating_add(values);
        if worked < BETWEEN_LOOKS {
            self.worked.set(worked);
            return Ok(());
        }
        self.worked.set(0);
        self.check()
    }

    pub fn check(&self) -> Result<(), Error> {
        if self.options.canceled.as_ref().is_some_and(|canceled| canceled.load(Ordering::Relaxed)) {
            return Err(Error::Canceled);
        }
        if self.options.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::Timeout);
        }
        Ok(())
    }
}
