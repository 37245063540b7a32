//! Log records of a group in the order of time, for who reads them a page after the other.
//!
//! A reader asks for a bounded number of rows of a slice of time at once. A slice that gave as many is asked again from
//! its last row on and followed by shorter ones, one that gave fewer by longer ones; so neither a day of nothing nor a
//! minute of millions costs more than it must.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::error::DataFusionError;
use datafusion::functions::string::expr_fn::{contains, starts_with};
use datafusion::logical_expr::{Expr, SortExpr, in_list};
use datafusion::prelude::{DataFrame, col, lit};
use lake::{SEQ, Table};
use serde_json::{Map, Value};

use crate::groups::{in_groups, log_stream};
use crate::range::moment;
use crate::{Engine, QueryError, Range, json, names};

/// The first slice of time, and the shortest, in microseconds.
const FIRST_SLICE: i64 = 60_000_000;
const SHORTEST_SLICE: i64 = 1_000_000;

/// Which records are read.
#[derive(Debug, Clone)]
pub struct Events {
    pub group: String,
    pub streams: Streams,
    pub range: Range,
    pub order: Order,
    /// Only what comes after this in the order.
    pub after: Option<Position>,
    /// Texts that each message must hold.
    pub containing: Vec<String>,
    /// Whether [`Event::document`] is wanted.
    pub documents: bool,
    /// Rows that are asked for at once.
    pub at_once: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Streams {
    All,
    Named(Vec<String>),
    Prefix(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// A place in the order of time: microseconds since the epoch, then the number that the log gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub time: i64,
    pub seq: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub position: Position,
    /// Microseconds since the epoch.
    pub ingested: i64,
    pub stream: String,
    pub message: String,
    /// What the record says as one JSON object: its body or its message where that is one, else its attributes with
    /// `message` and `level`.
    pub document: Option<String>,
}

/// Reads on with each [`EventReader::next`]; holds nothing open in between but the lake's files.
pub struct EventReader<'e> {
    engine: &'e Engine,
    frame: DataFrame,
    asked: Events,
    condition: Expr,
    slice: i64,
}

impl Engine {
    pub fn events(&self, asked: Events) -> Result<EventReader<'_>, QueryError> {
        let mut condition = in_groups(std::slice::from_ref(&asked.group));
        match &asked.streams {
            Streams::All => {}
            Streams::Named(names) => {
                let names = names.iter().map(|name| lit(name.as_str())).collect();
                condition = condition.and(in_list(log_stream(), names, false));
            }
            Streams::Prefix(prefix) => {
                condition = condition.and(starts_with(log_stream(), lit(prefix.as_str())));
            }
        }
        for text in &asked.containing {
            condition = condition.and(contains(col("message"), lit(text.as_str())));
        }
        let size = self.lake().size(Table::Logs);
        let range = match (size.from, size.to) {
            (Some(from), Some(to)) => Range { from: asked.range.from.max(from), to: asked.range.to.min(to) },
            _ => Range { from: 0, to: -1 },
        };
        let asked = Events { range, ..asked };
        let frame = self.frame(Table::Logs)?;
        Ok(EventReader { engine: self, frame, asked, condition, slice: FIRST_SLICE })
    }
}

impl EventReader<'_> {
    /// The next records, perhaps none; `None` when there are no more.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, QueryError> {
        let Some(slice) = self.next_slice() else { return Ok(None) };
        let frame = self.plan(slice).map_err(|error| QueryError::failed(&error))?;
        let (rows, end) = self.engine.whole(frame).collect().await?;
        if let Some(why) = end.partial {
            return Err(QueryError { refused: false, ..QueryError::refused(why) });
        }
        let mut events = Vec::new();
        for rows in &rows {
            read(rows, self.asked.documents, &mut events)?;
        }
        self.asked.after = match events.last() {
            Some(last) if events.len() == self.asked.at_once => {
                self.slice = (self.slice / 4).max(SHORTEST_SLICE);
                Some(last.position)
            }
            _ => {
                self.slice = self.slice.saturating_mul(4);
                Some(match self.asked.order {
                    Order::OldestFirst => Position { time: slice.to, seq: i64::MAX },
                    Order::NewestFirst => Position { time: slice.from, seq: i64::MIN },
                })
            }
        };
        Ok(Some(events))
    }

    /// Up to where everything was read.
    pub fn position(&self) -> Option<Position> {
        self.asked.after
    }

    fn next_slice(&self) -> Option<Range> {
        let Range { mut from, mut to } = self.asked.range;
        match (self.asked.order, self.asked.after) {
            (Order::OldestFirst, Some(Position { time, seq })) => {
                from = from.max(if seq == i64::MAX { time.saturating_add(1) } else { time });
            }
            (Order::NewestFirst, Some(Position { time, seq })) => {
                to = to.min(if seq == i64::MIN { time.saturating_sub(1) } else { time });
            }
            (_, None) => {}
        }
        (from <= to).then(|| match self.asked.order {
            Order::OldestFirst => Range { from, to: to.min(from.saturating_add(self.slice - 1)) },
            Order::NewestFirst => Range { from: from.max(to.saturating_sub(self.slice - 1)), to },
        })
    }

    fn plan(&self, slice: Range) -> Result<DataFrame, DataFusionError> {
        let mut condition = slice.condition().and(self.condition.clone());
        let ascending = self.asked.order == Order::OldestFirst;
        if let Some(Position { time, seq }) = self.asked.after {
            let (later, same) = match ascending {
                true => (col("time").gt(moment(time)), col(SEQ).gt(lit(seq))),
                false => (col("time").lt(moment(time)), col(SEQ).lt(lit(seq))),
            };
            condition = condition.and(later.or(col("time").eq(moment(time)).and(same)));
        }
        let order: Vec<SortExpr> = ["time", SEQ].map(|name| col(name).sort(ascending, false)).to_vec();
        let mut columns: Vec<Expr> = ["time", SEQ, "observed_time", "message"].map(col).to_vec();
        columns.push(log_stream().alias("@logStream"));
        if self.asked.documents {
            let more = ["body", "severity", "severity_text", "service", "attributes"];
            let logs = Table::Logs.read();
            let promoted = names::PROMOTED.map(|(_, column)| column);
            let promoted = promoted.into_iter().filter(|column| logs.index_of(column).is_ok());
            columns.extend(more.into_iter().chain(promoted).map(col));
        }
        self.frame.clone().filter(condition)?.sort(order)?.limit(0, Some(self.asked.at_once))?.select(columns)
    }
}

