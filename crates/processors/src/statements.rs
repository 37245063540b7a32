//! What `transform` and `filter` share: rows of a batch as OTTL sees them, contexts, and what becomes of errors.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use config::topology::ComponentId;
use engine::BuildContext;
use engine::clock::now_nanos;
use model::{Arena, Batch, List, Resource, Scope, Signal};
use ottl::{Context, Fault, Row, RunError, Target};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use tokio::time::Instant;
use tracing::warn;

/// What happens when a statement or condition fails on a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErrorMode {
    /// Says so in the log, and goes on with the next statement. A condition that fails does not hold.
    #[default]
    Ignore,
    /// As `ignore`, without the log line.
    Silent,
    /// Drops the batch, and tells the sender that it was not delivered.
    Propagate,
}

/// A statement or condition alone, or a group of them with settings of its own.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Entry<G> {
    One(String),
    Group(G),
}

impl<'de, G: Deserialize<'de>> Deserialize<'de> for Entry<G> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<G>(PhantomData<G>);
        impl<'de, G: Deserialize<'de>> Visitor<'de> for Either<G> {
            type Value = Entry<G>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in OTTL, or a group of such texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Entry<G>, E> {
                Ok(Entry::One(text.to_owned()))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Entry<G>, M::Error> {
                G::deserialize(MapAccessDeserializer::new(map)).map(Entry::Group)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// The contexts whose paths a signal's statements may use.
pub fn contexts(signal: Signal) -> &'static [Context] {
    match signal {
        Signal::Logs => &[Context::Resource, Context::Scope, Context::Log],
        Signal::Traces => &[Context::Resource, Context::Scope, Context::Span, Context::SpanEvent],
        Signal::Metrics => &[Context::Resource, Context::Scope, Context::Metric, Context::DataPoint],
    }
}

/// The context of that name, or a refusal.
pub fn context_named(name: &str, signal: Signal, key: &str, cx: &mut BuildContext<'_>) -> Option<Context> {
    let allowed = contexts(signal);
    let context = Context::named(name).filter(|context| allowed.contains(context));
    if context.is_none() {
        let names: Vec<&str> = allowed.iter().map(|context| context.name()).collect();
        let message = format!("{key}: `{name}` is no context of this signal");
        let _ = cx.refuse(key, message, format!("choose one of {}", names.join(", ")));
    }
    context
}

/// Refuses the settings because of one text among them.
pub fn refuse(cx: &mut BuildContext<'_>, key: &str, text: &str, fault: &Fault) {
    let message = format!("{key}: unable to parse OTTL statement \"{text}\": {fault}");
    let help = fault.help.clone().unwrap_or_else(|| "see the functions and paths of OTTL".to_owned());
    let _ = cx.refuse(key, message, help);
}

/// The list is left at the first failure whose mode is `propagate`.
pub struct Abort;

/// Counts the failures of one statement and says so now and then.
#[derive(Default)]
pub struct Failures {
    said: Option<Instant>,
    /// Since the last line.
    unsaid: u64,
}

/// Between two log lines about the same statement.
const QUIET: Duration = Duration::from_secs(10);

impl Failures {
    /// Notes a failure as the mode wants it.
    #[cold]
    pub fn note(
        &mut self,
        mode: ErrorMode,
        component: &ComponentId,
        text: &str,
        error: &RunError,
    ) -> Result<(), Abort> {
        self.unsaid += 1;
        if mode == ErrorMode::Silent {
            return Ok(());
        }
        if self.said.is_none_or(|said| said.elapsed() >= QUIET) {
            warn!(component = %component, statement = text, failures = self.unsaid, %error, "an OTTL statement failed");
            self.said = Some(Instant::now());
            self.unsaid = 0;
        }
        if mode == ErrorMode::Propagate { Err(Abort) } else { Ok(()) }
    }
}

/// What rows lie in, apart from the rows, so that both can be borrowed.
pub struct Ground<'a> {
    pub arena: &'a mut Arena,
    pub resources: &'a mut Vec<Resource>,
    pub scopes: &'a mut Vec<Scope>,
}

impl Ground<'_> {
    /// Runs over one row, with a cache of its own.
    pub fn on<T>(&mut self, row: Row<'_>, act: impl FnOnce(&mut Target<'_>) -> T) -> T {
        let mut cache = List::EMPTY;
        act(&mut Target {
            arena: self.arena,
            resources: self.resources,
            scopes: self.scopes,
            row,
            cache: &mut cache,
            clock: now_nanos,
        })
    }
}

/// Calls `act` for each row of a context. Metrics that are made on the way go behind the others and get their
/// turn, but what is made from those does not, so that it ends.
pub fn each_row(
    batch: &mut Batch,
    context: Context,
    mut act: impl FnMut(&mut Target<'_>) -> Result<(), Abort>,
) -> Result<(), Abort> {
    let Batch { arena, resources, scopes, logs, spans, metrics, .. } = batch;
    let mut ground = Ground { arena, resources, scopes };
    match context {
        Context::Resource => {
            // Where the protocol knows no resources, the records share one that is not there yet.
            for place in 0..ground.resources.len().max(1) {
                ground.on(Row::Resource(place as u32), &mut act)?;
            }
        }
        Context::Scope => {
            for place in 0..ground.scopes.len().max(1) {
                ground.on(Row::Scope(place as u32), &mut act)?;
            }
        }
        Context::Log => {
            for record in logs {
                ground.on(Row::Log(record), &mut act)?;
            }
        }
        Context::Span => {
            for span in spans {
                ground.on(Row::Span(span), &mut act)?;
            }
        }
        Context::SpanEvent => {
            for span in spans {
                for place in 0..span.events.len() {
                    ground.on(Row::SpanEvent(span, place), &mut act)?;
                }
            }
        }
        Context::Metric | Context::DataPoint => {
            let mut made = Vec::new();
            let mut run = |metric: &mut model::Metric, made: &mut Vec<model::Metric>| {
                if context == Context::Metric {
                    return ground.on(Row::Metric(metric, made), &mut act);
                }
                for place in 0..metric.points.len() {
                    ground.on(Row::DataPoint(metric, place, made), &mut act)?;
                }
                Ok(())
            };
            let mut outcome = metrics.iter_mut().try_for_each(|metric| run(metric, &mut made));
            let mut last = Vec::new();
            if outcome.is_ok() {
                outcome = made.iter_mut().try_for_each(|metric| run(metric, &mut last));
            }
            metrics.append(&mut made);
            metrics.append(&mut last);
            outcome?;
        }
    }
    Ok(())
}

/// Empties a batch whose statements failed in the mode `propagate`.
pub fn abandon(batch: &mut Batch) {
    let records = batch.len() as u64;
    batch.logs.clear();
    batch.spans.clear();
    batch.metrics.clear();
    batch.token.lose();
    batch.discard(model::Reason::Malformed, records);
}
