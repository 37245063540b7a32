//! Payloads that wait for one destination: bounded in bytes, oldest first.
//!
//! What is being sent counts as waiting until it is settled, so memory stays bounded by `capacity` plus one
//! payload a writer. A disk queue will stand behind `push` and `pop`; nothing else knows where payloads wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::payload::Payload;

/// Payloads beyond this many bytes are shrunk on arrival, if their wire form is not compressed.
const PACK_ABOVE_BYTES: u64 = 2 << 20;

pub(crate) struct Queue {
    state: Mutex<State>,
    capacity: u64,
    arrived: Notify,
    /// Told whenever room appears. Shared by all destinations, as a receiver may wait for any of several.
    room: Arc<Notify>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Payload>,
    /// Waiting and in flight.
    bytes: u64,
    /// When the first record of each payload in flight came in.
    in_flight: Vec<Instant>,
    closed: bool,
}

impl Queue {
    pub fn new(capacity: u64, room: Arc<Notify>) -> Self {
        Queue { state: Mutex::default(), capacity, arrived: Notify::new(), room }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_full(&self) -> bool {
        self.state().bytes >= self.capacity
    }

    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Bytes waiting and in flight.
    pub fn bytes(&self) -> u64 {
        self.state().bytes
    }

    pub fn push(&self, mut payload: Payload) {
        if self.state().bytes > PACK_ABOVE_BYTES {
            payload.pack();
        }
        let mut state = self.state();
        state.bytes += payload.held_bytes();
        state.waiting.push_back(payload);
        drop(state);
        self.arrived.notify_one();
    }

    /// Puts the parts of a released payload at the front.
    pub fn put_back(&self, parts: Vec<Payload>) {
        let mut state = self.state();
        let count = parts.len();
        for part in parts.into_iter().rev() {
            state.bytes += part.held_bytes();
            state.waiting.push_front(part);
        }
        drop(state);
        (0..count).for_each(|_| self.arrived.notify_one());
    }

    /// Takes the oldest waiting payloads out until the queue is below its capacity.
    pub fn evict(&self) -> Vec<Payload> {
        let mut state = self.state();
        let mut evicted = Vec::new();
        while state.bytes >= self.capacity
            && let Some(oldest) = state.waiting.pop_front()
        {
            state.bytes -= oldest.held_bytes();
            evicted.push(oldest);
        }
        evicted
    }

    /// The oldest payload, once there is one; `None` when the queue is closed.
    pub async fn pop(&self) -> Option<Payload> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut state = self.state();
                if state.closed {
                    return None;
                }
                if let Some(payload) = state.waiting.pop_front() {
                    state.in_flight.push(payload.since);
                    let more = !state.waiting.is_empty();
                    drop(state);
                    if more {
                        // One permit may stand for several arrivals: pass it on.
                        self.arrived.notify_one();
                    }
                    return Some(payload);
                }
            }
            arrived.await;
        }
    }

    /// A payload in flight is settled or replaced.
    pub fn release(&self, payload: &Payload) {
        let mut state = self.state();
        state.bytes -= payload.held_bytes();
        if let Some(place) = state.in_flight.iter().position(|since| *since == payload.since) {
            state.in_flight.swap_remove(place);
        }
        drop(state);
        self.room.notify_waiters();
    }

    /// Waits until something changed that may have made room.
    pub fn room(&self) -> &Notify {
        &self.room
    }

    /// When the oldest record here came in.
    pub fn oldest(&self) -> Option<Instant> {
        let state = self.state();
        state.waiting.front().map(|p| p.since).into_iter().chain(state.in_flight.iter().copied()).min()
    }

    /// Lets no more out and returns what waited.
    pub fn close(&self) -> Vec<Payload> {
        let mut state = self.state();
        state.closed = true;
        let left: Vec<_> = state.waiting.drain(..).collect();
        for payload in &left {
            state.bytes -= payload.held_bytes();
        }
        drop(state);
        self.arrived.notify_waiters();
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(size: usize) -> Payload {
        Payload::new(vec![0u8; size], "r", 1, size as u64)
    }

    fn queue(capacity: u64) -> Queue {
        Queue::new(capacity, Arc::new(Notify::new()))
    }

    #[tokio::test]
    async fn bytes_are_free_only_when_settled() {
        let queue = queue(1000);
        queue.push(payload(600));
        queue.push(payload(600));
        assert!(queue.is_full());
        let first = queue.pop().await.unwrap();
        assert!(queue.is_full());
        queue.release(&first);
        assert!(!queue.is_full());
    }

    #[tokio::test]
    async fn the_oldest_goes_first_and_is_evicted_first() {
        let queue = queue(2000);
        for size in [500, 600, 700, 800] {
            queue.push(payload(size));
        }
        let evicted: Vec<_> = queue.evict().iter().map(|p| p.raw_bytes).collect();
        assert_eq!(evicted, [500, 600]);
        assert!(!queue.is_full());
        assert_eq!(queue.pop().await.unwrap().raw_bytes, 700);
    }

    #[tokio::test]
    async fn parts_take_the_place_of_the_whole() {
        let queue = queue(10_000);
        queue.push(payload(1000));
        queue.push(payload(1));
        let whole = queue.pop().await.unwrap();
        queue.release(&whole);
        queue.put_back(vec![payload(499), payload(501)]);
        for expected in [499, 501, 1] {
            let part = queue.pop().await.unwrap();
            assert_eq!(part.raw_bytes, expected);
            queue.release(&part);
        }
        assert_eq!(queue.bytes(), 0);
        assert_eq!(queue.oldest(), None);
    }

    #[tokio::test]
    async fn closing_ends_the_readers_and_returns_the_rest() {
        let queue = Arc::new(queue(1000));
        let reader = tokio::spawn({
            let queue = queue.clone();
            async move { queue.pop().await.is_none() }
        });
        tokio::task::yield_now().await;
        assert!(queue.close().is_empty());
        assert!(reader.await.unwrap());
        queue.push(payload(10));
        assert!(queue.pop().await.is_none());
        assert_eq!(queue.close().len(), 1);
    }
}
