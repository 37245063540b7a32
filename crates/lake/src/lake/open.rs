//! Opening: what the last process left is read, and nothing of it is lost or taken twice.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, RwLock};
use std::thread;

use rustix::fs::{FlockOperation, flock};
use tokio::sync::mpsc;

use super::keeper::{self, Task, Work};
use super::publisher::{self, Progress};
use super::writer::{Known, Writer};
use super::{Lake, Shared, State, WAITING};
use crate::catalog::Catalog;
use crate::memtable::Memtable;
use crate::payload::{self, Id};
use crate::tail::Tails;
use crate::wal::{self, Wal};
use crate::{LakeError, Remote, Segment, Settings, Table, flush, listed};

/// Flushes that wait for the keeper before the writer waits for it.
const FLUSHES: usize = 1;
/// Calls that wait for the publisher.
const WAKES: usize = 4;

pub(super) fn open(settings: Settings) -> Result<Lake, LakeError> {
    let folder = settings.folder.clone();
    for table in Table::ALL {
        make(&folder.join(table.name()))?;
    }
    make(&folder.join("wal"))?;
    let folder = absolute(&folder)?;
    let settings = Settings { folder: folder.clone(), ..settings };
    let lock = lock(&folder)?;
    let catalog = Catalog::open(&folder)?;
    let (state, left, mut known) = read(&settings, &catalog, Opening::Writing)?;
    // Those that cannot be read as well.
    let known_files = catalog.segments(None)?;
    let known_files = known_files.iter().filter(|segment| segment.is_local());
    let paths: HashSet<_> = known_files.map(|segment| segment.path.clone()).collect();
    flush::sweep(&folder, &|path| paths.contains(path));
    let next = left.last().map_or(catalog.flushed_through()?, |task| task.memtable.number) + 1;
    let wal = Wal::create(&folder, next)?;
    left.iter().flat_map(|task| &task.ids).for_each(|id| {
        known.add(*id);
    });
    let state = State {
        active: Memtable::new(next),
        frozen: left.iter().map(|task| task.memtable.clone()).collect(),
        ..state
    };
    let shared = Arc::new(Shared {
        settings,
        state: RwLock::new(state),
        tails: Tails::new(),
        closing: AtomicBool::new(false),
        catalog: Some(Mutex::new(catalog)),
        progress: Progress::default(),
    });
    start(shared, wal, known, left, lock)
}

fn start(
    shared: Arc<Shared>,
    wal: Wal,
    known: Known,
    left: Vec<Task>,
    lock: File,
) -> Result<Lake, LakeError> {
    let (commands, received) = mpsc::channel(WAITING);
    let (keeper, tasks) = sync_channel(FLUSHES);
    let writer = Writer {
        shared: shared.clone(),
        wal,
        commands: received,
        keeper: keeper.clone(),
        known,
        ids: Vec::new(),
        since: None,
    };
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.map_err(LakeError::file("cannot start the writer of", &shared.settings.folder))
    };
    let writing = runtime()?;
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        let spawned = thread::Builder::new().name(name.into()).spawn(body);
        spawned.map_err(LakeError::file("cannot start a thread for", &shared.settings.folder))
    };
    let keeping = shared.clone();
    let mut threads = Vec::new();
    let mut publisher = None;
    if let Some(publish) = shared.settings.publish.clone() {
        let (waker, wakes) = sync_channel(WAKES);
        publisher = Some(waker);
        let shared = shared.clone();
        // Not made where it would only be dropped: whoever opens the lake may not be allowed to wait for that.
        let publishing = runtime()?;
        let body = move || publisher::run(&shared, &publish, &publishing, &wakes);
        threads.push(spawn("lake-publisher", Box::new(body))?);
    }
    threads.extend([
        spawn("lake-keeper", Box::new(move || keeper::run(&keeping, &tasks, publisher.as_ref())))?,
        spawn(
            "lake-writer",
            Box::new(move || {
                // What the last process left is flushed first.
                for task in left {
                    let _ = keeper.send(Work::Flush(task));
                }
                drop(keeper);
                writing.block_on(writer.run());
            }),
        )?,
    ]);
    Ok(Lake {
        shared,
        commands: Some(commands),
        threads: Mutex::new(threads),
        left_out: None,
        _lock: Some(lock),
    })
}

pub(super) fn open_read_only(settings: Settings) -> Result<Lake, LakeError> {
    let settings = Settings { folder: absolute(&settings.folder)?, ..settings };
    let catalog = Catalog::open_read_only(&settings.folder)?;
    let (state, left, _) = read(&settings, &catalog, Opening::Looking)?;
    let left_out = if settings.publish.is_none() { catalog.elsewhere()? } else { None };
    let frozen = left.into_iter().map(|task| task.memtable).collect();
    let state = RwLock::new(State { frozen, ..state });
    let shared = Arc::new(Shared {
        settings,
        state,
        tails: Tails::new(),
        closing: AtomicBool::new(false),
        catalog: None,
        progress: Progress::default(),
    });
    Ok(Lake { shared, commands: None, threads: Mutex::default(), left_out, _lock: None })
}

