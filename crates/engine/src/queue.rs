//! Payloads that wait for one destination, oldest first: in memory, and behind that on disk.
//!
//! What is being sent counts as waiting until it is settled, so memory stays bounded by `capacity` plus one
//! payload a writer. Payloads go to disk when the destination falls behind, when somebody waits for them to be
//! durable, and when the process ends before they were sent.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Token;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock;
use crate::payload::{Payload, Whole};
use crate::replay::Replayed;
use crate::spool::{Damage, Place, Spool, SpoolError};

mod syncing;

use syncing::Syncing;

/// More than senders that keep up have in flight. What comes beyond is shrunk, if its wire form is not compressed,
/// and goes to disk, where there is one: an outage takes no more memory than a busy hour.
const PLENTY_BYTES: u64 = 1 << 20;

pub(crate) struct Queue {
    state: Mutex<State>,
    capacity: u64,
    arrived: Notify,
    /// Told whenever room appears. Shared by all destinations, as a receiver may wait for any of several.
    room: Arc<Notify>,
    syncing: Syncing,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// In memory, waiting and in flight.
    bytes: u64,
    /// When the first record of each payload in flight came in.
    in_flight: Vec<Instant>,
    disk: Disk,
    /// The last sync, at the end, did not succeed.
    sync_failed: bool,
    closed: bool,
}

#[derive(Default)]
enum Disk {
    #[default]
    None,
    /// Nothing was written yet, and no earlier process left anything: the folder does not exist.
    Planned {
        folder: PathBuf,
        quota: u64,
    },
    Open(Spool),
}

enum Waiting {
    InMemory(Payload),
    OnDisk { place: Place, records: u64, since: Instant },
}

/// A payload that left the queue unsent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub records: u64,
}

/// What an earlier process left on disk.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub payloads: u64,
    pub records: u64,
    pub damage: Vec<Damage>,
}

impl Waiting {
    fn since(&self) -> Instant {
        match self {
            Waiting::InMemory(payload) => payload.since,
            Waiting::OnDisk { since, .. } => *since,
        }
    }
}

impl Queue {
    /// A queue in memory.
    pub fn new(capacity: u64, room: Arc<Notify>) -> Self {
        let syncing = Syncing::default();
        Queue { state: Mutex::default(), capacity, arrived: Notify::new(), room, syncing }
    }

