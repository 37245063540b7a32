//! A few instances of one thing, each used by one task at a time.
//!
//! Under little load everybody gets the first instance, so that an encoder's payloads fill; under contention
//! others join, so that work grows with cores. No task ever waits while an instance is free.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

pub(crate) struct Slots<T>(Box<[Mutex<T>]>);

impl<T> Slots<T> {
    pub fn new(instances: Vec<T>) -> Self {
        assert!(!instances.is_empty(), "bug: slots without an instance");
        Slots(instances.into_iter().map(Mutex::new).collect())
    }

    /// A free instance, or the first one after a wait. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        for slot in &self.0 {
            match slot.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.0[0].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each instance in turn.
    pub fn each(&self, mut use_it: impl FnMut(&mut T)) {
        for slot in &self.0 {
            use_it(&mut slot.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
