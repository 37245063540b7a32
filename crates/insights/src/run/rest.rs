//! The commands behind the first that keeps rows, over the rows kept.

use std::collections::HashSet;

use super::{Run, Sink};
use crate::aggregate::{Groups, Stats, Total, set};
use crate::check::DEFAULT_LIMIT;
use crate::cluster::{Clusters, Pattern, Samples};
use crate::expr::{Env, Expr};
use crate::order;
use crate::path::Path;
use crate::program::{Limits, Window};
use crate::row::Row;
use crate::run::rows::{Scratch, walk};
use crate::step::{Key, PatternStep, Step, Totals};
use crate::table::{Column, Table};
use crate::value::Value;

type Frame = Vec<Value<'static>>;

/// A row that is nothing but variables.
struct Nothing;

impl Row for Nothing {
    fn field(&self, _: &Path) -> Value<'_> {
        Value::Null
    }
}

pub fn finish(run: Run<'_>) -> Table {
    let program = run.program;
    let mut rest = Rest { window: run.window, limits: run.limits, partial: None };
    let mut steps = &program.steps[program.first..];
    let frames = match (run.sink, steps.first()) {
        (Sink::Groups(groups), Some(Step::Stats(stats))) => {
            steps = &steps[1..];
            rest.groups(groups, stats)
        }
        (Sink::Clusters(clusters), Some(Step::Pattern(pattern))) => {
            steps = &steps[1..];
            rest.clusters(clusters, pattern)
        }
        (Sink::Rows(top), Some(Step::Sort(_) | Step::Limit(_) | Step::Tail(_) | Step::Dedup(_))) => {
            steps = &steps[1..];
            rest.partial = top.partial.clone();
            top.finish()
        }
        (Sink::Rows(top), _) => {
            rest.partial = top.partial.clone();
            top.finish()
        }
        _ => Vec::new(),
    };
    let mut frames = rest.steps(steps, frames);
    frames.truncate(program.limit.max(DEFAULT_LIMIT));
    let row = |mut frame: Frame| {
        let value = |slot: usize| frame.get_mut(slot).cloned().unwrap_or_default();
        program.outputs.iter().map(|output| output.slot).map(value).collect()
    };
    Table {
        columns: program
            .outputs
            .iter()
            .map(|output| Column { name: output.name.clone(), rounded: output.rounded })
            .collect(),
        rows: frames.into_iter().map(row).collect(),
        matched: run.matched,
        partial: rest.partial,
        is_aggregated: program.is_aggregated,
    }
}

struct Rest {
    window: Window,
    limits: Limits,
    partial: Option<String>,
}

impl Rest {
    fn steps(&mut self, mut steps: &[Step], mut frames: Vec<Frame>) -> Vec<Frame> {
        while let Some(step) = steps.first() {
            let n_rows = steps.iter().take_while(|step| matches!(step, Step::Row(_))).count();
            if n_rows > 0 {
                frames = self.rows(&steps[..n_rows], frames);
                steps = &steps[n_rows..];
                continue;
            }
            frames = self.step(step, frames);
            steps = &steps[1..];
        }
        frames
    }

    fn step(&mut self, step: &Step, mut frames: Vec<Frame>) -> Vec<Frame> {
        match step {
            Step::Row(_) => frames,
            Step::Limit(count) => {
                frames.truncate(*count);
                frames
            }
            // Behind a command that keeps rows it is the order of those that counts.
            Step::Tail(count) => frames.split_off(frames.len().saturating_sub(*count)),
            Step::Sort(keys) => self.sort(keys, frames),
            Step::Dedup(keys) => self.dedup(keys, frames),
            Step::Stats(stats) => {
                let mut groups = Groups::default();
                frames.iter().for_each(|frame| groups.add(stats, &self.env(frame), &self.limits));
                self.groups(groups, stats)
            }
            Step::Pattern(pattern) => {
                let mut clusters = Clusters::<Samples>::default();
                for frame in &frames {
                    if let Some(text) = pattern.expr.eval(&self.env(frame)).string() {
                        clusters.add(&text, Samples::one(false), &self.limits);
                    }
                }
                self.clusters(clusters, pattern)
            }
            Step::Totals(totals) => {
                add_totals(totals, &mut frames);
                frames
            }
        }
    }

