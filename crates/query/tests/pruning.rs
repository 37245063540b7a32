//! What need not be read is not, and the answers are the same.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use lake::testing::{Bucket, Shop};
use lake::{Lake, Publish, Remote, Rows, Settings};
use query::{End, Engine, Limits, LogSearch, LogsAsked, Range, search};

/// Nanoseconds and microseconds since the epoch.
const START: u64 = 1_700_006_400_000_000_000;
const DAY: Range = Range { from: START as i64 / 1000 - 10_000_000, to: START as i64 / 1000 + 86_400_000_000 };
const LINES: u64 = 60_000;

fn now() -> i64 {
    DAY.to
}

/// A day of logs, half of it in a file and half in memory.
async fn engine(folder: &std::path::Path) -> Engine {
    Engine::new(Arc::new(filled(Settings::new(folder, now)).await), Limits::default()).expect("an engine")
}

async fn filled(mut settings: Settings) -> Lake {
    settings.durability = lake::Durability::Relaxed;
    let lake = Lake::open(settings).expect("the lake opens");
    let mut shop = Shop::new(11, LINES, START);
    let (mut rows, mut lines, mut payloads) = (Rows::default(), 0, 0_u8);
    while let Some(batch) = shop.batch(500) {
        lines += batch.len() as u64;
        rows.push(&batch, START);
        if lines % (LINES / 4) == 0 {
            payloads += 1;
            let payload = rows.seal([payloads; 16]).expect("rows are sealed");
            lake.append(Bytes::from(payload)).await.expect("rows are taken");
        }
        if lines == LINES / 2 {
            lake.flush().await.expect("rows are flushed");
        }
    }
    lake
}

async fn count(engine: &Engine, condition: &str) -> (i64, End) {
    let text = format!("SELECT count(*) FROM logs WHERE {condition}");
    let answer =
        engine.sql(&text, None, engine.limits()).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    let (rows, end) = answer.collect().await.expect("an answer");
    (rows[0].column(0).as_primitive::<Int64Type>().value(0), end)
}

#[tokio::test]
async fn words_leave_out_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path()).await;
    let (all, _) = count(&engine, "true").await;
    assert_eq!(all, LINES as i64);
    // A number that few lines have: offsets count up.
    let (by_text, whole) = count(&engine, "message ~ '\\b12[0-9]34\\b'").await;
    assert!(by_text > 0 && whole.scanned_rows >= LINES, "{by_text} {whole:?}");
    let mut found = 0;
    for digit in 0..10 {
        let (with, read) = count(&engine, &format!("has_token(message, '12{digit}34')")).await;
        assert!(read.scanned_rows < whole.scanned_rows, "{read:?}");
        found += with;
    }
    assert_eq!(found, by_text);
    // Parts of words are not found as words, and words are found whatever their case.
    assert_eq!(count(&engine, "has_token(message, 'eserv')").await.0, 0);
    let (words, _) = count(&engine, "has_token(message, 'FAILED to reserve')").await;
    assert_eq!(words, count(&engine, "message LIKE 'failed to reserve%'").await.0);
    assert!(words > 0);
}

#[tokio::test]
async fn the_search_bar_finds_words_and_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path()).await;
    for (text, condition) in [
        ("reserve", "message LIKE '%reserve %'"),
        ("\"eserve\"", "message LIKE '%eserve%'"),
        ("eserve", "false"),
        ("reset -reserve", "false"),
        ("\"reset by peer\" service:cart", "message LIKE '%reset by peer%' AND service = 'cart'"),
        ("@thread:worker-3 status:error", "attributes['thread'] = 'worker-3' AND severity = 'ERROR'"),
    ] {
        let search = LogSearch {
            search: search::parse(text).expect("it is understood"),
            range: DAY,
            limit: 100_000,
            before: None,
        };
        let (rows, end) = engine.logs(&search).expect("a search").collect().await.expect("an answer");
        let found: usize = rows.iter().map(arrow::array::RecordBatch::num_rows).sum();
        let (expected, _) = count(&engine, condition).await;
        assert_eq!((found as i64, end.rows), (expected, expected as u64), "{text}");
    }
}

