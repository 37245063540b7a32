//! Log records in the order of time, page by page; and what groups and streams they are of.
#![allow(clippy::disallowed_methods)] // Tests have the machine's clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lake::testing::Shop;
use lake::{Lake, Rows, Settings};
use model::{Batch, LogRecord, Resource, Scope, Value};
use query::{Engine, Event, Events, Limits, LogsAsked, Order, Position, Range, Streams};

const LINES: u64 = 6000;

const ALL: Range = Range { from: 0, to: i64::MAX };

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

fn asked(group: &str, order: Order, at_once: usize) -> Events {
    Events {
        group: group.into(),
        streams: Streams::All,
        range: ALL,
        order,
        after: None,
        containing: Vec::new(),
        documents: false,
        at_once,
    }
}

async fn append(lake: &Lake, number: u8, batch: &Batch) {
    let mut rows = Rows::default();
    rows.push(batch, 1);
    lake.append(rows.seal([number; 16]).expect("rows are sealed").into()).await.expect("it is taken in");
}

fn engine(lake: Lake) -> Engine {
    Engine::new(Arc::new(lake), Limits::default()).expect("an engine")
}

/// A day of a shop's lines, half of them in segments.
async fn shop() -> (Engine, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(Settings::new(folder.path(), now)).expect("a new lake opens");
    let mut shop = Shop::new(7, LINES, (now() as u64 - 86_400_000_000) * 1000);
    let mut number = 0;
    while let Some(batch) = shop.batch(100) {
        append(&lake, number, &batch).await;
        number += 1;
        if number == 30 {
            lake.flush().await.expect("rows are flushed");
        }
    }
    (engine(lake), folder)
}

async fn read(engine: &Engine, asked: Events) -> Vec<Event> {
    let mut reader = engine.events(asked).expect("it is understood");
    let mut all = Vec::new();
    while let Some(events) = reader.next().await.expect("it is read") {
        all.extend(events);
    }
    all
}

