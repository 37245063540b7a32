//! Components for the engine's own tests: a receiver fed by the test, an exporter that follows a script.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use config::topology::{
    Component, DeadLetters, Delivery, DiskQueue, Exporter as ExporterSpec, Overflow, Pipeline, Retry, Route,
    Step, TagMatch, Topology,
};
use config::{Diagnostics, Setting};
use engine::replay::Sending;
use engine::{
    Ack, BuildContext, Catalog, ConfigError, Encoder, Exporter, Fault, Instances, Ledger, Lost, Outcome,
    Outlet, Payload, Processor, Receiver, Running, Sealed, Stop, Summary, Surroundings,
};
use model::{Batch, LogRecord, Reason, Value};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// What a test varies about the topology.
#[derive(Clone)]
pub struct Shape {
    pub queue_bytes: Option<u64>,
    pub overflow: Overflow,
    pub retry: Retry,
    pub concurrency: usize,
    pub matching: Vec<String>,
    pub ack: Ack,
    pub hold: bool,
    pub restart: bool,
    pub double: bool,
    pub receiver_fails: u32,
    pub disk: Option<DiskQueue>,
    pub dead: Option<DeadLetters>,
    pub timeout: Duration,
    /// The first destination's name.
    pub name: &'static str,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            queue_bytes: None,
            overflow: Overflow::Auto,
            retry: Retry::default(),
            concurrency: 4,
            matching: Vec::new(),
            ack: Ack::Queued,
            hold: false,
            restart: false,
            double: false,
            receiver_fails: 0,
            disk: None,
            dead: None,
            timeout: Delivery::default().timeout,
            name: "out.0",
        }
    }
}

/// How a destination answers.
#[derive(Clone)]
pub struct Script(Arc<Mutex<Plan>>);

struct Plan {
    first: Vec<Outcome>,
    then: Outcome,
    /// Before this moment `first` is not used up.
    until: Option<(Instant, Outcome)>,
    most_records: Option<u64>,
    hangs: bool,
    panics: u32,
    blocks: Option<std::sync::mpsc::Receiver<()>>,
    received: Vec<u64>,
}

impl Script {
    fn make(first: Vec<Outcome>, then: Outcome) -> Script {
        let plan = Plan {
            first,
            then,
            until: None,
            most_records: None,
            hangs: false,
            panics: 0,
            blocks: None,
            received: Vec::new(),
        };
        Script(Arc::new(Mutex::new(plan)))
    }

    pub fn always(outcome: Outcome) -> Script {
        Script::make(Vec::new(), outcome)
    }

    pub fn first(outcomes: Vec<Outcome>, then: Outcome) -> Script {
        Script::make(outcomes, then)
    }

    pub fn until(time: Duration, before: Outcome, then: Outcome) -> Script {
        let script = Script::always(then);
        script.0.lock().unwrap().until = Some((Instant::now() + time, before));
        script
    }

    pub fn at_most(records: u64) -> Script {
        let script = Script::always(Outcome::Sent);
        script.0.lock().unwrap().most_records = Some(records);
        script
    }

    /// Splits what has more records, and answers the parts in turn.
    pub fn split(records: u64, parts: Vec<Outcome>, then: Outcome) -> Script {
        let script = Script::first(parts, then);
        script.0.lock().unwrap().most_records = Some(records);
        script
    }

    /// The first try blocks its thread until the sender says something or is gone.
    pub fn block(until: std::sync::mpsc::Receiver<()>) -> Script {
        let script = Script::always(Outcome::Sent);
        script.0.lock().unwrap().blocks = Some(until);
        script
    }

    pub fn hang() -> Script {
        let script = Script::always(Outcome::Sent);
        script.0.lock().unwrap().hangs = true;
        script
    }

    pub fn panic(times: u32) -> Script {
        let script = Script::always(Outcome::Sent);
        script.0.lock().unwrap().panics = times;
        script
    }

    fn answer(&self, payload: &Payload) -> Option<Outcome> {
        let mut plan = self.0.lock().unwrap();
        if plan.hangs {
            return None;
        }
        if let Some(until) = plan.blocks.take() {
            drop(plan);
            let _ = until.recv();
            return None;
        }
        if plan.panics > 0 {
            plan.panics -= 1;
            drop(plan);
            panic!("a panic on purpose");
        }
        let outcome = match &plan.until {
            Some((until, before)) if Instant::now() < *until => before.clone(),
            _ if plan.most_records.is_some_and(|most| payload.records > most) => {
                Outcome::Split { reason: "413".into() }
            }
            _ if plan.first.is_empty() => plan.then.clone(),
            _ => plan.first.remove(0),
        };
        if matches!(outcome, Outcome::Sent | Outcome::Rejected { .. }) {
            plan.received.extend(numbers(&payload.wire().unwrap()));
        }
        Some(outcome)
    }
}

fn numbers(body: &[u8]) -> impl Iterator<Item = u64> + '_ {
    body.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap()))
}

/// Scripts are found by number, as settings are data.
static SCRIPTS: Mutex<Vec<Script>> = Mutex::new(Vec::new());

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedConfig {
    script: usize,
}

