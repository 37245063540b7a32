//! Relabelling, after Prometheus' `relabel_config`: rules that change labels, or drop what has them.

use std::borrow::Cow;

use fancy_regex::{Captures, Regex};
use md5::{Digest, Md5};
use schemars::JsonSchema;
use serde::Deserialize;

use super::labels::Labels;

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RelabelConfig {
    pub source_labels: Vec<String>,
    pub separator: String,
    /// Matched against the whole of the joined values.
    pub regex: String,
    pub modulus: u64,
    pub target_label: String,
    /// `$1` and `${name}` stand for what the pattern's groups matched.
    pub replacement: String,
    pub action: Action,
}

impl Default for RelabelConfig {
    fn default() -> Self {
        RelabelConfig {
            source_labels: Vec::new(),
            separator: ";".into(),
            regex: "(.*)".into(),
            modulus: 0,
            target_label: String::new(),
            replacement: "$1".into(),
            action: Action::Replace,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

/// One rule, ready to run.
#[derive(Debug)]
pub struct Rule {
    source_labels: Vec<String>,
    separator: String,
    regex: Regex,
    modulus: u64,
    target: Expansion,
    target_label: String,
    replacement: Expansion,
    action: Action,
}

impl Rule {
    /// The error tells what is wrong with the rule.
    pub fn new(config: &RelabelConfig) -> Result<Rule, String> {
        let action = config.action;
        let needs_target = !matches!(
            action,
            Action::Keep | Action::Drop | Action::LabelMap | Action::LabelDrop | Action::LabelKeep
        );
        if needs_target && config.target_label.is_empty() {
            return Err("`target_label` is not set".into());
        }
        if action == Action::HashMod && config.modulus == 0 {
            return Err("`modulus` is not set".into());
        }
        let alone = matches!(action, Action::LabelDrop | Action::LabelKeep);
        if alone && !(config.source_labels.is_empty() && config.target_label.is_empty()) {
            return Err("with this action only `regex` may be set".into());
        }
        // As Prometheus does it: the whole text, and a dot is also a line end.
        let regex = Regex::new(&format!(r"\A(?s:{})\z", config.regex))
            .map_err(|error| format!("`{}` is no regular expression: {error}", config.regex))?;
        Ok(Rule {
            source_labels: config.source_labels.clone(),
            separator: config.separator.clone(),
            regex,
            modulus: config.modulus,
            target: Expansion::parse(&config.target_label),
            target_label: config.target_label.clone(),
            replacement: Expansion::parse(&config.replacement),
            action,
        })
    }

    /// False when what has these labels is to be dropped.
    fn apply(&self, labels: &mut Labels<'_>) -> bool {
        match self.action {
            Action::Keep => return self.matches(&self.joined(labels)),
            Action::Drop => return !self.matches(&self.joined(labels)),
            Action::KeepEqual => return self.joined(labels) == labels.get(&self.target_label),
            Action::DropEqual => return self.joined(labels) != labels.get(&self.target_label),
            Action::Replace => self.replace(labels),
            Action::HashMod => {
                let digest = Md5::digest(self.joined(labels).as_bytes());
                let hash = digest[8..].iter().fold(0, |hash: u64, byte| hash << 8 | u64::from(*byte));
                self.set(labels, (hash % self.modulus.max(1)).to_string());
            }
            Action::LabelMap => self.map(labels),
            Action::LabelDrop => labels.retain(|name| !self.matches(name)),
            Action::LabelKeep => labels.retain(|name| self.matches(name)),
            Action::Lowercase => self.set(labels, self.joined(labels).to_lowercase()),
            Action::Uppercase => self.set(labels, self.joined(labels).to_uppercase()),
        }
        true
    }

    fn joined(&self, labels: &Labels<'_>) -> String {
        let values: Vec<&str> = self.source_labels.iter().map(|name| labels.get(name)).collect();
        values.join(&self.separator)
    }

    fn matches(&self, text: &str) -> bool {
        // A pattern that is too costly for this text counts as no match.
        self.regex.is_match(text).unwrap_or(false)
    }

    fn set(&self, labels: &mut Labels<'_>, value: String) {
        labels.set(self.target_label.clone(), value);
    }

    fn replace(&self, labels: &mut Labels<'_>) {
        let joined = self.joined(labels);
        let Ok(Some(found)) = self.regex.captures(joined.as_str()) else { return };
        let target = self.target.expand(&found);
        if !target.is_empty() {
            labels.set(target, self.replacement.expand(&found));
        }
    }

    fn map(&self, labels: &mut Labels<'_>) {
        let mut mapped = Vec::new();
        for (name, value) in labels.iter() {
            if let Ok(Some(found)) = self.regex.captures(name) {
                mapped.push((self.replacement.expand(&found), value.to_owned()));
            }
        }
        for (name, value) in mapped.into_iter().filter(|(name, _)| !name.is_empty()) {
            labels.set(name, Cow::Owned(value));
        }
    }
}

/// Runs the rules in order; false as soon as one drops.
pub fn apply(rules: &[Rule], labels: &mut Labels<'_>) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

/// Text with groups in it, as Go expands it: `$name` takes every letter, digit and `_` that follows.
#[derive(Debug, PartialEq)]
struct Expansion(Vec<Piece>);

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Number(usize),
    Name(String),
}

impl Expansion {
    fn parse(template: &str) -> Expansion {
        let (mut pieces, mut rest) = (Vec::new(), template);
        while let Some(dollar) = rest.find('$') {
            let (text, after) = (&rest[..dollar], &rest[dollar + 1..]);
            if !text.is_empty() {
                pieces.push(Piece::Text(text.to_owned()));
            }
            let (name, after_name) = group_name(after);
            match (name.parse(), after.strip_prefix('$')) {
                (_, Some(after_dollar)) => {
                    pieces.push(Piece::Text("$".into()));
                    rest = after_dollar;
                    continue;
                }
                (Ok(number), None) => pieces.push(Piece::Number(number)),
                (Err(_), None) if name.is_empty() => pieces.push(Piece::Text("$".into())),
                (Err(_), None) => pieces.push(Piece::Name(name.to_owned())),
            }
            rest = after_name;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Expansion(pieces)
    }

    fn expand(&self, found: &Captures<'_, str>) -> String {
        let group =
            |found: Option<fancy_regex::Match<'_>>| found.map_or("", |found| found.as_str()).to_owned();
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Number(number) => group(found.get(*number)),
            Piece::Name(name) => group(found.name(name)),
        });
        pieces.collect()
    }
}

/// Cuts what follows a dollar after the name of a group, in braces or without; empty when it names none.
fn group_name(text: &str) -> (&str, &str) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    match text.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
        Some((name, rest)) if !name.is_empty() && name.chars().all(is_word) => (name, rest),
        _ => text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len())),
    }
}

#[cfg(test)]
mod tests;
