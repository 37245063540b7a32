//! A topology at work: starting it, replacing it, and stopping it without losing what was read.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use config::topology::ComponentId;
use config::{Diagnostics, Setting};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{error, info};

use crate::catalog::{AnyReceiver, ReceiverEntry};
use crate::component::{BuildContext, Surroundings};
use crate::destination::{Destination, Left};
use crate::graph::{Plan, PlannedReceiver};
use crate::ledger::{Ledger, Snapshot};
use crate::lifeboat::Lifeboat;
use crate::outlet::{Outlet, Phase, Stop};
use crate::pipeline::Pipeline;
use crate::replay::Replayer;

/// Longest wait before a receiver that failed is started again.
const MAX_RESTART_WAIT: Duration = Duration::from_secs(30);

/// Longest wait for a sender to give back what it holds.
const GIVE_BACK: Duration = Duration::from_millis(500);

/// Part of the shutdown budget in which intake stays open for senders that still send.
const INTAKE_SHARE: f64 = 0.5;

/// Part of the shutdown budget kept for the lifeboat, and the least that is kept.
const LIFEBOAT_SHARE: f64 = 0.2;
const LIFEBOAT_LEAST: Duration = Duration::from_secs(2);

/// A running topology.
pub struct Running {
    ledger: Arc<Ledger>,
    /// Told when any destination has room.
    room: Arc<Notify>,
    receivers: HashMap<ComponentId, RunningReceiver>,
    flow: Flow,
    /// Replaced configurations that still send what they had. Each ends once it has sent all, or is told to.
    retiring: JoinSet<Flow>,
    end_retiring: watch::Sender<bool>,
    lifeboat: Option<Arc<dyn Lifeboat>>,
    /// For whoever replays.
    destinations: watch::Sender<Vec<Arc<Destination>>>,
}

struct RunningReceiver {
    entry: &'static ReceiverEntry,
    settings: Setting,
    pipelines: watch::Sender<Arc<[Arc<Pipeline>]>>,
    stop: watch::Sender<Phase>,
    task: JoinHandle<()>,
}

/// What changes as a whole when the configuration is replaced.
#[derive(Default)]
struct Flow {
    phase: watch::Sender<Phase>,
    pipelines: Vec<Arc<Pipeline>>,
    destinations: Vec<Arc<Destination>>,
    tickers: JoinSet<()>,
    senders: Vec<JoinSet<()>>,
}

/// How a shutdown ended.
#[derive(Debug)]
pub struct Summary {
    pub ledger: Snapshot,
    /// Records that no destination took in time and that are gone.
    pub lost: u64,
    /// Records that wait on disk for the next start.
    pub on_disk: u64,
    /// Records in the lifeboat.
    pub saved: u64,
    pub took: Duration,
}

impl Running {
    pub fn start(plan: Plan, ledger: Arc<Ledger>) -> Running {
        let mut running = Running {
            ledger,
            room: Arc::default(),
            receivers: HashMap::new(),
            flow: Flow::default(),
            retiring: JoinSet::new(),
            end_retiring: watch::Sender::default(),
            lifeboat: None,
            destinations: watch::Sender::default(),
        };
        running.install(plan);
        running
    }

    /// What no destination takes by the end of a shutdown goes there.
    pub fn set_lifeboat(&mut self, lifeboat: Arc<dyn Lifeboat>) {
        self.lifeboat = Some(lifeboat);
    }

