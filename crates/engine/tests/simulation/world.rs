//! What the simulated engine talks to: a receiver that is fed, and destinations with moods.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{
    BuildContext, Catalog, ConfigError, Encoder, Exporter, Fault, Instances, Lost, Outcome, Outlet, Payload,
    Processor, Receiver, Sealed, Stop,
};
use model::{Batch, Value};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Bytes of one record on the wire, and records of the largest payload.
const RECORD: usize = 8;
const PAYLOAD: usize = 50;

/// Splitmix64.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    pub fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }

    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.within(from, to))
    }
}

#[derive(Debug, Clone, Copy)]
enum Mood {
    Good,
    Down,
    Throttling,
    Hanging,
    /// Takes no more than so many records at once.
    Small(u64),
    Picky,
    /// The exporter panics now and then.
    Broken,
}

/// A destination: what it took, and how it answers.
#[derive(Debug)]
pub struct Sink {
    dice: Dice,
    mood: Mood,
    until: Option<Instant>,
    /// From here on it takes everything.
    pub healthy: Option<Instant>,
    /// How often each number was taken.
    pub taken: HashMap<u64, u32>,
    pub rejected: HashSet<u64>,
    /// Numbers that came together with more than it takes at once.
    pub split: HashSet<u64>,
}

pub type Shared = Arc<Mutex<Sink>>;

impl Sink {
    pub fn new(seed: u64) -> Shared {
        let (mood, until, healthy) = (Mood::Good, None, None);
        let (taken, rejected, split) = Default::default();
        Arc::new(Mutex::new(Sink { dice: Dice(seed), mood, until, healthy, taken, rejected, split }))
    }

    /// A new life begins: moments of the last one mean nothing.
    pub fn reborn(&mut self, healthy_after: Duration) {
        self.until = None;
        self.healthy = Some(Instant::now() + healthy_after);
    }

    fn change_mood(&mut self) {
        let now = Instant::now();
        if self.until.is_none_or(|until| until <= now) {
            let moods = [
                Mood::Good,
                Mood::Down,
                Mood::Throttling,
                Mood::Hanging,
                Mood::Small(0),
                Mood::Picky,
                Mood::Broken,
            ];
            self.mood = self.dice.one_of(&moods);
            if let Mood::Small(most) = &mut self.mood {
                *most = self.dice.within(0, 40);
            }
            self.until = Some(now + self.dice.millis(100, 20_000));
        }
        if self.healthy.is_some_and(|healthy| healthy <= now) {
            self.mood = Mood::Good;
        }
    }

    fn answer(&mut self, payload: &Payload) -> Answer {
        self.change_mood();
        let outcome = match self.mood {
            Mood::Hanging => return Answer::Never,
            Mood::Broken if self.dice.percent(50) => return Answer::Panic,
            Mood::Down => Outcome::retry("503"),
            Mood::Throttling => {
                Outcome::Retry { after: Some(self.dice.millis(1, 60_000)), reason: "429".into() }
            }
            Mood::Small(most) if payload.records > most => Outcome::Split { reason: "413".into() },
            Mood::Picky => {
                Outcome::Rejected { records: self.dice.within(1, payload.records), reason: "400".into() }
            }
            Mood::Good | Mood::Small(_) | Mood::Broken => Outcome::Sent,
        };
        let body = payload.wire().expect("a payload can be unpacked");
        let numbers =
            body.chunks_exact(RECORD).map(|chunk| u64::from_le_bytes(chunk.try_into().expect("eight bytes")));
        let refused = match &outcome {
            Outcome::Sent => 0,
            Outcome::Rejected { records, .. } => *records,
            Outcome::Split { .. } => {
                self.split.extend(numbers);
                return Answer::With(outcome);
            }
            _ => return Answer::With(outcome),
        };
        for (place, number) in numbers.enumerate() {
            if (place as u64) < payload.records - refused {
                *self.taken.entry(number).or_default() += 1;
            } else {
                self.rejected.insert(number);
            }
        }
        Answer::With(outcome)
    }
}

enum Answer {
    With(Outcome),
    Never,
    Panic,
}

/// Sinks and feeds are found by number, as settings are data.
static SINKS: Mutex<Vec<Shared>> = Mutex::new(Vec::new());
static FEEDS: Mutex<Vec<Feed>> = Mutex::new(Vec::new());

pub type Fed = (Batch, oneshot::Sender<Result<(), Lost>>);
type Feed = Arc<tokio::sync::Mutex<mpsc::Receiver<Fed>>>;

pub fn register(sink: &Shared) -> usize {
    let mut all = SINKS.lock().unwrap();
    all.push(sink.clone());
    all.len() - 1
}

pub fn feed() -> (usize, mpsc::Sender<Fed>) {
    let (sender, receiver) = mpsc::channel(1);
    let mut all = FEEDS.lock().unwrap();
    all.push(Arc::new(tokio::sync::Mutex::new(receiver)));
    (all.len() - 1, sender)
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    sink: usize,
}

pub struct Simulated(Shared);

impl Exporter for Simulated {
    const NAME: &'static str = "simulated";
    type Config = SinkConfig;
    type Encoder = Numbers;

    fn build(config: SinkConfig, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Simulated(SINKS.lock().unwrap()[config.sink].clone()))
    }

    fn encoder(&self) -> Numbers {
        Numbers(Vec::new())
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let wait = self.0.lock().unwrap().dice.millis(0, 300);
        tokio::time::sleep(wait).await;
        let answer = self.0.lock().unwrap().answer(payload);
        match answer {
            Answer::With(outcome) => outcome,
            Answer::Never => std::future::pending().await,
            Answer::Panic => panic!("on purpose"),
        }
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        if payload.records < 2 {
            return None;
        }
        let body = payload.wire().ok()?;
        let part = |bytes: &[u8]| {
            Payload::new(bytes.to_vec(), "", (bytes.len() / RECORD) as u64, bytes.len() as u64)
        };
        let (front, back) = body.split_at((payload.records / 2) as usize * RECORD);
        Some((part(front), part(back)))
    }
}

pub struct Numbers(Vec<u8>);

impl Encoder for Numbers {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        for record in &batch.logs {
            let Value::Int(number) = record.body else { panic!("not a number") };
            self.0.extend_from_slice(&(number as u64).to_le_bytes());
            if self.0.len() >= PAYLOAD * RECORD {
                self.seal(out);
            }
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        if !self.0.is_empty() {
            let body = std::mem::take(&mut self.0);
            let (records, bytes) = ((body.len() / RECORD) as u64, body.len() as u64);
            out.push(Payload::new(body, "", records, bytes));
        }
    }
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FedConfig {
    feed: usize,
    ack: engine::Ack,
}

pub struct FedReceiver(FedConfig);

impl Receiver for FedReceiver {
    const NAME: &'static str = "fed";
    type Config = FedConfig;

    fn build(config: FedConfig, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(FedReceiver(config))
    }

    async fn run(self, out: Outlet, mut stop: Stop) -> Result<(), Fault> {
        let feed = FEEDS.lock().unwrap()[self.0.feed].clone();
        let mut feed = feed.lock().await;
        let out = out.with_ack(self.0.ack);
        loop {
            tokio::select! {
                fed = feed.recv() => {
                    let Some((batch, answer)) = fed else { return Ok(()) };
                    // Whoever sent it may have given up waiting.
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

/// Keeps every batch for two seconds.
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

pub const CATALOG: Catalog = Catalog {
    receivers: &[engine::receiver::<FedReceiver>()],
    processors: &[engine::processor::<Hold>()],
    exporters: &[engine::exporter::<Simulated>()],
};
