//! The functions of `stats`, and the groups they run over.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::distinct::Distinct;
use crate::expr::{Env, Expr};
use crate::number::Number;
use crate::order;
use crate::program::Limits;
use crate::quantiles::Quantiles;
use crate::value::Value;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Count,
    Distinct,
    Sum,
    Average,
    Min,
    Max,
    Deviation,
    Percentile(f64),
    Earliest,
    Latest,
    SortsFirst,
    SortsLast,
}

#[derive(Debug)]
pub struct Aggregate {
    /// The variable it goes to.
    pub slot: usize,
    pub kind: Kind,
    /// `None` counts rows.
    pub argument: Option<Expr>,
    /// Where the row's time is, for the earliest and latest.
    pub time: Option<Expr>,
}

#[derive(Debug)]
pub struct Stats {
    pub keys: Vec<Expr>,
    pub aggregates: Vec<Aggregate>,
}

#[derive(Debug, Default)]
pub struct Total {
    ints: i128,
    floats: f64,
    count: u64,
}

#[derive(Debug)]
enum State {
    Count(u64),
    Distinct(Distinct),
    Total(Total),
    /// The best so far, and which is better.
    Best(Value<'static>, Kind),
    /// Count, mean and the sum of squared differences from it.
    Deviation(u64, f64, f64),
    Quantiles(Quantiles),
    /// With its time.
    Timed(Option<(i64, Value<'static>)>, Kind),
}

impl State {
    fn new(kind: Kind) -> State {
        match kind {
            Kind::Count => State::Count(0),
            Kind::Distinct => State::Distinct(Distinct::new()),
            Kind::Sum | Kind::Average => State::Total(Total::default()),
            Kind::Min | Kind::Max | Kind::SortsFirst | Kind::SortsLast => State::Best(Value::Null, kind),
            Kind::Deviation => State::Deviation(0, 0.0, 0.0),
            Kind::Percentile(_) => State::Quantiles(Quantiles::new()),
            Kind::Earliest | Kind::Latest => State::Timed(None, kind),
        }
    }

    /// Takes in a value that is not null; the bytes this grew by.
    fn add(&mut self, value: Value<'_>, time: impl Fn() -> i64, scratch: &mut Vec<u8>, room: bool) -> usize {
        match self {
            State::Count(count) => *count += 1,
            State::Distinct(distinct) => {
                scratch.clear();
                value.write_key(scratch);
                return distinct.add(xxhash_rust::xxh3::xxh3_64(scratch), room);
            }
            State::Total(total) => total.add(&value),
            State::Best(best, kind) => {
                let grown = value.weight().saturating_sub(best.weight());
                if better(*kind, &value, best) && (room || grown == 0) {
                    *best = value.into_owned();
                    return grown;
                }
            }
            State::Deviation(count, mean, squares) => {
                if let Some(number) = value.number() {
                    *count += 1;
                    let before = number.float() - *mean;
                    *mean += before / *count as f64;
                    *squares += before * (number.float() - *mean);
                }
            }
            State::Quantiles(quantiles) => {
                return value.number().map_or(0, |number| quantiles.add(number.float(), room));
            }
            State::Timed(best, kind) => {
                let time = time();
                let known = best.as_ref().map_or(0, |(_, value)| value.weight());
                let grown = value.weight().saturating_sub(known);
                if sooner(*kind, time, best.as_ref().map(|(time, _)| *time)) && (room || grown == 0) {
                    *best = Some((time, value.into_owned()));
                    return grown;
                }
            }
        }
        0
    }

    fn merge(&mut self, other: State) {
        match (self, other) {
            (State::Count(own), State::Count(other)) => *own += other,
            (State::Distinct(own), State::Distinct(other)) => own.merge(other),
            (State::Total(own), State::Total(other)) => {
                own.ints = own.ints.saturating_add(other.ints);
                own.floats += other.floats;
                own.count += other.count;
            }
            (State::Best(own, kind), State::Best(other, _)) if better(*kind, &other, own) => *own = other,
            (State::Quantiles(own), State::Quantiles(other)) => own.merge(other),
            (State::Timed(own, kind), State::Timed(Some(other), _))
                if sooner(*kind, other.0, own.as_ref().map(|(time, _)| *time)) =>
            {
                *own = Some(other);
            }
            (State::Deviation(n, mean, squares), State::Deviation(n2, mean2, squares2)) if n2 > 0 => {
                let (own, other) = (*n as f64, n2 as f64);
                let apart = mean2 - *mean;
                *n += n2;
                *mean += apart * other / (own + other);
                *squares += squares2 + apart * apart * own * other / (own + other);
            }
            _ => {}
        }
    }

    fn value(self, kind: Kind) -> Value<'static> {
        match (self, kind) {
            (State::Count(count), _) => Value::Int(count as i64),
            (State::Distinct(distinct), _) => Value::Int(distinct.count() as i64),
            (State::Total(total), Kind::Average) => total.average(),
            (State::Total(total), _) => total.sum(),
            (State::Best(best, _), _) => best,
            (State::Deviation(0, ..), _) => Value::Null,
            (State::Deviation(count, _, squares), _) => Value::float((squares / count as f64).sqrt()),
            (State::Quantiles(quantiles), Kind::Percentile(percent)) => {
                quantiles.at(percent).map_or(Value::Null, Value::float)
            }
            (State::Timed(best, _), _) => best.map(|(_, value)| value).unwrap_or_default(),
            (State::Quantiles(_), _) => Value::Null,
        }
    }
}

impl Total {
    /// What is no number is left out.
    pub fn add(&mut self, value: &Value<'_>) {
        match value.number() {
            Some(Number::Int(int)) => self.ints = self.ints.saturating_add(i128::from(int)),
            Some(Number::Float(float)) => self.floats += float,
            None => return,
        }
        self.count += 1;
    }

    /// Null when nothing was a number.
    pub fn sum(&self) -> Value<'static> {
        match i64::try_from(self.ints) {
            _ if self.count == 0 => Value::Null,
            Ok(int) if self.floats == 0.0 => Value::Int(int),
            _ => Value::float(self.ints as f64 + self.floats),
        }
    }

    fn average(&self) -> Value<'static> {
        if self.count == 0 {
            return Value::Null;
        }
        Value::float((self.ints as f64 + self.floats) / self.count as f64)
    }
}