    /// Puts a disk behind the memory, and what an earlier process left there in front. The folder is made when
    /// the first payload goes there.
    pub fn attach(&self, folder: &Path, quota: u64) -> Result<Recovered, SpoolError> {
        let mut recovered = Recovered::default();
        if !folder.exists() {
            self.state().disk = Disk::Planned { folder: folder.to_owned(), quota };
            return Ok(recovered);
        }
        let opened = Spool::open(folder, quota)?;
        recovered.damage = opened.damage;
        let mut state = self.state();
        // Later the clock may be set: from here on ages are told by one that nobody sets.
        let (now, time) = (Instant::now(), Duration::from_nanos(clock::now_nanos()));
        for found in opened.found.iter().rev() {
            recovered.payloads += 1;
            recovered.records += found.records;
            let since = now.checked_sub(time.saturating_sub(found.since)).unwrap_or(now);
            state.waiting.push_front(Waiting::OnDisk { place: found.place, records: found.records, since });
        }
        state.disk = Disk::Open(opened.spool);
        drop(state);
        self.arrived.notify_one();
        Ok(recovered)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when what comes now goes to disk, or pushes out what waits.
    pub fn is_behind(&self) -> bool {
        self.state().is_behind(self.capacity)
    }

    /// True when neither memory nor disk has room.
    pub fn is_full(&self) -> bool {
        self.state().is_full(self.capacity)
    }

    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Bytes in memory, waiting and in flight.
    pub fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Bytes on disk and their quota, where there is a disk.
    pub fn disk(&self) -> Option<(u64, u64)> {
        match &self.state().disk {
            Disk::None => None,
            Disk::Planned { quota, .. } => Some((0, *quota)),
            Disk::Open(spool) => Some((spool.bytes(), spool.quota())),
        }
    }

    /// Adds a payload. Returns the tokens that are content because it is on disk, or why the disk did not take
    /// it; it waits in memory then.
    pub fn push(&self, mut payload: Payload) -> Result<Vec<Token>, SpoolError> {
        if self.state().bytes > PLENTY_BYTES {
            payload.pack();
        }
        let mut state = self.state();
        let wants_disk = payload.tokens.iter().any(Token::durable_suffices);
        let spills = state.is_behind(self.capacity);
        let written = match state.disk {
            Disk::None => Ok(()),
            // What lies somewhere else, too, would be there twice.
            _ if payload.replayed.is_some() => Ok(()),
            _ if wants_disk || spills => state.write(&mut payload),
            _ => Ok(()),
        };
        let content = payload.take_durable();
        state.add(payload, spills);
        drop(state);
        self.arrived.notify_one();
        written.map(|()| content)
    }

    /// Puts the parts of a payload in flight in front, in its stead. What was on disk stays on disk; with `sync`
    /// the parts are safe there before the whole is forgotten.
    pub fn replace(&self, mut whole: Payload, mut parts: Vec<Payload>, sync: bool) {
        let mut state = self.state();
        if let Some(place) = whole.place {
            if parts.iter_mut().all(|part| state.write(part).is_ok()) {
                drop(state);
                // A disk that fails now will fail the next write, which is reported.
                let _ = if sync { self.sync() } else { Ok(()) };
                state = self.state();
            } else {
                state.keep_whole(place, &mut parts);
                whole.place = None;
            }
        } else if let Some(of) = &whole.whole {
            of.parts.fetch_add(parts.len(), Ordering::Relaxed);
            parts.iter_mut().for_each(|part| part.whole = Some(of.clone()));
        }
        drop(state);
        self.release(&whole);
        whole.replaced_by(&mut parts);
        let mut state = self.state();
        let count = parts.len();
        for part in parts.into_iter().rev() {
            state.bytes += part.held_bytes();
            state.waiting.push_front(Waiting::InMemory(part));
        }
        drop(state);
        (0..count).for_each(|_| self.arrived.notify_one());
    }

    /// Takes the oldest waiting payloads out until there is room.
    pub fn evict(&self) -> Vec<Gone> {
        let mut state = self.state();
        let mut gone = Vec::new();
        while state.is_full(self.capacity)
            && let Some(oldest) = state.waiting.pop_front()
        {
            gone.push(state.forget(oldest));
        }
        gone
    }

    /// The oldest payload, once there is one; `None` when the queue is closed. `Err` is a payload that could not
    /// be read back.
    pub async fn pop(&self) -> Option<Result<Payload, Gone>> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut state = self.state();
                if state.closed {
                    return None;
                }
                if let Some(oldest) = state.waiting.pop_front() {
                    let taken = state.take(oldest);
                    let more = !state.waiting.is_empty();
                    drop(state);
                    if more {
                        // One permit may stand for several arrivals: pass it on.
                        self.arrived.notify_one();
                    }
                    return Some(taken);
                }
            }
            arrived.await;
        }
    }

    /// A payload in flight is settled, or replaced by what is put back.
    pub fn release(&self, payload: &Payload) {
        let mut state = self.state();
        state.bytes -= payload.held_bytes();
        state.end_flight(payload.since);
        state.forget_written(payload);
        drop(state);
        self.room.notify_waiters();
    }

    /// Lets go of what waits here and lies somewhere else, too. Returns its records.
    pub fn give_back_replayed(&self, which: fn(&Replayed) -> bool) -> u64 {
        let mut state = self.state();
        let (mut kept, mut given) = (VecDeque::new(), Vec::new());
        for waiting in std::mem::take(&mut state.waiting) {
            match waiting {
                Waiting::InMemory(payload) if payload.replayed.as_deref().is_some_and(which) => {
                    state.bytes -= payload.held_bytes();
                    given.push(payload);
                }
                other => kept.push_back(other),
            }
        }
        state.waiting = kept;
        drop(state);
        self.room.notify_waiters();
        given.iter().map(|payload| payload.records).sum()
    }

    /// Told when something changed that may have made room.
    pub fn room(&self) -> &Notify {
        &self.room
    }

    /// When the oldest record here came in.
    pub fn oldest(&self) -> Option<Instant> {
        let state = self.state();
        state.waiting.front().map(Waiting::since).into_iter().chain(state.in_flight.iter().copied()).min()
    }

    /// True when nothing waits and nothing is in flight.
    pub fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.in_flight.is_empty()
    }

    /// Gives a payload in flight back at the end.
    pub fn interrupt(&self, payload: Payload) {
        let mut state = self.state();
        state.end_flight(payload.since);
        state.waiting.push_front(Waiting::InMemory(payload));
        drop(state);
        self.arrived.notify_one();
    }

    /// Takes out the oldest until they hold so many bytes, shrunk. They count as in flight.
    pub fn take_some(&self, bytes: u64) -> (Vec<Payload>, Vec<Gone>) {
        let mut state = self.state();
        let (mut taken, mut gone, mut held) = (Vec::new(), Vec::new(), 0);
        while held < bytes
            && let Some(oldest) = state.waiting.pop_front()
        {
            match state.take(oldest) {
                Ok(mut payload) => {
                    state.bytes -= payload.held_bytes();
                    payload.pack();
                    state.bytes += payload.held_bytes();
                    held += payload.held_bytes();
                    taken.push(payload);
                }
                Err(damaged) => gone.push(damaged),
            }
        }
        (taken, gone)
    }

    /// Lets no more out. What waits is written to disk, where there is one; the records that are not on disk
    /// then are returned as lost.
    pub fn close(&self) -> u64 {
        let mut state = self.state();
        state.closed = true;
        let mut lost = 0;
        for waiting in std::mem::take(&mut state.waiting) {
            if let Waiting::InMemory(mut payload) = waiting {
                state.bytes -= payload.held_bytes();
                payload.pack();
                let is_on_disk = payload.place.is_some() || payload.whole.is_some();
                if !is_on_disk && state.write(&mut payload).is_err() {
                    lost += payload.records;
                }
            }
        }
        // Whoever still waits for the disk to confirm asks again, and must find that it did.
        state.sync_at_the_end();
        state.disk = Disk::None;
        drop(state);
        self.arrived.notify_waiters();
        lost
    }
}

