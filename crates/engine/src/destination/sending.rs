//! The tasks that send: one payload at a time each, tried until it is settled.
//!
//! What a destination refuses for ever goes to the dead letters. An exporter that panics has only failed once
//! more, and one that never returns from a try is left to itself: its payload is here, outside of what it does,
//! and another task goes on with it.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use model::Reason;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tracing::{debug, error, info, warn};

use super::Destination;
use crate::backoff::Backoff;
use crate::ledger::count_drop;
use crate::outlet::Phase;
use crate::payload::{Outcome, Payload};

/// Longest wait before a retry once the process drains.
const DRAIN_RETRY: Duration = Duration::from_secs(1);
/// A try that has not returned so long after its time limit is stuck: something in it blocks its thread.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// Why a try was ended before there was an outcome.
enum Ended {
    Closing,
    Recalled,
}

impl Destination {
    /// Takes payloads from the queue and sends them; `first` is one that another task began with.
    pub(super) async fn send_all(self: Arc<Self>, first: Option<Payload>, mut phase: watch::Receiver<Phase>) {
        let mut goes_on = match first {
            Some(payload) => self.deliver(payload, &mut phase).await,
            None => true,
        };
        while goes_on
            && *phase.borrow() != Phase::Closing
            && let Some(taken) = self.queue.pop().await
        {
            match taken {
                Ok(payload) => {
                    self.account.update(|counts| {
                        counts.queued -= payload.records;
                        counts.in_flight += payload.records;
                    });
                    goes_on = self.deliver(payload, &mut phase).await;
                }
                Err(gone) => self.account.update(|counts| {
                    counts.queued -= gone.records;
                    count_drop(&mut counts.dropped, Reason::Damaged, gone.records);
                }),
            }
        }
    }

    /// Sends one payload until it is settled. False when it took so long that another task has the payload by
    /// now, and this one's place.
    async fn deliver(&self, mut payload: Payload, phase: &mut watch::Receiver<Phase>) -> bool {
        let mut backoff = Backoff::new(&self.delivery.retry);
        for tries in 1u32.. {
            let (mut closing, copy) = (phase.clone(), payload.copy());
            let trying = self.tries.begin(payload);
            let outcome = tokio::select! {
                biased;
                _ = closing.wait_for(|now| *now == Phase::Closing) => Err(Ended::Closing),
                () = copy.recalled() => Err(Ended::Recalled),
                outcome = self.try_once(&copy) => Ok(outcome),
            };
            let Some(back) = trying.end() else { return false };
            payload = back;
            let (after, reason) = match outcome {
                Ok(Outcome::Retry { after, reason }) => (after, reason),
                Ok(outcome) => {
                    self.settle(payload, tries, outcome);
                    return true;
                }
                Err(Ended::Closing) => {
                    self.interrupt(payload);
                    return true;
                }
                Err(Ended::Recalled) => {
                    self.give_back(&payload);
                    return true;
                }
            };
            if let Some(why) = self.gives_up(&payload, tries) {
                self.settle_lost(payload, why, &reason);
                return true;
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
            tokio::select! {
                () = self.rest(wait, phase) => {}
                () = payload.recalled() => {}
            }
        }
        true
    }

    fn settle(&self, payload: Payload, tries: u32, outcome: Outcome) {
        match outcome {
            Outcome::Sent => self.settle_sent(payload, tries, 0, None),
            Outcome::Rejected { records, reason } => self.settle_sent(payload, tries, records, Some(reason)),
            Outcome::Split { reason } => self.split(payload, &reason),
            Outcome::Retry { reason, .. } => debug_assert!(false, "bug: `{reason}` settles nothing"),
        }
    }

    async fn try_once(&self, payload: &Payload) -> Outcome {
        let mut sending = self.exporter.send(payload);
        let caught = poll_fn(|cx| {
            catch_unwind(AssertUnwindSafe(|| sending.as_mut().poll(cx))).unwrap_or_else(|_| {
                error!(component = %self.id, "bug: the exporter panicked; its payload is sent again");
                Poll::Ready(Outcome::retry("bug: the exporter panicked"))
            })
        });
        match timeout(self.delivery.timeout, caught).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::retry(format!("no answer within {:?}", self.delivery.timeout)),
        }
    }

    /// Hands what is in tries that do not return although their time is over to new tasks.
    ///
    /// Such a try blocks its thread, or it would have been ended. Should it deliver after all, its payload arrives
    /// twice. With one thread in all, nothing runs meanwhile, this neither.
    pub(super) async fn replace_stuck(self: Arc<Self>, mut phase: watch::Receiver<Phase>) {
        let limit = self.delivery.timeout + STUCK_AFTER;
        let (mut ticks, mut successors) = (interval(STUCK_AFTER), JoinSet::new());
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = phase.wait_for(|now| *now == Phase::Closing) => break,
            }
            for payload in self.tries.take_stuck(limit) {
                let (records, seconds) = (payload.records, limit.as_secs());
                error!(component = %self.id, records, seconds, "bug: a try to send does not return; another task sends its payload");
                self.account.set_error(Some(format!("a try to send has not returned for {seconds} s")));
                self.account.update(|counts| {
                    counts.errors += 1;
                    counts.retries += 1;
                    counts.retried_records += records;
                });
                successors.spawn(self.clone().send_all(Some(payload), phase.clone()));
            }
        }
        while successors.join_next().await.is_some() {}
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
    pub(super) fn interrupt(&self, payload: Payload) {
        self.account.update(|counts| {
            counts.in_flight -= payload.records;
            counts.queued += payload.records;
        });
        self.queue.interrupt(payload);
    }

    /// Whoever replays this payload wants it back: it is where it came from.
    fn give_back(&self, payload: &Payload) {
        self.account.update(|counts| {
            counts.in_flight -= payload.records;
            counts.accepted -= payload.records;
            counts.recovered -= payload.records;
        });
        self.queue.release(payload);
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
        if rejected > 0 && delivered == 0 {
            self.bury(&payload, Reason::Rejected, reason.as_deref().unwrap_or_default());
        }
        self.queue.release(&payload);
        if rejected == 0 && tries > 1 {
            info!(component = %self.id, tries, "payload sent after retries");
        }
        if rejected > 0 {
            error!(
                component = %self.id, records = rejected, reason = %reason.unwrap_or_default(),
                "records refused by the destination"
            );
        }
        // Replayed once more as a whole, the part that was delivered would be doubled.
        if rejected == 0 || (delivered > 0 && payload.replayed.is_some()) {
            payload.delivered();
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
        self.bury(&payload, why, reason);
        self.queue.release(&payload);
        error!(component = %self.id, records = payload.records, why = why.as_str(), reason, "records lost");
    }

    /// Keeps what no try can deliver where `outrigger replay` finds it.
    fn bury(&self, payload: &Payload, why: Reason, answer: &str) {
        // What is replayed is kept where it came from.
        let Some(dead) = self.dead.as_ref().filter(|_| payload.replayed.is_none()) else { return };
        match dead.bury(payload, why, answer) {
            Ok(()) => self.account.update(|counts| counts.dead_lettered += payload.records),
            Err(error) => warn!(component = %self.id, reason = %error, "dead letter not kept"),
        }
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
        self.queue.replace(payload, vec![a, b], self.syncs_always());
    }
}
