//! The ledger: where every record is, at every moment.
//!
//! Two laws hold whenever it is read, and tests assert them after everything they do:
//!
//! - intake: `received + added = in_hand + held + dropped + routed`
//! - each destination: `accepted = open + queued + in_flight + delivered + saved + dropped`
//!
//! Counts change per batch or payload, never per record, so one short lock for each side keeps them exact.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use config::topology::ComponentId;
use model::{Reason, Signal};
use serde::Serialize;

use crate::queue::Queue;
use crate::taps::Taps;

/// Records dropped, by reason.
pub type Drops = BTreeMap<&'static str, u64>;

/// All counts of the process. They outlive a reload: a component that keeps its name keeps its counts.
#[derive(Default)]
pub struct Ledger {
    intake: Mutex<Intake>,
    destinations: Mutex<Vec<Arc<DestinationAccount>>>,
    taps: Arc<Taps>,
}

#[derive(Default)]
struct Intake {
    counts: IntakeCounts,
    receivers: Vec<(ComponentId, ReceiverCounts)>,
    steps: Vec<(ComponentId, StepCounts)>,
}

/// Where records are between receivers and destinations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IntakeCounts {
    pub received: u64,
    /// Made by processors out of others: copies under a new tag.
    pub added: u64,
    /// On their way through the steps at this moment.
    pub in_hand: u64,
    /// Kept back by processors, such as pieces of a line that is not complete.
    pub held: u64,
    pub dropped: Drops,
    /// Handed to at least one destination.
    pub routed: u64,
}

impl IntakeCounts {
    pub fn balances(&self) -> bool {
        self.received + self.added
            == self.in_hand + self.held + self.dropped.values().sum::<u64>() + self.routed
    }
}

/// Items of each signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BySignal {
    pub log_records: u64,
    pub spans: u64,
    pub metric_points: u64,
}

impl BySignal {
    pub(crate) fn add(&mut self, signal: Signal, items: u64) {
        *match signal {
            Signal::Logs => &mut self.log_records,
            Signal::Traces => &mut self.spans,
            Signal::Metrics => &mut self.metric_points,
        } += items;
    }

    pub fn of(&self, signal: Signal) -> u64 {
        match signal {
            Signal::Logs => self.log_records,
            Signal::Traces => self.spans,
            Signal::Metrics => self.metric_points,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReceiverCounts {
    pub records: u64,
    /// The same, each signal for itself.
    pub by_signal: BySignal,
    pub bytes: u64,
    /// What could not be decoded and so never became a record.
    pub refused: Drops,
    /// It failed and waits to be started again.
    pub down: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StepCounts {
    pub records_in: u64,
    pub records_out: u64,
    pub added: u64,
    pub held: u64,
    pub dropped: Drops,
}

/// One destination's side of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DestinationCounts {
    pub accepted: u64,
    /// The same, each signal for itself; without what was recovered.
    pub by_signal: BySignal,
    /// In an encoder's open payload.
    pub open: u64,
    pub queued: u64,
    pub in_flight: u64,
    /// Part of `accepted`: what an earlier process had left on disk.
    pub recovered: u64,
    pub delivered: u64,
    pub delivered_bytes: u64,
    /// Bytes on the wire, after compression.
    pub sent_bytes: u64,
    /// In the lifeboat, for another process to deliver.
    pub saved: u64,
    pub dropped: Drops,
    /// Part of `dropped`: kept as dead letters, for `outrigger replay`.
    pub dead_lettered: u64,
    /// Payloads delivered.
    pub payloads: u64,
    /// Tries that failed and were followed by another.
    pub retries: u64,
    /// Records in those tries.
    pub retried_records: u64,
    /// Payloads given up after retries.
    pub retries_failed: u64,
    /// Tries that failed, whatever followed.
    pub errors: u64,
}

impl DestinationCounts {
    pub fn waiting(&self) -> u64 {
        self.open + self.queued + self.in_flight
    }

    pub fn lost(&self) -> u64 {
        self.dropped.values().sum()
    }

    pub fn balances(&self) -> bool {
        self.accepted == self.waiting() + self.delivered + self.saved + self.lost()
    }
}

/// One destination's counts and the last thing that went wrong there.
pub struct DestinationAccount {
    pub id: ComponentId,
    pub(crate) taps: Arc<Taps>,
    counts: Mutex<DestinationCounts>,
    status: Mutex<Status>,
}

#[derive(Default)]
struct Status {
    last_error: Option<String>,
    queue: Weak<Queue>,
}

impl DestinationAccount {
    fn counts(&self) -> MutexGuard<'_, DestinationCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn snapshot(&self) -> DestinationCounts {
        self.counts().clone()
    }

    /// Changes counts; the law must hold again when `change` returns.
    pub(crate) fn update(&self, change: impl FnOnce(&mut DestinationCounts)) {
        let mut counts = self.counts();
        change(&mut counts);
        debug_assert!(counts.balances(), "bug: the ledger of {} does not balance: {counts:?}", self.id);
    }

    pub(crate) fn set_error(&self, error: Option<String>) {
        self.status().last_error = error;
    }

    /// The queue whose oldest record a snapshot shows.
    pub(crate) fn set_queue(&self, queue: &Arc<Queue>) {
        self.status().queue = Arc::downgrade(queue);
    }
}

/// Adds to the count of one reason.
pub(crate) fn count_drop(drops: &mut Drops, reason: Reason, records: u64) {
    if records > 0 {
        *drops.entry(reason.as_str()).or_default() += records;
    }
}

fn named<'a, T: Default>(list: &'a mut Vec<(ComponentId, T)>, id: &ComponentId) -> &'a mut T {
    let place = list.iter().position(|(name, _)| name == id).unwrap_or_else(|| {
        list.push((id.clone(), T::default()));
        list.len() - 1
    });
    &mut list[place].1
}

