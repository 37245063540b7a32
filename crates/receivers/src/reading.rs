//! Reads a connection into growing buffers, at the pace that makes good batches.
//!
//! Docker's driver makes one write a record. Waking up for each of them costs far more than taking the record in, and
//! makes a batch of one. So a connection that wakes us all the time is taken out of the reactor and looked at by the
//! clock instead, as network cards are polled under load; once it falls silent it is watched again. Waiting
//! alone would not do: while a socket is watched, each write to it wakes the reactor's thread.

use std::future::{Future, poll_fn};
use std::io::{self, Read};
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

/// A watched connection whose reads follow each other within this is polled.
const BUSY: Duration = Duration::from_micros(2500);
/// Busy reads in a row before that: two may be chance.
const BUSY_READS: u32 = 4;
/// Longest time between looks at a polled connection, and so the longest a record waits for company.
const LONGEST: Duration = Duration::from_millis(5);
/// Shortest: the clock has no finer steps. What comes faster makes good batches by itself.
const SHORTEST: Duration = Duration::from_millis(1);
/// What a look should find.
const WANTED: f64 = (32 << 10) as f64;
/// Looks in vain before a connection is watched again.
const SILENT_LOOKS: u32 = 2;

/// A connection and how it has been read so far.
pub(crate) struct Source {
    line: Line,
    size: usize,
    last: Instant,
    /// Busy reads in a row while watched, looks in vain while polled.
    count: u32,
    wait: Duration,
    /// False for a sender that waits for answers: it sends nothing meanwhile, so waiting gains nothing.
    may_poll: bool,
}

enum Line {
    Watched(Stream),
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
    Gone,
}

impl Source {
    pub(crate) fn new(stream: Stream) -> Source {
        let last = Instant::now();
        Source { line: Line::Watched(stream), size: LEAST, last, count: 0, wait: LONGEST, may_poll: true }
    }

    /// Waits until a read is worth while. May return for nothing.
    pub(crate) async fn ready(&self) -> io::Result<()> {
        match &self.line {
            Line::Watched(stream) => stream.readable().await,
            _ => {
                sleep(self.wait).await;
                Ok(())
            }
        }
    }