/// Whether a value displaces the best one. For min and max numbers go before any text.
fn better(kind: Kind, value: &Value<'_>, best: &Value<'_>) -> bool {
    if value.is_null() || value.is_nested() {
        return false;
    }
    if best.is_null() {
        return true;
    }
    if matches!(kind, Kind::SortsFirst | Kind::SortsLast) {
        let wanted = if kind == Kind::SortsFirst { Ordering::Less } else { Ordering::Greater };
        return order::natural(value, best) == wanted;
    }
    let wanted = if kind == Kind::Min { Ordering::Less } else { Ordering::Greater };
    match (value.number(), best.number()) {
        (Some(value), Some(best)) => value.compare(best) == wanted,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => value.shown().cmp(&best.shown()) == wanted,
    }
}

/// Rows come newest first, so among equal times the first seen is the latest, the last seen the earliest.
fn sooner(kind: Kind, time: i64, best: Option<i64>) -> bool {
    best.is_none_or(|best| if kind == Kind::Earliest { time <= best } else { time > best })
}

/// Puts a variable's value into a row.
pub fn set<'r>(row: &mut Vec<Value<'r>>, slot: usize, value: Value<'r>) {
    if row.len() <= slot {
        row.resize(slot + 1, Value::Null);
    }
    row[slot] = value;
}

/// Bytes of a group besides its key and its texts.
const GROUP_BYTES: usize = 128;

/// Groups in the order they were first seen.
#[derive(Debug, Default)]
pub struct Groups {
    index: HashMap<Box<[u8]>, u32>,
    /// As many a group as there are keys.
    keys: Vec<Value<'static>>,
    /// As many a group as there are aggregates.
    states: Vec<State>,
    bytes: usize,
    key: Vec<u8>,
    scratch: Vec<u8>,
    pub partial: Option<String>,
}

