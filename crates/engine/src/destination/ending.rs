//! The end of a destination: what still waits goes to a lifeboat or to disk, or is lost and counted.

use model::Reason;

use super::Destination;
use crate::ledger::count_drop;

impl Destination {
    /// Resolves when nothing waits any more.
    pub(crate) async fn drained(&self) {
        loop {
            let changed = self.queue.room().notified();
            if self.queue.is_idle() {
                return;
            }
            changed.await;
        }
    }

    /// Gives up what still waits, after the tasks have ended: it goes to disk, or is lost.
    pub(crate) fn abandon(&self) -> Left {
        let lost = self.queue.close();
        let mut left = Left { lost, on_disk: 0 };
        self.account.update(|counts| {
            // Open payloads were sealed before; what an ended task held is lost with it.
            left.lost += counts.open + counts.in_flight;
            (counts.open, counts.in_flight) = (0, 0);
            counts.queued -= lost;
            left.on_disk = counts.queued;
            count_drop(&mut counts.dropped, Reason::Shutdown, left.lost);
        });
        left
    }
}

/// Records that a destination had not taken at the end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Left {
    pub lost: u64,
    pub on_disk: u64,
}
