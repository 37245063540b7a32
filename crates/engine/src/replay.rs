//! Sending again what an earlier process could not: payloads from a lifeboat, from dead letters, from a queue
//! folder nobody uses any more.

use std::collections::VecDeque;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use model::{Receipt, Token};
use tokio::sync::{oneshot, watch};

use crate::destination::Destination;
use crate::frame::Frame;
use crate::payload::Payload;
use crate::spool::{Damage, Place, Spool, SpoolError};

/// The way into the destinations of a running topology, also after it was replaced. Cheap to clone.
#[derive(Clone)]
pub struct Replayer(pub(crate) watch::Receiver<Vec<Arc<Destination>>>);

/// What became of a payload.
#[derive(Debug)]
pub enum Fate {
    /// Delivered, or in part delivered and the rest refused for ever.
    Settled,
    /// Not delivered, or nobody knows.
    Left,
    /// It was split; these parts of it are left, and the others were delivered.
    Parts(Vec<Payload>),
}

/// Payloads on their way to a destination.
pub struct Sending {
    destination: Arc<Destination>,
    waiting: Vec<Waiting>,
    /// Of the first ones.
    fates: Vec<Fate>,
    recall: watch::Sender<bool>,
}

struct Waiting {
    records: u64,
    receipt: oneshot::Receiver<bool>,
    replayed: Arc<Replayed>,
}

impl Replayer {
    /// The kind of the exporter behind a destination.
    pub fn kind_of(&self, id: &str) -> Option<&'static str> {
        self.destination(id).map(|destination| destination.kind())
    }

    fn destination(&self, id: &str) -> Option<Arc<Destination>> {
        self.0.borrow().iter().find(|destination| **destination.id() == *id).cloned()
    }

    /// Puts payloads into a destination's queue. `None`: there is no such destination.
    ///
    /// Whatever is not delivered is nowhere but where it came from: it is not written to the disk queue, not kept
    /// as a dead letter and not put into a lifeboat.
    pub fn send(&self, id: &str, payloads: Vec<Payload>) -> Option<Sending> {
        let destination = self.destination(id)?;
        let (recall, recalled) = watch::channel(false);
        let mut waiting = Vec::new();
        for mut payload in payloads {
            let (tx, receipt) = oneshot::channel();
            let replayed = Arc::new(Replayed { recalled: recalled.clone(), left: Mutex::default() });
            waiting.push(Waiting { records: payload.records, receipt, replayed: replayed.clone() });
            payload.tokens = vec![Token::new(Box::new(Settled(Mutex::new(Some(tx)))))];
            payload.replayed = Some(replayed);
            destination.inject(payload);
        }
        Some(Sending { destination, waiting, fates: Vec::new(), recall })
    }
}

impl Sending {
    /// Resolves once all are settled or given up, in the order they were handed in. May be dropped and called again.
    pub async fn fates(&mut self) -> Vec<Fate> {
        while let Some(waiting) = self.waiting.get_mut(self.fates.len()) {
            let delivered = (&mut waiting.receipt).await.unwrap_or(false);
            let left = waiting.replayed.take_left();
            self.fates.push(match &left[..] {
                _ if delivered => Fate::Settled,
                [] => Fate::Left,
                [one] if one.records == waiting.records => Fate::Left,
                _ => Fate::Parts(left),
            });
        }
        std::mem::take(&mut self.fates)
    }

    /// Stops sending what is not delivered yet.
    pub fn recall(&self) {
        self.recall.send_replace(true);
        self.destination.give_back_replayed(Replayed::is_recalled);
    }
}

/// The engine's side of a payload that lies somewhere else, too.
#[derive(Debug)]
pub(crate) struct Replayed {
    recalled: watch::Receiver<bool>,
    /// What of it was given up.
    left: Mutex<Vec<Payload>>,
}

impl Replayed {
    pub fn leave(&self, mut payload: Payload) {
        payload.replayed = None;
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push(payload);
    }

    fn take_left(&self) -> Vec<Payload> {
        std::mem::take(&mut self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_recalled(&self) -> bool {
        *self.recalled.borrow()
    }

    /// Resolves when it is wanted back.
    pub async fn recalled(&self) {
        if self.recalled.clone().wait_for(|recalled| *recalled).await.is_err() {
            pending::<()>().await;
        }
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

    /// Keeps parts of a letter in its stead: the others were delivered.
    pub fn cut(&mut self, place: LetterPlace, note: &str, parts: &[Payload]) -> Result<(), SpoolError> {
        for part in parts {
            self.spool.append_with(part, part.since_epoch(), note)?;
        }
        let path = self.spool.folder().to_owned();
        self.spool.done(place.0).map_err(|source| SpoolError::Io { path, source })
    }

    /// Notes that a letter is settled.
    pub fn done(&mut self, place: LetterPlace) -> std::io::Result<()> {
        self.spool.done(place.0)
    }
}