pub struct Scripted(Script);

impl Exporter for Scripted {
    const NAME: &'static str = "scripted";
    type Config = ScriptedConfig;
    type Encoder = Numbers;

    fn build(config: ScriptedConfig, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Scripted(SCRIPTS.lock().unwrap()[config.script].clone()))
    }

    fn encoder(&self) -> Numbers {
        Numbers(Vec::new())
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        match self.0.answer(payload) {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        if payload.records < 2 {
            return None;
        }
        let body = payload.wire().unwrap();
        let middle = (payload.records / 2) as usize * 8;
        let part =
            |bytes: &[u8]| Payload::new(bytes.to_vec(), "", bytes.len() as u64 / 8, bytes.len() as u64);
        Some((part(&body[..middle]), part(&body[middle..])))
    }
}

/// Writes each record's number, eight bytes.
pub struct Numbers(Vec<u8>);

impl Encoder for Numbers {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        for record in &batch.logs {
            let Value::Int(number) = record.body else { panic!("not a number") };
            self.0.extend_from_slice(&(number as u64).to_le_bytes());
            if self.0.len() >= 50 * 8 {
                self.seal(out);
            }
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        if !self.0.is_empty() {
            let body = std::mem::take(&mut self.0);
            let (records, bytes) = (body.len() as u64 / 8, body.len() as u64);
            out.push(Payload::new(body, "", records, bytes));
        }
    }
}

type Fed = (Batch, oneshot::Sender<Result<(), Lost>>);
type Feed = Arc<tokio::sync::Mutex<mpsc::Receiver<Fed>>>;
static FEEDS: Mutex<Vec<Option<Feed>>> = Mutex::new(Vec::new());
static FAILURES: Mutex<Vec<Arc<AtomicU32>>> = Mutex::new(Vec::new());

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FedConfig {
    feed: usize,
    ack: Ack,
}

pub struct FedReceiver(FedConfig);

impl Receiver for FedReceiver {
    const NAME: &'static str = "fed";
    type Config = FedConfig;

    fn build(config: FedConfig, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(FedReceiver(config))
    }

    async fn run(self, out: Outlet, mut stop: Stop) -> Result<(), Fault> {
        let failures = FAILURES.lock().unwrap()[self.0.feed].clone();
        match failures.load(Ordering::SeqCst) {
            0 => {}
            left => {
                failures.store(left - 1, Ordering::SeqCst);
                assert!(left != 2, "a panic on purpose");
                return Err(Fault::new("a fault on purpose"));
            }
        }
        let feed = FEEDS.lock().unwrap()[self.0.feed].clone().unwrap();
        let mut feed = feed.lock().await;
        let out = out.with_ack(self.0.ack);
        loop {
            tokio::select! {
                fed = feed.recv() => {
                    let Some((batch, answer)) = fed else { return Ok(()) };
                    let _ = answer.send(out.send(batch, 100).await);
                }
                () = stop.draining() => return Ok(()),
            }
        }
    }
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Holds every batch for two seconds.
pub struct Hold(Vec<(Instant, Batch)>);

impl Processor for Hold {
    const NAME: &'static str = "hold";
    const INSTANCES: Instances = Instances::One;
    type Config = NoConfig;

    fn build(_: NoConfig, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Hold(Vec::new()))
    }

    fn process(&mut self, batch: Batch, _: &mut Vec<Batch>) {
        self.0.push((Instant::now(), batch));
    }

    fn held(&self) -> u64 {
        self.0.iter().map(|(_, batch)| batch.len() as u64).sum()
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Batch>) {
        while self.0.first().is_some_and(|(since, _)| now - *since > Duration::from_secs(2)) {
            out.push(self.0.remove(0).1);
        }
    }

    fn finish(&mut self, out: &mut Vec<Batch>) {
        out.extend(self.0.drain(..).map(|(_, batch)| batch));
    }
}

/// Sends every batch back to the first step.
pub struct Again;

impl Processor for Again {
    const NAME: &'static str = "again";
    type Config = NoConfig;

    fn build(_: NoConfig, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Again)
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        batch.restart = true;
        out.push(batch);
    }
}

/// Drops the first record of a batch and doubles the others' numbers.
pub struct Double;

impl Processor for Double {
    const NAME: &'static str = "double";
    type Config = NoConfig;

    fn build(_: NoConfig, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Double)
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        batch.logs.remove(0);
        batch.discard(Reason::Filtered, 1);
        for record in &mut batch.logs {
            let Value::Int(number) = record.body else { panic!("not a number") };
            record.body = Value::Int(2 * number);
        }
        out.push(batch);
    }
}

const CATALOG: Catalog = Catalog {
    receivers: &[engine::receiver::<FedReceiver>()],
    processors: &[engine::processor::<Hold>(), engine::processor::<Again>(), engine::processor::<Double>()],
    exporters: &[engine::exporter::<Scripted>()],
};

pub struct Rig {
    pub ledger: Arc<Ledger>,
    running: tokio::sync::Mutex<Option<Running>>,
    scripts: Mutex<Vec<Vec<Script>>>,
    feed: usize,
    sender: mpsc::Sender<Fed>,
}