    /// The way to the destinations for what an earlier process left.
    pub fn replayer(&self) -> Replayer {
        Replayer(self.destinations.subscribe())
    }

    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Replaces the configuration. Receivers whose settings are the same stay as they are, with their
    /// connections; the old destinations send what they have in the background.
    pub async fn reload(&mut self, plan: Plan) {
        let gone: Vec<ComponentId> = self
            .receivers
            .iter()
            .filter(|(id, running)| !plan.receivers.iter().any(|new| new.id == **id && running.is_same(new)))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            if let Some(receiver) = self.receivers.remove(&id) {
                receiver.close().await;
            }
        }
        let old = self.install(plan);
        let heirs = self.flow.destinations.clone();
        // Those that are through are gone.
        while self.retiring.try_join_next().is_some() {}
        self.retiring.spawn(old.retire(heirs, self.end_retiring.subscribe()));
    }

    /// Puts the plan in place and returns what it replaces.
    fn install(&mut self, mut plan: Plan) -> Flow {
        let (destinations, pipelines) = plan.connect(&self.ledger, &self.flow.destinations, &self.room);
        let (phase, _) = watch::channel(Phase::Running);
        let senders = destinations.iter().map(|d| d.start(phase.subscribe())).collect();
        let mut tickers = JoinSet::new();
        for pipeline in &pipelines {
            tickers.spawn(pipeline.clone().tick());
        }
        for planned in std::mem::take(&mut plan.receivers) {
            let feeds: Arc<[_]> = planned.feeds.iter().map(|place| pipelines[*place].clone()).collect();
            match self.receivers.get(&planned.id) {
                Some(running) => _ = running.pipelines.send_replace(feeds),
                None => self.start_receiver(planned, feeds, plan.surroundings.clone()),
            }
        }
        self.destinations.send_replace(destinations.clone());
        std::mem::replace(&mut self.flow, Flow { phase, pipelines, destinations, tickers, senders })
    }

    fn start_receiver(
        &mut self,
        planned: PlannedReceiver,
        feeds: Arc<[Arc<Pipeline>]>,
        surroundings: Surroundings,
    ) {
        let (pipelines, feeds) = watch::channel(feeds);
        let (stop_sender, stop) = Stop::channel();
        let outlet = Outlet::new(planned.id.clone(), self.ledger.clone(), feeds);
        let (id, entry, settings) = (planned.id.clone(), planned.entry, planned.settings.clone());
        let task = tokio::spawn(keep_running(planned, surroundings, outlet, stop));
        self.receivers.insert(id, RunningReceiver { entry, settings, pipelines, stop: stop_sender, task });
    }

    /// Stops without losing what was read: intake stays open for senders that still send, then everything is
    /// sealed and sent until the budget is spent.
    pub async fn shutdown(mut self, budget: Duration) -> Summary {
        let started = Instant::now();
        let ends = started + budget;
        let kept = budget.mul_f64(LIFEBOAT_SHARE).max(LIFEBOAT_LEAST).min(budget / 2);
        let deadline = if self.lifeboat.is_some() { ends - kept } else { ends };
        let intake_ends = started + budget.mul_f64(INTAKE_SHARE);
        self.flow.phase.send_replace(Phase::Draining);
        for receiver in self.receivers.values() {
            receiver.stop.send_replace(Phase::Draining);
        }
        for (_, receiver) in self.receivers.drain() {
            receiver.end_by(intake_ends).await;
        }
        for pipeline in &self.flow.pipelines {
            pipeline.finish(sleep_until(deadline)).await;
        }
        self.flow.destinations.iter().for_each(|destination| destination.seal());
        for destination in &self.flow.destinations {
            let _ = timeout_at(deadline, destination.drained()).await;
        }
        let _ = timeout_at(deadline, async { while self.retiring.join_next().await.is_some() {} }).await;
        self.end_retiring.send_replace(true);
        while let Some(retired) = self.retiring.join_next().await {
            self.flow.take_over(retired.unwrap_or_default());
        }
        self.flow.end_tasks().await;
        if let Some(lifeboat) = self.lifeboat.take() {
            self.flow.board(&lifeboat, ends).await;
        }
        let left = self.flow.close();
        let ledger = self.ledger.snapshot();
        let saved = ledger.destinations.iter().map(|view| view.counts.saved).sum();
        Summary { ledger, lost: left.lost, on_disk: left.on_disk, saved, took: started.elapsed() }
    }
}

impl Flow {
    /// What still waits, after every task has ended, goes to disk or is given up.
    fn close(self) -> Left {
        let left = self.destinations.iter().map(|destination| destination.abandon());
        left.fold(Left::default(), |sum, one| Left {
            lost: sum.lost + one.lost,
            on_disk: sum.on_disk + one.on_disk,
        })
    }

    /// Answers for what another one holds, too.
    fn take_over(&mut self, other: Flow) {
        self.destinations.extend(other.destinations);
        self.senders.extend(other.senders);
    }

    /// Fills the lifeboat from all destinations at once, so that a large one does not use up the time of others.
    async fn board(&self, lifeboat: &Arc<dyn Lifeboat>, ends: Instant) {
        let mut boarding = JoinSet::new();
        for destination in &self.destinations {
            let (destination, lifeboat) = (destination.clone(), lifeboat.clone());
            boarding.spawn(async move { destination.board(&*lifeboat, ends).await });
        }
        while boarding.join_next().await.is_some() {}
    }