/// What one step did with one batch.
#[derive(Debug, Default)]
pub(crate) struct StepChange {
    pub records_in: u64,
    pub records_out: u64,
    pub held_before: u64,
    pub held_after: u64,
    pub discarded: Vec<(Reason, u64)>,
}

impl Ledger {
    fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Intake)) {
        let mut intake = self.intake();
        change(&mut intake);
        debug_assert!(
            intake.counts.balances(),
            "bug: the intake ledger does not balance: {:?}",
            intake.counts
        );
    }

    pub(crate) fn received(&self, receiver: &ComponentId, signal: Signal, records: u64, bytes: u64) {
        self.change(|intake| {
            intake.counts.received += records;
            intake.counts.in_hand += records;
            let counts = named(&mut intake.receivers, receiver);
            counts.records += records;
            counts.by_signal.add(signal, records);
            counts.bytes += bytes;
        });
    }

    pub(crate) fn set_down(&self, receiver: &ComponentId, down: bool) {
        self.change(|intake| named(&mut intake.receivers, receiver).down = down);
    }

    pub(crate) fn refused(&self, receiver: &ComponentId, reason: Reason, records: u64, bytes: u64) {
        self.change(|intake| {
            let counts = named(&mut intake.receivers, receiver);
            counts.bytes += bytes;
            count_drop(&mut counts.refused, reason, records);
        });
    }

    pub(crate) fn stepped(&self, step: &ComponentId, change: &StepChange) {
        self.change(|intake| {
            let dropped: u64 = change.discarded.iter().map(|(_, n)| n).sum();
            let before = change.records_in + change.held_before;
            let after = change.records_out + change.held_after + dropped;
            let added = after.saturating_sub(before);
            let lost = before.saturating_sub(after);
            debug_assert_eq!(lost, 0, "bug: {step} lost {lost} records without a reason");

            let counts = named(&mut intake.steps, step);
            counts.records_in += change.records_in;
            counts.records_out += change.records_out;
            counts.added += added;
            counts.held = counts.held + change.held_after - change.held_before;
            let total = &mut intake.counts;
            total.added += added;
            total.held = total.held + change.held_after - change.held_before;
            total.in_hand = total.in_hand + change.records_out - change.records_in;
            for (reason, records) in &change.discarded {
                count_drop(&mut counts.dropped, *reason, *records);
                count_drop(&mut total.dropped, *reason, *records);
            }
            count_drop(&mut total.dropped, Reason::Malformed, lost);
        });
    }

    /// A batch goes into one more pipeline.
    pub(crate) fn copied(&self, records: u64) {
        self.change(|intake| {
            intake.counts.added += records;
            intake.counts.in_hand += records;
        });
    }

    pub(crate) fn dropped(&self, reason: Reason, records: u64) {
        self.change(|intake| {
            intake.counts.in_hand -= records;
            count_drop(&mut intake.counts.dropped, reason, records);
        });
    }

    pub(crate) fn routed(&self, records: u64) {
        self.change(|intake| {
            intake.counts.in_hand -= records;
            intake.counts.routed += records;
        });
    }

    pub(crate) fn destination(&self, id: &ComponentId) -> Arc<DestinationAccount> {
        let mut accounts = self.destinations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.iter().find(|account| account.id == *id) {
            return account.clone();
        }
        let account = Arc::new(DestinationAccount {
            id: id.clone(),
            taps: self.taps.clone(),
            counts: Mutex::default(),
            status: Mutex::default(),
        });
        accounts.push(account.clone());
        account
    }

    /// What passes each place, for somebody who looks: it goes by the same names.
    pub fn taps(&self) -> &Taps {
        &self.taps
    }

    pub fn snapshot(&self) -> Snapshot {
        let intake = self.intake();
        let view = |id: &ComponentId| id.to_string();
        let destinations = self.destinations.lock().unwrap_or_else(PoisonError::into_inner);
        Snapshot {
            intake: intake.counts.clone(),
            receivers: intake.receivers.iter().map(|(id, c)| (view(id), c.clone())).collect(),
            processors: intake.steps.iter().map(|(id, c)| (view(id), c.clone())).collect(),
            destinations: destinations
                .iter()
                .map(|account| {
                    let status = account.status();
                    let queue = status.queue.upgrade();
                    DestinationView {
                        id: account.id.to_string(),
                        counts: account.snapshot(),
                        oldest_unsent_seconds: queue
                            .as_ref()
                            .and_then(|queue| queue.oldest())
                            .map(|since| since.elapsed().as_secs_f64()),
                        queue_bytes: queue.as_ref().map_or(0, |queue| queue.bytes()),
                        queue_capacity: queue.as_ref().map_or(0, |queue| queue.capacity()),
                        disk_bytes: queue
                            .as_ref()
                            .and_then(|queue| queue.disk())
                            .map_or(0, |(bytes, _)| bytes),
                        disk_quota: queue
                            .as_ref()
                            .and_then(|queue| queue.disk())
                            .map_or(0, |(_, quota)| quota),
                        last_error: status.last_error.clone(),
                    }
                })
                .collect(),
        }
    }
}

