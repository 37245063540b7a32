//! What a query may cost, and what is said when it would cost more.
#![allow(clippy::disallowed_methods)] // Tests have the machine's clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lake::testing::Shop;
use lake::{Lake, Rows, Settings};
use query::{Engine, Limits, LogsAsked, Range};

/// Lines in the lake: joined with themselves three times they are more than anybody can count.
const LINES: u64 = 20_000;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

/// A lake with a day of a shop's lines, half of them in segments.
async fn engine(limits: Limits) -> (Engine, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(Settings::new(folder.path(), now)).expect("a new lake opens");
    let start = (now() as u64 - 86_400_000_000) * 1000;
    let mut shop = Shop::new(1, LINES, start);
    let mut number = 0_u8;
    while let Some(batch) = shop.batch(500) {
        let mut rows = Rows::default();
        rows.push(&batch, start);
        lake.append(rows.seal([number; 16]).expect("rows are sealed").into()).await.expect("it is taken in");
        number += 1;
        if u64::from(number) * 1000 == LINES {
            lake.flush().await.expect("rows are flushed");
        }
    }
    (Engine::new(Arc::new(lake), limits).expect("an engine"), folder)
}

/// For what would take years.
const PATIENCE: Duration = Duration::from_secs(20);

/// Never done.
const ENDLESS: &str = "SELECT count(*) FROM logs a, logs b, logs c WHERE a.message || b.message < c.message";

const ALL: Range = Range { from: 0, to: i64::MAX };

#[tokio::test(flavor = "multi_thread")]
async fn rows_beyond_the_limit_are_left_out_and_told_of() {
    let limits = Limits { rows: 100, ..Limits::default() };
    let (engine, _folder) = engine(limits).await;
    let answer = engine.sql("SELECT message FROM logs", None, limits).await.expect("it is understood");
    let (rows, end) = answer.collect().await.expect("it is answered");
    assert_eq!(rows.iter().map(|rows| rows.num_rows()).sum::<usize>(), 100);
    assert_eq!(end.rows, 100);
    assert_eq!(end.partial.as_deref(), Some("only the first 100 rows are shown"));
    // As many as the limit are whole.
    let answer =
        engine.sql("SELECT message FROM logs LIMIT 100", None, limits).await.expect("it is understood");
    let (_, end) = answer.collect().await.expect("it is answered");
    assert_eq!((end.rows, end.partial), (100, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_when_its_time_is_over() {
    let limits = Limits { wall: Duration::from_secs(1), ..Limits::default() };
    let (engine, _folder) = engine(limits).await;
    let begun = Instant::now();
    let answer = engine.sql(ENDLESS, None, limits).await.expect("it is understood");
    let (_, end) = answer.collect().await.expect("what was found so far");
    assert_eq!(end.partial.as_deref(), Some("stopped after 1 s"));
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());

    let limits = Limits { wall: Duration::ZERO, ..limits };
    for text in ["stats count(*) by service", "fields @message | limit 1"] {
        let running = engine.insights(text, ALL, &LogsAsked::default(), limits).expect("it is understood");
        let end = running.finish().await.expect("what was found so far").end;
        assert_eq!(end.partial.as_deref(), Some("stopped after 0 s"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_beyond_the_limit_are_not_read() {
    let limits = Limits { scanned_bytes: 1, ..Limits::default() };
    let (engine, _folder) = engine(limits).await;
    let running = engine.insights("stats count(*) as n", ALL, &LogsAsked::default(), limits);
    let answer = running.expect("it is understood").finish().await.expect("what was found so far");
    assert_eq!(answer.end.partial.as_deref(), Some("stopped after 0 MiB were read"));
    let count: u64 = answer.table.text(0, 0).and_then(|text| text.parse().ok()).expect("a count");
    assert!(count < LINES, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_counted_in_memory_as_on_disk() {
    let limits = Limits::default();
    let (engine, _folder) = engine(limits).await;
    let running = engine.insights("stats count(*) as n", ALL, &LogsAsked::default(), limits);
    let end = running.expect("it is understood").finish().await.expect("it is answered").end;
    assert_eq!((end.scanned_rows, end.partial), (LINES, None));
    assert!(end.scanned_bytes > 0);
}

/// Who runs a query holds its progress, so that it can be seen to have ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_nobody_waits_for_ends() {
    let limits = Limits::default();
    let (engine, _folder) = engine(limits).await;
    let answer = engine.sql(ENDLESS, None, limits).await.expect("it is understood");
    let progress = answer.progress();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(Arc::strong_count(&progress) > 2, "it runs");
    drop(answer);
    let begun = Instant::now();
    while Arc::strong_count(&progress) > 1 {
        assert!(begun.elapsed() < PATIENCE, "it goes on for nobody");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_needs_too_much_memory_says_what_to_do() {
    let limits = Limits { memory: 1 << 20, ..Limits::default() };
    let (engine, _folder) = engine(limits).await;
    let text = "SELECT count(*) FROM logs a JOIN logs b ON a.message = b.message";
    let answer = engine.sql(text, None, limits).await.expect("it is understood");
    let error = answer.collect().await.expect_err("there is no room");
    assert!(error.message.contains("more memory than queries may use"), "{error}");
    assert!(error.message.contains("less time"), "{error}");
    assert!(!error.refused, "the question is fine");
    // The next one has its room again.
    let answer = engine.sql("SELECT count(*) FROM logs", None, limits).await.expect("it is understood");
    assert!(answer.collect().await.is_ok());
}
