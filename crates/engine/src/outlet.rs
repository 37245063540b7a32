//! What a receiver holds: the way into its pipelines, and word of when to stop.

use std::slice;
use std::sync::Arc;

use config::topology::ComponentId;
use model::{Batch, Reason, Receipt, Signal, Token};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::{oneshot, watch};

use crate::hand::Hand;
use crate::ledger::Ledger;
use crate::pipeline::Pipeline;
use crate::taps::{Border, Side};

/// How far a batch must have come before its sender is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ack {
    /// It was read.
    Received,
    /// It is in the queue of every destination.
    #[default]
    Queued,
    /// It would survive a crash of the process: on disk, or delivered where there is no disk.
    Durable,
    /// Every destination has it.
    Delivered,
}

/// The batch will not reach every destination; do not acknowledge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not every destination took the batch")]
pub struct Lost;

/// The way into the pipelines of one receiver. Cheap to clone, one for each connection.
#[derive(Clone)]
pub struct Outlet {
    id: ComponentId,
    ledger: Arc<Ledger>,
    pipelines: watch::Receiver<Arc<[Arc<Pipeline>]>>,
    ack: Ack,
}

impl Outlet {
    pub(crate) fn new(
        id: ComponentId,
        ledger: Arc<Ledger>,
        pipelines: watch::Receiver<Arc<[Arc<Pipeline>]>>,
    ) -> Self {
        Outlet { id, ledger, pipelines, ack: Ack::default() }
    }

    pub fn with_ack(mut self, ack: Ack) -> Self {
        self.ack = ack;
        self
    }

    /// Takes a batch through the pipelines. Waits while no destination has room, which is how a receiver learns
    /// to read more slowly, and returns once the batch has reached the acknowledgement level.
    ///
    /// `wire_bytes` is what the batch took to receive, for the counts.
    pub async fn send(&self, mut batch: Batch, wire_bytes: u64) -> Result<(), Lost> {
        self.ledger.received(&self.id, batch.signal(), batch.len() as u64, wire_bytes);
        let taps = self.ledger.taps();
        if taps.wants(Border::Receiver, &self.id, Side::After) {
            taps.keep(Border::Receiver, &self.id, Side::After, slice::from_ref(&batch));
        }
        let receipt = (self.ack >= Ack::Durable).then(|| {
            let (tx, rx) = oneshot::channel();
            let answer = Box::new(Answer(std::sync::Mutex::new(Some(tx))));
            batch.token =
                if self.ack == Ack::Durable { Token::until_durable(answer) } else { Token::new(answer) };
            rx
        });
        let hand = Hand::new(&self.ledger, batch);
        let all = self.pipelines.borrow().clone();
        let signal = hand.signal();
        let pipelines: Vec<_> = all.iter().filter(|pipeline| pipeline.takes(signal)).collect();
        // A reload may have put a reader there since the receiver asked.
        let unreadable = hand.unread.is_some() && pipelines.iter().any(|pipeline| pipeline.reads(signal));
        let Some((last, others)) = pipelines.split_last().filter(|_| !unreadable) else {
            hand.unmatched();
            return Err(Lost);
        };
        for pipeline in others {
            pipeline.take(hand.copy()).await;
        }
        last.take(hand).await;
        match receipt {
            None => Ok(()),
            Some(receipt) => match receipt.await {
                Ok(true) => Ok(()),
                _ => Err(Lost),
            },
        }
    }

    /// Whether a pipeline behind it is for this signal. What no pipeline takes is dropped and counted.
    pub fn takes(&self, signal: Signal) -> bool {
        self.pipelines.borrow().iter().any(|pipeline| pipeline.takes(signal))
    }

    /// Whether somebody behind it looks into batches of this signal. Otherwise an OTLP request may go on unread.
    pub fn reads(&self, signal: Signal) -> bool {
        self.pipelines.borrow().iter().any(|pipeline| pipeline.takes(signal) && pipeline.reads(signal))
    }

    /// Counts what arrived but could not become records.
    pub fn refuse(&self, reason: Reason, records: u64, wire_bytes: u64) {
        self.ledger.refused(&self.id, reason, records, wire_bytes);
    }

    /// Notes whether the receiver runs.
    pub(crate) fn set_down(&self, down: bool) {
        self.ledger.set_down(&self.id, down);
    }

    /// The receiver's name, for log lines.
    pub fn id(&self) -> &ComponentId {
        &self.id
    }
}

struct Answer(std::sync::Mutex<Option<oneshot::Sender<bool>>>);

impl Receipt for Answer {
    fn settle(&self, delivered: bool) {
        let sender = self.0.lock().ok().and_then(|mut sender| sender.take());
        if let Some(sender) = sender {
            // The receiver may have given up waiting.
            let _ = sender.send(delivered);
        }
    }
}

/// How far the process is in stopping.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    #[default]
    Running,
    /// Read what senders still send; return when they are quiet or gone.
    Draining,
    /// Return now.
    Closing,
}

/// Word of when to stop. Cheap to clone.
#[derive(Clone)]
pub struct Stop(watch::Receiver<Phase>);

impl Stop {
    pub(crate) fn channel() -> (watch::Sender<Phase>, Stop) {
        let (tx, rx) = watch::channel(Phase::Running);
        (tx, Stop(rx))
    }

    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Resolves when the process drains: accept what still comes, wait for no more.
    pub async fn draining(&mut self) {
        self.reached(Phase::Draining).await;
    }

    /// Resolves when the receiver must return.
    pub async fn closing(&mut self) {
        self.reached(Phase::Closing).await;
    }

    async fn reached(&mut self, phase: Phase) {
        // An engine that is gone wants everything to stop, too.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}
