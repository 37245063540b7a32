//! Many flushes become few files, and old files go.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::{HOUR, NOW, append, files, flush, lines, messages, numbers, read, settings, texts, wait};
use lake::{Lake, Rows, Segment, Table, Wanted};
use model::Signal;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

/// The keeper answers a flush before it tidies: the next flush waits for that.
fn settle(lake: &Lake) {
    flush(lake);
    flush(lake);
}

fn metadata(path: &Path) -> ParquetMetaData {
    let file = fs::File::open(path).expect("a file");
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.parse_and_finish(&file).expect("a footer")
}

/// As [`Table::order`] says, and as they arrived where that is equal.
fn check_order(segment: &Segment) {
    let mut last: Option<(Vec<String>, i64, i64)> = None;
    for rows in read(&segment.path) {
        let order = segment.table.order();
        let named: Vec<Vec<String>> =
            order.iter().filter(|name| **name != "time").map(|name| texts(&rows, name)).collect();
        let (times, seqs) = (numbers(&rows, "time"), numbers(&rows, "seq"));
        let timed = order.contains(&"time");
        for row in 0..rows.num_rows() {
            let names = named.iter().map(|column| column[row].clone()).collect();
            let key = (names, if timed { times[row] } else { 0 }, seqs[row]);
            assert!(last.as_ref().is_none_or(|last| *last < key), "{} at {row}", segment.path.display());
            last = Some(key);
        }
    }
}

fn one_hour(segment: &Segment) -> bool {
    segment.min_time / HOUR == segment.max_time / HOUR
}

#[test]
fn many_flushes_become_few_sorted_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    let mut random = fastrand::Rng::with_seed(3);
    let mut sent = BTreeMap::new();
    for number in 0..40 {
        let mut lines = Vec::new();
        for line in 0..500 {
            // Mostly the last hour, some up to a day late.
            let late = if random.u8(..) < 8 { random.i64(0..24 * HOUR) } else { random.i64(0..HOUR) };
            let text = format!("request {number}-{line} served by word{}", random.u32(..50));
            sent.insert(text.clone(), 1);
            lines.push((NOW - 1 - late, text));
        }
        append(&lake, number, &lines).expect("rows are taken");
        flush(&lake);
    }
    settle(&lake);
    assert_eq!(messages(&lake), sent, "every row once");
    let segments = lake.snapshot(Table::Logs).segments;
    assert!(segments.len() < 60, "{} files", segments.len());
    let of_last_hour = |segment: &&Arc<Segment>| segment.level > 0 && segment.min_time >= NOW - HOUR;
    assert!(segments.iter().filter(of_last_hour).count() <= 5);
    for segment in &segments {
        check_order(segment);
        assert!(segment.level == 0 || one_hour(segment), "{}", segment.path.display());
        let rows: usize = read(&segment.path).iter().map(|rows| rows.num_rows()).sum();
        assert_eq!(rows as u64, segment.rows);
        let metadata = metadata(&segment.path);
        assert!(metadata.column_index().is_some() && metadata.offset_index().is_some());
        let schema = metadata.file_metadata().schema_descr();
        let trace_id =
            (0..schema.num_columns()).find(|n| schema.column(*n).name() == "trace_id").expect("a column");
        assert!(
            metadata.row_groups().iter().all(|group| group.column(trace_id).bloom_filter_offset().is_some())
        );
        let index = segment.tokens().expect("it can be read").expect("a token index");
        for text in read(&segment.path).iter().flat_map(|rows| texts(rows, "message")).take(20) {
            let ranges: Vec<_> = index
                .rows(&Wanted::words(&text))
                .expect("it can be read")
                .into_iter()
                .flat_map(|(_, ranges)| ranges)
                .collect();
            assert_eq!(ranges.first(), Some(&(0..rows)));
        }
    }
    let joined = segments.iter().find(|segment| segment.level > 0).expect("a joined file");
    let within = joined.path.strip_prefix(lake.folder()).expect("in the lake").to_string_lossy().into_owned();
    assert!(within.starts_with("logs/day=20") && within.contains("/hour="), "{within}");
}

