//! What messages look like, with what differs from one to the next left out.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch, StringViewArray};
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::prelude::col;
use insights::{Clusters, Limits, Tally};
use lake::Table;

use crate::search::{Search, lower};
use crate::{Engine, QueryError, Range};

/// Patterns that are given back, the most frequent.
const MOST: usize = 200;
/// Parts of the range that are counted each for itself.
const PARTS: usize = 30;

/// Messages of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// With `<Type-N>` for what varies.
    pub text: String,
    pub count: u64,
    /// What most of them have.
    pub severity: String,
    pub service: String,
    /// Microseconds since the epoch.
    pub first: i64,
    pub last: i64,
    /// Counts by part of the range.
    pub spark: Vec<u64>,
}

#[derive(Default)]
struct Seen {
    count: u64,
    first: Option<i64>,
    last: Option<i64>,
    severities: HashMap<String, u64>,
    services: HashMap<String, u64>,
    parts: HashMap<usize, u64>,
}

impl Tally for Seen {
    fn merge(&mut self, other: Seen) {
        self.count += other.count;
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.into_iter().chain(other.last).max();
        add(&mut self.severities, other.severities);
        add(&mut self.services, other.services);
        add(&mut self.parts, other.parts);
    }
}

fn add<K: Eq + std::hash::Hash>(to: &mut HashMap<K, u64>, from: HashMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key).or_default() += count;
    }
}

impl Engine {
    /// Shapes of matching messages, the most frequent first.
    pub async fn patterns(&self, search: &Search, range: Range) -> Result<Vec<Pattern>, QueryError> {
        let condition = range.condition().and(lower(search, Table::Logs)?);
        let columns = ["time", "severity", "service", "message"].map(col).to_vec();
        let frame = self
            .frame(Table::Logs)?
            .filter(condition)
            .and_then(|frame| frame.select(columns))
            .map_err(|error| QueryError::failed(&error))?;
        let mut answer = self.whole(frame);
        let (mut clusters, limits) = (Clusters::default(), Limits::default());
        while let Some(rows) = answer.next().await {
            let rows = rows?;
            tokio::task::block_in_place(|| sort(&rows, range, &mut clusters, &limits));
        }
        let mut shapes = clusters.finish();
        shapes.sort_by_key(|shape| std::cmp::Reverse(shape.tally.count));
        shapes.truncate(MOST);
        Ok(shapes.into_iter().map(|shape| pattern(shape.text, shape.tally)).collect())
    }
}

fn sort(rows: &RecordBatch, range: Range, clusters: &mut Clusters<Seen>, limits: &Limits) {
    let times = rows.column(0).as_primitive::<TimestampMicrosecondType>();
    let [severities, services, messages] = [1, 2, 3].map(|at| rows.column(at).as_string_view());
    let part = |time: i64| {
        let share = (time - range.from) as f64 / range.length() as f64;
        ((share * PARTS as f64) as usize).min(PARTS - 1)
    };
    for row in 0..rows.num_rows() {
        let time = times.value(row);
        let seen = Seen {
            count: 1,
            first: Some(time),
            last: Some(time),
            severities: one(severities, row),
            services: one(services, row),
            parts: HashMap::from([(part(time), 1)]),
        };
        let message = if messages.is_valid(row) { messages.value(row) } else { "" };
        clusters.add(message, seen, limits);
    }
}

fn one(column: &StringViewArray, row: usize) -> HashMap<String, u64> {
    if column.is_null(row) { HashMap::new() } else { HashMap::from([(column.value(row).to_owned(), 1)]) }
}

fn most(counts: HashMap<String, u64>) -> String {
    let most = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
    most.map(|(name, _)| name).unwrap_or_default()
}

fn pattern(text: String, seen: Seen) -> Pattern {
    let mut spark = vec![0; PARTS];
    for (part, count) in seen.parts {
        spark[part] = count;
    }
    Pattern {
        text,
        count: seen.count,
        severity: most(seen.severities),
        service: most(seen.services),
        first: seen.first.unwrap_or_default(),
        last: seen.last.unwrap_or_default(),
        spark,
    }
}
