//! Sets, adds, removes, renames, copies and moves fields, where conditions on the record hold.
//!
//! ```yaml
//! modify:
//!   conditions:
//!     - {test: key_value_equals, key: level, value: error}
//!   rules:
//!     - {operation: rename, key: log, value: message}
//!     - {operation: set, key: alert, value: "yes"}
//! ```
//!
//! All conditions must hold. They are tested once, on the record as it came; the rules then run in order,
//! each on what the one before left. Values that are set are always text.

mod condition;
mod rule;

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, LogRecord, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fields;
use condition::Condition;
use rule::Rule;

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
#[derive(Default)]
pub struct Config {
    /// What must hold for the rules to run.
    pub conditions: Vec<ConditionConfig>,
    /// What is done, in this order.
    pub rules: Vec<RuleConfig>,
}

#[derive(Deserialize, JsonSchema)]
pub struct ConditionConfig {
    pub test: Test,
    /// A key or a path; for tests of several keys an expression that keys match.
    pub key: String,
    /// What the text of the field is compared with: a text, or an expression where the test says `match`.
    pub value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    KeyExists,
    KeyDoesNotExist,
    AKeyMatches,
    NoKeyMatches,
    /// The field is this very text.
    KeyValueEquals,
    /// The field is there, and not this text.
    KeyValueDoesNotEqual,
    KeyValueMatches,
    /// The field is there, and its text does not match.
    KeyValueDoesNotMatch,
    /// Every field whose key matches has a text that matches; true where no key does.
    MatchingKeysHaveMatchingValues,
    MatchingKeysDoNotHaveMatchingValues,
}

#[derive(Deserialize, JsonSchema)]
pub struct RuleConfig {
    pub operation: Operation,
    pub key: String,
    /// What the operation takes besides the key: a text, or another key.
    pub value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Puts the field at the end with this text, in place of any of that name.
    Set,
    /// Puts the field at the end where there is none of that name.
    Add,
    Remove,
    /// Removes fields whose key starts with `key`.
    RemoveWildcard,
    /// Removes fields whose key matches the expression `key`.
    RemoveRegex,
    /// Renames in place, unless there is a field `value` already.
    Rename,
    /// Renames in place; a field `value` that was there goes.
    HardRename,
    /// Puts a copy called `value` behind the field, unless there is one already.
    Copy,
    /// Puts a copy called `value` behind the field; one that was there goes.
    HardCopy,
    /// Moves fields whose key starts with `key` to the front.
    MoveToStart,
    /// Moves fields whose key starts with `key` to the end.
    MoveToEnd,
}

pub struct Modify {
    conditions: Vec<Condition>,
    rules: Vec<Rule>,
}

impl Processor for Modify {
    const NAME: &'static str = "modify";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let (mut conditions, mut rules) = (Vec::new(), Vec::new());
        let mut refused = None;
        for (place, condition) in config.conditions.iter().enumerate() {
            match Condition::new(condition) {
                Ok(condition) => conditions.push(condition),
                Err(fault) => {
                    let help = "see the list of tests and what each takes";
                    refused = Some(cx.refuse("conditions", fields::at(place, fault), help));
                }
            }
        }
        for (place, rule) in config.rules.iter().enumerate() {
            match Rule::new(rule) {
                Ok(rule) => rules.push(rule),
                Err(fault) => {
                    let help = "see the list of operations and what each takes";
                    refused = Some(cx.refuse("rules", fields::at(place, fault), help));
                }
            }
        }
        match refused {
            Some(refused) => Err(refused),
            None => Ok(Modify { conditions, rules }),
        }
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let Batch { arena, logs, .. } = &mut batch;
        for record in logs {
            self.change(arena, record);
        }
        out.push(batch);
    }
}

impl Modify {
    fn change(&self, arena: &mut Arena, record: &mut LogRecord) {
        let Some(mut list) = fields::fields(arena, record) else { return };
        if self.conditions.iter().all(|condition| condition.holds(arena, list)) {
            for rule in &self.rules {
                rule.apply(arena, &mut list);
            }
            record.body = Value::Map(list);
        }
    }
}

#[cfg(test)]
mod tests;
