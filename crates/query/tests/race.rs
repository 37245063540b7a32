//! Searches while rows come in, are flushed, joined and let go: each sees every answered row, once.
//! `RACE_SECONDS` says how long (3).
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // Tests have the machine's clock, and say what they saw.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use lake::{Durability, Lake, Rows, Settings, Table};
use model::{Batch, LogRecord, Value};
use query::{Engine, Limits, LogsAsked, Range};

const SEARCHERS: u64 = 8;
/// Lines that are appended at once, how often, and how many are flushed together.
const LINES: u64 = 200;
const EVERY: Duration = Duration::from_millis(20);
const FLUSHED: usize = 1_000;

/// What a search may cost is not what is looked at.
const PATIENT: Limits =
    Limits { wall: Duration::from_mins(10), rows: 1 << 20, scanned_bytes: u64::MAX, memory: 1 << 30 };
const ALL: Range = Range { from: 0, to: i64::MAX };
const HOUR: i64 = 3_600_000_000;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

struct Race {
    lake: Arc<Lake>,
    engine: Engine,
    /// Rows that the lake has answered for, numbered from 0.
    answered: AtomicU64,
    over: AtomicBool,
    searches: AtomicU64,
}

/// The trace of a numbered line, unlike that of any other.
fn trace(number: u64) -> [u8; 16] {
    let mut trace = [0xab; 16];
    trace[..8].copy_from_slice(&number.to_be_bytes());
    trace
}

/// Numbered lines of this hour and the two before it.
fn payload(first: u64) -> Vec<u8> {
    let mut batch = Batch::new("race".into(), Vec::new());
    for number in first..first + LINES {
        let text = batch.arena.store(format!("line {number:010} of a race").as_bytes());
        let time = now() - (number % 3) as i64 * HOUR;
        let mut record = LogRecord::new(time as u64 * 1000, Value::Str(text));
        record.trace_id = trace(number);
        batch.logs.push(record);
    }
    let mut rows = Rows::default();
    rows.push(&batch, 1);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&first.to_be_bytes());
    rows.seal(id).expect("rows are sealed")
}

impl Race {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    async fn append(&self) {
        let mut first = 0;
        while self.goes_on() {
            self.lake.append(payload(first).into()).await.expect("rows are taken");
            first += LINES;
            self.answered.store(first, Ordering::Release);
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The numbers of the first row of an answer.
    async fn sql(&self, text: &str) -> Vec<i64> {
        let answer =
            self.engine.sql(text, None, PATIENT).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        let (rows, end) = answer.collect().await.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(end.partial, None, "{text}");
        let rows = rows.iter().find(|rows| rows.num_rows() > 0).expect("a row");
        rows.columns()
            .iter()
            .map(|column| {
                cast(column, &DataType::Int64).expect("numbers").as_primitive::<Int64Type>().value(0)
            })
            .collect()
    }

    async fn search(&self, searcher: u64) {
        let mut random = fastrand::Rng::with_seed(searcher);
        while self.goes_on() {
            let before = self.answered.load(Ordering::Acquire);
            if before == 0 {
                tokio::task::yield_now().await;
                continue;
            }
            let until = before as i64;
            match searcher % 4 {
                0 => {
                    let text = format!(
                        "SELECT count(*), count(DISTINCT message), count(DISTINCT trace_id) FROM logs \
                         WHERE message < 'line {before:010}'"
                    );
                    assert_eq!(self.sql(&text).await, [until; 3], "of {before} rows");
                }
                1 => {
                    let number = random.u64(0..before);
                    let id: String = trace(number).iter().map(|byte| format!("{byte:02x}")).collect();
                    let text =
                        format!("SELECT count(*), max(seq) - min(seq) FROM logs WHERE trace_id = '{id}'");
                    assert_eq!(self.sql(&text).await, [1, 0], "line {number} of {before}");
                }
                2 => {
                    let text = "SELECT count(*), count(DISTINCT seq), count(DISTINCT message) FROM \
                                (SELECT * FROM logs ORDER BY time DESC LIMIT 100)";
                    assert_eq!(self.sql(text).await, [100; 3]);
                }
                _ => {
                    let asked = LogsAsked::default();
                    let running = self.engine.insights("stats count(*) as n", ALL, &asked, PATIENT);
                    let answer = running.expect("it is understood").finish().await.expect("it is answered");
                    assert_eq!(answer.end.partial, None);
                    let count: u64 =
                        answer.table.text(0, 0).and_then(|text| text.parse().ok()).expect("a count");
                    let after = self.answered.load(Ordering::Acquire) + LINES;
                    assert!((before..=after).contains(&count), "{count} of {before} to {after} rows");
                }
            }
            self.searches.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_search_sees_every_answered_row_once() {
    let seconds = std::env::var("RACE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::new(folder.path(), now);
    (settings.durability, settings.memtable_rows) = (Durability::Relaxed, FLUSHED);
    let lake = Arc::new(Lake::open(settings).expect("a new lake opens"));
    let engine = Engine::new(lake.clone(), PATIENT).expect("an engine");
    let (answered, over, searches) = Default::default();
    let race = Arc::new(Race { lake, engine, answered, over, searches });

    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let writer = race.clone();
    tasks.spawn(async move { writer.append().await });
    for searcher in 0..SEARCHERS {
        let race = race.clone();
        tasks.spawn(async move { race.search(searcher).await });
    }
    let joined =
        || race.lake.snapshot(Table::Logs).segments.iter().filter(|segment| segment.level > 0).count();
    // As long as it takes, on a slow machine, until files were joined and everybody has searched.
    let raced = || joined() > 0 && race.searches.load(Ordering::Relaxed) > SEARCHERS;
    let goes_on =
        || begun.elapsed() < Duration::from_secs(seconds) || (!raced() && begun.elapsed() < PATIENT.wall);
    while goes_on() && tasks.len() as u64 == SEARCHERS + 1 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        while let Some(ended) = tasks.try_join_next() {
            ended.expect("it goes on until the end");
        }
    }
    race.over.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.expect("nothing was missing, nothing doubled");
    }
    let (rows, searches) = (race.answered.load(Ordering::Relaxed), race.searches.load(Ordering::Relaxed));
    let (flushes, joined) = (rows as usize / FLUSHED, joined());
    println!("{rows} rows, about {flushes} flushes, {joined} files of joined ones; {searches} searches");
    assert!(joined > 0 && searches > SEARCHERS, "{joined} files joined, {searches} searches");
}
