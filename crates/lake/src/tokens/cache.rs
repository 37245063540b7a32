//! Token indexes that were asked for last, up to a number for the whole process.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::TokenIndex;
use crate::LakeError;

/// Where the pages of a large segment are takes a few kilobytes.
const MOST: usize = 4096;

/// Least lately used first. A segment's path is its own for ever.
static KNOWN: Mutex<VecDeque<(PathBuf, Arc<TokenIndex>)>> = Mutex::new(VecDeque::new());

/// The index of a file, read where it is not known.
pub fn get(
    path: &Path,
    read: impl FnOnce() -> Result<Option<TokenIndex>, LakeError>,
) -> Result<Option<Arc<TokenIndex>>, LakeError> {
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = {
        let mut known = known();
        let at = known.iter().position(|(of, _)| of == path);
        at.and_then(|at| known.remove(at))
    };
    let index = match taken {
        Some((_, index)) => index,
        // Read without the lock; two who ask at once both read.
        None => match read()? {
            Some(index) => Arc::new(index),
            None => return Ok(None),
        },
    };
    let mut known = known();
    known.retain(|(of, _)| of != path);
    known.push_back((path.to_owned(), index.clone()));
    if known.len() > MOST {
        known.pop_front();
    }
    Ok(Some(index))
}
