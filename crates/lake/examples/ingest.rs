//! What it costs to keep a day of a shop's logs: `cargo run --release -p lake --example ingest -- 2000000 [folder]`.
//!
//! The steps run one after the other, so that the process' CPU time can be told apart.
#![allow(clippy::print_stdout)] // The figures.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use bytes::Bytes;
use lake::testing::{Shop, json_bytes, token_bytes};
use lake::{Durability, Lake, Rows, Settings, Table};
use rustix::time::{ClockId, clock_gettime};

const START: u64 = 1_700_006_400_000_000_000;
const ROWS_A_BATCH: u64 = 500;
const PAYLOAD: usize = 1 << 20;
/// About what 64 MiB of memory hold.
const ROWS_A_FLUSH: u64 = 112 << 10;
/// Payloads that are also written with the disk waited for.
const SYNCED: usize = 64;

fn now() -> i64 {
    (START / 1000) as i64 + 86_400_000_000
}

#[derive(Default)]
struct Cost {
    rows: u64,
    cpu: Duration,
    wall: Duration,
}

impl Cost {
    fn add<T>(&mut self, rows: u64, work: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), cpu());
        let done = work();
        self.cpu += self::cpu() - cpu;
        self.wall += wall.elapsed();
        self.rows += rows;
        done
    }

    fn print(&self, what: &str) {
        let rows = self.rows as f64;
        println!(
            "{what:<18} {:>9.0} rows/s/core {:>9.0} rows/s {:>7.0} ns CPU a row",
            rows / self.cpu.as_secs_f64(),
            rows / self.wall.as_secs_f64(),
            self.cpu.as_nanos() as f64 / rows
        );
    }
}

/// Of all threads, since the process began.
fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32)
}

fn settings(folder: PathBuf, durability: Durability) -> Settings {
    let mut settings = Settings::new(folder, now);
    settings.durability = durability;
    // Flushed when told.
    (settings.memtable_rows, settings.memtable_bytes) = (usize::MAX, usize::MAX);
    settings.flush_every = Duration::from_hours(24);
    settings.max_age = Duration::from_hours(24 * 365);
    settings
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let lines: u64 = arguments.next().map_or(200_000, |lines| lines.parse().expect("a number of lines"));
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = arguments.next().map_or(scratch.path().join("lake"), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let lake = Lake::open(settings(folder, Durability::Relaxed)).expect("the lake opens");
    let other = settings(scratch.path().join("synced"), Durability::Synced);
    let mut synced_lake = Some(Lake::open(other).expect("the lake opens"));

    let [mut build, mut append, mut synced, mut flush, mut join] = std::array::from_fn(|_| Cost::default());
    let mut shop = Shop::new(7, lines, START);
    let mut rows = Rows::default();
    let (mut raw, mut logged, mut payloads, mut waiting) = (0, 0, 0, 0);
    let mut more = true;
    while more {
        let mut batches = Vec::new();
        let mut bytes = 0;
        while more && bytes < PAYLOAD {
            match shop.batch(ROWS_A_BATCH) {
                Some(batch) => {
                    raw += json_bytes(&batch);
                    bytes += batch.byte_size();
                    batches.push(batch);
                }
                None => more = false,
            }
        }
        let count = batches.iter().map(|batch| batch.len() as u64).sum();
        let payload = build.add(count, || {
            batches.iter().for_each(|batch| rows.push(batch, START));
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(payloads as u64).to_le_bytes());
            Bytes::from(rows.seal(id).expect("rows are sealed"))
        });
        logged += payload.len();
        append.add(count, || runtime.block_on(lake.append(payload.clone())).expect("rows are taken"));
        match &synced_lake {
            Some(lake) if payloads < SYNCED => {
                synced.add(count, || runtime.block_on(lake.append(payload)).expect("rows are taken"));
            }
            _ => synced_lake = None,
        }
        payloads += 1;
        waiting += count;
        if waiting >= ROWS_A_FLUSH || !more {
            flush.add(waiting, || runtime.block_on(lake.flush()).expect("rows are flushed"));
            // The keeper joins files before it flushes again.
            join.add(waiting, || runtime.block_on(lake.flush()).expect("rows are flushed"));
            waiting = 0;
        }
    }

    println!("{lines} rows, {raw} bytes of JSON, {payloads} payloads of {} bytes", logged / payloads);
    build.print("rows and payload");
    append.print("append, relaxed");
    synced.print("append, synced");
    flush.print("flush");
    join.print("compaction");
    let cpu = build.cpu + append.cpu + flush.cpu + join.cpu;
    Cost { rows: lines, cpu, wall: build.wall + append.wall + flush.wall + join.wall }.print("all, relaxed");
    stored(&lake, raw);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("peak memory unknown"));
}

fn stored(lake: &Lake, raw: usize) {
    let snapshot = lake.snapshot(Table::Logs);
    let bytes = snapshot.size().bytes;
    println!(
        "{} segments, {bytes} bytes: {:.3} a byte of JSON",
        snapshot.segments.len(),
        bytes as f64 / raw as f64
    );
    let mut index = 0;
    for segment in &snapshot.segments {
        index += segment.tokens().expect("it can be read").map_or(0, |tokens| tokens.byte_size());
    }
    println!("token index: {index} bytes, {:.1} % of the files", 100.0 * index as f64 / bytes as f64);
    let Some(segment) = snapshot.segments.iter().max_by_key(|segment| segment.rows) else { return };
    let file = std::fs::File::open(&segment.path).expect("a file");
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let mut cost = Cost::default();
    for rows in reader.with_batch_size(128 << 10).build().expect("rows") {
        let rows = rows.expect("rows");
        let messages = rows.column_by_name("message").expect("a column").as_string();
        cost.add(rows.num_rows() as u64, || token_bytes(messages));
    }
    cost.print("token index alone");
}
