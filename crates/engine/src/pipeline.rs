//! A pipeline at work: batches walk its steps inline and go to the destinations their tag leads to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use config::topology::{ComponentId, Overflow, TagMatch};
use model::{Batch, Reason, Signal};
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;
use tracing::error;

use crate::catalog::AnyProcessor;
use crate::destination::Destination;
use crate::hand::Hand;
use crate::ledger::{Ledger, StepChange};
use crate::slots::Slots;
use crate::taps::{Border, Side};

/// How often a processor that holds records is ticked.
const TICK: Duration = Duration::from_millis(200);
/// A batch may be sent back to the first step this often, as by a rewritten tag; then it is dropped.
const MAX_RESTARTS: usize = 16;

pub struct Pipeline {
    signal: Option<Signal>,
    steps: Vec<Step>,
    routes: Vec<Route>,
    ledger: Arc<Ledger>,
    /// Told when a destination has room again.
    room: Arc<Notify>,
    /// Told when a step begins to hold records.
    holding: Notify,
    /// One at a time lets go of what is held.
    releasing: Mutex<()>,
    /// There is no more time to wait for room: each destination takes what it can, and counts the rest.
    hurries: AtomicBool,
}

pub(crate) struct Step {
    pub id: ComponentId,
    pub matching: TagMatch,
    pub instances: Slots<Box<dyn AnyProcessor>>,
    /// Records that all instances hold.
    pub held: AtomicU64,
}

impl Step {
    pub fn new(id: ComponentId, matching: TagMatch, instances: Slots<Box<dyn AnyProcessor>>) -> Self {
        Step { id, matching, instances, held: AtomicU64::new(0) }
    }
}

/// A processor did.
struct Panicked;

pub(crate) struct Route {
    pub matching: TagMatch,
    pub destination: Arc<Destination>,
}

impl Pipeline {
    pub(crate) fn new(
        signal: Option<Signal>,
        steps: Vec<Step>,
        routes: Vec<Route>,
        ledger: Arc<Ledger>,
        room: Arc<Notify>,
    ) -> Self {
        Pipeline {
            signal,
            steps,
            routes,
            ledger,
            room,
            holding: Notify::new(),
            releasing: Mutex::default(),
            hurries: AtomicBool::new(false),
        }
    }

    pub(crate) fn takes(&self, signal: Signal) -> bool {
        self.signal.is_none_or(|own| own == signal)
    }

    /// Whether a step or a destination looks into batches of this signal.
    pub(crate) fn reads(&self, signal: Signal) -> bool {
        !self.steps.is_empty() || self.routes.iter().any(|route| route.destination.reads(signal))
    }

    /// Takes a batch through the steps and hands on what comes out.
    pub(crate) async fn take(&self, hand: Hand<'_>) {
        self.dispatch(self.walk(0, hand.open())).await;
    }

    /// Walks the steps from `first` on; what comes out is in hand and not empty.
    pub(crate) fn walk(&self, first: usize, batch: Batch) -> Vec<Batch> {
        let mut current = vec![batch];
        let (mut next, mut again, mut from) = (Vec::new(), Vec::new(), first);
        let mut finished = Vec::new();
        for restarts in 0.. {
            for step in &self.steps[from..] {
                for batch in current.drain(..) {
                    if step.matching.matches(&batch.tag) {
                        self.step(step, batch, &mut next);
                    } else {
                        next.push(batch);
                    }
                }
                again.extend(next.extract_if(.., |batch| batch.restart));
                std::mem::swap(&mut current, &mut next);
            }
            finished.append(&mut current);
            if again.is_empty() {
                return finished;
            }
            for mut batch in again.drain(..) {
                batch.restart = false;
                if restarts == MAX_RESTARTS {
                    self.ledger.dropped(Reason::Loop, batch.len() as u64);
                    batch.token.lose();
                } else {
                    current.push(batch);
                }
            }
            from = 0;
        }
        unreachable!("bug: the loop above ends by returning")
    }

    /// Runs one processor on a batch.
    fn step(&self, step: &Step, batch: Batch, out: &mut Vec<Batch>) {
        let taps = self.ledger.taps();
        let is_shown = taps.wants(Border::Step, &step.id, Side::Before);
        if is_shown {
            taps.keep(Border::Step, &step.id, Side::Before, slice::from_ref(&batch));
        }
        let (records_in, came_before, token) = (batch.len() as u64, out.len(), batch.token.clone());
        let done =
            self.step_locked(step, step.instances.lock().as_mut(), records_in, out, |processor, out| {
                processor.process(batch, out)
            });
        if done.is_err() {
            token.lose();
        }
        if is_shown {
            taps.keep(Border::Step, &step.id, Side::After, &out[came_before..]);
        }
    }

