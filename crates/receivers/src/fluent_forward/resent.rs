//! Remembers chunks that are on their way, and those whose acknowledgement a sender may have missed.
//!
//! Docker's driver has been seen to miss an answer, reconnect, and send the same chunk again
//! (`fixtures/forward/dockerd/004.stream`); a sender whose patience is shorter than the way to the chosen level does
//! the same before there is an answer. Only a chunk that comes again on another connection, after its first one has
//! broken or as the first thing on a new one, counts as the same: Fluent Bit makes chunk ids from the content, so
//! that two chunks may differ and share one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

const REMEMBERED: usize = 1024;
const MAX_AGE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Resent {
    chunks: Mutex<VecDeque<Chunk>>,
    /// Told whenever a chunk is no longer under way.
    settled: Notify,
}

#[derive(Debug)]
struct Chunk {
    reply: Box<[u8]>,
    /// Gone when the connection is.
    connection: Weak<()>,
    /// When it was taken; `None` while it is under way.
    at: Option<Instant>,
}

impl Chunk {
    fn is_of(&self, connection: &Arc<()>) -> bool {
        self.connection.as_ptr() == Arc::as_ptr(connection)
    }

    /// The connection of a chunk that is under way sees it through; without one nobody does.
    fn is_under_way(&self) -> bool {
        self.at.is_none() && self.connection.strong_count() > 0
    }

    fn is_taken(&self) -> bool {
        self.at.is_some_and(|at| at.elapsed() < MAX_AGE)
    }
}

impl Resent {
    fn chunks(&self) -> MutexGuard<'_, VecDeque<Chunk>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the chunk of this answer is under way.
    pub(super) fn begin(&self, reply: &[u8], connection: &Arc<()>) {
        self.add(Chunk { reply: reply.into(), connection: Arc::downgrade(connection), at: None });
    }

    fn add(&self, chunk: Chunk) {
        let mut chunks = self.chunks();
        if chunks.len() == REMEMBERED {
            chunks.pop_front();
        }
        chunks.push_back(chunk);
    }

    /// Notes what became of it. What was not taken is forgotten, so that its sender may try again.
    pub(super) fn settle(&self, reply: &[u8], connection: &Arc<()>, taken: bool) {
        let mut chunks = self.chunks();
        let own = |chunk: &Chunk| chunk.at.is_none() && chunk.is_of(connection) && *chunk.reply == *reply;
        // The newest are at the end.
        let place = chunks.iter().rposition(own);
        match (place, taken) {
            (Some(place), true) => chunks[place].at = Some(Instant::now()),
            (Some(place), false) => _ = chunks.remove(place),
            (None, true) => {
                drop(chunks);
                let (connection, at) = (Arc::downgrade(connection), Some(Instant::now()));
                self.add(Chunk { reply: reply.into(), connection, at });
            }
            (None, false) => {}
        }
        self.settled.notify_waiters();
    }

    /// True when the chunk of this answer was taken in before, or is under way; `is_new` where nothing was
    /// answered on this connection yet.
    pub(super) fn contains(&self, reply: &[u8], connection: &Arc<()>, is_new: bool) -> bool {
        self.chunks().iter().any(|chunk| {
            let may_be_missed = is_new || chunk.connection.strong_count() == 0;
            *chunk.reply == *reply
                && !chunk.is_of(connection)
                && may_be_missed
                && (chunk.is_taken() || chunk.is_under_way())
        })
    }

    /// True when another connection has the chunk under way and it was not taken before.
    pub(super) fn is_under_way(&self, reply: &[u8], connection: &Arc<()>) -> bool {
        let chunks = self.chunks();
        let others = || chunks.iter().filter(|chunk| *chunk.reply == *reply && !chunk.is_of(connection));
        others().any(Chunk::is_under_way) && !others().any(Chunk::is_taken)
    }

    /// Waits for what becomes of a chunk that another connection has under way: whether it was taken.
    pub(super) async fn outcome(&self, reply: &[u8], connection: &Arc<()>) -> bool {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            // From here on a notification is not missed.
            settled.as_mut().enable();
            if !self.is_under_way(reply, connection) {
                let chunks = self.chunks();
                return chunks.iter().any(|chunk| *chunk.reply == *reply && chunk.is_taken());
            }
            settled.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_may_have_been_missed_counts() {
        let resent = Resent::default();
        let (first, second) = (Arc::new(()), Arc::new(()));
        resent.begin(b"chunk", &first);
        resent.settle(b"chunk", &first, true);
        assert!(!resent.contains(b"chunk", &first, false), "its own connection knows what it sends");
        assert!(!resent.contains(b"chunk", &second, false), "both connections live");
        assert!(resent.contains(b"chunk", &second, true), "a new connection starts with it");
        assert!(!resent.contains(b"other", &second, true));
        drop(first);
        assert!(resent.contains(b"chunk", &second, false), "its connection has broken");
        tokio::time::advance(MAX_AGE).await;
        assert!(!resent.contains(b"chunk", &second, true), "long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn a_chunk_under_way_counts_until_it_is_lost() {
        let resent = Resent::default();
        let (first, second) = (Arc::new(()), Arc::new(()));
        for taken in [true, false] {
            resent.begin(b"chunk", &first);
            assert!(resent.contains(b"chunk", &second, true) && !resent.contains(b"chunk", &second, false));
            assert!(resent.is_under_way(b"chunk", &second));
            let settle = async { resent.settle(b"chunk", &first, taken) };
            let (outcome, ()) = tokio::join!(resent.outcome(b"chunk", &second), settle);
            assert_eq!(outcome, taken);
            assert_eq!(resent.contains(b"chunk", &second, true), taken);
            tokio::time::advance(MAX_AGE).await;
        }
        resent.begin(b"chunk", &first);
        drop(first);
        assert!(!resent.contains(b"chunk", &second, true), "nobody sees it through");
        assert!(!resent.outcome(b"chunk", &second).await);
    }
}
