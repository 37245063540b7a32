//! What could not be taken in, for the ledger and for a log line.

use model::Reason;

/// Records that could not be taken in, for one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    pub reason: Reason,
    /// As many as the sender said there were, one where it did not say.
    pub records: u64,
    pub bytes: u64,
    pub why: &'static str,
}

/// Adds to the refusals, one entry a cause.
pub fn add_refusal(refused: &mut Vec<Refused>, more: Refused) {
    match refused.iter_mut().find(|entry| entry.reason == more.reason && entry.why == more.why) {
        Some(entry) => {
            entry.records += more.records;
            entry.bytes += more.bytes;
        }
        None => refused.push(more),
    }
}
