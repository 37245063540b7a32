//! Batches on their way to an acknowledgement that takes a while, and the answers that wait for them.
//!
//! At the levels `durable` and `delivered` a batch may wait for records that are still to come: joining lines that
//! were cut holds a piece back until the next one. So the connection is read on meanwhile, within limits. Answers
//! keep the order of their chunks.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use wire::forward::Ack;

use crate::connections::Occupied;

/// Batches of one connection that may wait at once, and their bytes; one always may. Bytes count because a batch
/// that finds no room in the queues is held here.
const MOST_BATCHES: usize = 16;
const MOST_BYTES: u64 = 4 << 20;

/// Resolves to whether the records were taken.
pub(super) type Sending = Pin<Box<dyn Future<Output = bool> + Send>>;

#[derive(Default)]
pub(super) struct Outstanding {
    rounds: VecDeque<Round>,
    batches: usize,
    bytes: u64,
}

/// What one read gave.
pub(super) struct Round {
    sends: Vec<Progress>,
    /// Each waits for the send its `batch` names.
    acks: Vec<Ack>,
    bytes: u64,
    /// The receiver does not return while something waits.
    _busy: Occupied,
}

enum Progress {
    Running(Sending),
    Over(bool),
}

impl Round {
    pub(super) fn new(sends: Vec<Sending>, acks: Vec<Ack>, bytes: u64, busy: Occupied) -> Round {
        Round { sends: sends.into_iter().map(Progress::Running).collect(), acks, bytes, _busy: busy }
    }

    /// True when nothing of it runs any more.
    fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        let mut is_over = true;
        for send in &mut self.sends {
            if let Progress::Running(sending) = send {
                match sending.as_mut().poll(cx) {
                    Poll::Ready(taken) => *send = Progress::Over(taken),
                    Poll::Pending => is_over = false,
                }
            }
        }
        is_over
    }

    fn taken(&self) -> Vec<bool> {
        self.sends.iter().map(|send| matches!(send, Progress::Over(true))).collect()
    }
}

impl Outstanding {
    pub(super) fn push(&mut self, round: Round) {
        self.batches += round.sends.len();
        self.bytes += round.bytes;
        self.rounds.push_back(round);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    /// True when no more may be read for now.
    pub(super) fn is_full(&self) -> bool {
        self.batches >= MOST_BATCHES || self.bytes >= MOST_BYTES
    }

    /// The answers of the oldest round once it is over, and which of its sends were taken. Never resolves while
    /// there is none; may be dropped and called again.
    pub(super) async fn next(&mut self) -> (Vec<Ack>, Vec<bool>) {
        poll_fn(|cx| self.advance(cx)).await
    }

    /// Oldest first, so that of those who wait for room the oldest gets it and records keep their order.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<(Vec<Ack>, Vec<bool>)> {
        let mut first_is_over = false;
        for (place, round) in self.rounds.iter_mut().enumerate() {
            first_is_over |= round.advance(cx) && place == 0;
        }
        match self.rounds.pop_front_if(|_| first_is_over) {
            Some(round) => {
                self.batches -= round.sends.len();
                self.bytes -= round.bytes;
                let taken = round.taken();
                Poll::Ready((round.acks, taken))
            }
            None => Poll::Pending,
        }
    }
}
