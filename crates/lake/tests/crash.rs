//! A process that ends at any step of the way to disk loses no row that was answered, and doubles none.
#![allow(clippy::print_stdout, clippy::disallowed_methods)] // The child says on standard output what was answered.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use bytes::Bytes;
use lake::{Lake, Place, Publish, Remote, Rows, Segment, Settings, Step, Table};
use model::{Batch, LogRecord, Value};
use object_store::local::LocalFileSystem;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Set for the process that writes and is ended: `folder first-number step countdown`.
const CHILD: &str = "LAKE_CRASH_CHILD";
const ROWS_A_PAYLOAD: u64 = 40;
/// A lake grows, and with it what each look costs.
const LAKES: usize = 4;
/// Of each lake: every step once, and again over what the first time left.
const ROUNDS: usize = 2 * Step::ALL.len();

static STEP: AtomicU8 = AtomicU8::new(0);
static COUNTDOWN: AtomicI64 = AtomicI64::new(0);

/// All rows are of hours that are over.
fn now() -> i64 {
    1_700_000_000_000_000 + 4 * 3_600_000_000
}

/// Beside the lake, a folder that stands for a bucket.
fn bucket(folder: &Path) -> PathBuf {
    folder.join("bucket")
}

fn settings(folder: &Path) -> Settings {
    // Small, so that a round sees flushes and joins.
    let mut settings = Settings::new(folder, now);
    settings.memtable_rows = 4 * ROWS_A_PAYLOAD as usize;
    settings.max_age = Duration::from_secs(1 << 30);
    std::fs::create_dir_all(bucket(folder)).expect("a folder");
    let store = LocalFileSystem::new_with_prefix(bucket(folder)).expect("a store");
    let remote = Remote::new(Arc::new(store), "s3://bucket/lake").expect("a place");
    settings.publish = Some(Publish { every: Duration::ZERO, ..Publish::new(remote) });
    // Some of what is published is read from there.
    settings.max_bytes = 500_000;
    settings
}

fn payload(number: u64) -> Bytes {
    let mut batch = Batch::new("t".into(), Vec::new());
    for row in 0..ROWS_A_PAYLOAD {
        let body = Value::Str(batch.arena.store(format!("{number}:{row}").as_bytes()));
        // Out of order within the payload, and over two hours.
        let time = 1_700_000_000_000_000_000 + (row * 7919 % 40) * 180_000_000_000;
        batch.logs.push(LogRecord::new(time, body));
    }
    let mut rows = Rows::default();
    rows.push(&batch, 1);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    rows.seal(id).expect("rows are sealed").into()
}

/// The process that is ended. Does nothing unless it was started as one.
#[test]
fn child() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let words: Vec<&str> = order.split(' ').collect();
    STEP.store(words[2].parse().expect("a step"), Ordering::Relaxed);
    COUNTDOWN.store(words[3].parse().expect("a number"), Ordering::Relaxed);
    let mut settings = settings(Path::new(words[0]));
    settings.at_step = Some(|step: Step| {
        let due = STEP.load(Ordering::Relaxed) == step as u8;
        if due && COUNTDOWN.fetch_sub(1, Ordering::Relaxed) == 0 {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    });
    let lake = Lake::open(settings).expect("the lake opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for number in words[1].parse::<u64>().expect("a number").. {
        runtime.block_on(lake.append(payload(number))).expect("rows are taken");
        println!("answered {number}");
        std::io::stdout().flush().expect("somebody reads");
    }
}

/// Runs a child until it ends itself; the last payload that was answered.
fn round(folder: &Path, first: u64, step: Step, countdown: u32) -> Option<u64> {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, format!("{} {first} {} {countdown}", folder.display(), step as u8))
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test runs again");
    let mut last = None;
    for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
        let line = line.expect("text");
        if let Some((_, number)) = line.split_once("answered ") {
            last = number.parse().ok();
            assert!(last < Some(first + 10_000), "step {step:?} was never reached");
        }
    }
    let status = child.wait().expect("it ended");
    assert!(status.code().is_none(), "it was to be killed at {step:?}, and ended with {status}");
    last
}

