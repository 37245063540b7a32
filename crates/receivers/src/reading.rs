//! Reads a connection into growing buffers, at the pace that makes good batches.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::BufMut;
use net::Stream;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

/// Read at once: at first, and under load.
const LEAST: usize = 64 << 10;
const MOST: usize = 256 << 10;

/// Docker's driver makes one write a record: reading each by itself costs a system call and a batch a record.
/// So while a connection is busy and its reads are short, they are this long apart. It is also what a record
/// may come later for it.
const GATHER: Duration = Duration::from_millis(1);
/// A read below this is short.
const SHORT: usize = 16 << 10;
/// A connection is busy when reads follow each other within this.
const BUSY: Duration = Duration::from_millis(5);

/// How a connection has been read so far.
pub(crate) struct Pace {
    size: usize,
    last: Option<Instant>,
    /// The last read left nothing behind.
    was_short: bool,
    /// Whether waiting for company is allowed: a sender that waits for answers sends nothing meanwhile.
    pub(crate) gathers: bool,
}

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace { size: LEAST, last: None, was_short: false, gathers: true }
    }

    /// Waits for company where that pays. Call it once the connection is readable.
    pub(crate) async fn gather(&self) {
        if self.gathers && self.was_short && self.last.is_some_and(|last| last.elapsed() < BUSY) {
            sleep(GATHER).await;
        }
    }

    /// Appends what is there. `None` when nothing is, `Some(0)` at the end.
    pub(crate) async fn read(
        &mut self,
        stream: &mut Stream,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Option<usize>> {
        buffer.reserve(self.size);
        let mut room = (&mut *buffer).limit(self.size);
        // Asked once: the buffer is not to be held while the connection has nothing to say.
        let read = poll_fn(|cx| match pin!(stream.read_buf(&mut room)).poll(cx) {
            Poll::Ready(read) => Poll::Ready(read.map(Some)),
            Poll::Pending => Poll::Ready(Ok(None)),
        })
        .await?;
        if let Some(read) = read {
            self.size = if read == self.size { (self.size * 2).min(MOST) } else { LEAST };
            self.was_short = read < SHORT;
        }
        Ok(read)
    }

    /// Notes that what was read has been handed on.
    pub(crate) fn done(&mut self) {
        self.last = Some(Instant::now());
    }
}