fn read(rows: &RecordBatch, documents: bool, events: &mut Vec<Event>) -> Result<(), QueryError> {
    let times = rows.column(0).as_primitive::<TimestampMicrosecondType>();
    let numbers = rows.column(1).as_primitive::<Int64Type>();
    let observed = rows.column(2).as_primitive::<TimestampMicrosecondType>();
    let (messages, streams) = (text(rows.column(3))?, text(rows.column(4))?);
    let (messages, streams) = (messages.as_string_view(), streams.as_string_view());
    let documents = documents.then(|| json::objects(rows));
    let mut documents = documents.into_iter().flatten();
    for row in 0..rows.num_rows() {
        let time = times.value(row);
        events.push(Event {
            position: Position { time, seq: numbers.value(row) },
            ingested: if observed.is_valid(row) { observed.value(row) } else { time },
            stream: streams.value(row).to_owned(),
            message: if messages.is_valid(row) { messages.value(row).to_owned() } else { String::new() },
            document: documents.next().map(document),
        });
    }
    Ok(())
}

fn text(column: &ArrayRef) -> Result<ArrayRef, QueryError> {
    arrow::compute::cast(column, &DataType::Utf8View).map_err(|error| QueryError::refused(error.to_string()))
}

fn document(mut row: Map<String, Value>) -> String {
    for name in ["body", "message"] {
        if let Some(Value::String(text)) = row.get(name)
            && text.trim_start().starts_with('{')
        {
            return text.clone();
        }
    }
    let mut document = Map::new();
    for (name, column) in names::PROMOTED {
        if let Some(value) = row.remove(column) {
            document.insert(name.to_owned(), value);
        }
    }
    if let Some(Value::Object(attributes)) = row.remove("attributes") {
        document.extend(attributes.into_iter().map(|(name, value)| (name, typed(value))));
    }
    let level = row.remove("severity_text").filter(|text| text.as_str() != Some(""));
    let level = level.or_else(|| row.get("severity").cloned());
    let more = [("level", level), ("message", row.remove("message")), ("service", row.remove("service"))];
    for (name, value) in more {
        if let Some(value) = value {
            document.entry(name).or_insert(value);
        }
    }
    Value::Object(document).to_string()
}

/// Attributes are kept as text; what reads as a number, a boolean, an object or an array was one.
fn typed(value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    match text.as_bytes().first() {
        Some(b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f') => serde_json::from_str(text).unwrap_or(value),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_one_document() {
        let row = |value: Value| match value {
            Value::Object(row) => document(row),
            _ => String::new(),
        };
        for (columns, expected) in [
            (json!({"message": "m", "body": "{\"a\":1}"}), json!({"a": 1})),
            (json!({"message": " {\"a\":1}"}), json!({"a": 1})),
            (
                json!({"message": "m", "severity": "ERROR", "severity_text": "error", "http_status": 500,
                    "attributes": {"n": "5", "t": "x", "o": "{\"b\":[1]}", "v": "1.2.3"}}),
                json!({"message": "m", "level": "error", "http.response.status_code": 500,
                    "n": 5, "t": "x", "o": {"b": [1]}, "v": "1.2.3"}),
            ),
        ] {
            let found: Value = serde_json::from_str(&row(columns)).unwrap();
            assert_eq!(found, expected);
        }
    }
}
