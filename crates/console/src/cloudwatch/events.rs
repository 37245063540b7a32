//! `FilterLogEvents`, `GetLogEvents` and `GetLogRecord`: log records in the order of time, a page at a time.

use std::time::Duration;

use insights::FilterPattern;
use query::{Event, Events, Order, Position, QueryError, Range, Streams};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Api, Failure, groups};

/// Events in one answer, and bytes of their messages; both are the service's.
const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: usize = 1 << 20;

/// A page that is searched for longer ends with a token to go on from.
const PAGE_WITHIN: Duration = Duration::from_secs(5);

/// Rows that the lake is asked for at once; fewer where documents are made of them.
const AT_ONCE: usize = 4096;
const DOCUMENTS_AT_ONCE: usize = 1024;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Filter {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    /// Milliseconds since the epoch; both are included.
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
    start_from_head: Option<bool>,
}

pub(super) async fn filter(api: &Api, asked: Filter) -> Result<String, Failure> {
    let pattern =
        FilterPattern::parse(asked.filter_pattern.as_deref().unwrap_or_default()).map_err(|error| {
            let message =
                format!("filterPattern, characters {} to {}: {}", error.start, error.end, error.message);
            Failure::parameter(message)
        })?;
    let limit = limit(asked.limit)?;
    let streams = match (asked.log_stream_names, asked.log_stream_name_prefix) {
        (Some(_), Some(_)) => {
            return Err(Failure::parameter("logStreamNames and logStreamNamePrefix exclude each other"));
        }
        (Some(names), None) => Streams::Named(names),
        (None, Some(prefix)) => Streams::Prefix(prefix),
        (None, None) => Streams::All,
    };
    let order = if asked.start_from_head == Some(false) { Order::NewestFirst } else { Order::OldestFirst };
    let token = asked.next_token.as_deref().map(Token::parse).transpose()?;
    let everything = pattern.texts().is_empty() && asked.filter_pattern.is_none_or(|text| text.is_empty());
    let events = Events {
        group: groups::one(asked.log_group_name.as_deref(), asked.log_group_identifier.as_deref())?,
        streams,
        range: range(asked.start_time, asked.end_time)?,
        order: token.map_or(order, |token| token.order),
        after: token.map(|token| token.position),
        containing: pattern.texts().into_iter().map(str::to_owned).collect(),
        documents: pattern.reads_json(),
        at_once: match everything {
            true => limit.min(AT_ONCE),
            false if pattern.reads_json() => DOCUMENTS_AT_ONCE,
            false => AT_ONCE,
        },
    };
    let (group, order) = (events.group.clone(), events.order);
    let matches = |event: &Event| pattern.matches(event.document.as_deref().unwrap_or(&event.message));
    let page = page(api, events, limit, matches).await?;
    if page.events.is_empty() && page.next.is_none() && token.is_none() {
        groups::must_exist(api, &group).await?;
    }
    let mut answer = json!({
        "events": page.events.iter().map(filtered).collect::<Vec<_>>(), "searchedLogStreams": [],
    });
    if let Some(position) = page.next {
        answer["nextToken"] = Token { order, position }.to_string().into();
    }
    Ok(answer.to_string())
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Get {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: Option<String>,
    /// Milliseconds since the epoch; the end is not included.
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
    limit: Option<usize>,
    start_from_head: bool,
}

pub(super) async fn get(api: &Api, asked: Get) -> Result<String, Failure> {
    let Some(stream) = asked.log_stream_name else {
        return Err(Failure::parameter("logStreamName must be given"));
    };
    let limit = limit(asked.limit)?;
    let token = asked.next_token.as_deref().map(Token::parse).transpose()?;
    let order = if asked.start_from_head { Order::OldestFirst } else { Order::NewestFirst };
    let order = token.map_or(order, |token| token.order);
    let range = range(asked.start_time, asked.end_time.map(|end| end.saturating_sub(1)))?;
    let events = Events {
        group: groups::one(asked.log_group_name.as_deref(), asked.log_group_identifier.as_deref())?,
        streams: Streams::Named(vec![stream.clone()]),
        range,
        order,
        after: token.map(|token| token.position),
        containing: Vec::new(),
        documents: false,
        at_once: limit.min(AT_ONCE),
    };
    let group = events.group.clone();
    let mut events = page(api, events, limit, |_| true).await?.events;
    if events.is_empty() && token.is_none() {
        groups::must_exist(api, &group).await?;
        let streams = api.console.engine.log_streams(&group).await?;
        if !streams.iter().any(|found| found.name == stream) {
            return Err(Failure::no_such("log stream", &stream));
        }
    }
    if order == Order::NewestFirst {
        events.reverse();
    }
    // At an end of the stream the token stays what it was.
    let nowhere = token.map_or(Position { time: range.from, seq: i64::MIN }, |token| token.position);
    let first = events.first().map_or(nowhere, |event| event.position);
    let last = events.last().map_or(nowhere, |event| event.position);
    let outputs: Vec<Value> = events.iter().map(output).collect();
    let answer = json!({
        "events": outputs,
        "nextForwardToken": Token { order: Order::OldestFirst, position: last }.to_string(),
        "nextBackwardToken": Token { order: Order::NewestFirst, position: first }.to_string(),
    });
    Ok(answer.to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// A `@ptr` of a query's results.
    log_record_pointer: String,
}

pub(super) async fn record(api: &Api, asked: &Record) -> Result<String, Failure> {
    let pointer = &asked.log_record_pointer;
    let seq = pointer.parse().map_err(|_| Failure::parameter("logRecordPointer is no `@ptr` of a query"))?;
    let Some(row) = api.console.engine.log_record(seq).await? else {
        return Err(Failure::no_such("log record", pointer));
    };
    let mut record = Map::new();
    for (name, value) in row {
        match (name.as_str(), value) {
            ("time", Value::Number(micros)) => put_millis(&mut record, "@timestamp", &micros),
            ("observed_time", Value::Number(micros)) => put_millis(&mut record, "@ingestionTime", &micros),
            ("message", value) => put(&mut record, "@message", value),
            ("seq", value) => put(&mut record, "@ptr", value),
            ("attributes", Value::Object(attributes)) => {
                attributes.into_iter().for_each(|(name, value)| put(&mut record, &name, value));
            }
            (name, value) => put(&mut record, name, value),
        }
    }
    Ok(json!({ "logRecord": record }).to_string())
}

fn put_millis(record: &mut Map<String, Value>, name: &str, micros: &serde_json::Number) {
    let millis = micros.as_i64().unwrap_or_default().div_euclid(1000);
    put(record, name, Value::from(millis));
}

/// Every field of a record is text.
fn put(record: &mut Map<String, Value>, name: &str, value: Value) {
    let text = match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    record.insert(name.to_owned(), Value::String(text));
}

/// What one answer holds.
struct Page {
    events: Vec<Event>,
    /// Where to go on; nothing at the end.
    next: Option<Position>,
}

async fn page(
    api: &Api,
    asked: Events,
    limit: usize,
    matches: impl Fn(&Event) -> bool,
) -> Result<Page, QueryError> {
    let deadline = Instant::now() + PAGE_WITHIN;
    let mut reader = api.console.engine.events(asked)?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(found) = reader.next().await? {
        for event in found {
            if !matches(&event) {
                continue;
            }
            let position = event.position;
            bytes += event.message.len();
            events.push(event);
            if events.len() == limit || bytes >= MOST_BYTES {
                return Ok(Page { events, next: Some(position) });
            }
        }
        if Instant::now() >= deadline {
            return Ok(Page { events, next: reader.position() });
        }
    }
    Ok(Page { events, next: None })
}

/// Which way to go on, and behind which record. Written `f/TIME/SEQ`, or `b/..` for backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    order: Order,
    position: Position,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let way = if self.order == Order::OldestFirst { 'f' } else { 'b' };
        write!(f, "{way}/{}/{}", self.position.time, self.position.seq)
    }
}

