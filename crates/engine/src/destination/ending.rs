//! The end of a destination: what still waits goes to a lifeboat or to disk, or is lost and counted.

use model::Reason;
use tokio::time::{Instant, timeout_at};
use tracing::{error, info};

use super::Destination;
use crate::ledger::count_drop;
use crate::lifeboat::{CARGO_BYTES, Cargo, Lifeboat};
use crate::payload::Payload;
use crate::replay::Replayed;

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

    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_idle()
    }

    /// Puts in a payload that another process encoded; its token tells what becomes of it.
    pub(crate) fn inject(&self, payload: Payload) {
        let records = payload.records;
        self.account.update(|counts| {
            counts.accepted += records;
            counts.recovered += records;
            counts.queued += records;
        });
        // Whatever the disk says, it waits in memory.
        let _ = self.queue.push(payload);
    }

    /// What is replayed and still waits stays where it came from.
    pub(crate) fn give_back_replayed(&self, which: fn(&Replayed) -> bool) {
        let records = self.queue.give_back_replayed(which);
        self.account.update(|counts| {
            counts.queued -= records;
            counts.accepted -= records;
            counts.recovered -= records;
        });
    }

    /// Puts what senders that had to be ended were sending back into the queue.
    pub(crate) fn take_back(&self) {
        self.tries.take_all().into_iter().for_each(|payload| self.interrupt(payload));
    }

    /// Puts what still waits into the lifeboat, after the tasks have ended. What it does not take waits again.
    pub(crate) async fn board(&self, boat: &dyn Lifeboat, deadline: Instant) {
        self.give_back_replayed(|_| true);
        while Instant::now() < deadline {
            let (payloads, gone) = self.queue.take_some(CARGO_BYTES);
            for damaged in gone {
                self.account.update(|counts| {
                    counts.queued -= damaged.records;
                    count_drop(&mut counts.dropped, Reason::Damaged, damaged.records);
                });
            }
            if payloads.is_empty() {
                return;
            }
            let cargo = Cargo::pack(&self.id, self.kind, boat.origin(), &payloads);
            let (records, bytes) = (cargo.manifest.records, cargo.object.len());
            let saved = timeout_at(deadline, boat.save(&cargo)).await;
            let cut_off = || Err("there was no time left; the object may be there all the same".into());
            match saved.unwrap_or_else(|_| cut_off()) {
                Ok(()) => {
                    info!(component = %self.id, records, bytes, "saved in the lifeboat");
                    payloads.iter().for_each(|payload| self.queue.release(payload));
                    self.account.update(|counts| {
                        counts.queued -= records;
                        counts.saved += records;
                    });
                }
                Err(reason) => {
                    error!(component = %self.id, records, bytes, reason, "the lifeboat took no more");
                    payloads.into_iter().rev().for_each(|payload| self.queue.interrupt(payload));
                    return;
                }
            }
        }
    }

    /// Gives up what still waits, after the tasks have ended: it goes to disk, or is lost.
    pub(crate) fn abandon(&self) -> Left {
        self.give_back_replayed(|_| true);
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