/// What a store lists of the time between two moments. Nothing at all is an error unless only a part was asked for.
pub(super) async fn open_listed(
    remote: Remote,
    range: (i64, i64),
    now: fn() -> i64,
) -> Result<Lake, LakeError> {
    let mut state = State::default();
    let mut listing = listed::Listing::default();
    for table in Table::ALL {
        listing.add(&remote, table, range).await?;
    }
    if listing.segments.is_empty() && range.0 <= 0 {
        let why = "there are no files of a lake below it".to_owned();
        return Err(LakeError::Remote { url: remote.to_string(), why });
    }
    let left_out = listing.strangers();
    state.add(listing.segments);
    let mut settings = Settings::new(remote.to_string(), now);
    settings.publish = Some(crate::Publish::new(remote));
    let shared = Arc::new(Shared {
        settings,
        state: RwLock::new(state),
        tails: Tails::new(),
        closing: AtomicBool::new(false),
        catalog: None,
        progress: Progress::default(),
    });
    Ok(Lake { shared, commands: None, threads: Mutex::default(), left_out, _lock: None })
}

/// Readers find files wherever they run.
fn absolute(folder: &Path) -> Result<PathBuf, LakeError> {
    fs::canonicalize(folder).map_err(LakeError::file("cannot find", folder))
}

fn make(folder: &Path) -> Result<(), LakeError> {
    fs::create_dir_all(folder).map_err(LakeError::file("cannot make", folder))
}

/// One process writes a lake. The lock goes with the process, however it ends.
fn lock(folder: &Path) -> Result<File, LakeError> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(LakeError::file("cannot write", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(_) => Err(LakeError::Locked(folder.to_owned())),
    }
}

/// Whether a process writes the lake in this folder.
pub(super) fn is_locked(folder: &Path) -> bool {
    folder.join("lock").exists() && matches!(lock(folder), Err(LakeError::Locked(_)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    Writing,
    /// Nothing in the folder may change.
    Looking,
}

/// Segments, rows that are only in log files, and payloads that came lately.
fn read(
    settings: &Settings,
    catalog: &Catalog,
    opening: Opening,
) -> Result<(State, Vec<Task>, Known), LakeError> {
    let mut state = State::default();
    let remote = settings.publish.as_ref().map(|publish| &publish.remote);
    state.add(catalog.segments(remote)?.into_iter().filter_map(readable).collect());
    let mut known = Known::default();
    for id in catalog.payloads()? {
        known.add(id);
    }
    let flushed = catalog.flushed_through()?;
    let mut left = Vec::new();
    for (number, path) in wal::files(&settings.folder)? {
        if number <= flushed {
            if opening == Opening::Writing {
                let _ = fs::remove_file(&path);
            }
            continue;
        }
        let (memtable, ids, damaged) = replay(number, &path)?;
        if damaged && opening == Opening::Writing {
            wal::keep_aside(&path);
        }
        left.push(Task { memtable: Arc::new(memtable), ids, answer: None });
    }
    Ok((state, left, known))
}

/// The rows of a log file, its payloads' ids, and whether something in it could not be read.
fn replay(number: u64, path: &Path) -> Result<(Memtable, Vec<Id>, bool), LakeError> {
    let contents = wal::read(path)?;
    let mut damaged = !contents.damage.is_empty();
    for (at, what) in contents.damage {
        tracing::error!(file = %path.display(), at, what, "rows in the log are lost");
    }
    let mut memtable = Memtable::new(number);
    let mut ids = Vec::new();
    for payload in contents.payloads {
        let rows = payload::decode(&payload).and_then(|tables| {
            ids.push(payload::id(&payload)?);
            tables.into_iter().try_for_each(|(table, rows)| memtable.push(table, rows).map(|_| ()))
        });
        if let Err(error) = rows {
            damaged = true;
            tracing::error!(file = %path.display(), %error, "rows in the log are lost");
        }
    }
    Ok((memtable, ids, damaged))
}

/// A file that is gone or cannot be read is told once, and left out: the others can still be read. It stays where it
/// is, and in the catalog. Where the object store has its rows, they are read from there.
fn readable(segment: Arc<Segment>) -> Option<Arc<Segment>> {
    if !segment.is_local() {
        return Some(segment);
    }
    let Err(error) = segment.check() else { return Some(segment) };
    let error = &error as &dyn std::error::Error;
    let (file, rows) = (segment.path.display(), segment.rows);
    if segment.is_published() {
        tracing::warn!(%file, rows, error, "a segment cannot be read; its object is read instead");
        return Some(segment.released());
    }
    tracing::error!(%file, rows, error, "a segment cannot be read; skipped");
    None
}