    /// Lets a processor work and brings the ledger up to date. Batches that became empty end here, and what a processor
    /// panics over is lost: others' records go on.
    fn step_locked(
        &self,
        step: &Step,
        instance: &mut dyn AnyProcessor,
        records_in: u64,
        out: &mut Vec<Batch>,
        run: impl FnOnce(&mut dyn AnyProcessor, &mut Vec<Batch>),
    ) -> Result<(), Panicked> {
        let came_before = out.len();
        let mut change = StepChange { records_in, ..StepChange::default() };
        change.held_before = instance.held();
        let done = catch_unwind(AssertUnwindSafe(|| run(instance, out))).map_err(|_| Panicked);
        change.held_after = instance.held();
        if done.is_err() {
            out.drain(came_before..).for_each(|batch| batch.token.lose());
            let lost = (records_in + change.held_before).saturating_sub(change.held_after);
            change.discarded.push((Reason::Bug, lost));
            error!(component = %step.id, records = lost, "bug: the step panicked; its batch is lost");
        }
        if change.held_after != change.held_before {
            step.held.fetch_add(change.held_after.wrapping_sub(change.held_before), Ordering::Relaxed);
            self.holding.notify_one();
        }
        for batch in &mut out[came_before..] {
            change.records_out += batch.len() as u64;
            change.discarded.extend(batch.take_discarded());
        }
        out.retain(|batch| !batch.is_empty());
        self.ledger.stepped(&step.id, &change);
        done
    }

    /// Runs a processor's `tick` or `finish` on every instance; what it lets go walks the steps behind it.
    fn release(&self, run: impl Fn(&mut dyn AnyProcessor, &mut Vec<Batch>)) -> Vec<Batch> {
        let mut walked = Vec::new();
        for (place, step) in self.steps.iter().enumerate() {
            if step.held.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut released = Vec::new();
            step.instances.each(|instance| {
                let _ = self.step_locked(step, instance.as_mut(), 0, &mut released, &run);
            });
            let taps = self.ledger.taps();
            if !released.is_empty() && taps.wants(Border::Step, &step.id, Side::After) {
                taps.keep(Border::Step, &step.id, Side::After, &released);
            }
            walked.extend(released.into_iter().flat_map(|batch| self.walk(place + 1, batch)));
        }
        walked
    }

    /// Everything that is held: nothing more will come in.
    pub(crate) fn held_batches(&self) -> Vec<Batch> {
        self.release(|processor, out| processor.finish(out))
    }

    /// Ticks the steps that hold records, for as long as the pipeline lives.
    pub(crate) async fn tick(self: Arc<Self>) {
        loop {
            self.holding.notified().await;
            while self.steps.iter().any(|step| step.held.load(Ordering::Relaxed) > 0) {
                tokio::time::sleep(TICK).await;
                let _turn = self.releasing.lock().await;
                let now = Instant::now();
                self.dispatch(self.release(|processor, out| processor.tick(now, out))).await;
            }
        }
    }

    /// Lets go of everything that is held: nothing more will come in. What a tick released before has reached its
    /// destinations then, too. Room is waited for until the time is over.
    pub(crate) async fn finish(&self, time_over: impl Future<Output = ()>) {
        let mut finishing = pin!(self.let_go());
        tokio::select! {
            () = &mut finishing => return,
            () = time_over => {}
        }
        self.hurries.store(true, Ordering::Relaxed);
        self.room.notify_waiters();
        finishing.await;
    }

    async fn let_go(&self) {
        let _turn = self.releasing.lock().await;
        self.dispatch(self.held_batches()).await;
    }

    fn in_hand(&self, batches: Vec<Batch>) -> Vec<Hand<'_>> {
        batches.into_iter().map(|batch| Hand::new(&self.ledger, batch)).collect()
    }

    /// Hands batches to the destinations their tags lead to, each once there is room.
    async fn dispatch(&self, batches: Vec<Batch>) {
        for hand in self.in_hand(batches) {
            self.route(hand).await;
        }
    }

    async fn route(&self, hand: Hand<'_>) {
        let tag = &hand.tag;
        let destinations: Vec<&Destination> =
            self.routes.iter().filter(|r| r.matching.matches(tag)).map(|r| &*r.destination).collect();
        if destinations.is_empty() {
            return hand.unmatched();
        }
        self.wait_for_room(&destinations).await;
        for destination in destinations {
            destination.accept(&hand);
        }
        hand.routed();
    }

    /// Waits while a destination is full and none of the others would be served by going on: each has enough
    /// waiting already. One that takes data as it comes is never held up by one that does not.
    async fn wait_for_room(&self, destinations: &[&Destination]) {
        loop {
            let room = self.room.notified();
            if self.hurries.load(Ordering::Relaxed) {
                return;
            }
            let blocked = |destination: &&Destination| {
                destination.is_full() && destination.overflow() == Overflow::Block
            };
            let patient = |destination: &&Destination| {
                destination.is_behind() && matches!(destination.overflow(), Overflow::Auto | Overflow::Block)
            };
            let nobody_is_served =
                || destinations.iter().any(|d| d.is_full()) && destinations.iter().all(patient);
            if !destinations.iter().any(blocked) && !nobody_is_served() {
                return;
            }
            room.await;
        }
    }
}

impl Drop for Pipeline {
    /// What steps still hold is lost and counted, and whoever waits for it learns so.
    fn drop(&mut self) {
        drop(self.in_hand(self.held_batches()));
    }
}
