//! Writes to a Forward socket as Docker's log driver does: back-to-back messages, no framing, no answers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::corpus::Corpus;

#[derive(Debug, Clone)]
pub enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// A connection of either kind.
pub enum Connection {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Address {
    pub fn connect(&self) -> io::Result<Connection> {
        match self {
            Address::Unix(path) => UnixStream::connect(path).map(Connection::Unix),
            Address::Tcp(address) => TcpStream::connect(address).map(Connection::Tcp),
        }
    }

    /// Connects as soon as somebody listens, as the driver's retries do.
    pub fn connect_within(&self, limit: Duration) -> io::Result<Connection> {
        let deadline = Instant::now() + limit;
        loop {
            match self.connect() {
                Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
                done => return done,
            }
        }
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Address {
        Address::Unix(path.to_owned())
    }
}

impl Connection {
    pub fn finish_writing(&self) -> io::Result<()> {
        match self {
            Connection::Unix(stream) => stream.shutdown(std::net::Shutdown::Write),
            Connection::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
        }
    }

    pub fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            Connection::Unix(stream) => stream.set_read_timeout(Some(limit)),
            Connection::Tcp(stream) => stream.set_read_timeout(Some(limit)),
        }
    }

    /// Everything the other side sends until it closes, or until it is silent for `limit`.
    pub fn read_all(&mut self, limit: Duration) -> Vec<u8> {
        let (mut out, mut chunk) = (Vec::new(), [0; 4096]);
        let _ = self.set_read_timeout(limit);
        while let Ok(n @ 1..) = self.read(&mut chunk) {
            out.extend_from_slice(&chunk[..n]);
        }
        out
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Connection::Unix(stream) => stream.read(buffer),
            Connection::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Connection::Unix(stream) => stream.write(bytes),
            Connection::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How to send.
#[derive(Debug, Clone)]
pub struct Sender {
    pub to: Address,
    pub connections: usize,
    /// Records a second over all connections; `None` is as fast as the other side reads.
    pub rate: Option<u64>,
    /// Bytes gathered for one write. 0 writes each message by itself, as Docker does.
    pub gather: usize,
}

/// What was sent. Only what the kernel took as whole records counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    pub records: u64,
    pub bytes: u64,
    pub took: Duration,
}

impl Sender {
    pub fn new(to: impl Into<Address>) -> Sender {
        Sender { to: to.into(), connections: 1, rate: None, gather: 0 }
    }

    pub fn connections(mut self, connections: usize) -> Sender {
        self.connections = connections;
        self
    }

    pub fn rate(mut self, records_per_second: u64) -> Sender {
        self.rate = Some(records_per_second);
        self
    }

    pub fn gather(mut self, bytes: usize) -> Sender {
        self.gather = bytes;
        self
    }

    /// Sends the records of `range` and returns when the kernel has taken them all.
    pub fn send(&self, corpus: &Corpus, range: Range<u64>) -> io::Result<Sent> {
        self.send_until(corpus, range, &AtomicBool::new(false))
    }

    /// The same, but ends early, after a whole record, when `stop` is set.
    ///
    /// Record `n` goes over connection `n % connections`, so what was sent is a set of numbers, not a range,
    /// when it ends early on several connections.
    pub fn send_until(&self, corpus: &Corpus, range: Range<u64>, stop: &AtomicBool) -> io::Result<Sent> {
        let started = Instant::now();
        let (records, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..self.connections)
                .map(|lane| {
                    let (range, records, bytes) = (range.clone(), &records, &bytes);
                    scope.spawn(move || self.lane(corpus, range, lane, stop, records, bytes))
                })
                .collect();
            lanes.into_iter().try_for_each(|lane| lane.join().expect("a sending thread does not panic"))
        })?;
        let (records, bytes) = (records.into_inner(), bytes.into_inner());
        Ok(Sent { records, bytes, took: started.elapsed() })
    }

    fn lane(
        &self,
        corpus: &Corpus,
        range: Range<u64>,
        lane: usize,
        stop: &AtomicBool,
        records: &AtomicU64,
        bytes: &AtomicU64,
    ) -> io::Result<()> {
        let mut connection = self.to.connect_within(Duration::from_secs(10))?;
        let started = Instant::now();
        let per_lane = self.rate.map(|rate| rate as f64 / self.connections as f64);
        let (mut waiting, mut held) = (Vec::new(), 0);
        for (place, number) in range.skip(lane).step_by(self.connections).enumerate() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            if let Some(rate) = per_lane {
                let due = Duration::from_secs_f64(place as f64 / rate);
                thread::sleep(due.saturating_sub(started.elapsed()));
            }
            corpus.write(number, &mut waiting);
            held += 1;
            if waiting.len() >= self.gather {
                connection.write_all(&waiting)?;
                records.fetch_add(held, Ordering::Relaxed);
                bytes.fetch_add(waiting.len() as u64, Ordering::Relaxed);
                (held, waiting) = (0, clear(waiting));
            }
        }
        connection.write_all(&waiting)?;
        records.fetch_add(held, Ordering::Relaxed);
        bytes.fetch_add(waiting.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn clear(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    buffer
}

/// A Message with a `chunk`, and the acknowledgement read back: true when it names the same chunk.
pub fn send_acknowledged(connection: &mut Connection, message: &[u8], chunk: &str) -> io::Result<bool> {
    // The option map replaces the empty one a message of the corpus ends with.
    let mut bytes = message.strip_suffix(&[0x80]).unwrap_or(message).to_vec();
    bytes.push(0x81);
    crate::corpus::put_str(b"chunk", &mut bytes);
    crate::corpus::put_str(chunk.as_bytes(), &mut bytes);
    connection.write_all(&bytes)?;
    let mut expected = vec![0x81];
    crate::corpus::put_str(b"ack", &mut expected);
    crate::corpus::put_str(chunk.as_bytes(), &mut expected);
    let mut answer = vec![0; expected.len()];
    connection.read_exact(&mut answer)?;
    Ok(answer == expected)
}

/// Lines of what a connection sends, for tests that talk to line protocols.
pub fn lines(connection: Connection) -> impl Iterator<Item = String> {
    BufReader::new(connection).lines().map_while(Result::ok)
}