fn keys(events: &[Event]) -> Vec<(i64, i64)> {
    events.iter().map(|event| (event.position.time, event.position.seq)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_comes_once_and_in_order() {
    let (engine, _folder) = shop().await;
    let groups = engine.log_groups().await.expect("groups");
    assert!(groups.len() > 6, "{groups:?}");
    let mut count = 0;
    for group in &groups {
        let all = read(&engine, asked(&group.name, Order::OldestFirst, 4096)).await;
        let times = keys(&all);
        assert!(times.is_sorted() && times.windows(2).all(|two| two[0] != two[1]));
        let millis = |event: Option<&Event>| event.map(|event| event.position.time.div_euclid(1000));
        assert_eq!((millis(all.first()), millis(all.last())), (Some(group.first), Some(group.last)));
        count += all.len() as u64;
    }
    assert_eq!(count, LINES);

    let group = &groups[0].name;
    let whole = keys(&read(&engine, asked(group, Order::OldestFirst, 4096)).await);
    for at_once in [1, 7, 100] {
        // One at a time is slow; the first hours will do.
        let range = Range { from: 0, to: whole[whole.len().min(40 * at_once) - 1].0 };
        let few = read(&engine, Events { range, ..asked(group, Order::OldestFirst, at_once) }).await;
        assert_eq!(keys(&few), whole[..whole.len().min(40 * at_once)], "{at_once} at once");
    }
    let mut back = keys(&read(&engine, asked(group, Order::NewestFirst, 50)).await);
    back.reverse();
    assert_eq!(back, whole);

    // From the middle on, both ways.
    let (time, seq) = whole[whole.len() / 2];
    let after = Some(Position { time, seq });
    let later = read(&engine, Events { after, ..asked(group, Order::OldestFirst, 33) }).await;
    let earlier = read(&engine, Events { after, ..asked(group, Order::NewestFirst, 33) }).await;
    assert_eq!(keys(&later), whole[whole.len() / 2 + 1..]);
    assert_eq!(earlier.len(), whole.len() / 2);

    let containing = vec!["handled".to_owned(), "user".to_owned()];
    let some = read(&engine, Events { containing, ..asked(group, Order::OldestFirst, 33) }).await;
    assert!(!some.is_empty() && some.len() < whole.len());
    assert!(some.iter().all(|event| event.message.contains("handled") && event.message.contains("user")));
}

/// Attributes of a resource, and the group and stream of its records.
const NAMES: [(&str, &str, &str); 9] = [
    ("{}", "unknown_service", "default"),
    (r#"{"service.name": "a"}"#, "a", "default"),
    (r#"{"service.name": "a", "host.name": "h"}"#, "a", "h"),
    (r#"{"service.name": "a", "aws.log.group.names": ["/x", "/y"]}"#, "/x", "default"),
    (r#"{"service.name": "a", "aws.ecs.cluster.name": "c"}"#, "/c/a", "default"),
    (r#"{"service.name": "b", "container.name": "web", "host.name": "h"}"#, "b", "web"),
    (r#"{"service.name": "b", "container.name": "web", "aws.ecs.task.id": "t"}"#, "b", "web/t"),
    (r#"{"service.name": "b", "log.iostream": "stdout", "host.name": "h"}"#, "b", "stdout"),
    (r#"{"service.name": "b", "log.iostream": "audit", "container.name": "web"}"#, "b", "audit"),
];

/// Plans and programs name them alike.
#[tokio::test(flavor = "multi_thread")]
async fn groups_and_streams_are_named_by_what_records_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(Settings::new(folder.path(), now)).expect("a new lake opens");
    for (number, (resource, ..)) in NAMES.iter().enumerate() {
        let mut batch = Batch::new("t".into(), Vec::new());
        let span = batch.arena.store(resource.as_bytes());
        let attributes = batch.arena.parse_object(span).expect("an object");
        batch.resources.push(Resource { attributes, ..Resource::default() });
        batch.scopes.push(Scope::default());
        let body = Value::Str(batch.arena.store(number.to_string().as_bytes()));
        batch.logs.push(LogRecord::new((now() as u64) * 1000, body));
        append(&lake, number as u8, &batch).await;
    }
    let engine = engine(lake);
    let text = "fields @message, @log, @logStream | sort @message";
    let running = engine.insights(text, ALL, &LogsAsked::default(), Limits::default());
    let table = running.expect("it is understood").finish().await.expect("it is answered").table;
    let mut streams: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (number, (resource, group, stream)) in NAMES.iter().enumerate() {
        let cell = |column: usize| table.text(number, column).unwrap_or_default().into_owned();
        let expected = (number.to_string(), format!("000000000000:{group}"), (*stream).to_owned());
        assert_eq!((cell(0), cell(1), cell(2)), expected, "{resource}");
        streams.entry(group).or_default().push(stream);
    }
    let groups: Vec<String> =
        engine.log_groups().await.expect("groups").into_iter().map(|group| group.name).collect();
    assert_eq!(groups, streams.keys().copied().collect::<Vec<_>>());
    for (group, mut expected) in streams {
        expected.sort_unstable();
        let mut found: Vec<String> = read(&engine, asked(group, Order::OldestFirst, 10))
            .await
            .into_iter()
            .map(|event| event.stream)
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{group}");
        expected.dedup();
        let named = engine.log_streams(group).await.expect("streams");
        assert_eq!(named.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>(), expected, "{group}");
        let of = LogsAsked { groups: vec![group.to_owned()], ..LogsAsked::default() };
        let running = engine.insights("stats count(*)", ALL, &of, Limits::default());
        let table = running.expect("it is understood").finish().await.expect("it is answered").table;
        assert_eq!(table.text(0, 0).unwrap_or_default(), found.len().to_string(), "{group}");
        assert!(engine.has_log_group(group).await.expect("an answer"));
    }
    assert!(!engine.has_log_group("none").await.expect("an answer"));
    let prefix = "SOURCE logGroups(namePrefix: ['/', 'unk']) | stats count(*)";
    let running = engine.insights(prefix, ALL, &LogsAsked::default(), Limits::default());
    let table = running.expect("it is understood").finish().await.expect("it is answered").table;
    assert_eq!(table.text(0, 0).unwrap_or_default(), "3");
}
