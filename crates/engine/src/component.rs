//! The contracts of a component: what it implements, and what it is given when it is built.

use std::future::Future;
use std::sync::Arc;

use config::topology::ComponentId;
use config::{Diagnostic, Diagnostics, Setting};
use model::{Batch, Signal};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::outlet::{Outlet, Stop};
use crate::payload::{Outcome, Payload, Sealed};

/// Brings records in.
pub trait Receiver: Sized + Send + 'static {
    /// The name on the component list, `lower_snake_case`.
    const NAME: &'static str;
    type Config: DeserializeOwned + JsonSchema + Send;

    /// Checks what the settings alone can tell. Opens nothing, so `outrigger validate` can call it.
    fn build(config: Self::Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError>;

    /// Runs on a task of its own until [`Stop`] says so, then returns once nothing more can come in.
    ///
    /// `out.send` returns once the batch has reached the chosen delivery level; only then answer the client.
    /// Returning early with a fault makes the engine report it and run the receiver's successor after a wait.
    fn run(self, out: Outlet, stop: Stop) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// How many instances of a processor the engine makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// One a worker thread: nothing is remembered from batch to batch, so work grows with cores.
    PerWorker,
    /// One in all: it remembers, as a rate limit or a joiner of lines does.
    One,
}

/// Changes records on their way.
pub trait Processor: Sized + Send + 'static {
    const NAME: &'static str;
    const INSTANCES: Instances = Instances::PerWorker;
    type Config: DeserializeOwned + JsonSchema + Send;

    /// As [`Receiver::build`]; called once for each instance.
    fn build(config: Self::Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError>;

    /// Runs inline on the receiver's task and never waits. A record leaves through `out`, by `Batch::discard`
    /// or `Batch::retain` with a reason, or is counted by `held`; otherwise the ledger does not balance and
    /// tests fail. Also pass on a batch that has become empty: it carries what was discarded.
    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>);

    /// Records kept back for later batches.
    fn held(&self) -> u64 {
        0
    }

    /// Called every 200 ms while `held` is above zero.
    fn tick(&mut self, _now: Instant, _out: &mut Vec<Batch>) {}

    /// Called once at the end: passes on everything that is held.
    fn finish(&mut self, _out: &mut Vec<Batch>) {}
}

/// Turns records into sealed payloads in the destination's wire form. Owned by one task at a time.
pub trait Encoder: Send + 'static {
    /// Writes every record of the batch. Payloads that reach the destination's limits go to `out`; what is
    /// open stays for the next batch. Each record ends in a payload or in `out.discard`.
    fn encode(&mut self, batch: &Batch, out: &mut Sealed);

    /// Seals what is open.
    fn seal(&mut self, out: &mut Sealed);
}

/// Log records, spans and data points.
pub const ALL_SIGNALS: &[Signal] = &[Signal::Logs, Signal::Metrics, Signal::Traces];

/// Sends records out.
pub trait Exporter: Sized + Send + Sync + 'static {
    const NAME: &'static str;
    type Config: DeserializeOwned + JsonSchema + Send;
    type Encoder: Encoder;
    /// What the encoder is given; the rest is dropped and counted.
    const SIGNALS: &'static [Signal] = &[Signal::Logs];
    /// The encoder also takes OTLP requests that nobody has read ([`Batch::unread`]), of the same signals.
    const TAKES_UNREAD: bool = false;

    /// As [`Receiver::build`].
    fn build(config: Self::Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError>;

    fn encoder(&self) -> Self::Encoder;

    /// Tries once to send one payload. Queues, retry, time limits and drain are the engine's.
    fn send(&self, payload: &Payload) -> impl Future<Output = Outcome> + Send;

    /// Two payloads that hold this one's records, after [`Outcome::Split`]; `None` when it cannot be halved,
    /// and the payload is dropped as too large.
    fn split(&self, _payload: &Payload) -> Option<(Payload, Payload)> {
        None
    }

    /// The request a payload becomes, as a person reads it, without secrets: for `outrigger explain`.
    fn show(&self, payload: &Payload) -> String {
        String::from_utf8_lossy(&payload.wire().unwrap_or_default()).into_owned()
    }
}

/// What the process offers every component: one value, cheap to clone.
#[derive(Clone)]
pub struct Surroundings {
    pub environment: net::Environment,
    /// Sockets that were bound before the configuration was read.
    pub sockets: net::Prebound,
    /// The ECS task this process runs in, when it does.
    pub task: Option<Arc<net::ecs::Task>>,
    /// Instances of a [`Instances::PerWorker`] processor and of each encoder.
    pub workers: usize,
    /// Bytes that all queues together may hold in memory.
    pub memory_budget: u64,
}

/// What a component is given when it is built, and where it reports what is wrong with its settings.
pub struct BuildContext<'a> {
    pub id: &'a ComponentId,
    pub surroundings: &'a Surroundings,
    pub(crate) settings: &'a Setting,
    pub(crate) report: &'a mut Diagnostics,
}

/// Marks that the settings were refused; the reason is with the [`BuildContext`].
#[derive(Debug)]
#[must_use]
pub struct ConfigError(());

impl BuildContext<'_> {
    /// Refuses the settings because of the value of `key`. Call it several times to report several faults.
    pub fn refuse(&mut self, key: &str, message: impl Into<String>, help: impl Into<String>) -> ConfigError {
        let diagnostic = self.located(Diagnostic::error(format!("{}: {}", self.id, message.into())), key);
        self.report.push(diagnostic.help(help));
        ConfigError(())
    }

    /// Says something about the value of `key` that a person should know but that stops nothing.
    pub fn warn(&mut self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        let diagnostic = self.located(Diagnostic::warning(format!("{}: {}", self.id, message.into())), key);
        self.report.push(diagnostic.help(help));
    }

    /// The settings as they were written, for a component whose parts are of several kinds. [`BuildContext::read`]
    /// reads a part, [`BuildContext::refuse_part`] says at its place what is wrong with it.
    pub fn written(&self) -> Setting {
        self.settings.clone()
    }

    /// Reads one part. Faults are reported where they are written; `called` names the part in them.
    pub fn read<T: DeserializeOwned>(&mut self, part: &Setting, called: &str) -> Result<T, ConfigError> {
        config::decode(part, &format!("{}: {called}", self.id), self.report).ok_or(ConfigError(()))
    }

    /// As [`BuildContext::refuse`], at the place of one part.
    pub fn refuse_part(
        &mut self,
        part: &Setting,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> ConfigError {
        let diagnostic = Diagnostic::error(format!("{}: {}", self.id, message.into()));
        self.report.push(diagnostic.at(part.origin.or(self.settings.origin)).help(help));
        ConfigError(())
    }

    fn located(&self, diagnostic: Diagnostic, key: &str) -> Diagnostic {
        let origin = self.settings.get(key).and_then(|setting| setting.origin).or(self.settings.origin);
        diagnostic.at(origin)
    }
}

/// Why a receiver ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    pub what: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Fault {
    pub fn new(what: impl Into<String>) -> Self {
        Fault { what: what.into(), source: None }
    }

    pub fn from(what: impl Into<String>, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Fault { what: what.into(), source: Some(Box::new(source)) }
    }
}
