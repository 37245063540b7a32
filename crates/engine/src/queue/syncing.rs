//! Forces what was written onto the disk, and lets those who wait for that go on only then.
//!
//! One sync at a time: whoever asks while another runs waits for it, as that one may have taken the handle that
//! covers what both wrote.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use model::Token;
use tokio::task::spawn_blocking;
use tracing::error;

use super::Queue;
use crate::spool::Spool;

pub(super) struct Syncing {
    one_at_a_time: Mutex<()>,
    waiting: Mutex<Waiting>,
    sync_file: fn(&File) -> io::Result<()>,
}

#[derive(Default)]
struct Waiting {
    /// Content once what was written before now is safe.
    tokens: Vec<Token>,
    /// Somebody syncs and will look here again.
    attended: bool,
}

impl Default for Syncing {
    fn default() -> Self {
        Syncing { one_at_a_time: Mutex::default(), waiting: Mutex::default(), sync_file: File::sync_data }
    }
}

impl Queue {
    /// Forces everything that was written before the call onto the disk. Blocks.
    pub fn sync(&self) -> io::Result<()> {
        let _one = self.syncing.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        if state.sync_failed {
            return Err(io::Error::other("the disk did not confirm what was written last"));
        }
        let dirty = state.spool().map(Spool::take_dirty);
        drop(state);
        match dirty {
            Some(dirty) => dirty?.map_or(Ok(()), |file| (self.syncing.sync_file)(&file)),
            None => Ok(()),
        }
    }

    /// Drops tokens of payloads that were written, which tells those who wait, once the disk has confirmed them.
    pub fn settle_synced(self: &Arc<Self>, tokens: Vec<Token>) {
        let mut waiting = self.syncing.waiting();
        waiting.tokens.extend(tokens);
        if waiting.tokens.is_empty() || std::mem::replace(&mut waiting.attended, true) {
            return;
        }
        drop(waiting);
        let queue = self.clone();
        spawn_blocking(move || queue.sync_while_asked());
    }

    fn sync_while_asked(&self) {
        loop {
            let mut waiting = self.syncing.waiting();
            let tokens = std::mem::take(&mut waiting.tokens);
            waiting.attended = !tokens.is_empty();
            drop(waiting);
            if tokens.is_empty() {
                return;
            }
            if let Err(error) = self.sync() {
                error!(%error, "the disk did not confirm what was written; senders are not told that it is safe");
                tokens.iter().for_each(Token::lose);
            }
        }
    }
}

impl Syncing {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use model::Receipt;
    use tokio::sync::Notify;

    use super::*;
    use crate::payload::Payload;

    struct Told(&'static str, mpsc::Sender<(&'static str, bool)>);

    impl Receipt for Told {
        fn settle(&self, delivered: bool) {
            let _ = self.1.send((self.0, delivered));
        }
    }

    /// A queue on disk whose syncs do what they are told, and two payloads written to it that are waited for.
    struct Scene {
        queue: Arc<Queue>,
        tokens: [Vec<Token>; 2],
        told: mpsc::Receiver<(&'static str, bool)>,
        _folder: tempfile::TempDir,
    }

    fn scene(sync_file: fn(&File) -> io::Result<()>) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let mut queue = Queue::new(10_000, Arc::new(Notify::new()));
        queue.syncing.sync_file = sync_file;
        queue.attach(&folder.path().join("q"), 1 << 20).unwrap();
        let (tell, told) = mpsc::channel();
        let tokens = ["first", "second"].map(|name| {
            let mut payload = Payload::new(vec![0; 100], "", 1, 100);
            payload.tokens.push(Token::until_durable(Box::new(Told(name, tell.clone()))));
            queue.push(payload).unwrap()
        });
        Scene { queue: Arc::new(queue), tokens, told, _folder: folder }
    }

    /// Both are written before the first asks for the sync, so that its handle covers the second, too.
    #[tokio::test]
    async fn nobody_is_told_before_the_sync_that_covers_it_has_ended() {
        static GATE: Mutex<()> = Mutex::new(());
        static BEGUN: Mutex<bool> = Mutex::new(false);
        let shut = GATE.lock().unwrap();
        let Scene { queue, tokens: [first, second], told, _folder } = scene(|_| {
            *BEGUN.lock().unwrap() = true;
            drop(GATE.lock().unwrap());
            Ok(())
        });
        queue.settle_synced(first);
        while !*BEGUN.lock().unwrap() {
            std::thread::yield_now();
        }
        queue.settle_synced(second);
        let early = told.recv_timeout(Duration::from_millis(200));
        assert!(early.is_err(), "{early:?} before anything was synced");
        drop(shut);
        let both = [told.recv().unwrap(), told.recv().unwrap()];
        assert_eq!(both, [("first", true), ("second", true)]);
    }

    #[tokio::test]
    async fn a_sync_that_fails_confirms_nothing() {
        let Scene { queue, tokens, told, _folder } = scene(|_| Err(io::Error::other("EIO")));
        queue.settle_synced(tokens.into_iter().flatten().collect());
        let both = [told.recv().unwrap(), told.recv().unwrap()];
        assert_eq!(both, [("first", false), ("second", false)]);
    }
}