impl Token {
    fn parse(text: &str) -> Result<Token, Failure> {
        let read = || {
            let (way, position) = text.split_once('/')?;
            let (time, seq) = position.split_once('/')?;
            let order = match way {
                "f" => Order::OldestFirst,
                "b" => Order::NewestFirst,
                _ => return None,
            };
            Some(Token { order, position: Position { time: time.parse().ok()?, seq: seq.parse().ok()? } })
        };
        read().ok_or_else(|| Failure::parameter("The specified nextToken is invalid."))
    }
}

fn limit(given: Option<usize>) -> Result<usize, Failure> {
    match given.unwrap_or(MOST_EVENTS) {
        limit @ 1..=MOST_EVENTS => Ok(limit),
        _ => Err(Failure::parameter(format!("limit is 1 to {MOST_EVENTS}"))),
    }
}

fn range(start: Option<i64>, end: Option<i64>) -> Result<Range, Failure> {
    let (start, end) = (start.unwrap_or(0), end.unwrap_or(i64::MAX / 1000 - 1));
    if start < 0 || start > end {
        return Err(Failure::parameter("startTime must not be below 0 nor later than endTime"));
    }
    Ok(Range::millis(start, end))
}

fn output(event: &Event) -> Value {
    json!({
        "timestamp": event.position.time.div_euclid(1000), "message": event.message,
        "ingestionTime": event.ingested.div_euclid(1000),
    })
}

fn filtered(event: &Event) -> Value {
    let mut filtered = output(event);
    filtered["logStreamName"] = event.stream.as_str().into();
    filtered["eventId"] = format!("{:056}", event.position.seq).into();
    filtered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back() {
        for (order, time, seq) in [(Order::OldestFirst, 5, i64::MAX), (Order::NewestFirst, -1, i64::MIN)] {
            let token = Token { order, position: Position { time, seq } };
            assert_eq!(Token::parse(&token.to_string()).unwrap(), token);
        }
        for text in ["", "f", "f/1", "x/1/2", "f/1/2/3", "f/a/2"] {
            assert!(Token::parse(text).is_err(), "{text}");
        }
    }
}
