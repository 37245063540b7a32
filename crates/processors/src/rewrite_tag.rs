//! Gives records a new tag, by what their fields say.
//!
//! ```yaml
//! rewrite_tag:
//!   rules:
//!     - {key: $level, pattern: ^error$, tag: errors.$TAG, keep: false}
//! ```
//!
//! A record with a new tag walks the pipeline again from its first step, so filters and routes see it under
//! that tag. The first rule that matches applies. A rule that leads back to the tag a record has changes nothing.

use config::Pattern;
use engine::{BuildContext, ConfigError, Processor};
use model::{Batch, LogRecord, Path, Tag, Template, TemplateScope};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fields;

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    /// Tried in this order.
    pub rules: Vec<RuleConfig>,
}

#[derive(Deserialize, JsonSchema)]
pub struct RuleConfig {
    /// The field whose text decides: a key, or a path such as `$kubernetes['labels']['app']`.
    pub key: String,
    pub pattern: Pattern,
    /// The new tag. `$TAG`, `$TAG[1]`, fields and the pattern's groups `$0` to `$9` stand for their text.
    pub tag: String,
    /// Leave a copy under the old tag.
    #[serde(default)]
    pub keep: bool,
}

pub struct RewriteTag {
    rules: Vec<Rule>,
}

struct Rule {
    key: Path,
    pattern: Pattern,
    tag: Template,
    keep: bool,
}

impl Processor for RewriteTag {
    const NAME: &'static str = "rewrite_tag";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let mut rules = Vec::with_capacity(config.rules.len());
        for (place, rule) in config.rules.into_iter().enumerate() {
            let key = fields::path(&rule.key)
                .map_err(|fault| cx.refuse("rules", fields::at(place, fault), "name a field"))?;
            let tag = Template::parse(&rule.tag).map_err(|fault| {
                let message = fields::at(place, format_args!("`{}` is no tag: {fault}", rule.tag));
                cx.refuse("rules", message, "write a tag such as `errors.$TAG[1]`")
            })?;
            rules.push(Rule { key, pattern: rule.pattern, tag, keep: rule.keep });
        }
        Ok(RewriteTag { rules })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let tags: Vec<Option<(Tag, bool)>> =
            batch.logs.iter().map(|record| self.apply(&batch, record)).collect();
        let Some(Some((first, _))) = tags.iter().find(|tag| tag.is_some()) else { return out.push(batch) };
        if tags.iter().all(|tag| matches!(tag, Some((tag, false)) if tag == first)) {
            batch.tag = first.clone();
            batch.restart = true;
            return out.push(batch);
        }
        let moved = split(&mut batch, tags);
        out.push(batch);
        out.extend(moved);
    }
}

/// Copies the records that got a tag into a batch for each; those not kept leave the batch they came in.
fn split(batch: &mut Batch, tags: Vec<Option<(Tag, bool)>>) -> Vec<Batch> {
    let mut moved: Vec<Batch> = Vec::new();
    let records = std::mem::take(&mut batch.logs);
    for (record, tag) in records.into_iter().zip(tags) {
        let Some((tag, keep)) = tag else {
            batch.logs.push(record);
            continue;
        };
        let place = moved.iter().position(|target| target.tag == tag).unwrap_or_else(|| {
            let mut target = Batch::new(tag, Vec::new());
            target.token = batch.token.clone();
            target.restart = true;
            moved.push(target);
            moved.len() - 1
        });
        moved[place].import(batch, &record);
        if keep {
            batch.logs.push(record);
        }
    }
    moved
}

impl RewriteTag {
    /// The new tag by the first rule that matches, and whether a copy stays.
    fn apply(&self, batch: &Batch, record: &LogRecord) -> Option<(Tag, bool)> {
        for rule in &self.rules {
            let Some(text) = rule.key.text(&batch.arena, record.body) else { continue };
            let Some(captures) = rule.pattern.captures(&text) else { continue };
            let groups: Vec<_> = (0..10)
                .map(|group| String::from_utf8_lossy(captures.get(group).unwrap_or_default()))
                .collect();
            let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
            let scope =
                TemplateScope { arena: &batch.arena, body: record.body, tag: &batch.tag, captures: &groups };
            let mut tag = Vec::new();
            rule.tag.render(&scope, &mut tag);
            let tag = String::from_utf8_lossy(&tag);
            let usable = !tag.is_empty() && *tag != *batch.tag;
            return usable.then(|| (Tag::from(&*tag), rule.keep));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};

    use super::*;
    use crate::testing::settings;

    const RECORDS: [&str; 3] = [
        r#"{"log":"ERROR 42 boom","level":"error","k":{"app":"shop"}}"#,
        r#"{"log":"INFO fine","level":"info"}"#,
        r#"{"level":"error"}"#,
    ];

    fn check(rule: &str, expected: &[(&str, usize)]) -> Vec<Batch> {
        let mut rewrite = processor::<RewriteTag>(settings(&format!(r#"{{"rules": [{rule}]}}"#))).unwrap();
        let (out, _) = process(&mut rewrite, batch("web.api.7", &RECORDS));
        let expected: String = expected.iter().map(|(tag, n)| format!("{tag} {}\n", RECORDS[*n])).collect();
        assert_eq!(json_lines(&out), expected, "{rule}");
        for batch in &out {
            assert_eq!(batch.restart, &*batch.tag != "web.api.7");
        }
        out
    }

    #[test]
    fn the_first_rule_that_matches_gives_the_tag() {
        let old = "web.api.7";
        let errors = r#"{"key": "$level", "pattern": "^error$", "tag": "errors"}"#;
        check(errors, &[(old, 1), ("errors", 0), ("errors", 2)]);
        let copy = r#"{"key": "$level", "pattern": "^error$", "tag": "errors", "keep": true}"#;
        check(copy, &[(old, 0), (old, 1), (old, 2), ("errors", 0), ("errors", 2)]);
        let boom = r#"{"key": "$log", "pattern": "boom", "tag": "boom", "keep": true}"#;
        check(&format!("{boom}, {errors}"), &[(old, 0), (old, 1), ("boom", 0), ("errors", 2)]);
        check(
            r#"{"key": "$log", "pattern": "^(?<lvl>[A-Z]+)\\s(\\d+)", "tag": "new.$TAG[1].$TAG[9].$0.$1.$2.$level"}"#,
            &[(old, 1), (old, 2), ("new.api..ERROR 42.ERROR..error", 0)],
        );
        check(
            r#"{"key": "$k['app']", "pattern": ".+", "tag": "app.$k['app'].$missing.x"}"#,
            &[(old, 1), (old, 2), ("app.shop..x", 0)],
        );
    }

    #[test]
    fn a_whole_batch_changes_its_tag_in_place() {
        let out =
            check(r#"{"key": "level", "pattern": "", "tag": "all"}"#, &[("all", 0), ("all", 1), ("all", 2)]);
        assert_eq!(out.len(), 1);
    }

    #[test]
    fn a_rule_to_the_same_tag_changes_nothing() {
        let old = "web.api.7";
        check(r#"{"key": "level", "pattern": "", "tag": "$TAG"}"#, &[(old, 0), (old, 1), (old, 2)]);
    }
}