    /// Appends what is there. `None` when nothing is, `Some(0)` at the end.
    pub(crate) async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
        buffer.reserve(self.size);
        let read = match &mut self.line {
            Line::Watched(stream) => read_watched(stream, buffer, self.size).await?,
            Line::Tcp(stream) => read_polled(stream, buffer, self.size)?,
            Line::Unix(stream) => read_polled(stream, buffer, self.size)?,
            Line::Gone => Some(0),
        };
        let bytes = read.unwrap_or(0);
        self.size = if bytes == self.size { (self.size * 2).min(MOST) } else { LEAST };
        self.set_pace(bytes)?;
        Ok(read)
    }

    /// The stream, to answer on. From now on the connection is watched: its sender waits for answers.
    pub(crate) fn writer(&mut self) -> io::Result<&mut Stream> {
        self.may_poll = false;
        self.stream()
    }

    pub(crate) fn stream(&mut self) -> io::Result<&mut Stream> {
        self.watch()?;
        match &mut self.line {
            Line::Watched(stream) => Ok(stream),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn set_pace(&mut self, bytes: usize) -> io::Result<()> {
        let since = self.last.elapsed();
        self.last = Instant::now();
        let per_second = bytes as f64 / since.as_secs_f64().max(1e-6);
        self.wait = LONGEST.min(Duration::from_secs_f64((WANTED / per_second.max(1.0)).min(1.0)));
        let (is_watched, comes_fast) = (matches!(self.line, Line::Watched(_)), self.wait < SHORTEST);
        let counts = if is_watched { since < BUSY && !comes_fast } else { bytes == 0 };
        self.count = if counts { self.count + 1 } else { 0 };
        match is_watched {
            true if self.may_poll && self.count >= BUSY_READS => self.poll(),
            false if comes_fast || self.count >= SILENT_LOOKS => self.watch(),
            _ => Ok(()),
        }
    }

    /// Takes the socket out of the reactor.
    fn poll(&mut self) -> io::Result<()> {
        self.count = 0;
        self.line = match std::mem::replace(&mut self.line, Line::Gone) {
            Line::Watched(Stream::Tcp(stream)) => Line::Tcp(stream.into_std()?),
            Line::Watched(Stream::Unix(stream)) => Line::Unix(stream.into_std()?),
            // TLS has its own buffers and is read in records.
            line => line,
        };
        Ok(())
    }

    fn watch(&mut self) -> io::Result<()> {
        self.count = 0;
        self.line = match std::mem::replace(&mut self.line, Line::Gone) {
            Line::Tcp(stream) => Line::Watched(Stream::Tcp(tokio::net::TcpStream::from_std(stream)?)),
            Line::Unix(stream) => Line::Watched(Stream::Unix(tokio::net::UnixStream::from_std(stream)?)),
            line => line,
        };
        Ok(())
    }
}

/// Asked once: the buffer is not to be held while the connection has nothing to say.
async fn read_watched(stream: &mut Stream, buffer: &mut Vec<u8>, most: usize) -> io::Result<Option<usize>> {
    let mut room = buffer.limit(most);
    poll_fn(|cx| match pin!(stream.read_buf(&mut room)).poll(cx) {
        Poll::Ready(read) => Poll::Ready(read.map(Some)),
        Poll::Pending => Poll::Ready(Ok(None)),
    })
    .await
}

/// The socket does not block, so this returns at once.
fn read_polled(stream: &mut impl Read, buffer: &mut Vec<u8>, most: usize) -> io::Result<Option<usize>> {
    let before = buffer.len();
    let read = stream.take(most as u64).read_to_end(buffer);
    match (read, buffer.len() - before) {
        (Err(error), 0) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        (Err(error), 0) => Err(error),
        // Should the connection have broken behind it, the next read tells.
        (_, bytes) => Ok(Some(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    use super::*;

    fn is_polled(source: &Source) -> bool {
        matches!(source.line, Line::Unix(_))
    }

    /// Writes one byte and reads it.
    async fn turn(sender: &mut UnixStream, source: &mut Source, total: &mut Vec<u8>) {
        sender.write_all(b"x").await.unwrap();
        let before = total.len();
        while total.len() == before {
            source.ready().await.unwrap();
            source.read(total).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_connection_is_polled_until_it_falls_silent() {
        let (mut sender, stream) = UnixStream::pair().unwrap();
        let (mut source, mut total) = (Source::new(Stream::Unix(stream)), Vec::new());
        for _ in 0..3 {
            tokio::time::advance(Duration::from_millis(100)).await;
            turn(&mut sender, &mut source, &mut total).await;
        }
        assert!(!is_polled(&source), "each read is by itself");
        for _ in 0..20 {
            tokio::time::advance(Duration::from_millis(1)).await;
            turn(&mut sender, &mut source, &mut total).await;
        }
        assert!(is_polled(&source));
        for _ in 0..SILENT_LOOKS {
            source.ready().await.unwrap();
            assert_eq!(source.read(&mut total).await.unwrap(), None);
        }
        assert!(!is_polled(&source));
        turn(&mut sender, &mut source, &mut total).await;
        assert_eq!(total.len(), 24);
        drop(sender);
        source.ready().await.unwrap();
        assert_eq!(source.read(&mut total).await.unwrap(), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_seen_while_polled_and_writing_ends_it() {
        let (mut sender, stream) = UnixStream::pair().unwrap();
        let (mut source, mut total) = (Source::new(Stream::Unix(stream)), Vec::new());
        source.poll().unwrap();
        turn(&mut sender, &mut source, &mut total).await;
        source.writer().unwrap().write_all(b"ack").await.unwrap();
        assert!(!is_polled(&source));
        let mut answer = [0; 3];
        sender.read_exact(&mut answer).await.unwrap();
        source.poll().unwrap();
        drop(sender);
        assert_eq!(source.read(&mut total).await.unwrap(), Some(0));
    }
}
