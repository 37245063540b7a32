//! The one thread that writes and removes segments.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use super::Shared;
use super::publisher::Wake;
use super::writer::Answer;
use crate::compact::{self, Failed, When};
use crate::memtable::Memtable;
use crate::payload::Id;
use crate::segment::Written;
use crate::{LakeError, Publish, Segment, Step, flush, publish, retention, wal};

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

pub(super) enum Work {
    Flush(Task),
    /// Everything there is goes to the object store.
    Publish(Answer),
}

/// Ends when the writer has ended and nothing is left to flush.
pub(super) fn run(shared: &Shared, work: &Receiver<Work>, publisher: Option<&SyncSender<Wake>>) {
    let mut looked: Option<Instant> = None;
    loop {
        match work.recv_timeout(LOOK_EVERY) {
            Ok(Work::Flush(task)) => flushed(shared, task),
            Ok(Work::Publish(answer)) => publish_all(shared, publisher, answer),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        told(shared, tidy(shared));
        if let (Some(publish), Some(publisher)) = (&shared.settings.publish, publisher)
            && looked.is_none_or(|looked| looked.elapsed() >= publish.every)
        {
            looked = Some(Instant::now());
            let over = When::usual((shared.settings.now)()).over;
            told(shared, prepare(shared, publish, over));
            // One that is busy looks again by itself.
            let _ = publisher.try_send(Wake::Look);
        }
        told(shared, retain(shared));
    }
}

fn told(shared: &Shared, done: Result<(), LakeError>) {
    if let Err(error) = done
        && !shared.closing.load(Ordering::Relaxed)
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "segments stay as they are");
    }
}

fn flushed(shared: &Shared, task: Task) {
    while let Err(error) = flush(shared, &task) {
        tracing::error!(error = &error as &dyn std::error::Error, "rows stay in memory and in the log");
        std::thread::sleep(RETRY);
    }
    if let Some(answer) = task.answer {
        let _ = answer.send(Ok(()));
    }
}

fn publish_all(shared: &Shared, publisher: Option<&SyncSender<Wake>>, answer: Answer) {
    let (Some(publish), Some(publisher)) = (&shared.settings.publish, publisher) else {
        let _ = answer.send(Ok(()));
        return;
    };
    told(shared, prepare(shared, publish, i64::MAX));
    let _ = publisher.send(Wake::All(answer));
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

/// Joins small files, one job at a time.
fn tidy(shared: &Shared) -> Result<(), LakeError> {
    join_all(shared, When::usual((shared.settings.now)()))
}

fn join_all(shared: &Shared, when: When) -> Result<(), LakeError> {
    while let Some(job) = compact::choose(&shared.segments(), when) {
        let Some(written) = join(&job, shared)? else { continue };
        shared.settings.reached(Step::Compacted);
        swap(shared, &job.parts, written)?;
        shared.settings.reached(Step::Swapped);
    }
    Ok(())
}

/// Joins what belongs to hours that are over, and gives the files their names in the object store. This thread alone
/// joins and claims, so none is joined that is on its way.
fn prepare(shared: &Shared, publish: &Publish, over: i64) -> Result<(), LakeError> {
    join_all(shared, When { over, publishing: true })?;
    let ready = publish::choose(&shared.segments(), over);
    if ready.is_empty() {
        return Ok(());
    }
    let mut catalog = shared.catalog()?;
    let lake = catalog.lake()?;
    let names = publish::names(&ready, &publish.remote, lake);
    catalog.claimed(&names, &publish.remote)?;
    for segment in ready {
        names.get(&segment.id).cloned().into_iter().for_each(|name| segment.claim(name));
    }
    drop(catalog);
    shared.settings.reached(Step::Claimed);
    Ok(())
}

/// Drops old files.
fn retain(shared: &Shared) -> Result<(), LakeError> {
    let retention::Going { gone, released } = retention::choose(&shared.segments(), &shared.settings);
    if gone.is_empty() && released.is_empty() {
        return Ok(());
    }
    let folders: BTreeSet<PathBuf> = gone
        .iter()
        .chain(&released)
        .filter_map(|segment| segment.path.parent().map(Path::to_owned))
        .collect();
    count_unpublished(shared, &gone);
    if !gone.is_empty() {
        swap(shared, &gone, Vec::new())?;
    }
    if !released.is_empty() {
        release(shared, &released)?;
    }
    drop((gone, released));
    folders.iter().for_each(|folder| remove_empty(folder));
    Ok(())
}

/// Rows that go without ever having been in the object store.
fn count_unpublished(shared: &Shared, gone: &[Arc<Segment>]) {
    let Some(publish) = &shared.settings.publish else { return };
    let rows: u64 = gone.iter().filter(|segment| !segment.is_published()).map(|segment| segment.rows).sum();
    if rows > 0 {
        shared.progress.lost(rows);
        let to = publish.remote.to_string();
        let help = "mend what keeps them from the store, or raise `retention`";
        tracing::error!(rows, to, help, "retention drops rows that are not published");
    }
}

/// From now on the objects are read.
fn release(shared: &Shared, segments: &[Arc<Segment>]) -> Result<(), LakeError> {
    shared.catalog()?.released(segments)?;
    shared.settings.reached(Step::Released);
    shared.change(|state| {
        state.remove(segments);
        state.add(segments.iter().map(|segment| segment.released()).collect());
    });
    segments.iter().for_each(|segment| segment.doom());
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
    // What is in the object store alone has no file.
    gone.iter().filter(|segment| segment.is_local()).for_each(|segment| segment.doom());
    Ok(())
}