    async fn end_tasks(&mut self) {
        self.tickers.shutdown().await;
        self.phase.send_replace(Phase::Closing);
        for tasks in &mut self.senders {
            // Senders give back what they hold; whoever does not in this time holds nothing that can be saved.
            let end = async { while tasks.join_next().await.is_some() {} };
            let _ = timeout(GIVE_BACK, end).await;
            // Whoever blocks his thread ends when he can.
            tasks.abort_all();
            let end = async { while tasks.join_next().await.is_some() {} };
            let _ = timeout(GIVE_BACK, end).await;
            tasks.detach_all();
        }
        self.destinations.iter().for_each(|destination| destination.take_back());
    }

    /// Sends what a replaced configuration still holds, until it is told to end, or leaves it to the heirs. What it
    /// still has then it returns.
    async fn retire(mut self, heirs: Vec<Arc<Destination>>, end: watch::Receiver<bool>) -> Flow {
        let told = async || _ = end.clone().wait_for(|end| *end).await;
        tokio::select! {
            () = self.left_by_all() => {}
            () = told() => {}
        }
        for pipeline in &self.pipelines {
            pipeline.finish(told()).await;
        }
        self.tickers.shutdown().await;
        self.destinations.iter().for_each(|destination| destination.seal());
        let inherited = |old: &Destination| heirs.iter().any(|heir| heir.shares_queue_with(old));
        for destination in self.destinations.iter().filter(|old| !inherited(old)) {
            tokio::select! {
                () = destination.drained() => {}
                () = told() => {}
            }
        }
        // Those who send for a queue that went to an heir go on until here.
        self.phase.send_replace(Phase::Closing);
        self.end_tasks().await;
        self.destinations.retain(|old| !inherited(old));
        if self.destinations.iter().all(|destination| destination.is_idle()) {
            self.destinations.drain(..).for_each(|destination| _ = destination.abandon());
        }
        self
    }

    /// Batches that were on their way when the new pipelines took over still hold the old ones.
    async fn left_by_all(&self) {
        while self.pipelines.iter().any(|pipeline| Arc::strong_count(pipeline) > 2) {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl RunningReceiver {
    fn is_same(&self, planned: &PlannedReceiver) -> bool {
        std::ptr::eq(self.entry, planned.entry) && self.settings.to_json() == planned.settings.to_json()
    }

    async fn close(self) {
        self.stop.send_replace(Phase::Draining);
        self.end_by(Instant::now() + Duration::from_secs(2)).await;
    }

    /// Lets it return by itself until the deadline, then tells it to, then ends it.
    async fn end_by(mut self, deadline: Instant) {
        if timeout_at(deadline, &mut self.task).await.is_err() {
            self.stop.send_replace(Phase::Closing);
            if timeout(Duration::from_millis(500), &mut self.task).await.is_err() {
                self.task.abort();
                let _ = self.task.await;
            }
        }
    }
}

/// Runs a receiver; should it fail or panic, builds and runs it again after a wait.
async fn keep_running(planned: PlannedReceiver, surroundings: Surroundings, outlet: Outlet, mut stop: Stop) {
    let PlannedReceiver { id, entry, settings, built, .. } = planned;
    let mut next = Some(built);
    let mut wait = Duration::from_secs(1);
    while let Some(receiver) = next.take() {
        let mut task = JoinSet::new();
        task.spawn(receiver.run(outlet.clone(), stop.clone()));
        match task.join_next().await {
            Some(Ok(Ok(()))) => return,
            Some(Ok(Err(fault))) => {
                let cause = std::error::Error::source(&fault).map(ToString::to_string).unwrap_or_default();
                error!(component = %id, reason = %fault, cause, wait_seconds = wait.as_secs(), "receiver stopped; starting it again");
            }
            Some(Err(panic)) if panic.is_panic() => {
                error!(component = %id, wait_seconds = wait.as_secs(), "bug: receiver panicked; starting it again");
            }
            _ => return,
        }
        outlet.set_down(true);
        tokio::select! {
            () = sleep(wait) => {}
            () = stop.draining() => return,
        }
        wait = (wait * 2).min(MAX_RESTART_WAIT);
        next = rebuild(&id, entry, &settings, &surroundings);
        outlet.set_down(next.is_none());
    }
    info!(component = %id, "receiver ended");
}

fn rebuild(
    id: &ComponentId,
    entry: &'static ReceiverEntry,
    settings: &Setting,
    surroundings: &Surroundings,
) -> Option<Box<dyn AnyReceiver>> {
    let mut report = Diagnostics::new();
    (entry.build)(settings, &mut BuildContext { id, surroundings, settings, report: &mut report })
}