/// The ledger at one moment, as `/ledger` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    pub intake: IntakeCounts,
    pub receivers: Vec<(String, ReceiverCounts)>,
    pub processors: Vec<(String, StepCounts)>,
    pub destinations: Vec<DestinationView>,
}

#[derive(Debug, Clone, Serialize)]
pub struct DestinationView {
    pub id: String,
    #[serde(flatten)]
    pub counts: DestinationCounts,
    /// Age of the oldest record not yet settled.
    pub oldest_unsent_seconds: Option<f64>,
    pub queue_bytes: u64,
    pub queue_capacity: u64,
    pub disk_bytes: u64,
    /// 0: there is no disk queue.
    pub disk_quota: u64,
    /// Set while the last try failed.
    pub last_error: Option<String>,
}

impl Snapshot {
    /// Both laws.
    pub fn balances(&self) -> bool {
        self.intake.balances() && self.destinations.iter().all(|d| d.counts.balances())
    }

    pub fn destination(&self, id: &str) -> Option<&DestinationView> {
        self.destinations.iter().find(|d| d.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_copies_joins_and_holds_balances() {
        let ledger = Ledger::default();
        let (receiver, step): (ComponentId, ComponentId) = ("in".into(), "join".into());
        ledger.received(&receiver, Signal::Logs, 10, 100);
        let discarded = vec![(Reason::Joined, 2)];
        ledger.stepped(
            &step,
            &StepChange { records_in: 10, records_out: 5, held_before: 0, held_after: 3, discarded },
        );
        ledger.stepped(
            &step,
            &StepChange {
                records_in: 0,
                records_out: 4,
                held_before: 3,
                held_after: 0,
                discarded: Vec::new(),
            },
        );
        ledger.routed(8);
        ledger.dropped(Reason::Unmatched, 1);
        let snapshot = ledger.snapshot();
        assert!(snapshot.balances());
        assert_eq!(snapshot.intake.added, 1);
        assert_eq!(snapshot.intake.in_hand, 0);
        assert_eq!(snapshot.intake.dropped["joined"], 2);
    }

    #[test]
    #[should_panic(expected = "lost 1 records without a reason")]
    fn a_step_that_loses_a_record_is_caught() {
        let ledger = Ledger::default();
        ledger.received(&"in".into(), Signal::Logs, 2, 0);
        ledger.stepped(&"bad".into(), &StepChange { records_in: 2, records_out: 1, ..StepChange::default() });
    }
}
