//! What arrives, told to whoever watches as soon as it is in the log.

use arrow::array::RecordBatch;
use tokio::sync::broadcast;

use crate::Table;

/// Arrivals that a slow watcher may be behind before it misses some.
const BEHIND: usize = 256;

/// Rows of one table from one payload.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub table: Table,
    pub rows: RecordBatch,
}

pub(crate) struct Tails(broadcast::Sender<Arrival>);

/// A watcher of everything that arrives.
pub struct Tail(broadcast::Receiver<Arrival>);

impl Tails {
    pub fn new() -> Tails {
        Tails(broadcast::channel(BEHIND).0)
    }

    pub fn tell(&self, table: Table, rows: RecordBatch) {
        // Nobody watches, mostly.
        let _ = self.0.send(Arrival { table, rows });
    }

    pub fn watch(&self) -> Tail {
        Tail(self.0.subscribe())
    }
}

impl Tail {
    /// The next arrival, or how many were missed before it; `None` once the lake is closed.
    pub async fn next(&mut self) -> Option<Result<Arrival, u64>> {
        match self.0.recv().await {
            Ok(arrival) => Some(Ok(arrival)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Err(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
