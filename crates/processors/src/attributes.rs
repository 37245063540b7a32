//! Changes the attributes of log records, spans and data points.
//!
//! ```yaml
//! attributes:
//!   actions:
//!     - {key: environment, action: upsert, value: production}
//!     - {key: user.email, action: hash}
//!     - {key: http.request.header.authorization, action: delete}
//! ```
//!
//! Actions happen in their order. The keys of an action are those of the Collector's processor of this name. With
//! `only`, such as `{log: 'log.severity_number >= SEVERITY_NUMBER_ERROR'}`, they happen to rows for which a condition
//! of OTTL holds.

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, List, Signal};
use ottl::{Condition, Context};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::actions::{self, Action, Step};
use crate::statements::each_row;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What to do.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// Which rows they happen to: all, where no condition is written for the signal.
    #[serde(default)]
    pub only: Only,
}

/// A condition of OTTL for each kind of row.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Only {
    pub log: Option<String>,
    pub span: Option<String>,
    pub datapoint: Option<String>,
}

pub struct Attributes {
    steps: Vec<Step>,
    only: Vec<(Signal, Context, Condition)>,
}

impl Processor for Attributes {
    const NAME: &'static str = "attributes";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let mut only = Vec::new();
        for (signal, context, text) in [
            (Signal::Logs, Context::Log, &config.only.log),
            (Signal::Traces, Context::Span, &config.only.span),
            (Signal::Metrics, Context::DataPoint, &config.only.datapoint),
        ] {
            let Some(text) = text else { continue };
            match Condition::compile(text, context) {
                Ok(condition) => only.push((signal, context, condition)),
                Err(fault) => {
                    return Err(cx.refuse("only", format!("`{text}`: {fault}"), "mend the condition"));
                }
            }
        }
        Ok(Attributes { steps: actions::compile(config.actions, "actions", cx)?, only })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let chosen = self.chosen(&mut batch);
        let mut place = 0;
        each(&mut batch, |arena, list| {
            if chosen.as_ref().is_none_or(|chosen| chosen.get(place).copied().unwrap_or_default()) {
                self.steps.iter().for_each(|step| step.apply(arena, list));
            }
            place += 1;
        });
        out.push(batch);
    }
}

impl Attributes {
    /// Of each row, whether the condition holds; a condition that fails does not. `None` chooses all.
    fn chosen(&mut self, batch: &mut Batch) -> Option<Vec<bool>> {
        let signal = batch.signal();
        let (_, context, condition) = self.only.iter_mut().find(|(of, ..)| *of == signal)?;
        let mut chosen = Vec::with_capacity(batch.len());
        let _ = each_row(batch, *context, |row| {
            chosen.push(condition.holds(row).unwrap_or(false));
            Ok(())
        });
        Some(chosen)
    }
}