#[tokio::test]
async fn attributes_that_have_columns_are_read_from_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path()).await;
    for (attribute, column) in [
        ("attributes['http.route']", "http_route"),
        ("attributes['http.response.status_code']", "CAST(http_status AS VARCHAR)"),
        ("resource['service.name']", "service"),
        ("logs.attributes['user.id']", "user_id"),
    ] {
        let (same, _) = count(&engine, &format!("{attribute} = {column}")).await;
        assert_eq!(same, LINES as i64, "{attribute}");
    }
    let (none, _) = count(&engine, "attributes['nowhere'] IS NOT NULL").await;
    assert_eq!(none, 0);
}

#[tokio::test]
async fn insights_find_what_has_a_column_by_the_names_people_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path()).await;
    for (field, column) in [
        ("level", "severity_text"),
        ("severity", "severity"),
        ("http.route", "http_route"),
        ("user.id", "user_id"),
        ("thread", "attributes['thread']"),
    ] {
        let text = format!("filter ispresent({field}) | stats count(*), count_distinct({field})");
        let running =
            engine.insights(&text, DAY, &LogsAsked::default(), engine.limits()).expect("it is understood");
        let table = running.finish().await.expect("an answer").table;
        let answer: Vec<_> = (0..2).map(|at| table.text(0, at).unwrap_or_default().into_owned()).collect();
        let (present, _) = count(&engine, &format!("{column} IS NOT NULL")).await;
        assert_eq!(answer[0], present.to_string(), "{field}");
        assert!(
            present == LINES as i64 && answer[1].parse::<i64>().expect("a number") > 1,
            "{field}: {answer:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_objects_less_is_fetched_and_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let bucket = Arc::new(Bucket::default());
    let remote = Remote::new(bucket.clone(), "memory://bucket/lake").expect("a place");
    let mut settings = Settings::new(folder.path().join("lake"), now);
    settings.publish = Some(Publish::new(remote.clone()));
    let lake = filled(settings).await;
    lake.publish().await.expect("whole hours go up");
    drop(lake);

    // Each question on its own, as a command that reads the bucket asks it.
    let ask = async |remote: &Remote, condition: &str| {
        let before = bucket.fetched.load(Ordering::Relaxed);
        let lake = Lake::open_listed(remote.clone(), (DAY.from, DAY.to), now).await.expect("a bucket");
        let engine = Engine::new(Arc::new(lake), Limits::default()).expect("an engine");
        let (found, _) = count(&engine, condition).await;
        (found, bucket.fetched.load(Ordering::Relaxed) - before)
    };
    let (all, whole) = ask(&remote, "message ~ '[0-9]'").await;
    assert!(all > LINES as i64 / 2, "{all} of {LINES} lines are in the bucket");
    let (none, by_words) = ask(&remote, "has_token(message, 'unheardof')").await;
    assert_eq!(none, 0);
    let (_, footers) = ask(&remote, "true").await;
    let (by_words, whole) = (by_words - footers, whole - footers);
    assert!(by_words * 2 < whole, "{by_words} of {whole} bytes beside {footers} of footers");

    let kept = remote.clone().kept_in(folder.path().join("cache"), 1 << 30);
    for condition in ["message ~ '[0-9]'", "has_token(message, 'orders')"] {
        let (first, fetched) = ask(&kept, condition).await;
        let (direct, _) = ask(&remote, condition).await;
        // Blocks are written beside the answer.
        let mut again = (0, u64::MAX);
        for _ in 0..100 {
            again = ask(&kept, condition).await;
            if again.1 == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!((first, again), (direct, (direct, 0)), "{condition}: {fetched} bytes at first");
    }
}
