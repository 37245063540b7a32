//! Dead letters: payloads a destination refuses for ever, kept with the reason and its answer.
//!
//! A folder a destination, in the form of the disk queue, made when the first letter comes. When the quota is
//! used up the oldest segment goes. `outrigger replay` sends what is here.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use model::Reason;

use crate::payload::Payload;
use crate::spool::{Spool, SpoolError};

/// Most of a destination's answer that is kept.
const ANSWER_CHARS: usize = 2000;

pub(crate) struct DeadLetters {
    folder: PathBuf,
    quota: u64,
    /// Opened when the first letter comes.
    spool: Mutex<Option<Spool>>,
}

impl DeadLetters {
    pub fn new(folder: &Path, quota: u64) -> DeadLetters {
        DeadLetters { folder: folder.to_owned(), quota, spool: Mutex::default() }
    }

    pub fn bury(&self, payload: &Payload, why: Reason, answer: &str) -> Result<(), SpoolError> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        let spool = match &mut *spool {
            Some(spool) => spool,
            closed => closed.insert(Spool::open(&self.folder, self.quota)?.spool),
        };
        let answer: String = answer.chars().take(ANSWER_CHARS).collect();
        let note = format!("{}: {answer}", why.as_str());
        loop {
            match spool.append_with(payload, payload.since_epoch(), &note) {
                Err(SpoolError::Full { .. }) if spool.drop_oldest().unwrap_or(false) => {}
                appended => return appended.map(drop),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_letters_go_first_and_the_newest_stay() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("dead");
        let dead = DeadLetters::new(&place, 10_000);
        assert!(!place.exists(), "nothing is made before there is a letter");
        for n in 1..=50u8 {
            let payload = Payload::new(vec![n; 500], "", u64::from(n), 500);
            dead.bury(&payload, Reason::Rejected, "403 Forbidden").unwrap();
        }
        drop(dead);
        let opened = Spool::open(&place, 10_000).unwrap();
        let records: Vec<u64> = opened.found.iter().map(|found| found.records).collect();
        assert!(opened.spool.bytes() <= 10_000 && records.len() > 10, "{records:?}");
        assert_eq!(records.last(), Some(&50));
        assert!(records.is_sorted());
    }
}
