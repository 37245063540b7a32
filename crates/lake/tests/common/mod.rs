//! Payloads of numbered log lines, and a count of those that a lake holds.
#![allow(dead_code)] // Not every test needs all.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use lake::{Lake, LakeError, Rows, Settings, Table};
use model::{Batch, LogRecord, Value};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

pub const HOUR: i64 = 3_600_000_000;
/// Microseconds since the epoch, at the start of an hour.
pub const NOW: i64 = 1_700_000_000_000_000 / HOUR * HOUR;

pub fn now() -> i64 {
    NOW
}

/// A lake that flushes when it is told to.
pub fn settings(folder: &Path) -> Settings {
    let mut settings = Settings::new(folder, now);
    settings.max_age = std::time::Duration::from_secs(1 << 30);
    settings
}

/// Log lines with their times, in microseconds since the epoch.
pub fn payload(number: u64, lines: &[(i64, String)]) -> Bytes {
    let mut batch = Batch::new("t".into(), Vec::new());
    for (time, line) in lines {
        let body = Value::Str(batch.arena.store(line.as_bytes()));
        let mut record = LogRecord::new(*time as u64 * 1000, body);
        record.trace_id[..8].copy_from_slice(&number.to_be_bytes());
        batch.logs.push(record);
    }
    let mut rows = Rows::default();
    rows.push(&batch, 1);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    rows.seal(id).expect("rows are sealed").into()
}

pub fn lines(number: u64, count: u64) -> Vec<(i64, String)> {
    (0..count).map(|line| (NOW + line as i64, format!("line {line} of {number}"))).collect()
}

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}

pub fn append(lake: &Lake, number: u64, lines: &[(i64, String)]) -> Result<(), LakeError> {
    wait(lake.append(payload(number, lines)))
}

pub fn flush(lake: &Lake) {
    wait(lake.flush()).expect("rows are flushed");
}

pub fn read(path: &Path) -> Vec<RecordBatch> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file")).expect("Parquet");
    reader.build().expect("rows").map(|rows| rows.expect("rows")).collect()
}

pub fn texts(rows: &RecordBatch, name: &str) -> Vec<String> {
    let column = arrow::compute::cast(rows.column_by_name(name).expect(name), &DataType::Utf8).expect("text");
    column.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}

pub fn numbers(rows: &RecordBatch, name: &str) -> Vec<i64> {
    let column =
        arrow::compute::cast(rows.column_by_name(name).expect(name), &DataType::Int64).expect("numbers");
    column.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default).collect()
}

/// How often each message is there.
pub fn messages(lake: &Lake) -> BTreeMap<String, u64> {
    let snapshot = lake.snapshot(Table::Logs);
    let mut counts = BTreeMap::new();
    let stored = snapshot.segments.iter().flat_map(|segment| read(&segment.path));
    for rows in snapshot.memory.iter().cloned().chain(stored) {
        texts(&rows, "message").into_iter().for_each(|text| *counts.entry(text).or_default() += 1);
    }
    counts
}

/// Every file of a folder, deeply.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}
