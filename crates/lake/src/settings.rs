//! What a lake is opened with.

use std::path::PathBuf;
use std::time::Duration;

use crate::Remote;

/// When an append is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once the log is on the disk: the end of the machine loses nothing that was answered.
    #[default]
    Synced,
    /// Once the log is written: the end of the process loses nothing.
    Relaxed,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub folder: PathBuf,
    pub durability: Durability,
    /// Bytes of rows in memory before they are flushed; twice this is held at most.
    pub memtable_bytes: usize,
    /// Rows in memory before they are flushed.
    pub memtable_rows: usize,
    /// Longest time that rows stay in memory only.
    pub flush_every: Duration,
    /// Rows older than this go, in whole files.
    pub max_age: Duration,
    /// Bytes of segments; above that the oldest go.
    pub max_bytes: u64,
    /// Where whole hours go, if anywhere.
    pub publish: Option<Publish>,
    /// Microseconds since the epoch.
    pub now: fn() -> i64,
    /// Called at each step of the way to disk, for tests that end the process there.
    pub at_step: Option<fn(Step)>,
}

/// Whole hours go to an object store; what is here then is a copy.
#[derive(Debug, Clone)]
pub struct Publish {
    pub remote: Remote,
    /// How often it is looked what is ready: rows that come late make an object each time.
    pub every: Duration,
    /// Objects older than this go, whichever lake has put them there; never, where it is `None`.
    pub max_age: Option<Duration>,
}

impl Publish {
    pub fn new(remote: Remote) -> Publish {
        Publish { remote, every: Duration::from_mins(10), max_age: None }
    }
}

impl Settings {
    pub fn new(folder: impl Into<PathBuf>, now: fn() -> i64) -> Settings {
        Settings {
            folder: folder.into(),
            durability: Durability::default(),
            memtable_bytes: 64 << 20,
            memtable_rows: 256 << 10,
            flush_every: Duration::from_secs(60),
            max_age: Duration::from_hours(7 * 24),
            max_bytes: 10 << 30,
            publish: None,
            now,
            at_step: None,
        }
    }

    pub(crate) fn reached(&self, step: Step) {
        if let Some(at_step) = self.at_step {
            at_step(step);
        }
    }
}

/// The way to disk, in order. A process may end between any two; [`crate::Lake::open`] then finds every row that
/// was answered, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Half of a frame is in the log.
    FrameTorn = 1,
    /// The frame is in the log, not on the disk.
    FrameWritten,
    /// It is on the disk; nobody was answered.
    FrameSynced,
    /// A new log file is there; the rows of the last one are to be flushed.
    LogRotated,
    /// Half of the segments are written, under names that nobody reads.
    SegmentsHalfWritten,
    /// All segments have their names; the catalog knows none.
    SegmentsRenamed,
    /// The catalog knows them, and that the log file is not needed.
    Catalogued,
    /// The log file is gone.
    LogRemoved,
    /// The joined file has its name; the catalog knows the parts.
    Compacted,
    /// The catalog knows the joined file; the parts are still there.
    Swapped,
    /// The catalog has the names that segments get in the object store; the store knows none.
    Claimed,
    /// The store has the object; the catalog does not know.
    Uploaded,
    /// The catalog knows the object.
    Published,
    /// The catalog counts on objects alone; their local copies are still there.
    Released,
}

impl Step {
    pub const ALL: [Step; 14] = [
        Step::FrameTorn,
        Step::FrameWritten,
        Step::FrameSynced,
        Step::LogRotated,
        Step::SegmentsHalfWritten,
        Step::SegmentsRenamed,
        Step::Catalogued,
        Step::LogRemoved,
        Step::Compacted,
        Step::Swapped,
        Step::Claimed,
        Step::Uploaded,
        Step::Published,
        Step::Released,
    ];
}
