//! Sending again what an earlier process could not: payloads from a lifeboat, from dead letters, from a queue
//! folder nobody uses any more.

use std::collections::VecDeque;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use model::{Receipt, Token};
use tokio::sync::oneshot;

use crate::frame::Frame;
use crate::payload::Payload;
use crate::running::Running;
use crate::spool::{Damage, Place, Spool, SpoolError};

impl Running {
    /// The kind of the exporter behind a destination.
    pub fn kind_of(&self, id: &str) -> Option<&'static str> {
        self.destination(id).map(|destination| destination.kind())
    }

    /// Puts payloads into a destination's queue. The answer says for each whether it is settled: delivered, or
    /// in part delivered and the rest refused for ever. `None`: there is no such destination.
    pub fn replay(
        &self,
        id: &str,
        payloads: Vec<Payload>,
    ) -> Option<impl Future<Output = Vec<bool>> + Send + 'static> {
        let destination = self.destination(id)?;
        let mut receipts = Vec::new();
        for payload in payloads {
            let (tx, rx) = oneshot::channel();
            let token = Token::new(Box::new(Settled(Mutex::new(Some(tx)))));
            destination.inject(payload, token);
            receipts.push(rx);
        }
        Some(async move {
            let mut settled = Vec::new();
            for receipt in receipts {
                settled.push(receipt.await.unwrap_or(false));
            }
            settled
        })
    }
}

struct Settled(Mutex<Option<oneshot::Sender<bool>>>);

impl Receipt for Settled {
    fn settle(&self, delivered: bool) {
        if let Some(sender) = self.0.lock().ok().and_then(|mut sender| sender.take()) {
            // Whoever asked may be gone.
            let _ = sender.send(delivered);
        }
    }
}

/// Payloads in a folder of dead letters, or of a queue.
pub struct Letters {
    spool: Spool,
    waiting: VecDeque<Place>,
    pub damage: Vec<Damage>,
}

/// One of them.
pub struct Letter {
    pub payload: Payload,
    /// The reason and the destination's answer, where they are known.
    pub note: String,
    pub place: LetterPlace,
}

#[derive(Debug, Clone, Copy)]
pub struct LetterPlace(Place);

#[derive(Debug, thiserror::Error)]
pub enum NoLetters {
    #[error("there is no folder {}", .0.display())]
    Absent(PathBuf),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl Letters {
    pub fn open(folder: &Path) -> Result<Letters, NoLetters> {
        if !folder.is_dir() {
            return Err(NoLetters::Absent(folder.to_owned()));
        }
        let opened = Spool::open(folder, u64::MAX)?;
        let waiting = opened.found.iter().map(|found| found.place).collect();
        Ok(Letters { spool: opened.spool, waiting, damage: opened.damage })
    }

    /// The next letters, oldest first, until they hold so many bytes. What cannot be read is passed over.
    pub fn take(&mut self, bytes: u64) -> Vec<Letter> {
        let (mut letters, mut held) = (Vec::new(), 0);
        while held < bytes
            && let Some(place) = self.waiting.pop_front()
        {
            if let Ok(Frame { payload, note, .. }) = self.spool.read_frame(place) {
                held += payload.held_bytes();
                letters.push(Letter { payload, note, place: LetterPlace(place) });
            }
        }
        letters
    }

    /// Notes that a letter is settled.
    pub fn done(&mut self, place: LetterPlace) -> std::io::Result<()> {
        self.spool.done(place.0)
    }
}