    fn env<'v, 'r>(&self, frame: &'v [Value<'r>]) -> Env<'v, 'r> {
        Env { row: &Nothing, variables: frame, window: self.window }
    }

    fn rows(&mut self, steps: &[Step], frames: Vec<Frame>) -> Vec<Frame> {
        let (mut scratch, mut out) = (Scratch::default(), Vec::with_capacity(frames.len()));
        let (most, mut left, mut is_full) = (super::MOST_KEPT, self.limits.bytes, false);
        for mut frame in frames {
            walk(steps, &Nothing, self.window, &mut frame, &mut scratch, &mut |env| {
                let size = |value: &Value<'_>| size_of::<Value<'_>>() + value.weight();
                let weight = env.variables.iter().map(size).sum::<usize>();
                is_full |= weight > left || out.len() >= most;
                if !is_full {
                    left -= weight;
                    out.push(env.variables.iter().map(|value| value.clone().into_owned()).collect());
                }
            });
        }
        if is_full && self.partial.is_none() {
            self.partial = Some(format!("no more than {} rows fit", out.len()));
        }
        out
    }

    fn sort(&self, keys: &[Key], frames: Vec<Frame>) -> Vec<Frame> {
        let key = |frame: &Frame| -> Vec<Value<'static>> {
            keys.iter().map(|key| key.expr.eval(&self.env(frame)).into_owned()).collect()
        };
        let mut keyed: Vec<_> = frames.into_iter().map(|frame| (key(&frame), frame)).collect();
        keyed.sort_by(|(a, _), (b, _)| {
            let pairs = a.iter().zip(b).zip(keys);
            let orders = pairs.map(|((a, b), key)| order::compare(a, b, key.descending));
            orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        keyed.into_iter().map(|(_, frame)| frame).collect()
    }

    fn dedup(&self, keys: &[Expr], mut frames: Vec<Frame>) -> Vec<Frame> {
        let mut seen = HashSet::new();
        frames.retain(|frame| {
            let mut written = Vec::new();
            for key in keys {
                let value = key.eval(&self.env(frame));
                if value.is_null() || value.is_nested() {
                    return true;
                }
                value.write_key(&mut written);
            }
            seen.insert(written)
        });
        frames
    }

    fn groups(&mut self, mut groups: Groups, stats: &Stats) -> Vec<Frame> {
        self.partial = self.partial.take().or(groups.partial.take());
        groups.finish(stats, &self.limits)
    }

    fn clusters(&mut self, mut clusters: Clusters<Samples>, pattern: &PatternStep) -> Vec<Frame> {
        self.partial = self.partial.take().or(clusters.partial.take());
        let mut patterns = clusters.finish();
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.tally.now));
        let total: u64 = patterns.iter().map(|pattern| pattern.tally.now).sum();
        let row =
            |found: Pattern<Samples>| if pattern.diff { difference(found) } else { share(found, total) };
        patterns.into_iter().map(row).collect()
    }
}

/// `@pattern`, `@ratio`, `@sampleCount`, `@severityLabel`.
fn share(pattern: Pattern<Samples>, total: u64) -> Frame {
    let severity = severity(&pattern.text);
    vec![
        Value::text(pattern.text),
        Value::float(pattern.tally.now as f64 / total.max(1) as f64),
        Value::Int(pattern.tally.now as i64),
        Value::text(severity),
    ]
}

/// `@pattern`, `@sampleCount`, `@differenceCount`, `@differenceDescription`, `@severityLabel`.
fn difference(pattern: Pattern<Samples>) -> Frame {
    let severity = severity(&pattern.text);
    let (now, before) = (pattern.tally.now as i64, pattern.tally.before as i64);
    let description = match (now, before) {
        (_, 0) => "new pattern".to_owned(),
        (0, _) => "no longer seen".to_owned(),
        _ if now == before => "no change".to_owned(),
        _ => {
            let percent = (now - before).unsigned_abs() as f64 * 100.0 / before as f64;
            format!("{}% {}", percent.round(), if now > before { "more" } else { "less" })
        }
    };
    vec![
        Value::text(pattern.text),
        Value::Int(now),
        Value::Int(now - before),
        Value::text(description),
        Value::text(severity),
    ]
}

fn severity(pattern: &str) -> &'static str {
    let pattern = pattern.to_ascii_lowercase();
    let names = [("error", "ERROR"), ("fatal", "ERROR"), ("warn", "WARN"), ("debug", "DEBUG")];
    names.iter().find(|(word, _)| pattern.contains(word)).map_or("INFO", |(_, label)| label)
}

/// Times and texts that are no numbers are left out of the sums.
fn add_totals(totals: &Totals, frames: &mut Vec<Frame>) {
    let numeric = |value: &Value<'_>| !matches!(value, Value::Time(_));
    let mut summed = totals.slots.clone();
    if let Some(slot) = totals.row {
        for frame in frames.iter_mut() {
            let mut total = Total::default();
            let values = totals.slots.iter().filter_map(|slot| frame.get(*slot));
            values.filter(|value| numeric(value)).for_each(|value| total.add(value));
            set(frame, slot, total.sum());
        }
        summed.push(slot);
    }
    if !totals.column {
        return;
    }
    let mut last = Frame::new();
    for slot in summed {
        let mut total = Total::default();
        let values = frames.iter().filter_map(|frame| frame.get(slot));
        values.filter(|value| numeric(value)).for_each(|value| total.add(value));
        set(&mut last, slot, total.sum());
    }
    frames.push(last);
}