/// How often each message is there.
fn messages(folder: &Path) -> HashMap<String, u64> {
    let lake = Lake::open_read_only(settings(folder)).expect("the lake opens");
    let snapshot = lake.snapshot(Table::Logs);
    let mut counts = HashMap::new();
    snapshot.memory.iter().for_each(|rows| count(rows, &mut counts));
    let file = |segment: &Arc<Segment>| match segment.place() {
        Place::File(path) => path.to_owned(),
        Place::Object(object) => bucket(folder).join(object.as_ref()),
    };
    snapshot.segments.iter().for_each(|segment| count_file(&file(segment), &mut counts));
    counts
}

/// How often each message is in the bucket, where nobody knows what a lake's catalog says of its objects.
fn published(folder: &Path) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    let mut folders = vec![bucket(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                // The store writes beside the name, and renames.
                false if path.extension().is_some_and(|end| end == "parquet") => {
                    count_file(&path, &mut counts)
                }
                false => {}
            }
        }
    }
    counts
}

fn count_file(path: &Path, counts: &mut HashMap<String, u64>) {
    let file = File::open(path).expect("the segment is there");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let message = ProjectionMask::columns(reader.parquet_schema(), ["message"]);
    let reader = reader.with_projection(message).build().expect("rows");
    reader.for_each(|rows| count(&rows.expect("rows"), counts));
}

fn count(rows: &RecordBatch, counts: &mut HashMap<String, u64>) {
    let column = rows.column_by_name("message").expect("a message");
    let column = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).expect("text");
    let column = column.as_string::<i32>();
    (0..column.len()).for_each(|n| *counts.entry(column.value(n).to_owned()).or_default() += 1);
}

#[test]
fn no_answered_row_is_lost_and_none_doubled() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut reached: BTreeSet<u8> = BTreeSet::new();
    let (mut rows, mut in_bucket) = (0, 0);
    for _ in 0..LAKES {
        let folder = tempfile::tempdir().expect("a folder");
        let mut next = 0;
        for n in 0..ROUNDS {
            // Each step in turn, after a random number of payloads.
            let step = Step::ALL[n % Step::ALL.len()];
            let most = match step {
                Step::FrameTorn | Step::FrameWritten | Step::FrameSynced => 30,
                Step::Compacted | Step::Swapped | Step::Claimed => 1,
                Step::Uploaded | Step::Published | Step::Released => 2,
                _ => 6,
            };
            let last = round(folder.path(), next, step, random.u32(0..most));
            reached.insert(step as u8);
            // As the engine does, which does not know whether the last one arrived: it sends it again.
            next = last.map_or(next, |last| last + 1);
            check(folder.path(), next, &format!("after {step:?} in round {n}"));
        }
        rows += next * ROWS_A_PAYLOAD;
        in_bucket += published(folder.path()).len();
    }
    assert!(in_bucket > 0);
    let (rounds, steps) = (LAKES * ROUNDS, reached.len());
    println!("{rounds} ends at {steps} steps: {rows} rows, {in_bucket} of them published, lost 0, doubled 0");
}

/// Every row of the payloads before `next` is there once, and none is twice, here and in the bucket.
fn check(folder: &Path, next: u64, when: &str) {
    let counts = messages(folder);
    for number in 0..next {
        for row in 0..ROWS_A_PAYLOAD {
            let message = format!("{number}:{row}");
            assert_eq!(counts.get(&message), Some(&1), "{message} {when}");
        }
    }
    assert!(counts.values().all(|times| *times == 1), "a row that was not answered is there twice");
    assert!(counts.len() as u64 <= (next + 1) * ROWS_A_PAYLOAD, "rows came from nowhere");
    let published = published(folder);
    assert_eq!(published.iter().find(|(_, times)| **times != 1), None, "published twice {when}");
    assert!(published.keys().all(|message| counts.contains_key(message)), "the bucket has rows of nowhere");
}
