//! Keeps or drops records by what their fields say.
//!
//! ```yaml
//! grep:
//!   logic: legacy
//!   rules:
//!     - {action: drop, key: log, pattern: ^GET /health}
//!     - {action: keep, key: "$kubernetes['labels']['app']", pattern: ^shop}
//! ```
//!
//! A pattern is looked for anywhere in the text of the field. A field that is missing, or not text, matches
//! nothing. What is dropped is counted as filtered.

use config::Pattern;
use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, Path, Reason, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fields;

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    /// Looked at in this order.
    pub rules: Vec<RuleConfig>,
    /// How several rules work together. `legacy` walks them: the first `keep` decides alone, a `drop` that
    /// matches drops, and a record no rule spoke about is kept; so put `drop` first. `and` and `or` take rules
    /// of one action only, which then applies to records that match all or any of them.
    #[serde(default)]
    pub logic: Logic,
}

#[derive(Deserialize, JsonSchema)]
pub struct RuleConfig {
    pub action: Action,
    /// A key, or a path such as `$kubernetes['labels']['app']`.
    pub key: String,
    pub pattern: Pattern,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Keep,
    Drop,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Logic {
    #[default]
    Legacy,
    And,
    Or,
}

pub struct Grep {
    rules: Vec<Rule>,
    logic: Logic,
}

struct Rule {
    action: Action,
    key: Path,
    pattern: Pattern,
}

impl Processor for Grep {
    const NAME: &'static str = "grep";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let mut rules = Vec::with_capacity(config.rules.len());
        for (place, rule) in config.rules.into_iter().enumerate() {
            let key = fields::path(&rule.key)
                .map_err(|fault| cx.refuse("rules", fields::at(place, fault), "name a field"))?;
            rules.push(Rule { action: rule.action, key, pattern: rule.pattern });
        }
        let mixed = rules.iter().any(|rule| rule.action != rules[0].action);
        if mixed && config.logic != Logic::Legacy {
            return Err(cx.refuse(
                "logic",
                "`and` and `or` take rules of one action, not `keep` and `drop` together",
                "use two grep filters, one after the other",
            ));
        }
        Ok(Grep { rules, logic: config.logic })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        batch.retain(|arena, record| match self.keeps(arena, record.body) {
            true => Ok(()),
            false => Err(Reason::Filtered),
        });
        out.push(batch);
    }
}

impl Grep {
    fn keeps(&self, arena: &Arena, body: Value) -> bool {
        let Some(first) = self.rules.first() else { return true };
        let hit = match self.logic {
            Logic::Legacy => return self.walk(arena, body),
            Logic::And => self.rules.iter().all(|rule| rule.matches(arena, body)),
            Logic::Or => self.rules.iter().any(|rule| rule.matches(arena, body)),
        };
        hit == (first.action == Action::Keep)
    }

    fn walk(&self, arena: &Arena, body: Value) -> bool {
        for rule in &self.rules {
            match (rule.action, rule.matches(arena, body)) {
                (Action::Keep, hit) => return hit,
                (Action::Drop, true) => return false,
                (Action::Drop, false) => {}
            }
        }
        true
    }
}

impl Rule {
    fn matches(&self, arena: &Arena, body: Value) -> bool {
        self.key.text(arena, body).is_some_and(|text| self.pattern.is_match(&text))
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};

    use super::*;
    use crate::testing::settings;

    const RECORDS: [&str; 4] = [
        r#"{"log":"GET /health 200"}"#,
        r#"{"log":"POST /cart 500","level":"error"}"#,
        r#"{"log":"GET /cart 500","level":"warn"}"#,
        r#"{"log":500}"#,
    ];

    fn check(options: &str, kept: &[usize]) {
        let mut grep = processor::<Grep>(settings(options)).unwrap();
        let (out, gone) = process(&mut grep, batch("t", &RECORDS));
        let expected: String = kept.iter().map(|place| format!("t {}\n", RECORDS[*place])).collect();
        assert_eq!(json_lines(&out), expected, "{options}");
        let dropped = (RECORDS.len() - kept.len()) as u64;
        assert_eq!(gone, if dropped > 0 { vec![(Reason::Filtered, dropped)] } else { vec![] });
    }

    #[test]
    fn rules_work_together_as_their_logic_says() {
        let rules = |logic: &str, rules: &[(&str, &str, &str)]| {
            let rule = |(action, key, pattern): &(&str, &str, &str)| {
                format!(r#"{{"action": "{action}", "key": "{key}", "pattern": "{pattern}"}}"#)
            };
            let rules: Vec<String> = rules.iter().map(rule).collect();
            format!(r#"{{"logic": "{logic}", "rules": [{}]}}"#, rules.join(","))
        };
        let (cart, health, error) =
            (("keep", "log", "cart"), ("drop", "log", "health"), ("keep", "level", "error"));
        check(&rules("legacy", &[cart]), &[1, 2]);
        check(&rules("legacy", &[health]), &[1, 2, 3]);
        check(&rules("legacy", &[cart, error]), &[1, 2]);
        check(&rules("legacy", &[cart, health]), &[1, 2]);
        check(&rules("legacy", &[("drop", "log", "500"), cart]), &[]);
        check(&rules("and", &[cart, error]), &[1]);
        check(&rules("or", &[("keep", "log", "health"), error]), &[0, 1]);
        check(&rules("and", &[("drop", "log", "cart"), ("drop", "level", "error")]), &[0, 2, 3]);
        check(&rules("OR", &[health, ("drop", "level", "warn")]), &[1, 3]);
        check(r#"{"rules": []}"#, &[0, 1, 2, 3]);
    }

    #[test]
    fn mixed_actions_need_the_legacy_logic() {
        let options = r#"{"logic": "or", "rules": [
            {"action": "keep", "key": "a", "pattern": "x"}, {"action": "drop", "key": "a", "pattern": "y"}]}"#;
        let error = processor::<Grep>(settings(options)).err().unwrap();
        assert!(error.contains("rules of one action"), "{error}");
    }
}
