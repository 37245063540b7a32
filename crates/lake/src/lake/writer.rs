//! The one thread that writes the log: what waits is written together and forced to the disk once.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use arrow::array::RecordBatch;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::Shared;
use super::keeper::{Task, Work};
use crate::memtable::Memtable;
use crate::payload::{self, Id};
use crate::wal::Wal;
use crate::{Durability, LakeError, Step, Table};

/// Bytes that are written before the disk is waited for.
const GROUP: usize = 4 << 20;
/// Payloads that are known again when they come twice: as many as the catalog keeps.
const REMEMBERED: usize = 1 << 16;

pub(super) enum Command {
    Append {
        payload: Bytes,
        answer: Answer,
    },
    Flush {
        answer: Answer,
    },
    /// Flushes, and sends everything to the object store.
    Publish {
        answer: Answer,
    },
}

pub(super) type Answer = oneshot::Sender<Result<(), LakeError>>;

/// A payload that is in the log file, for whom somebody waits.
struct Appended {
    id: Id,
    tables: Vec<(Table, RecordBatch)>,
    answer: Answer,
}

pub(super) struct Writer {
    pub shared: Arc<Shared>,
    pub wal: Wal,
    pub commands: mpsc::Receiver<Command>,
    pub keeper: SyncSender<Work>,
    pub known: Known,
    /// Of the open log file.
    pub ids: Vec<Id>,
    /// When the first rows came that are in memory only.
    pub since: Option<Instant>,
}

/// Payloads that came lately.
#[derive(Default)]
pub(super) struct Known {
    ids: HashSet<Id>,
    order: VecDeque<Id>,
}

impl Known {
    /// Whether it is new.
    pub fn add(&mut self, id: Id) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }

    fn forget(&mut self, id: Id) {
        self.ids.remove(&id);
        self.order.retain(|known| *known != id);
    }
}

impl Writer {
    /// Ends when nobody can send commands any more. Rows in memory stay in the log.
    pub async fn run(mut self) {
        loop {
            let patience = self.until_flush();
            match timeout(patience, self.commands.recv()).await {
                Ok(Some(command)) => self.obey(command),
                Ok(None) => return,
                Err(_) => {}
            }
            if self.is_due() {
                self.rotate(None);
            }
        }
    }

    fn until_flush(&self) -> std::time::Duration {
        let every = self.shared.settings.flush_every;
        self.since.map_or(every, |since| every.saturating_sub(since.elapsed()))
    }

    fn is_due(&self) -> bool {
        let settings = &self.shared.settings;
        let state = self.shared.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let full =
            state.active.bytes >= settings.memtable_bytes || state.active.rows >= settings.memtable_rows;
        full || self.since.is_some_and(|since| since.elapsed() >= settings.flush_every)
    }

    fn obey(&mut self, command: Command) {
        let mut group = Vec::new();
        let mut bytes = 0;
        let mut next = Some(command);
        let (mut flush, mut publish) = (None, None);
        while let Some(command) = next.take() {
            match command {
                Command::Append { payload, answer } => {
                    bytes += payload.len();
                    group.extend(self.append(payload, answer));
                }
                Command::Flush { answer } => flush = Some(answer),
                Command::Publish { answer } => publish = Some(answer),
            }
            if bytes < GROUP && flush.is_none() && publish.is_none() {
                next = self.commands.try_recv().ok();
            }
        }
        self.commit(group);
        if let Some(answer) = flush {
            self.rotate(Some(answer));
        }
        if let Some(answer) = publish {
            self.rotate(None);
            let _ = self.keeper.send(Work::Publish(answer));
        }
    }

    /// What cannot be read is refused before it is in the log.
    fn append(&mut self, payload: Bytes, answer: Answer) -> Option<Appended> {
        let read = payload::id(&payload).and_then(|id| Ok((id, payload::decode(&payload)?)));
        let (id, tables) = match read {
            Ok(read) => read,
            Err(error) => {
                let _ = answer.send(Err(error));
                return None;
            }
        };
        if !self.known.add(id) {
            let _ = answer.send(Ok(()));
            return None;
        }
        match self.wal.append(&payload, &self.shared.settings) {
            Ok(()) => Some(Appended { id, tables, answer }),
            Err(error) => {
                self.known.forget(id);
                let _ = answer.send(Err(error));
                None
            }
        }
    }

    /// The disk has it, then queries see it, then the sender knows.
    fn commit(&mut self, group: Vec<Appended>) {
        if group.is_empty() {
            return;
        }
        if self.shared.settings.durability == Durability::Synced
            && let Err(error) = self.wal.sync(&self.shared.settings)
        {
            tracing::error!(error = &error as &dyn std::error::Error, "arrivals are refused");
            for appended in group {
                self.known.forget(appended.id);
                let _ = appended.answer.send(Err(LakeError::NotSynced));
            }
            return;
        }
        for Appended { id, tables, answer } in group {
            self.ids.push(id);
            let _ = answer.send(self.show(tables));
        }
        self.since.get_or_insert_with(Instant::now);
    }

    fn show(&self, tables: Vec<(Table, RecordBatch)>) -> Result<(), LakeError> {
        for (table, rows) in tables {
            let mut shown = Ok(None);
            self.shared.change(|state| shown = state.active.push(table, rows).map(Some));
            if let Some(rows) = shown? {
                self.shared.tails.tell(table, rows);
            }
        }
        Ok(())
    }

    /// Opens a new log file and hands the rows of the last one to the keeper. Waits while it has two already.
    fn rotate(&mut self, answer: Option<Answer>) {
        self.since = None;
        let folder = &self.shared.settings.folder;
        let wal = match Wal::create(folder, self.wal.number + 1) {
            Ok(wal) => wal,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "no new log file; the last one grows"
                );
                answer.map(|answer| answer.send(Err(error)));
                self.since = Some(Instant::now());
                return;
            }
        };
        self.wal = wal;
        let mut frozen = None;
        self.shared.change(|state| {
            let next = Memtable::new(self.wal.number);
            let memtable = Arc::new(std::mem::replace(&mut state.active, next));
            state.frozen.push(memtable.clone());
            frozen = Some(memtable);
        });
        self.shared.settings.reached(Step::LogRotated);
        if let Some(memtable) = frozen {
            let ids = std::mem::take(&mut self.ids);
            // A keeper that is gone leaves the rows to the log.
            let _ = self.keeper.send(Work::Flush(Task { memtable, ids, answer }));
        }
    }
}
