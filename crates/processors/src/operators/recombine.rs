//! `recombine`: one record of several lines.

use std::time::Duration;

use config::{ByteSize, Interval};
use model::Batch;
use serde::Deserialize;
use tokio::time::Instant;

use super::build::Refusal;
use super::entry::Entry;
use super::expression::Expression;
use super::field::Field;
use super::group::{Group, Groups};
use super::{Flow, Operator};

#[derive(Debug, Deserialize)]
pub(super) struct Config {
    combine_field: Field,
    #[serde(default = "line_feed")]
    combine_with: String,
    is_first_entry: Option<Expression>,
    is_last_entry: Option<Expression>,
    #[serde(default = "thousand")]
    max_batch_size: usize,
    #[serde(default = "hundred")]
    max_unmatched_batch_size: usize,
    #[serde(default)]
    overwrite_with: Overwrite,
    #[serde(default = "five_seconds")]
    force_flush_period: Interval,
    source_identifier: Option<Field>,
    #[serde(default = "thousand")]
    max_sources: usize,
    #[serde(default)]
    max_log_size: ByteSize,
}

/// Whose fields the joined record has, apart from the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Overwrite {
    #[default]
    Newest,
    Oldest,
}

fn line_feed() -> String {
    "\n".into()
}

fn thousand() -> usize {
    1000
}

fn hundred() -> usize {
    100
}

fn five_seconds() -> Interval {
    Interval(Duration::from_secs(5))
}

pub(super) struct Recombine {
    config: Config,
    source: Field,
    edge: Edge,
    groups: Groups,
}

enum Edge {
    First(Expression),
    Last(Expression),
}

impl Recombine {
    pub fn new(mut config: Config) -> Result<Recombine, Refusal> {
        let edge = match (config.is_first_entry.take(), config.is_last_entry.take()) {
            (Some(first), None) => Edge::First(first),
            (None, Some(last)) => Edge::Last(last),
            _ => {
                let why = "exactly one of `is_first_entry` and `is_last_entry` must be set";
                return Err((why.into(), "write an expression such as `body matches \"^[^\\\\s]\"`"));
            }
        };
        let source = config.source_identifier.take().unwrap_or_else(|| Field::attribute("log.file.path"));
        let (field, wait) = (config.combine_field.clone(), config.force_flush_period.get());
        let groups = Groups::new(field, wait, config.max_sources.max(1));
        Ok(Recombine { config, source, edge, groups })
    }

    /// Whether a group is as large as it may become.
    fn is_full(&self, group: &Group) -> bool {
        let (config, text) = (&self.config, group.text.len() as u64);
        let unmatched = !group.is_matched && config.max_unmatched_batch_size > 0;
        (config.max_batch_size > 0 && group.lines >= config.max_batch_size)
            || (unmatched && group.lines >= config.max_unmatched_batch_size)
            || (config.max_log_size.get() > 0 && text > config.max_log_size.get())
    }
}

impl Operator for Recombine {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let text = self.config.combine_field.text(batch, entry)?;
        let text = batch.arena.bytes(text).to_vec();
        let source = match self.source.text(batch, entry) {
            Ok(source) => batch.arena.bytes(source).to_vec(),
            Err(_) => Vec::new(),
        };
        let (is_first, is_last) = match &self.edge {
            Edge::First(edge) => (edge.holds(batch, entry), false),
            Edge::Last(edge) => (false, edge.holds(batch, entry)),
        };
        let mut released = Vec::new();
        if is_first {
            released.extend(self.groups.close(&source));
        }
        let newest = self.config.overwrite_with == Overwrite::Newest;
        match self.groups.open(&source) {
            Some(group) => group.add(batch, entry, self.config.combine_with.as_bytes(), &text, newest),
            None => {
                let mut group = Group::new(batch, entry, &source, &text);
                group.is_matched = is_first;
                released.extend(self.groups.begin(group));
            }
        }
        let full = self.groups.get(&source).is_some_and(|group| self.is_full(group));
        if is_last || full {
            released.extend(self.groups.close(&source));
        }
        Ok(Flow::Held(released))
    }

    fn held(&self) -> usize {
        self.groups.len()
    }

    fn release(&mut self, late: Option<Instant>) -> Vec<Batch> {
        self.groups.release(late)
    }
}
