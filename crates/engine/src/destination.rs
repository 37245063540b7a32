//! One destination at work: encoders that fill payloads, the queue they wait in, the tasks that send them.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use config::topology::{ComponentId, Delivery, DiskSync, Overflow};
use model::{Batch, Reason, Token};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::backoff::Backoff;
use crate::catalog::AnyExporter;
use crate::component::Encoder;
use crate::graph::PlannedExporter;
use crate::ledger::{DestinationAccount, count_drop};
use crate::outlet::Phase;
use crate::payload::{Outcome, Payload, Sealed};
use crate::queue::Queue;
use crate::slots::Slots;

/// Longest wait before a retry once the process drains.
const DRAIN_RETRY: Duration = Duration::from_secs(1);

pub struct Destination {
    id: ComponentId,
    /// Name of the exporter: payloads of another kind cannot be taken over.
    kind: &'static str,
    exporter: Arc<dyn AnyExporter>,
    delivery: Delivery,
    encoders: Slots<Slot>,
    queue: Arc<Queue>,
    account: Arc<DestinationAccount>,
    /// Told when an encoder begins a payload, so that somebody seals it in time.
    opened: Notify,
}

/// An encoder and what its open payloads hold.
struct Slot {
    encoder: Box<dyn Encoder>,
    sealed: Sealed,
    records: u64,
    since: Option<Instant>,
    /// Tokens of the batches that may have records in an open payload.
    tokens: Vec<Token>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.tokens.iter().for_each(Token::lose);
    }
}

impl Destination {
    pub(crate) fn new(
        planned: PlannedExporter,
        queue: Arc<Queue>,
        account: Arc<DestinationAccount>,
        encoders: usize,
    ) -> Self {
        let PlannedExporter { id, kind, built: exporter, delivery } = planned;
        let slot = || Slot {
            encoder: exporter.encoder(),
            sealed: Sealed::default(),
            records: 0,
            since: None,
            tokens: Vec::new(),
        };
        let encoders = Slots::new((0..encoders.max(1)).map(|_| slot()).collect());
        account.set_queue(&queue);
        Destination { id, kind, exporter, delivery, encoders, queue, account, opened: Notify::new() }
    }

    pub fn id(&self) -> &ComponentId {
        &self.id
    }

    /// The queue, for a destination of the same name and kind that takes over.
    pub(crate) fn queue_for(&self, planned: &PlannedExporter) -> Option<Arc<Queue>> {
        (self.id == planned.id && self.kind == planned.kind).then(|| self.queue.clone())
    }

    pub(crate) fn shares_queue_with(&self, other: &Destination) -> bool {
        Arc::ptr_eq(&self.queue, &other.queue)
    }

    pub(crate) fn overflow(&self) -> Overflow {
        self.delivery.overflow
    }

    pub(crate) fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Encodes a batch. When the queue is full the overflow policy is applied: callers have waited already.
    pub(crate) fn accept(&self, batch: &Batch) {
        let records = batch.len() as u64;
        if self.queue.is_full() {
            match self.delivery.overflow {
                Overflow::DropNewest => return self.refuse(batch),
                Overflow::Auto | Overflow::DropOldest => self.evict(),
                Overflow::Block => {}
            }
        }
        self.account.update(|counts| {
            counts.accepted += records;
            counts.open += records;
        });
        let mut slot = self.encoders.lock();
        let slot = &mut *slot;
        if slot.since.is_none() {
            slot.since = Some(Instant::now());
            self.opened.notify_one();
        }
        if batch.token.is_awaited() {
            slot.tokens.push(batch.token.clone());
        }
        slot.records += records;
        slot.encoder.encode(batch, &mut slot.sealed);
        self.collect(slot);
    }

    fn refuse(&self, batch: &Batch) {
        let records = batch.len() as u64;
        batch.token.lose();
        self.account.update(|counts| {
            counts.accepted += records;
            count_drop(&mut counts.dropped, Reason::Overflow, records);
        });
    }

    fn evict(&self) {
        for payload in self.queue.evict() {
            self.account.update(|counts| {
                counts.queued -= payload.records;
                count_drop(&mut counts.dropped, Reason::Overflow, payload.records);
            });
        }
    }