#[test]
fn every_table_keeps_its_order() {
    let requests: [(Signal, &[u8]); 2] = [
        (Signal::Traces, include_bytes!("../../../fixtures/otlp/python-traces.body")),
        (Signal::Metrics, include_bytes!("../../../fixtures/otlp/python-metrics.body")),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    let mut sent: BTreeMap<Table, u64> = BTreeMap::new();
    for number in 0..17u8 {
        let mut rows = Rows::default();
        for (signal, request) in requests {
            rows.push(&wire::otlp::decode(signal, request.to_vec(), "t".into(), 1).expect("a request"), 1);
        }
        let payload = Bytes::from(rows.seal([number; 16]).expect("a payload"));
        for (table, rows) in lake::decode(&payload).expect("rows") {
            *sent.entry(table).or_default() += rows.num_rows() as u64;
        }
        wait(lake.append(payload)).expect("rows are taken");
        flush(&lake);
    }
    settle(&lake);
    assert_eq!(sent.len(), 5);
    for (table, rows) in sent {
        assert_eq!(lake.size(table).rows, rows, "{}", table.name());
        let segments = lake.snapshot(table).segments;
        assert!(segments.len() <= 4, "{} files of {}", segments.len(), table.name());
        segments.iter().for_each(|segment| check_order(segment));
    }
}

#[test]
fn a_job_makes_few_files_and_the_rest_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    let mut sent = BTreeMap::new();
    for number in 0..8 {
        // 60 hours, each in every flush.
        let lines: Vec<_> = (0..120).map(|n| (NOW - 1 - n / 2 * HOUR, format!("{number} {n}"))).collect();
        lines.iter().for_each(|(_, text)| *sent.entry(text.clone()).or_default() += 1);
        append(&lake, number, &lines).expect("rows are taken");
        flush(&lake);
    }
    settle(&lake);
    assert_eq!(messages(&lake), sent);
    let segments = lake.snapshot(Table::Logs).segments;
    assert!((24..=27).contains(&segments.len()), "{} files", segments.len());
    let rest: Vec<_> = segments.iter().filter(|segment| !one_hour(segment)).collect();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].level, 0, "it is joined with the next");
    assert!(segments.iter().any(|segment| segment.min_time / HOUR == (NOW - 1) / HOUR && one_hour(segment)));
}

#[test]
fn the_hour_that_is_over_becomes_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    for number in 0..16 {
        let lines: Vec<_> = (0..50).map(|n| (NOW - 3 * HOUR + n, format!("{number} {n}"))).collect();
        append(&lake, number, &lines).expect("rows are taken");
        flush(&lake);
    }
    settle(&lake);
    let segments = lake.snapshot(Table::Logs).segments;
    assert_eq!(segments.iter().map(|segment| (segment.level, segment.rows)).collect::<Vec<_>>(), [(2, 800)]);
}

#[test]
fn a_reader_keeps_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    for number in 0..7 {
        append(&lake, number, &lines(number, 10)).expect("rows are taken");
        flush(&lake);
    }
    let (one, other) = (lake.snapshot(Table::Logs), lake.snapshot(Table::Logs));
    assert_eq!(one.segments.len(), 7);
    append(&lake, 7, &lines(7, 10)).expect("rows are taken");
    settle(&lake);
    assert_eq!(lake.snapshot(Table::Logs).segments.len(), 1);
    let paths: Vec<_> = one.segments.iter().map(|segment| segment.path.clone()).collect();
    drop(one);
    let rows: usize =
        other.segments.iter().flat_map(|segment| read(&segment.path)).map(|rows| rows.num_rows()).sum();
    assert_eq!(rows, 70, "the files are there as long as somebody may read them");
    drop(other);
    assert!(paths.iter().all(|path| !path.exists()), "nobody reads them any more");
    assert_eq!(files(&lake.folder().join("logs")).len(), 1);
}