impl Groups {
    pub fn add(&mut self, stats: &Stats, env: &Env<'_, '_>, limits: &Limits) {
        self.key.clear();
        for key in &stats.keys {
            key.eval(env).write_key(&mut self.key);
        }
        let Some(group) = self.group(stats, limits, |key| key.eval(env).into_owned()) else { return };
        let first = group * stats.aggregates.len();
        for (aggregate, state) in stats.aggregates.iter().zip(&mut self.states[first..]) {
            let room = self.bytes < limits.bytes;
            let value = aggregate.argument.as_ref().map_or(Value::Bool(true), |argument| argument.eval(env));
            if value.is_null() {
                continue;
            }
            let time =
                || aggregate.time.as_ref().and_then(|time| time.eval(env).number()).map_or(0, Number::int);
            self.bytes += state.add(value, time, &mut self.scratch, room);
        }
        if self.bytes >= limits.bytes && self.partial.is_none() {
            self.partial = Some(format!("groups take more than {} bytes", limits.bytes));
        }
    }

    /// The group whose key is in `self.key`; `None` when there is no room for one more.
    fn group(
        &mut self,
        stats: &Stats,
        limits: &Limits,
        value: impl Fn(&Expr) -> Value<'static>,
    ) -> Option<usize> {
        if let Some(group) = self.index.get(self.key.as_slice()) {
            return Some(*group as usize);
        }
        let group = self.index.len();
        if group >= limits.groups || self.bytes >= limits.bytes {
            self.partial = Some(format!("more than {group} groups; those seen later are missing"));
            return None;
        }
        self.index.insert(self.key.as_slice().into(), group as u32);
        self.bytes += 2 * self.key.len() + GROUP_BYTES + stats.aggregates.len() * size_of::<State>();
        self.keys
            .extend(stats.keys.iter().map(value).map(|key| if key.is_nested() { Value::Null } else { key }));
        self.states.extend(stats.aggregates.iter().map(|aggregate| State::new(aggregate.kind)));
        Some(group)
    }

    pub fn merge(&mut self, stats: &Stats, other: Groups, limits: &Limits) {
        let (n_keys, n_states) = (stats.keys.len(), stats.aggregates.len());
        let mut named: Vec<(u32, Box<[u8]>)> =
            other.index.into_iter().map(|(key, group)| (group, key)).collect();
        named.sort_unstable();
        let (mut keys, mut states) = (other.keys.into_iter(), other.states.into_iter());
        self.partial = self.partial.take().or(other.partial);
        for (_, key) in named {
            self.key.clear();
            self.key.extend_from_slice(&key);
            let values: Vec<Value<'static>> = keys.by_ref().take(n_keys).collect();
            let added: Vec<State> = states.by_ref().take(n_states).collect();
            let known = self.keys.len();
            let Some(group) = self.group(stats, limits, |_| Value::Null) else { continue };
            if self.keys.len() > known {
                self.keys.truncate(known);
                self.keys.extend(values);
            }
            let own = &mut self.states[group * n_states..];
            own.iter_mut().zip(added).for_each(|(own, added)| own.merge(added));
        }
    }

    /// A row a group: its keys, then its aggregates. Without keys there is always one.
    pub fn finish(mut self, stats: &Stats, limits: &Limits) -> Vec<Vec<Value<'static>>> {
        if stats.keys.is_empty() {
            self.key.clear();
            self.group(stats, limits, |_| Value::Null);
        }
        let (mut keys, mut states) = (self.keys.into_iter(), self.states.into_iter());
        let row = |_| {
            let mut row: Vec<Value<'static>> = keys.by_ref().take(stats.keys.len()).collect();
            for (aggregate, state) in stats.aggregates.iter().zip(&mut states) {
                set(&mut row, aggregate.slot, state.value(aggregate.kind));
            }
            row
        };
        (0..self.index.len()).map(row).collect()
    }
}
