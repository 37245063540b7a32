//! A value made from files, made again when they change. Cheap to ask for at every connection.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::TlsConfigError;

/// Files are looked at no more often than this, however many connections are made.
const CHECK_EVERY: Duration = Duration::from_secs(1);

type Build<T> = dyn Fn() -> Result<T, TlsConfigError> + Send + Sync;

pub(super) struct Reloaded<T> {
    files: Vec<PathBuf>,
    build: Box<Build<T>>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    stamps: Vec<Option<Stamp>>,
    checked: Instant,
}

/// Size beside time, because a file system may keep whole seconds only.
type Stamp = (SystemTime, u64);

impl<T> Reloaded<T> {
    pub(super) fn new(
        files: Vec<PathBuf>,
        build: impl Fn() -> Result<T, TlsConfigError> + Send + Sync + 'static,
    ) -> Result<Reloaded<T>, TlsConfigError> {
        // Before building: a change in between is then seen as one.
        let stamps = stamps(&files);
        let value = Arc::new(build()?);
        let state = Mutex::new(State { value, stamps, checked: Instant::now() });
        Ok(Reloaded { files, build: Box::new(build), state })
    }

    pub(super) fn get(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.files.is_empty() && state.checked.elapsed() >= CHECK_EVERY {
            state.checked = Instant::now();
            let now = stamps(&self.files);
            if now != state.stamps {
                self.rebuild(&mut state, now);
            }
        }
        state.value.clone()
    }

    fn rebuild(&self, state: &mut State<T>, now: Vec<Option<Stamp>>) {
        match (self.build)() {
            Ok(value) => {
                state.value = Arc::new(value);
                state.stamps = now;
                tracing::info!(files = ?self.files, "certificates changed; new connections use the new ones");
            }
            // The stamps stay old, so the next connection tries again: key and certificate are two files,
            // and the second may be about to be written.
            Err(error) => tracing::warn!(%error, "changed certificates cannot be used; keeping the old ones"),
        }
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(stamp).collect()
}
