//! Runs the operators of the Collector's `file_log` receiver: a list of small steps on each line.
//!
//! ```yaml
//! operators:
//!   operators:
//!     - {type: container}
//!     - type: json_parser
//!       if: body matches "^[{]"
//!       timestamp: {parse_from: attributes.time, layout: '%Y-%m-%dT%H:%M:%S.%f%j'}
//!       severity: {parse_from: attributes.level, mapping: {error: 5xx}}
//!     - {type: remove, field: attributes.time, on_error: send_quiet}
//! ```
//!
//! | operator | what it does |
//! |---|---|
//! | `container` | reads a line of Docker, containerd or CRI-O, joins what they cut, tells the pod from the file's path |
//! | `json_parser`, `regex_parser`, `key_value_parser`, `csv_parser` | text into fields, with `timestamp`, `severity` and `trace` |
//! | `time_parser`, `severity_parser`, `trace_parser` | a field into the record's time, severity, trace and span |
//! | `recombine` | one record of several lines |
//! | `add`, `copy`, `move`, `remove`, `retain`, `flatten` | fields: `body`, `attributes.a`, `attributes["a.b"]`, `resource.c` |
//! | `filter`, `router`, `noop` | drops, or goes on at another operator |
//!
//! Each takes `id`, `output` (an operator further down), `on_error` (`send`, `drop`, `send_quiet`, `drop_quiet`) and
//! `if`. Expressions know fields, text, numbers, `true`, `false`, `nil`, lists, `==` and its kin, `matches`,
//! `contains`, `startsWith`, `endsWith`, `in`, `+`, `and`, `or`, `not`; a field that is not there is `nil`.
//!
//! A record that is held for its next line is let go after a while; nothing is dropped that nobody asked to drop.

mod build;
mod change;
mod container;
mod entry;
mod expression;
mod failures;
mod field;
mod group;
mod parse;
mod recombine;
mod route;
mod severity;
#[cfg(test)]
mod tests;
mod time;
mod trace;

use engine::{BuildContext, ConfigError, Instances, Processor};
use model::{Batch, Reason, Token};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use entry::Entry;
use expression::Expression;
use failures::{Failures, OnError};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is done to each record, in this order.
    #[serde(rename = "operators")]
    _operators: Vec<Written>,
}

/// An operator. Which keys it may have depends on its `type`, so it is read when the processor is built.
#[derive(Deserialize)]
struct Written(#[allow(dead_code)] IgnoredAny);

impl JsonSchema for Written {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Operator".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// One kind of operator.
trait Operator: Send {
    /// Changes the record. An error is reported, and the record goes on or is dropped as the user wrote.
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String>;

    /// Operators it may send records to, beside the next: the id, and where its place is put.
    fn targets(&mut self) -> Vec<(&str, &mut usize)> {
        Vec::new()
    }

    /// Records kept back.
    fn held(&self) -> usize {
        0
    }

    /// Lets go of what has waited long enough, or of everything. Each batch holds one record.
    fn release(&mut self, _late: Option<Instant>) -> Vec<Batch> {
        Vec::new()
    }
}

/// What becomes of a record after an operator.
enum Flow {
    /// It goes on.
    On,
    /// It goes on at this place.
    To(usize),
    Gone(Reason),
    /// It is held, or was added to one that is. These records go on in its place.
    Held(Vec<Batch>),
}

/// An operator in its place.
struct Step {
    id: String,
    condition: Option<Expression>,
    on_error: OnError,
    failures: Failures,
    /// Past the last: the record is done.
    next: usize,
    operator: Box<dyn Operator>,
}

pub struct Operators {
    steps: Vec<Step>,
}

impl Processor for Operators {
    const NAME: &'static str = "operators";
    const INSTANCES: Instances = Instances::One;
    type Config = Config;

    fn build(_: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Operators { steps: build::steps(cx)? })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let records = std::mem::take(&mut batch.logs);
        let mut walk = Walk { done: Vec::with_capacity(records.len()), tokens: Vec::new() };
        for record in records {
            walk.run(&mut self.steps, &mut batch, Entry::new(record), 0);
        }
        walk.finish(&mut batch);
        out.push(batch);
    }

    fn held(&self) -> u64 {
        self.steps.iter().map(|step| step.operator.held() as u64).sum()
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Batch>) {
        self.release(Some(now), out);
    }

    fn finish(&mut self, out: &mut Vec<Batch>) {
        self.release(None, out);
    }
}

impl Operators {
    /// Outputs lead further down only, so what one operator lets go of is let go of by a later one at last.
    fn release(&mut self, late: Option<Instant>, out: &mut Vec<Batch>) {
        for place in 0..self.steps.len() {
            let next = self.steps[place].next;
            for mut batch in self.steps[place].operator.release(late) {
                let mut walk = Walk { done: Vec::new(), tokens: Vec::new() };
                if let Some(entry) = Entry::of(&mut batch) {
                    walk.run(&mut self.steps, &mut batch, entry, next);
                }
                walk.finish(&mut batch);
                out.push(batch);
            }
        }
    }
}

/// The way of one batch's records.
struct Walk {
    done: Vec<Entry>,
    /// Of records that came in earlier batches.
    tokens: Vec<Token>,
}

impl Walk {
    fn run(&mut self, steps: &mut [Step], batch: &mut Batch, entry: Entry, from: usize) {
        let mut waiting = vec![(entry, from)];
        while let Some((mut entry, mut place)) = waiting.pop() {
            loop {
                let Some(step) = steps.get_mut(place) else {
                    self.done.push(entry);
                    break;
                };
                match step.apply(batch, &mut entry) {
                    Flow::On => place = step.next,
                    Flow::To(other) => place = other,
                    Flow::Gone(reason) => {
                        batch.discard(reason, 1);
                        break;
                    }
                    Flow::Held(released) => {
                        // The first of them is taken from the end first.
                        for own in released.into_iter().rev() {
                            self.tokens.push(own.token.clone());
                            waiting.extend(Entry::imported(batch, own).map(|entry| (entry, step.next)));
                        }
                        break;
                    }
                }
            }
        }
    }

    fn finish(self, batch: &mut Batch) {
        entry::put_back(batch, self.done);
        let tokens: Vec<Token> = self.tokens.into_iter().filter(Token::is_awaited).collect();
        if !tokens.is_empty() {
            batch.token = Token::join(std::iter::once(batch.token.clone()).chain(tokens));
        }
    }
}

impl Step {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Flow {
        if let Some(condition) = &self.condition
            && !condition.holds(batch, entry)
        {
            return Flow::On;
        }
        self.operator.apply(batch, entry).unwrap_or_else(|why| {
            self.failures.note(&self.id, self.on_error, &why);
            if self.on_error.drops() { Flow::Gone(Reason::Malformed) } else { Flow::On }
        })
    }
}