    /// Moves what the encoder sealed into the queue.
    fn collect(&self, slot: &mut Slot) {
        for (reason, records) in slot.sealed.discarded.drain(..) {
            slot.records -= records;
            if reason.is_loss() {
                slot.tokens.iter().for_each(Token::lose);
            }
            self.account.update(|counts| {
                counts.open -= records;
                count_drop(&mut counts.dropped, reason, records);
            });
        }
        let sealed_any = !slot.sealed.payloads.is_empty();
        for mut payload in slot.sealed.payloads.drain(..) {
            slot.records -= payload.records;
            payload.since = slot.since.unwrap_or_else(Instant::now);
            payload.tokens = slot.tokens.clone();
            self.account.update(|counts| {
                counts.open -= payload.records;
                counts.queued += payload.records;
            });
            match self.queue.push(payload) {
                Ok(content) => self.settle_durable(content),
                Err(error) => {
                    warn!(component = %self.id, reason = %error, "disk queue not used; waiting in memory")
                }
            }
        }
        if slot.records == 0 {
            slot.since = None;
            slot.tokens.clear();
        } else if sealed_any {
            slot.since = Some(Instant::now());
        }
    }

    /// Tells those who wait for no more than the disk, once it is safe there.
    fn settle_durable(&self, content: Vec<Token>) {
        let always = self.delivery.disk.as_ref().is_some_and(|disk| disk.sync == DiskSync::Always);
        if content.is_empty() || !always {
            return;
        }
        if let Some(file) = self.queue.to_sync() {
            let id = self.id.clone();
            tokio::task::spawn_blocking(move || {
                if let Err(error) = file.sync_data() {
                    error!(component = %id, %error, "the disk did not confirm what was written");
                    content.iter().for_each(Token::lose);
                }
            });
        }
    }

    /// Forces what was written onto the disk every second.
    async fn sync_in_time(self: Arc<Self>) {
        loop {
            sleep(Duration::from_secs(1)).await;
            if let Some(file) = self.queue.to_sync() {
                // A disk that fails now will fail the next write, which is reported.
                let _ = tokio::task::spawn_blocking(move || file.sync_data()).await;
            }
        }
    }

    /// Opens the disk queue and takes up what an earlier process left. Without it the queue is memory alone.
    pub(crate) fn attach_disk(&self) {
        let Some(disk) = &self.delivery.disk else { return };
        match self.queue.attach(&disk.folder, disk.quota_bytes) {
            Ok(recovered) => {
                for damage in &recovered.damage {
                    let file = damage.file.display();
                    error!(component = %self.id, %file, offset = damage.offset, bytes = damage.bytes, "disk queue is damaged here; passed over");
                }
                if recovered.payloads > 0 {
                    let (payloads, records) = (recovered.payloads, recovered.records);
                    info!(component = %self.id, payloads, records, "found on disk from before; sending");
                }
                self.account.update(|counts| {
                    counts.accepted += recovered.records;
                    counts.recovered += recovered.records;
                    counts.queued += recovered.records;
                });
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                warn!(component = %self.id, reason = %error, cause, "no disk queue; waiting records stay in memory");
            }
        }
    }

    /// Seals every open payload.
    pub(crate) fn seal(&self) {
        self.encoders.each(|slot| {
            slot.encoder.seal(&mut slot.sealed);
            self.collect(slot);
            debug_assert_eq!(slot.records, 0, "bug: {} keeps records after a seal", self.id);
        });
    }

    /// Starts the tasks that seal and send.
    pub(crate) fn start(self: &Arc<Self>, phase: watch::Receiver<Phase>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(self.clone().seal_in_time());
        if self.delivery.disk.as_ref().is_some_and(|disk| disk.sync == DiskSync::Interval) {
            tasks.spawn(self.clone().sync_in_time());
        }
        for _ in 0..self.delivery.concurrency.max(1) {
            tasks.spawn(self.clone().send_all(phase.clone()));
        }
        tasks
    }

    async fn seal_in_time(self: Arc<Self>) {
        loop {
            self.opened.notified().await;
            sleep(self.delivery.flush).await;
            self.seal();
        }
    }

    async fn send_all(self: Arc<Self>, mut phase: watch::Receiver<Phase>) {
        while *phase.borrow() != Phase::Closing
            && let Some(taken) = self.queue.pop().await
        {
            match taken {
                Ok(payload) => {
                    self.account.update(|counts| {
                        counts.queued -= payload.records;
                        counts.in_flight += payload.records;
                    });
                    self.deliver(payload, &mut phase).await;
                }
                Err(gone) => self.account.update(|counts| {
                    counts.queued -= gone.records;
                    count_drop(&mut counts.dropped, Reason::Damaged, gone.records);
                }),
            }
        }
    }

