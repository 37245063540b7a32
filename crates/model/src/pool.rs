//! Keeps the vectors of finished batches for the next ones, so that a steady stream allocates nothing.
//!
//! Per thread and small: what a burst made is given back to the allocator, not hoarded.

use std::cell::RefCell;

use crate::arena::Node;
use crate::batch::LogRecord;

/// Vectors kept of each kind on each thread.
const KEPT: usize = 1;
/// A larger vector is freed instead of kept.
const MAX_KEPT_BYTES: usize = 256 << 10;

#[derive(Default)]
struct Pool {
    buffers: Vec<Vec<u8>>,
    nodes: Vec<Vec<Node>>,
    logs: Vec<Vec<LogRecord>>,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// An empty byte buffer, with the capacity of an earlier one when there is one to spare.
pub fn buffer() -> Vec<u8> {
    POOL.with_borrow_mut(|pool| pool.buffers.pop()).unwrap_or_default()
}

pub(crate) fn nodes() -> Vec<Node> {
    POOL.with_borrow_mut(|pool| pool.nodes.pop()).unwrap_or_default()
}

pub(crate) fn logs() -> Vec<LogRecord> {
    POOL.with_borrow_mut(|pool| pool.logs.pop()).unwrap_or_default()
}

pub(crate) fn give_back(input: Vec<u8>, scratch: Vec<u8>, nodes: Vec<Node>, logs: Vec<LogRecord>) {
    // A batch dropped while its thread ends finds no pool: its memory is freed.
    let _ = POOL.try_with(|pool| {
        let pool = &mut *pool.borrow_mut();
        keep(&mut pool.buffers, input, 2 * KEPT);
        keep(&mut pool.buffers, scratch, 2 * KEPT);
        keep(&mut pool.nodes, nodes, KEPT);
        keep(&mut pool.logs, logs, KEPT);
    });
}

fn keep<T>(kept: &mut Vec<Vec<T>>, mut vector: Vec<T>, most: usize) {
    let bytes = vector.capacity() * size_of::<T>();
    if bytes > 0 && bytes <= MAX_KEPT_BYTES && kept.len() < most {
        vector.clear();
        kept.push(vector);
    }
}