fn component(id: &str, kind: &str, settings: Setting) -> Component {
    Component { id: id.into(), kind: kind.into(), settings, origin: None }
}

fn plan<const N: usize>(shape: &Shape, scripts: &[Script; N], feed: usize) -> engine::Plan {
    let mut topology = Topology::default();
    let ack = match shape.ack {
        Ack::Delivered => "delivered",
        Ack::Durable => "durable",
        _ => "queued",
    };
    topology.receivers.push(component(
        "in.0",
        "fed",
        Setting::map().with("feed", feed as i64).with("ack", ack),
    ));
    let mut pipeline =
        Pipeline { name: "main".into(), receivers: vec!["in.0".into()], ..Pipeline::default() };
    for (wanted, kind) in [(shape.hold, "hold"), (shape.restart, "again"), (shape.double, "double")] {
        if wanted {
            topology.processors.push(component(kind, kind, Setting::map()));
            pipeline.steps.push(Step { processor: kind.into(), matching: TagMatch::all() });
        }
    }
    for (place, script) in scripts.iter().enumerate() {
        let number = {
            let mut all = SCRIPTS.lock().unwrap();
            all.push(script.clone());
            all.len() - 1
        };
        let id = if place == 0 { shape.name.to_owned() } else { format!("out.{place}") };
        let delivery = Delivery {
            queue_bytes: shape.queue_bytes,
            overflow: shape.overflow,
            retry: shape.retry,
            disk: shape.disk.clone(),
            dead: shape.dead.clone(),
            concurrency: shape.concurrency,
            timeout: shape.timeout,
            ..Delivery::default()
        };
        let settings = Setting::map().with("script", number as i64);
        topology.exporters.push(ExporterSpec { component: component(&id, "scripted", settings), delivery });
        let wildcard = shape.matching.get(place).cloned();
        let matching = TagMatch { wildcard, ..TagMatch::default() };
        pipeline.routes.push(Route { exporter: id.as_str().into(), matching });
    }
    topology.pipelines.push(pipeline);
    let mut report = Diagnostics::new();
    let plan = engine::plan(&topology, &CATALOG, &Surroundings::for_tests(), &mut report);
    plan.unwrap_or_else(|| panic!("{}", report.render(false)))
}

impl Rig {
    pub fn start<const N: usize>(shape: Shape, scripts: [Script; N]) -> Rig {
        let (sender, receiver) = mpsc::channel(1);
        let feed = {
            let mut failures = FAILURES.lock().unwrap();
            let mut feeds = FEEDS.lock().unwrap();
            failures.push(Arc::new(AtomicU32::new(shape.receiver_fails)));
            feeds.push(Some(Arc::new(tokio::sync::Mutex::new(receiver))));
            feeds.len() - 1
        };
        let ledger = Arc::new(Ledger::default());
        let running = Running::start(plan(&shape, &scripts, feed), ledger.clone());
        let running = tokio::sync::Mutex::new(Some(running));
        Rig { ledger, running, scripts: Mutex::new(vec![scripts.to_vec()]), feed, sender }
    }

    pub async fn reload<const N: usize>(&mut self, shape: Shape, scripts: [Script; N]) {
        let plan = plan(&shape, &scripts, self.feed);
        self.scripts.lock().unwrap().push(scripts.to_vec());
        self.running.get_mut().as_mut().unwrap().reload(plan).await;
    }

    /// Sends a batch of `records` numbered from `n * 1000`.
    pub async fn send(&self, tag: &str, n: i64, records: i64) -> Result<(), Lost> {
        let mut batch = Batch::new(tag.into(), Vec::new());
        for record in 0..records {
            batch.logs.push(LogRecord::new(1, Value::Int(n * 1000 + record)));
        }
        self.send_batch(batch).await
    }

    pub async fn send_batch(&self, batch: Batch) -> Result<(), Lost> {
        let (answer, answered) = oneshot::channel();
        self.sender.send((batch, answer)).await.expect("the receiver runs");
        answered.await.expect("the receiver answers")
    }

    /// Numbers a destination took, doubles included, over all configurations.
    pub fn received(&self, place: usize) -> Vec<u64> {
        let scripts = self.scripts.lock().unwrap();
        scripts
            .iter()
            .filter_map(|of| of.get(place))
            .flat_map(|s| s.0.lock().unwrap().received.clone())
            .collect()
    }

    pub fn distinct(&self, place: usize) -> usize {
        self.received(place).into_iter().collect::<HashSet<_>>().len()
    }

    pub async fn set_lifeboat(&self, boat: Arc<dyn engine::Lifeboat>) {
        self.running.lock().await.as_mut().expect("it runs").set_lifeboat(boat);
    }

    /// Sends payloads of an earlier process to `out.0`.
    pub async fn replay(&self, payloads: Vec<Payload>) -> Sending {
        let replayer = self.running.lock().await.as_ref().expect("it runs").replayer();
        replayer.send("out.0", payloads).expect("there is such a destination")
    }

    pub async fn shutdown(&self, budget: Duration) -> Summary {
        let running = self.running.lock().await.take().expect("it runs");
        running.shutdown(budget).await
    }
}