    /// Sends one payload until it is settled.
    async fn deliver(&self, payload: Payload, phase: &mut watch::Receiver<Phase>) {
        let mut backoff = Backoff::new(&self.delivery.retry);
        for tries in 1u32.. {
            let mut closing = phase.clone();
            let outcome = tokio::select! {
                outcome = self.try_once(&payload) => outcome,
                _ = closing.wait_for(|now| *now == Phase::Closing) => return self.interrupt(payload),
            };
            let (after, reason) = match outcome {
                Outcome::Sent => return self.settle_sent(payload, tries, 0, None),
                Outcome::Rejected { records, reason } => {
                    return self.settle_sent(payload, tries, records, Some(reason));
                }
                Outcome::Split { reason } => return self.split(payload, &reason),
                Outcome::Retry { after, reason } => (after, reason),
            };
            if let Some(why) = self.gives_up(&payload, tries) {
                return self.settle_lost(payload, why, &reason);
            }
            let wait = after.unwrap_or_default().max(backoff.wait());
            self.account.update(|counts| {
                counts.errors += 1;
                counts.retries += 1;
                counts.retried_records += payload.records;
            });
            self.account.set_error(Some(reason.clone()));
            warn!(
                component = %self.id, reason = %reason, tries, wait_seconds = wait.as_secs(),
                records = payload.records, "payload not sent; trying again"
            );
            self.rest(wait, phase).await;
        }
    }

    async fn try_once(&self, payload: &Payload) -> Outcome {
        match timeout(self.delivery.timeout, self.exporter.send(payload)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::retry(format!("no answer within {:?}", self.delivery.timeout)),
        }
    }

    fn gives_up(&self, payload: &Payload, tries: u32) -> Option<Reason> {
        let retry = &self.delivery.retry;
        if retry.limit.is_some_and(|limit| tries > limit) {
            return Some(Reason::RetriesExhausted);
        }
        retry.max_age.is_some_and(|most| payload.since.elapsed() > most).then_some(Reason::Expired)
    }

    /// Waits before a retry; less once the process drains, and not at all when it closes.
    async fn rest(&self, wait: Duration, phase: &mut watch::Receiver<Phase>) {
        let reached = async |phase: &mut watch::Receiver<Phase>, wanted: Phase| {
            if phase.wait_for(|now| *now >= wanted).await.is_err() {
                pending::<()>().await;
            }
        };
        tokio::select! {
            () = sleep(wait) => return,
            () = reached(phase, Phase::Draining) => {}
        }
        tokio::select! {
            () = sleep(wait.min(DRAIN_RETRY)) => {}
            () = reached(phase, Phase::Closing) => {}
        }
    }

    /// The process ends: what was being sent waits again, for the disk.
    fn interrupt(&self, payload: Payload) {
        self.account.update(|counts| {
            counts.in_flight -= payload.records;
            counts.queued += payload.records;
        });
        self.queue.interrupt(payload);
    }

    fn settle_sent(&self, payload: Payload, tries: u32, rejected: u64, reason: Option<String>) {
        let rejected = rejected.min(payload.records);
        let delivered = payload.records - rejected;
        self.account.update(|counts| {
            counts.in_flight -= payload.records;
            counts.delivered += delivered;
            count_drop(&mut counts.dropped, Reason::Rejected, rejected);
            counts.errors += u64::from(rejected > 0);
            if delivered > 0 {
                counts.payloads += 1;
                counts.delivered_bytes += payload.raw_bytes;
                counts.sent_bytes += payload.held_bytes();
            }
        });
        self.account.set_error(reason.clone());
        self.queue.release(&payload);
        if rejected == 0 {
            payload.delivered();
            if tries > 1 {
                info!(component = %self.id, tries, "payload sent after retries");
            }
        } else {
            error!(
                component = %self.id, records = rejected, reason = %reason.unwrap_or_default(),
                "records refused by the destination"
            );
        }
    }

    fn settle_lost(&self, payload: Payload, why: Reason, reason: &str) {
        self.account.update(|counts| {
            counts.in_flight -= payload.records;
            counts.errors += 1;
            counts.retries_failed += 1;
            count_drop(&mut counts.dropped, why, payload.records);
        });
        self.account.set_error(Some(reason.to_owned()));
        self.queue.release(&payload);
        error!(component = %self.id, records = payload.records, why = why.as_str(), reason, "records lost");
    }

    fn split(&self, payload: Payload, reason: &str) {
        let Some((a, b)) = self.exporter.split(&payload) else {
            return self.settle_lost(payload, Reason::TooLarge, reason);
        };
        debug!(component = %self.id, records = payload.records, reason, "payload refused as too large; halving it");
        debug_assert_eq!(
            a.records + b.records,
            payload.records,
            "bug: {} splits into other records",
            self.id
        );
        self.account.update(|counts| {
            counts.errors += 1;
            counts.in_flight -= payload.records;
            counts.queued += payload.records;
        });
        self.queue.replace(payload, vec![a, b]);
    }

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
