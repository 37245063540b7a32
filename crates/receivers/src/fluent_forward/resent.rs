//! Remembers chunks whose acknowledgement a sender may have missed.
//!
//! Docker's driver has been seen to miss an answer, reconnect, and send the same chunk again
//! (`fixtures/forward/dockerd/004.stream`). Only a chunk that comes again on another connection, after its first
//! one has broken or as the first thing on a new one, counts as the same: Fluent Bit makes chunk ids from the
//! content, so that two chunks may differ and share one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

const REMEMBERED: usize = 1024;
const MAX_AGE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Resent(Mutex<VecDeque<Answered>>);

#[derive(Debug)]
struct Answered {
    reply: Box<[u8]>,
    /// Gone when the connection is.
    connection: Weak<()>,
    at: Instant,
}

impl Resent {
    pub(super) fn remember(&self, reply: &[u8], connection: &Arc<()>) {
        let mut answered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.len() == REMEMBERED {
            answered.pop_front();
        }
        let connection = Arc::downgrade(connection);
        answered.push_back(Answered { reply: reply.into(), connection, at: Instant::now() });
    }

    /// True when the chunk of this answer was taken in before; `is_new` where nothing was answered on this
    /// connection yet.
    pub(super) fn contains(&self, reply: &[u8], connection: &Arc<()>, is_new: bool) -> bool {
        let answered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answered.iter().any(|entry| {
            let is_own = entry.connection.as_ptr() == Arc::as_ptr(connection);
            let may_be_missed = is_new || entry.connection.strong_count() == 0;
            *entry.reply == *reply && !is_own && may_be_missed && entry.at.elapsed() < MAX_AGE
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_may_have_been_missed_counts() {
        let resent = Resent::default();
        let (first, second) = (Arc::new(()), Arc::new(()));
        resent.remember(b"chunk", &first);
        assert!(!resent.contains(b"chunk", &first, false), "its own connection knows what it sends");
        assert!(!resent.contains(b"chunk", &second, false), "both connections live");
        assert!(resent.contains(b"chunk", &second, true), "a new connection starts with it");
        assert!(!resent.contains(b"other", &second, true));
        drop(first);
        assert!(resent.contains(b"chunk", &second, false), "its connection has broken");
        tokio::time::advance(MAX_AGE).await;
        assert!(!resent.contains(b"chunk", &second, true), "long ago");
    }
}
