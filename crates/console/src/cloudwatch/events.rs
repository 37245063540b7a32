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
    let pattern = pattern(asked.filter_pattern.as_deref().unwrap_or_default())?;
    let limit = limit(asked.limit)?;
    let token = asked.next_token.as_deref().map(Token::parse).transpose()?;
    let events = asked.events(&pattern, limit, token)?;
    let (group, order) = (events.group.clone(), events.order);
    let matches = |event: &Event| pattern.matches(event.document.as_deref().unwrap_or(&event.message));
    let page = page(api, events, limit, matches).await?;
    if page.events.is_empty() && page.next.is_none() && token.is_none() {
        groups::must_exist(api, &group).await?;
    }
    let events: Vec<Value> = page.events.iter().map(filtered).collect();
    let mut answer = json!({"events": events, "searchedLogStreams": []});
    if let Some(position) = page.next {
        answer["nextToken"] = Token { order, position }.to_string().into();
    }
    Ok(answer.to_string())
}

fn pattern(text: &str) -> Result<FilterPattern, Failure> {
    FilterPattern::parse(text).map_err(|error| {
        let place = format!("characters {} to {}", error.start, error.end);
        Failure::parameter(format!("filterPattern, {place}: {}", error.message))
    })
}

impl Filter {
    fn events(self, pattern: &FilterPattern, limit: usize, token: Option<Token>) -> Result<Events, Failure> {
        let streams = match (self.log_stream_names, self.log_stream_name_prefix) {
            (Some(_), Some(_)) => {
                return Err(Failure::parameter("logStreamNames and logStreamNamePrefix exclude each other"));
            }
            (Some(names), None) => Streams::Named(names),
            (None, Some(prefix)) => Streams::Prefix(prefix),
            (None, None) => Streams::All,
        };
        let forward = self.start_from_head.unwrap_or(true);
        let everything = self.filter_pattern.is_none_or(|text| text.trim().is_empty());
        Ok(Events {
            group: groups::one(self.log_group_name.as_deref(), self.log_group_identifier.as_deref())?,
            streams,
            range: range(self.start_time, self.end_time)?,
            order: token.map_or(order(forward), |token| token.order),
            after: token.map(|token| token.position),
            containing: pattern.texts().into_iter().map(str::to_owned).collect(),
            documents: pattern.reads_json(),
            at_once: match (everything, pattern.reads_json()) {
                (true, _) => limit.min(AT_ONCE),
                (false, true) => DOCUMENTS_AT_ONCE,
                (false, false) => AT_ONCE,
            },
        })
    }
}

fn order(from_head: bool) -> Order {
    if from_head { Order::OldestFirst } else { Order::NewestFirst }
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
    let limit = limit(asked.limit)?;
    let token = asked.next_token.as_deref().map(Token::parse).transpose()?;
    let asked = asked.events(limit, token)?;
    let (order, range) = (asked.order, asked.range);
    let mut events = page(api, asked.clone(), limit, |_| true).await?.events;
    if events.is_empty() && token.is_none() {
        must_have(api, &asked).await?;
    }
    if order == Order::NewestFirst {
        events.reverse();
    }
    // At an end of the stream the token stays what it was.
    let nowhere = token.map_or(Position { time: range.from, seq: i64::MIN }, |token| token.position);
    let first = events.first().map_or(nowhere, |event| event.position);
    let last = events.last().map_or(nowhere, |event| event.position);
    let answer = json!({
        "events": events.iter().map(output).collect::<Vec<_>>(),
        "nextForwardToken": Token { order: Order::OldestFirst, position: last }.to_string(),
        "nextBackwardToken": Token { order: Order::NewestFirst, position: first }.to_string(),
    });
    Ok(answer.to_string())
}

impl Get {
    fn events(self, limit: usize, token: Option<Token>) -> Result<Events, Failure> {
        let Some(stream) = self.log_stream_name else {
            return Err(Failure::parameter("logStreamName must be given"));
        };
        Ok(Events {
            group: groups::one(self.log_group_name.as_deref(), self.log_group_identifier.as_deref())?,
            streams: Streams::Named(vec![stream]),
            range: range(self.start_time, self.end_time.map(|end| end.saturating_sub(1)))?,
            order: token.map_or(order(self.start_from_head), |token| token.order),
            after: token.map(|token| token.position),
            containing: Vec::new(),
            documents: false,
            at_once: limit.min(AT_ONCE),
        })
    }
}

/// Fails where there is no such group, or no such stream in it.
async fn must_have(api: &Api, asked: &Events) -> Result<(), Failure> {
    groups::must_exist(api, &asked.group).await?;
    let Streams::Named(names) = &asked.streams else { return Ok(()) };
    let found = api.console.engine.log_streams(&asked.group).await?;
    match names.iter().find(|name| !found.iter().any(|stream| stream.name == **name)) {
        Some(missing) => Err(Failure::no_such("log stream", missing)),
        None => Ok(()),
    }
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