impl State {
    fn is_full(&self, capacity: u64) -> bool {
        let disk_full = match &self.disk {
            Disk::None => true,
            Disk::Planned { .. } => false,
            Disk::Open(spool) => spool.is_full(),
        };
        self.bytes >= capacity && disk_full
    }

    fn is_behind(&self, capacity: u64) -> bool {
        match &self.disk {
            Disk::None => self.bytes >= capacity,
            _ => self.bytes >= capacity.min(PLENTY_BYTES) && !self.waiting.is_empty(),
        }
    }

    fn spool(&mut self) -> Option<&mut Spool> {
        match &mut self.disk {
            Disk::Open(spool) => Some(spool),
            _ => None,
        }
    }

    fn sync_at_the_end(&mut self) {
        let synced = match self.spool().map(Spool::take_dirty) {
            Some(Ok(Some(file))) => file.sync_data(),
            Some(Err(error)) => Err(error),
            Some(Ok(None)) | None => Ok(()),
        };
        self.sync_failed |= synced.is_err();
    }

    /// Writes a payload to disk, where there is one.
    fn write(&mut self, payload: &mut Payload) -> Result<(), SpoolError> {
        if let Disk::Planned { folder, quota } = &self.disk {
            match Spool::open(folder, *quota) {
                Ok(opened) => self.disk = Disk::Open(opened.spool),
                Err(error) => {
                    // Not tried again: what makes a folder impossible rarely passes.
                    self.disk = Disk::None;
                    return Err(error);
                }
            }
        }
        let Some(spool) = self.spool() else { return Err(SpoolError::Absent) };
        payload.place = Some(spool.append(payload, payload.since_epoch())?);
        Ok(())
    }

    fn add(&mut self, payload: Payload, spills: bool) {
        match payload.place {
            // Whoever waits for delivery keeps the payload in memory with its tokens.
            Some(place) if spills && !payload.is_awaited() => {
                let (records, since) = (payload.records, payload.since);
                self.waiting.push_back(Waiting::OnDisk { place, records, since });
                payload.delivered();
            }
            _ => {
                self.bytes += payload.held_bytes();
                self.waiting.push_back(Waiting::InMemory(payload));
            }
        }
    }

    fn take(&mut self, waiting: Waiting) -> Result<Payload, Gone> {
        let payload = match waiting {
            Waiting::InMemory(payload) => payload,
            Waiting::OnDisk { place, records, since } => match self.read(place, since) {
                Some(payload) => {
                    self.bytes += payload.held_bytes();
                    payload
                }
                None => {
                    self.forget_on_disk(Some(place));
                    return Err(Gone { records });
                }
            },
        };
        self.in_flight.push(payload.since);
        Ok(payload)
    }

    fn read(&mut self, place: Place, since: Instant) -> Option<Payload> {
        let mut payload = self.spool()?.read(place).ok()?;
        payload.since = since;
        payload.place = Some(place);
        Some(payload)
    }

    fn forget(&mut self, waiting: Waiting) -> Gone {
        match waiting {
            Waiting::InMemory(payload) => {
                self.bytes -= payload.held_bytes();
                self.forget_written(&payload);
                Gone { records: payload.records }
            }
            Waiting::OnDisk { place, records, .. } => {
                self.forget_on_disk(Some(place));
                Gone { records }
            }
        }
    }

    /// Parts that do not all fit on the disk wait in memory, and the whole stays there for them.
    fn keep_whole(&mut self, place: Place, parts: &mut [Payload]) {
        let whole = Arc::new(Whole { place, parts: AtomicUsize::new(parts.len()) });
        for part in parts {
            self.forget_on_disk(part.place.take());
            part.whole = Some(whole.clone());
        }
    }

    fn forget_written(&mut self, payload: &Payload) {
        self.forget_on_disk(payload.place);
        if let Some(whole) = &payload.whole
            && whole.parts.fetch_sub(1, Ordering::Relaxed) == 1
        {
            self.forget_on_disk(Some(whole.place));
        }
    }

    fn forget_on_disk(&mut self, place: Option<Place>) {
        if let (Some(spool), Some(place)) = (self.spool(), place) {
            // Should the note fail, the payload is sent once more after a restart.
            let _ = spool.done(place);
        }
    }

    fn end_flight(&mut self, since: Instant) {
        if let Some(place) = self.in_flight.iter().position(|other| *other == since) {
            self.in_flight.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests;
