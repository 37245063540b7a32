//! One destination at work: encoders that fill payloads, the queue they wait in; `sending` them, and the `ending`.

mod ending;
mod sending;
mod tries;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use config::topology::{ComponentId, Delivery, DiskSync, Overflow};
use model::{Batch, Reason, Signal, Token};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use crate::catalog::AnyExporter;
use crate::component::Encoder;
use crate::dead::DeadLetters;
use crate::graph::PlannedExporter;
use crate::ledger::{DestinationAccount, count_drop};
use crate::outlet::Phase;
use crate::payload::Sealed;
use crate::queue::Queue;
use crate::slots::Slots;
use crate::taps::{Border, Side};

pub(crate) use ending::Left;
use tries::Tries;

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
    dead: Option<DeadLetters>,
    tries: Tries,
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
        let dead = delivery.dead.as_ref().map(|dead| DeadLetters::new(&dead.folder, dead.quota_bytes));
        let (opened, tries) = (Notify::new(), Tries::default());
        Destination { id, kind, exporter, delivery, encoders, queue, account, opened, dead, tries }
    }

    pub fn id(&self) -> &ComponentId {
        &self.id
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.kind
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

    /// Whether batches of this signal must be read before they come here.
    pub(crate) fn reads(&self, signal: Signal) -> bool {
        self.exporter.takes(signal) && !self.exporter.takes_unread()
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.queue.is_behind()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Encodes a batch. When the queue is full the overflow policy is applied: callers have waited already.
    pub(crate) fn accept(&self, batch: &Batch) {
        let (records, taps) = (batch.len() as u64, &self.account.taps);
        if taps.wants(Border::Destination, &self.id, Side::Before) {
            taps.keep(Border::Destination, &self.id, Side::Before, slice::from_ref(batch));
        }
        if !self.exporter.takes(batch.signal()) {
            // An encoder of other signals would lose them without a word.
            return self.refuse(batch, Reason::Unmatched);
        }
        if self.queue.is_full() {
            match self.delivery.overflow {
                Overflow::DropNewest => return self.refuse(batch, Reason::Overflow),
                Overflow::Auto | Overflow::DropOldest => self.evict(),
                Overflow::Block => {}
            }
        }
        self.account.update(|counts| {
            counts.accepted += records;
            counts.by_signal.add(batch.signal(), records);
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
        self.run(slot, |encoder, sealed| encoder.encode(batch, sealed));
    }

    /// Lets an encoder work, and moves what it sealed into the queue. Should it panic, another takes its place: what it
    /// had open is lost.
    fn run(&self, slot: &mut Slot, work: impl FnOnce(&mut dyn Encoder, &mut Sealed)) {
        let Slot { encoder, sealed, .. } = slot;
        let done = catch_unwind(AssertUnwindSafe(|| work(encoder.as_mut(), sealed)));
        self.collect(slot);
        if done.is_err() {
            error!(component = %self.id, records = slot.records, "bug: the encoder panicked; what it had open is lost");
            slot.encoder = self.exporter.encoder();
            slot.tokens.drain(..).for_each(|token| token.lose());
            self.account.update(|counts| {
                counts.open -= slot.records;
                count_drop(&mut counts.dropped, Reason::Bug, slot.records);
            });
            (slot.records, slot.since) = (0, None);
        }
    }

    fn refuse(&self, batch: &Batch, reason: Reason) {
        let records = batch.len() as u64;
        batch.token.lose();
        self.account.update(|counts| {
            counts.accepted += records;
            counts.by_signal.add(batch.signal(), records);
            count_drop(&mut counts.dropped, reason, records);
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
            let taps = &self.account.taps;
            if taps.wants(Border::Destination, &self.id, Side::After) {
                taps.keep_request(&self.id, &payload, || self.exporter.show(&payload));
            }
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
        if self.syncs_always() {
            self.queue.settle_synced(content);
        }
    }

    /// Forces what was written onto the disk every second.
    async fn sync_in_time(self: Arc<Self>) {
        loop {
            sleep(Duration::from_secs(1)).await;
            let queue = self.queue.clone();
            // A disk that fails now will fail the next write, which is reported.
            let _ = tokio::task::spawn_blocking(move || queue.sync()).await;
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
            self.run(slot, |encoder, sealed| encoder.seal(sealed));
            debug_assert_eq!(slot.records, 0, "bug: {} keeps records after a seal", self.id);
        });
    }

    /// Starts the tasks that seal and send.
    pub(crate) fn start(self: &Arc<Self>, phase: watch::Receiver<Phase>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let mut until_closing = |work: Pin<Box<dyn Future<Output = ()> + Send>>| {
            let mut phase = phase.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = work => {}
                    _ = phase.wait_for(|now| *now == Phase::Closing) => {}
                }
            });
        };
        until_closing(Box::pin(self.clone().seal_in_time()));
        if self.delivery.disk.as_ref().is_some_and(|disk| disk.sync == DiskSync::Interval) {
            until_closing(Box::pin(self.clone().sync_in_time()));
        }
        tasks.spawn(self.clone().replace_stuck(phase.clone()));
        for _ in 0..self.delivery.concurrency.max(1) {
            tasks.spawn(self.clone().send_all(None, phase.clone()));
        }
        tasks
    }

    fn syncs_always(&self) -> bool {
        self.delivery.disk.as_ref().is_some_and(|disk| disk.sync == DiskSync::Always)
    }

    async fn seal_in_time(self: Arc<Self>) {
        loop {
            self.opened.notified().await;
            sleep(self.delivery.flush).await;
            self.seal();
        }
    }
}
