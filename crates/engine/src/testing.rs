//! What component tests need: build one component from settings, and see what comes out of it.
//!
//! Compiled into the crate so that other crates' tests can use it; nothing here runs in production.

use std::sync::{Arc, Mutex, PoisonError};

use config::topology::TagMatch;
use config::{Diagnostics, Setting};
use model::{Batch, Reason};
use tokio::sync::{Notify, watch};

use crate::catalog::AnyProcessor;
use crate::component::{BuildContext, ConfigError, Exporter, Instances, Processor, Receiver, Surroundings};
use crate::ledger::{Ledger, Snapshot};
use crate::outlet::{Outlet, Phase, Stop};
use crate::pipeline::{Pipeline, Step};
use crate::slots::Slots;

impl Surroundings {
    /// No variables, no task, one worker, 32 MiB.
    pub fn for_tests() -> Self {
        Surroundings {
            environment: net::Environment::default(),
            sockets: net::Prebound::default(),
            task: None,
            workers: 1,
            memory_budget: 32 << 20,
        }
    }
}

/// Builds a receiver; the error is what a user would read.
pub fn receiver<R: Receiver>(settings: Setting) -> Result<R, String> {
    build(&settings, &Surroundings::for_tests(), R::build)
}

/// Builds a processor.
pub fn processor<P: Processor>(settings: Setting) -> Result<P, String> {
    build(&settings, &Surroundings::for_tests(), P::build)
}

/// Builds an exporter.
pub fn exporter<E: Exporter>(settings: Setting, surroundings: &Surroundings) -> Result<E, String> {
    build(&settings, surroundings, E::build)
}

fn build<C: serde::de::DeserializeOwned, T>(
    settings: &Setting,
    surroundings: &Surroundings,
    build: impl FnOnce(C, &mut BuildContext<'_>) -> Result<T, ConfigError>,
) -> Result<T, String> {
    let mut report = Diagnostics::new();
    let config = config::decode(settings, "`test`", &mut report);
    let id = "test".into();
    let mut cx = BuildContext { id: &id, surroundings, settings, report: &mut report };
    let built = config.and_then(|config| build(config, &mut cx).ok());
    built.ok_or_else(|| report.render(false))
}

/// Runs one batch through a processor and returns what came out, with the discards of all of it.
pub fn process<P: Processor>(processor: &mut P, batch: Batch) -> (Vec<Batch>, Vec<(Reason, u64)>) {
    let before = batch.len() as u64 + processor.held();
    let mut out = Vec::new();
    processor.process(batch, &mut out);
    let discarded: Vec<_> = out.iter_mut().flat_map(Batch::take_discarded).collect();
    let after: usize = out.iter().map(Batch::len).sum();
    let gone: u64 = discarded.iter().map(|(_, n)| n).sum();
    assert!(after as u64 + gone + processor.held() >= before, "a record left without a reason");
    out.retain(|batch| !batch.is_empty());
    (out, discarded)
}

/// Catches everything a receiver sends.
#[derive(Clone, Default)]
pub struct Catch {
    batches: Arc<Mutex<Vec<Batch>>>,
    arrived: Arc<Notify>,
    ledger: Arc<Ledger>,
}

struct Net(Catch);

impl Processor for Net {
    const NAME: &'static str = "catch";
    const INSTANCES: Instances = Instances::One;
    type Config = ();

    fn build((): (), _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        unreachable!("bug: a test's net is made by hand")
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        self.0.batches.lock().unwrap_or_else(PoisonError::into_inner).push(batch.clone());
        let records = batch.len() as u64;
        (batch.logs, batch.spans, batch.metrics) = Default::default();
        batch.discard(Reason::Filtered, records);
        out.push(batch);
        self.0.arrived.notify_one();
    }
}

impl Catch {
    /// An outlet whose batches are caught.
    pub fn outlet(&self) -> Outlet {
        let processor: Box<dyn AnyProcessor> = Box::new(Net(self.clone()));
        let step = Step::new("catch".into(), TagMatch::all(), Slots::new(vec![processor]));
        let pipeline = Pipeline::new(None, vec![step], Vec::new(), self.ledger.clone(), Arc::default());
        let (_, pipelines) = watch::channel(Arc::from([Arc::new(pipeline)]));
        Outlet::new("test".into(), self.ledger.clone(), pipelines)
    }

    /// Takes what was caught so far.
    pub fn take(&self) -> Vec<Batch> {
        std::mem::take(&mut self.batches.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until `records` were caught since the last call, and takes them.
    pub async fn records(&self, records: usize) -> Vec<Batch> {
        let mut caught = Vec::new();
        loop {
            let arrived = self.arrived.notified();
            caught.extend(self.take());
            if caught.iter().map(Batch::len).sum::<usize>() >= records {
                return caught;
            }
            arrived.await;
        }
    }

    pub fn ledger(&self) -> Snapshot {
        self.ledger.snapshot()
    }
}

/// A stop word under the test's control.
pub fn stop() -> (watch::Sender<Phase>, Stop) {
    Stop::channel()
}

/// The records' bodies as JSON, one a line, with their tag in front: what most tests compare.
pub fn json_lines(batches: &[Batch]) -> String {
    let mut out = Vec::new();
    for batch in batches {
        for record in &batch.logs {
            out.extend_from_slice(batch.tag.as_bytes());
            out.push(b' ');
            model::json::write_value(&batch.arena, record.body, &mut out);
            out.push(b'\n');
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A batch of JSON lines, each the body of one record; times count up from 1 s in steps of 1 ms.
pub fn batch(tag: &str, lines: &[&str]) -> Batch {
    let mut input = Vec::new();
    let mut places = Vec::new();
    for line in lines {
        let start = input.len();
        input.extend_from_slice(line.as_bytes());
        places.push((start, input.len()));
    }
    let mut batch = Batch::new(tag.into(), input);
    for (place, (start, end)) in places.into_iter().enumerate() {
        let list = batch.arena.parse_object(model::Span::input(start, end)).expect("a JSON object");
        // Received text is text: only nested values stay raw.
        let ids: Vec<_> = batch.arena.iter(list).map(|(id, node)| (id, node.value)).collect();
        for (id, value) in ids {
            let expanded = match batch.arena.text(value) {
                Some(_) => batch.arena.expand(value),
                None => value,
            };
            batch.arena.set_value(id, expanded);
        }
        let time = 1_000_000_000 + place as u64 * 1_000_000;
        batch.logs.push(model::LogRecord::new(time, model::Value::Map(list)));
    }
    batch
}
