//! A lake that is open: one writer of the log, one keeper of the files, any number of readers.

mod keeper;
mod open;
mod publisher;
mod shared;
mod writer;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use arrow::array::RecordBatch;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::catalog::Catalog;
use crate::memtable::{self, Memtable, time_bounds};
use crate::segment::TableSize;
use crate::tail::{Tail, Tails};
use crate::{LakeError, Remote, Segment, Settings, Table};

use publisher::Progress;
pub use publisher::Published;
use writer::Command;

/// Appends that wait for the writer.
const WAITING: usize = 64;

/// An open lake. Closing it, or dropping it, leaves what is in memory to the log, from which it is read again.
pub struct Lake {
    shared: Arc<Shared>,
    commands: Option<mpsc::Sender<Command>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// What was found and cannot be asked.
    left_out: Option<String>,
    /// Held as long as this process writes.
    _lock: Option<File>,
}

struct Shared {
    settings: Settings,
    state: RwLock<State>,
    tails: Tails,
    /// Nobody waits for files to be joined.
    closing: AtomicBool,
    /// `None` where the lake is only read.
    catalog: Option<Mutex<Catalog>>,
    progress: Progress,
}

/// Where the rows are: each in exactly one of these.
#[derive(Default)]
struct State {
    active: Memtable,
    /// Being flushed, oldest first.
    frozen: Vec<Arc<Memtable>>,
    segments: HashMap<Table, Vec<Arc<Segment>>>,
}

/// One table as it was at one moment. Files stay as long as it is held.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub table: Table,
    /// Rows that are in no segment, oldest arrivals first.
    pub memory: Vec<RecordBatch>,
    pub segments: Vec<Arc<Segment>>,
    /// Where segments that have no file are read.
    pub remote: Option<Remote>,
}

impl Lake {
    /// Opens the lake in a folder, made where it is missing, and reads what its log still holds.
    pub fn open(settings: Settings) -> Result<Lake, LakeError> {
        open::open(settings)
    }

    /// Opens a lake that no process writes, for a look. Nothing in the folder changes.
    pub fn open_read_only(settings: Settings) -> Result<Lake, LakeError> {
        open::open_read_only(settings)
    }

    /// Opens what lakes have published to an object store, as far as it may hold rows between two moments, both
    /// included, in microseconds since the epoch.
    pub async fn open_listed(remote: Remote, range: (i64, i64), now: fn() -> i64) -> Result<Lake, LakeError> {
        open::open_listed(remote, range, now).await
    }

    /// Whether a process writes the lake in this folder.
    pub fn is_locked(folder: &Path) -> bool {
        open::is_locked(folder)
    }

    /// Adds the rows of a payload that [`crate::Rows::seal`] made. Once this returns, they are in the log, as far as
    /// [`crate::Durability`] goes, and queries see them. A payload that came before is answered and not added.
    pub async fn append(&self, payload: Bytes) -> Result<(), LakeError> {
        let commands = self.commands.as_ref().ok_or(LakeError::Closed)?;
        let (answer, answered) = oneshot::channel();
        commands.send(Command::Append { payload, answer }).await.map_err(|_| LakeError::Closed)?;
        answered.await.map_err(|_| LakeError::Closed)?
    }

    /// Writes what is in memory to segments, and returns when that is done.
    pub async fn flush(&self) -> Result<(), LakeError> {
        let commands = self.commands.as_ref().ok_or(LakeError::Closed)?;
        let (answer, answered) = oneshot::channel();
        commands.send(Command::Flush { answer }).await.map_err(|_| LakeError::Closed)?;
        answered.await.map_err(|_| LakeError::Closed)?
    }

    /// Sends everything to the object store, where there is one: what is in memory is flushed, cut by hours, and goes up
    /// with the rest. Returns once nothing is left, and tries until then. For the end of a process: what comes later to
    /// the same hour makes files of its own.
    pub async fn publish(&self) -> Result<(), LakeError> {
        let commands = self.commands.as_ref().ok_or(LakeError::Closed)?;
        let (answer, answered) = oneshot::channel();
        commands.send(Command::Publish { answer }).await.map_err(|_| LakeError::Closed)?;
        answered.await.map_err(|_| LakeError::Closed)?
    }

    /// How publishing goes, where it is set up.
    pub fn published(&self) -> Option<Published> {
        let publish = self.shared.settings.publish.as_ref()?;
        let state = self.shared.state.read().unwrap_or_else(PoisonError::into_inner);
        let segments = state.segments.values().flatten().filter(|segment| !segment.is_published());
        let memory = state.frozen.iter().map(|memtable| memtable.rows).sum::<usize>() + state.active.rows;
        let waiting = segments.map(|segment| segment.rows).sum::<u64>() + memory as u64;
        Some(self.shared.progress.read(publish.remote.to_string(), waiting))
    }

    /// In words, what was found and cannot be asked: objects that no lake has put into a store that was listed, or rows
    /// that are in a store which a lake that is only looked at was not opened with.
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// Where segments that have no file are read.
    pub fn remote(&self) -> Option<&Remote> {
        self.shared.settings.publish.as_ref().map(|publish| &publish.remote)
    }

    pub fn snapshot(&self, table: Table) -> Snapshot {
        let state = self.shared.state.read().unwrap_or_else(PoisonError::into_inner);
        let frozen = state.frozen.iter().flat_map(|memtable| memtable.batches(table));
        let memory = frozen.chain(state.active.batches(table)).cloned().collect();
        let segments = state.segments.get(&table).cloned().unwrap_or_default();
        Snapshot { table, memory, segments, remote: self.remote().cloned() }
    }

    /// Everything that arrives from now on.
    pub fn tail(&self) -> Tail {
        self.shared.tails.watch()
    }

    pub fn folder(&self) -> &Path {
        &self.shared.settings.folder
    }

    /// What each table holds.
    pub fn size(&self, table: Table) -> TableSize {
        self.snapshot(table).size()
    }
}

impl Drop for Lake {
    fn drop(&mut self) {
        // The threads end when nobody can ask them for anything.
        self.commands = None;
        self.shared.closing.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Snapshot {
    pub fn size(&self) -> TableSize {
        let mut size = TableSize::default();
        let mut seen = |min: i64, max: i64| {
            size.from = Some(size.from.map_or(min, |from| from.min(min)));
            size.to = Some(size.to.map_or(max, |to| to.max(max)));
        };
        let (mut rows, mut bytes) = (0, 0);
        for segment in &self.segments {
            (rows, bytes) = (rows + segment.rows, bytes + segment.bytes);
            seen(segment.min_time, segment.max_time);
        }
        for batch in &self.memory {
            rows += batch.num_rows() as u64;
            bytes += memtable::bytes(batch) as u64;
            if let Some((min, max)) = time_bounds(batch) {
                seen(min, max);
            }
        }
        TableSize { rows, bytes, ..size }
    }
}

impl Shared {
    fn catalog(&self) -> Result<std::sync::MutexGuard<'_, Catalog>, LakeError> {
        let catalog = self.catalog.as_ref().ok_or(LakeError::Closed)?;
        Ok(catalog.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Of all tables.
    fn segments(&self) -> Vec<Arc<Segment>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.segments.values().flatten().cloned().collect()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn add(&mut self, segments: Vec<Arc<Segment>>) {
        for segment in segments {
            self.segments.entry(segment.table).or_default().push(segment);
        }
    }

    fn remove(&mut self, gone: &[Arc<Segment>]) {
        for segments in self.segments.values_mut() {
            segments.retain(|segment| !gone.iter().any(|gone| gone.id == segment.id));
        }
    }
}
