//! The one thread that writes to the object store. It takes what the keeper has claimed, and tries again until it is there.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::Shared;
use super::writer::Answer;
use crate::{LakeError, Publish, Segment, Step, publish};

/// Waits between tries.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(1);
/// The same while somebody waits for the end.
const HASTY_RETRY: Duration = Duration::from_secs(2);
/// Segments in a row that cannot be written before it waits: the others will hardly do better.
const FAILURES: u32 = 3;
/// How often old objects are looked for.
const EXPIRE_EVERY: Duration = Duration::from_hours(1);
/// How often a write is asked whether anybody still wants it.
const LOOK_UP: Duration = Duration::from_millis(200);

pub(super) enum Wake {
    Look,
    /// Answered once nothing is left that is claimed.
    All(Answer),
}

/// How publishing goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// `s3://bucket/prefix`.
    pub to: String,
    /// Segments written to the store since the start.
    pub segments: u64,
    /// Rows that are not in the store yet.
    pub waiting_rows: u64,
    /// Writes that failed since the start.
    pub failures: u64,
    /// Rows that retention dropped before they were in the store.
    pub lost_rows: u64,
    /// Why the last write failed; `None` after one that did not.
    pub error: Option<String>,
}

/// What [`Published`] is made of.
#[derive(Default)]
pub(super) struct Progress {
    segments: AtomicU64,
    failures: AtomicU64,
    lost_rows: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Progress {
    pub fn lost(&self, rows: u64) {
        self.lost_rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub fn read(&self, to: String, waiting_rows: u64) -> Published {
        Published {
            to,
            segments: self.segments.load(Ordering::Relaxed),
            waiting_rows,
            failures: self.failures.load(Ordering::Relaxed),
            lost_rows: self.lost_rows.load(Ordering::Relaxed),
            error: self.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Tells a failure once, until a write succeeds.
    fn failed(&self, error: &LakeError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let text = match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        let mut last = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none() {
            let help = "rows stay in the lake's folder and are tried again";
            tracing::error!(error = text, help, "segments cannot be published");
        }
        *last = Some(text);
    }

    fn succeeded(&self) {
        self.segments.fetch_add(1, Ordering::Relaxed);
        if self.error.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::info!("segments are published again");
        }
    }
}

/// Ends when the keeper has ended.
pub(super) fn run(shared: &Shared, publish: &Publish, runtime: &Runtime, wakes: &Receiver<Wake>) {
    let publisher = Publisher { shared, publish, runtime };
    let mut waiting: Vec<Answer> = Vec::new();
    let mut retry: Option<Duration> = None;
    let mut expired: Option<Instant> = None;
    loop {
        let hasty = retry.map(|retry| if waiting.is_empty() { retry } else { retry.min(HASTY_RETRY) });
        match wakes.recv_timeout(hasty.unwrap_or(LAST_RETRY)) {
            Ok(Wake::All(answer)) => waiting.push(answer),
            Ok(Wake::Look) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        retry = match publisher.all() {
            true => {
                waiting.drain(..).for_each(|answer| _ = answer.send(Ok(())));
                None
            }
            false => Some(retry.map_or(FIRST_RETRY, |retry| (2 * retry).min(LAST_RETRY))),
        };
        if expired.is_none_or(|expired| expired.elapsed() >= EXPIRE_EVERY) {
            expired = Some(Instant::now());
            publisher.expire();
        }
    }
}

struct Publisher<'a> {
    shared: &'a Shared,
    publish: &'a Publish,
    runtime: &'a Runtime,
}

impl Publisher<'_> {
    /// Whether nothing is left.
    fn all(&self) -> bool {
        let mut in_a_row = 0;
        let mut left = false;
        for segment in self.claimed() {
            match self.one(&segment) {
                Ok(()) => in_a_row = 0,
                Err(LakeError::Closed) => return false,
                Err(error @ LakeError::Store { .. }) => {
                    self.shared.progress.failed(&error);
                    (in_a_row, left) = (in_a_row + 1, true);
                    if in_a_row == FAILURES {
                        return false;
                    }
                }
                // It is this segment's own fault, and will be the next time.
                Err(error) => {
                    let file = segment.path.display();
                    tracing::error!(%file, error = &error as &dyn std::error::Error, "a segment cannot be published");
                    segment.leave_out();
                }
            }
        }
        !left
    }

    /// Oldest first.
    fn claimed(&self) -> Vec<Arc<Segment>> {
        let mut claimed = self.shared.segments();
        claimed.retain(|segment| {
            segment.object().is_some() && !segment.is_published() && segment.can_be_joined()
        });
        claimed.sort_by_key(|segment| segment.max_time);
        claimed
    }

    fn one(&self, segment: &Arc<Segment>) -> Result<(), LakeError> {
        let Some(object) = segment.object() else { return Ok(()) };
        segment.check()?;
        self.wait(publish::upload(segment, object, &self.publish.remote))?;
        let settings = &self.shared.settings;
        settings.reached(Step::Uploaded);
        // Retention may have dropped it meanwhile; the object is there all the same, for whoever lists the store.
        self.shared.catalog()?.published(segment)?;
        segment.publish();
        settings.reached(Step::Published);
        self.shared.progress.succeeded();
        tracing::debug!(object = self.publish.remote.url(object), rows = segment.rows, "published");
        Ok(())
    }

    fn expire(&self) {
        let Some(age) = self.publish.max_age else { return };
        let before = (self.shared.settings.now)() - age.as_micros() as i64;
        match self.wait(publish::expire(&self.publish.remote, before)) {
            Ok(0) | Err(LakeError::Closed) => {}
            Ok(objects) => tracing::info!(objects, "objects that were too old are removed"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "old objects stay");
            }
        }
    }

    /// Ends early when the lake is closed.
    fn wait<T>(&self, work: impl Future<Output = Result<T, LakeError>>) -> Result<T, LakeError> {
        self.runtime.block_on(async {
            let mut work = pin!(work);
            loop {
                match tokio::time::timeout(LOOK_UP, &mut work).await {
                    Ok(done) => return done,
                    Err(_) if self.shared.closing.load(Ordering::Relaxed) => return Err(LakeError::Closed),
                    Err(_) => {}
                }
            }
        })
    }
}