/// Every list of attributes of rows, in the order in which conditions are asked.
fn each(batch: &mut Batch, mut change: impl FnMut(&mut Arena, &mut List)) {
    let Batch { arena, logs, spans, metrics, .. } = batch;
    logs.iter_mut().for_each(|record| change(arena, &mut record.attributes));
    spans.iter_mut().for_each(|span| change(arena, &mut span.attributes));
    let points = metrics.iter_mut().flat_map(|metric| &mut metric.points);
    points.for_each(|point| change(arena, &mut point.attributes));
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, process, processor};
    use model::{Value, json};

    use super::*;
    use crate::testing::settings;

    fn changed(actions: &str, before: &[(&str, &str)]) -> String {
        changed_only("{}", actions, before)
    }

    fn changed_only(only: &str, actions: &str, before: &[(&str, &str)]) -> String {
        let settings = settings(&format!(r#"{{"actions": [{actions}], "only": {only}}}"#));
        let mut processor = processor::<Attributes>(settings).unwrap();
        let mut batch = batch("t", &["{}"]);
        for (key, value) in before {
            let (key, value) = (batch.arena.store(key.as_bytes()), batch.arena.store(value.as_bytes()));
            let mut list = batch.logs[0].attributes;
            batch.arena.push(&mut list, key, Value::Str(value));
            batch.logs[0].attributes = list;
        }
        let (out, _) = process(&mut processor, batch);
        let mut text = Vec::new();
        json::write_value(&out[0].arena, Value::Map(out[0].logs[0].attributes), &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn actions_do_what_their_names_say() {
        let before = [("a", "1"), ("b", "x-42")];
        for (actions, after) in [
            (r#"{"key": "a", "action": "insert", "value": "2"}"#, r#"{"a":"1","b":"x-42"}"#),
            (r#"{"key": "c", "action": "insert", "value": 2}"#, r#"{"a":"1","b":"x-42","c":2}"#),
            (r#"{"key": "c", "action": "update", "value": 2}"#, r#"{"a":"1","b":"x-42"}"#),
            (r#"{"key": "a", "action": "update", "value": true}"#, r#"{"a":true,"b":"x-42"}"#),
            (r#"{"key": "a", "action": "upsert", "from_attribute": "b"}"#, r#"{"a":"x-42","b":"x-42"}"#),
            (r#"{"key": "a", "action": "upsert", "from_attribute": "none"}"#, r#"{"a":"1","b":"x-42"}"#),
            (r#"{"key": "a", "action": "delete"}"#, r#"{"b":"x-42"}"#),
            (r#"{"key": "none", "action": "delete"}"#, r#"{"a":"1","b":"x-42"}"#),
            (r#"{"pattern": "^[ab]$", "action": "delete"}"#, "{}"),
            (r#"{"key": "a", "action": "convert", "converted_type": "int"}"#, r#"{"a":1,"b":"x-42"}"#),
            (r#"{"key": "b", "action": "convert", "converted_type": "int"}"#, r#"{"a":"1","b":"x-42"}"#),
            (
                r#"{"key": "b", "action": "extract", "pattern": "^(?P<l>[a-z])-(?P<n>\\d+)$"}"#,
                r#"{"a":"1","b":"x-42","l":"x","n":"42"}"#,
            ),
        ] {
            assert_eq!(changed(actions, &before), after, "{actions}");
        }
    }

    #[test]
    fn a_condition_chooses_rows() {
        let delete = r#"{"key": "b", "action": "delete"}"#;
        for (only, after) in [
            (r#"{"log": "log.attributes[\"a\"] == \"1\""}"#, r#"{"a":"1"}"#),
            (r#"{"log": "log.attributes[\"a\"] == \"2\""}"#, r#"{"a":"1","b":"2"}"#),
            (r#"{"log": "ParseJSON(log.attributes[\"b\"])[\"x\"] == 1"}"#, r#"{"a":"1","b":"2"}"#),
            (r#"{"span": "span.name == \"x\""}"#, r#"{"a":"1"}"#),
        ] {
            assert_eq!(changed_only(only, delete, &[("a", "1"), ("b", "2")]), after, "{only}");
        }
        let wrong = settings(&format!(r#"{{"actions": [{delete}], "only": {{"log": "span.name"}}}}"#));
        assert!(processor::<Attributes>(wrong).is_err());
    }

    /// FIPS 180-4's own example.
    #[test]
    fn a_hash_is_sha_256_of_the_text() {
        assert_eq!(
            changed(r#"{"key": "a", "action": "hash"}"#, &[("a", "abc")]),
            r#"{"a":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}"#
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for actions in [
            "",
            r#"{"action": "insert", "value": 1}"#,
            r#"{"key": "a", "action": "insert"}"#,
            r#"{"key": "a", "action": "extract", "pattern": "no groups"}"#,
            r#"{"key": "a", "action": "convert"}"#,
            r#"{"key": "a", "action": "delete", "pattern": "("}"#,
        ] {
            let settings = settings(&format!(r#"{{"actions": [{actions}]}}"#));
            assert!(processor::<Attributes>(settings).is_err(), "{actions}");
        }
    }
}