/// Searches while rows arrive, are flushed and joined: each sees every row that was answered before, once.
#[test]
fn searches_run_beside_the_keeper() {
    const ROWS: u64 = 50;
    const PAYLOADS: u64 = 150;
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    let (begun, answered) = (AtomicU64::new(0), AtomicU64::new(0));
    let search = || {
        let mut searches = 0;
        while answered.load(Ordering::SeqCst) < PAYLOADS {
            let before = answered.load(Ordering::SeqCst);
            let snapshot = lake.snapshot(Table::Logs);
            let after = begun.load(Ordering::SeqCst);
            let stored = snapshot.segments.iter().flat_map(|segment| read(&segment.path));
            let mut seen = BTreeSet::new();
            for rows in snapshot.memory.iter().cloned().chain(stored) {
                texts(&rows, "message")
                    .into_iter()
                    .for_each(|text| assert!(seen.insert(text), "a row is there twice"));
            }
            let payloads = seen.len() as u64 / ROWS;
            assert!(
                (before..=after).contains(&payloads),
                "{payloads} payloads, {before} answered of {after}"
            );
            searches += 1;
        }
        searches
    };
    let searches: u64 = std::thread::scope(|scope| {
        let searchers: Vec<_> = (0..4).map(|_| scope.spawn(search)).collect();
        for number in 0..PAYLOADS {
            begun.store(number + 1, Ordering::SeqCst);
            append(&lake, number, &lines(number, ROWS)).expect("rows are taken");
            answered.store(number + 1, Ordering::SeqCst);
            if number % 3 == 0 {
                flush(&lake);
            }
        }
        searchers.into_iter().map(|searcher| searcher.join().expect("it found every row")).sum()
    });
    assert!(searches > 4, "{searches} searches");
    assert!(lake.snapshot(Table::Logs).segments.iter().any(|segment| segment.level > 0));
}

#[test]
fn old_segments_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path());
    settings.max_age = Duration::from_secs(2 * 3600);
    let lake = Lake::open(settings).expect("the lake opens");
    for number in 0..4 {
        append(&lake, number, &[(NOW - number as i64 * HOUR, format!("{number}"))]).expect("rows are taken");
        flush(&lake);
    }
    settle(&lake);
    assert_eq!(messages(&lake).into_keys().collect::<Vec<_>>(), ["0", "1", "2"]);
    assert_eq!(files(&lake.folder().join("logs")).len(), 3);
}

/// Hours since [`NOW`].
static LATER: AtomicI64 = AtomicI64::new(0);

#[test]
fn folders_go_with_their_last_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path());
    settings.max_age = Duration::from_secs(30 * 3600);
    settings.now = || NOW + LATER.load(Ordering::SeqCst) * HOUR;
    let lake = Lake::open(settings).expect("the lake opens");
    for number in 0..8 {
        append(&lake, number, &[(NOW, "new".to_owned()), (NOW - 24 * HOUR, "old".to_owned())])
            .expect("rows are taken");
        flush(&lake);
    }
    settle(&lake);
    let folders = || fs::read_dir(folder.path().join("logs")).expect("a folder").count();
    assert_eq!(folders(), 3, "two days, and what is as flushed");
    LATER.store(8, Ordering::SeqCst);
    settle(&lake);
    assert_eq!(messages(&lake), BTreeMap::from([("new".to_owned(), 8)]));
    assert_eq!(folders(), 2);
}

#[test]
fn the_oldest_go_above_the_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut settings, mut bytes) = (settings(folder.path()), 0);
    {
        let lake = Lake::open(settings.clone()).expect("the lake opens");
        for number in 0..4 {
            // Not the newest last.
            let time = NOW - (number as i64 * 3 % 4) * HOUR;
            append(&lake, number, &[(time, format!("{}", number * 3 % 4))]).expect("rows are taken");
            flush(&lake);
            bytes = lake.size(Table::Logs).bytes;
        }
    }
    settings.max_bytes = bytes * 5 / 8;
    let lake = Lake::open(settings).expect("the lake opens");
    settle(&lake);
    assert_eq!(messages(&lake).into_keys().collect::<Vec<_>>(), ["0", "1"]);
}

#[test]
fn a_damaged_page_stops_no_other_segment() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    for number in 0..7 {
        append(&lake, number, &lines(number, 10)).expect("rows are taken");
        flush(&lake);
    }
    let broken = lake.snapshot(Table::Logs).segments[2].path.clone();
    let mut bytes = fs::read(&broken).expect("a file");
    // Pages, not the footer.
    bytes[4..1000].fill(0xff);
    fs::write(&broken, bytes).expect("a file");
    for number in 7..10 {
        append(&lake, number, &lines(number, 10)).expect("rows are taken");
        flush(&lake);
    }
    settle(&lake);
    let segments = lake.snapshot(Table::Logs).segments;
    assert!(segments.iter().any(|segment| segment.path == broken), "it stays");
    assert!(segments.iter().any(|segment| segment.level > 0 && segment.rows == 80), "the others are joined");
}
