//! The one thread that writes and removes segments.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::Shared;
use super::writer::Answer;
use crate::compact::{self, Failed};
use crate::memtable::Memtable;
use crate::payload::Id;
use crate::segment::Written;
use crate::{LakeError, Segment, Step, flush, retention, wal};

/// How often it looks for files to join or to drop while nothing is flushed.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Wait before a flush that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct Task {
    pub memtable: Arc<Memtable>,
    /// Payloads that are in it.
    pub ids: Vec<Id>,
    pub answer: Option<Answer>,
}

/// Ends when the writer has ended and nothing is left to flush.
pub(super) fn run(shared: &Shared, tasks: &Receiver<Task>) {
    loop {
        match tasks.recv_timeout(LOOK_EVERY) {
            Ok(task) => {
                while let Err(error) = flush(shared, &task) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "rows stay in memory and in the log"
                    );
                    std::thread::sleep(RETRY);
                }
                if let Some(answer) = task.answer {
                    let _ = answer.send(Ok(()));
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if let Err(error) = tidy(shared)
            && !shared.closing.load(Ordering::Relaxed)
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "segments stay as they are");
        }
    }
}

fn flush(shared: &Shared, task: &Task) -> Result<(), LakeError> {
    let settings = &shared.settings;
    let written = flush::write(&task.memtable, settings)?;
    let number = task.memtable.number;
    let segments = shared.catalog()?.flushed(number, written, &task.ids)?;
    settings.reached(Step::Catalogued);
    shared.change(|state| {
        state.frozen.retain(|memtable| memtable.number != number);
        state.add(segments);
    });
    let log = wal::path(&settings.folder, number);
    if let Err(error) = fs::remove_file(&log) {
        tracing::warn!(file = %log.display(), %error, "a log file that is not needed stays until the next start");
    }
    settings.reached(Step::LogRemoved);
    Ok(())
}

/// Joins small files and drops old ones, one job at a time.
fn tidy(shared: &Shared) -> Result<(), LakeError> {
    let all = || {
        let state = shared.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.segments.values().flatten().cloned().collect::<Vec<_>>()
    };
    while let Some(job) = compact::choose(&all(), &shared.settings) {
        let Some(written) = join(&job, shared)? else { continue };
        shared.settings.reached(Step::Compacted);
        swap(shared, &job.parts, written)?;
        shared.settings.reached(Step::Swapped);
    }
    let gone = retention::choose(&all(), &shared.settings);
    if !gone.is_empty() {
        swap(shared, &gone, Vec::new())?;
        let folders: BTreeSet<PathBuf> =
            gone.iter().filter_map(|segment| segment.path.parent().map(Path::to_owned)).collect();
        drop(gone);
        folders.iter().for_each(|folder| remove_empty(folder));
    }
    Ok(())
}

/// Hours and days that have no files any more. One whose files somebody still reads stays.
fn remove_empty(hour: &Path) {
    let named = |folder: &Path, start: &str| {
        folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(start))
    };
    // Only the thread that this runs on makes such folders, so none is removed before its file is made.
    if named(hour, "hour=")
        && fs::remove_dir(hour).is_ok()
        && let Some(day) = hour.parent().filter(|day| named(day, "day="))
    {
        let _ = fs::remove_dir(day);
    }
}

/// The files that stand for the job's parts; `None` where some cannot be read, which stay as they are and are not
/// tried again.
fn join(job: &compact::Job, shared: &Shared) -> Result<Option<Vec<Written>>, LakeError> {
    // Others' decoders may panic on damaged bytes. Flushes must go on.
    let written = catch_unwind(AssertUnwindSafe(|| compact::write(job, &shared.settings, &shared.closing)));
    let unreadable: Vec<&Arc<Segment>> = match written {
        Ok(Ok(written)) => return Ok(Some(written)),
        Ok(Err(Failed { part: None, error })) => return Err(error),
        Ok(Err(Failed { part: Some(part), error })) => {
            let file = job.parts[part].path.display();
            tracing::error!(%file, error = &error as &dyn std::error::Error, "a segment is damaged");
            vec![&job.parts[part]]
        }
        Err(_) => job.parts.iter().collect(),
    };
    unreadable.iter().for_each(|segment| segment.leave_out());
    Ok(None)
}

fn swap(shared: &Shared, gone: &[Arc<Segment>], written: Vec<Written>) -> Result<(), LakeError> {
    let segments = shared.catalog()?.swapped(gone, written)?;
    shared.change(|state| {
        state.remove(gone);
        state.add(segments);
    });
    gone.iter().for_each(|segment| segment.doom());
    Ok(())
}
