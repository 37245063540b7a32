//! One lake a folder in a process: its exporter, the console and queries share it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Lake;
use crate::{LakeError, Settings};

/// Those that somebody holds, by the folder as it was named.
static OPEN: Mutex<Vec<(std::path::PathBuf, Weak<Lake>)>> = Mutex::new(Vec::new());

impl Lake {
    /// The lake in this folder, opened where this process has not. Whoever came first has said with which settings.
    pub fn shared(settings: Settings) -> Result<Arc<Lake>, LakeError> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, lake)| lake.strong_count() > 0);
        let folder = settings.folder.clone();
        if let Some(lake) =
            open.iter().find(|(named, _)| *named == folder).and_then(|(_, lake)| lake.upgrade())
        {
            return Ok(lake);
        }
        let lake = Arc::new(Lake::open(settings)?);
        open.push((folder, Arc::downgrade(&lake)));
        Ok(lake)
    }
}
