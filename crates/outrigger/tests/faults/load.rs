//! Writes numbered records as log drivers do, and says at any moment how many it has written.
//!
//! Without acknowledgement a record counts once the kernel took it; with acknowledgement once its chunk was
//! answered, and a chunk that was not is sent again, also to the process that comes after.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use testkit::corpus::{Corpus, Mix, TAG, put_str};
use testkit::forward::{Address, Connection};

/// Between two writes at a given rate.
const STEP: Duration = Duration::from_millis(10);
/// Longest wait for an answer before the connection is given up.
const ANSWER: Duration = Duration::from_secs(900);

/// A sender at work.
pub struct Load {
    /// Records that count; numbers below are the ones meant.
    pub sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Load {
    /// One connection without acknowledgements, at a rate or as fast as it is read.
    pub fn plain(to: Address, rate: Option<u64>) -> Load {
        let (sent, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let thread = thread::spawn({
            let (sent, stop) = (sent.clone(), stop.clone());
            move || write_plain(&to, rate, &sent, &stop)
        });
        Load { sent, stop, threads: vec![thread] }
    }

    /// Chunks of so many records over several connections, each resent until it is answered.
    pub fn acknowledged(to: &Address, connections: usize, chunk: u64) -> Load {
        let (sent, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let next = Arc::new(AtomicU64::new(0));
        let start = |_| {
            let (to, sent, stop, next) = (to.clone(), sent.clone(), stop.clone(), next.clone());
            thread::spawn(move || {
                let corpus = Corpus::new(Mix::Json);
                let mut connection = None;
                while !stop.load(Ordering::Relaxed) {
                    let first = next.fetch_add(1, Ordering::Relaxed) * chunk;
                    let bytes = message(&corpus, first, chunk);
                    while deliver(&to, &mut connection, &bytes, first).is_err() {
                        connection = None;
                        thread::sleep(STEP);
                    }
                    sent.fetch_add(chunk, Ordering::Relaxed);
                }
                Ok(())
            })
        };
        let threads = (0..connections).map(start).collect();
        Load { sent, stop, threads }
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends after what was begun; returns how many records count.
    pub fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a sender does not panic").expect("what was begun is read");
        }
        self.sent.load(Ordering::Relaxed)
    }
}

fn write_plain(to: &Address, rate: Option<u64>, sent: &AtomicU64, stop: &AtomicBool) -> io::Result<()> {
    let corpus = Corpus::new(Mix::Json);
    let mut connection = to.connect_within(Duration::from_secs(10))?;
    let (started, mut number, mut bytes) = (Instant::now(), 0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let due = match rate {
            Some(rate) => (started.elapsed().as_secs_f64() * rate as f64) as u64,
            None => number + 50,
        };
        if due <= number {
            thread::sleep(STEP);
            continue;
        }
        // After a stop of the other side the backlog goes out in pieces.
        let until = due.min(number + 500);
        bytes.clear();
        (number..until).for_each(|number| _ = corpus.write(number, &mut bytes));
        connection.write_all(&bytes)?;
        number = until;
        sent.store(number, Ordering::Relaxed);
    }
    Ok(())
}

/// Forward mode: a tag, an array of entries, and the option that asks for an answer.
pub fn message(corpus: &Corpus, first: u64, records: u64) -> Vec<u8> {
    let mut out = vec![0x93];
    put_str(TAG.as_bytes(), &mut out);
    // In front of an entry stand the array of four and the tag.
    let head = out.len();
    out.push(0xdc);
    out.extend_from_slice(&(records as u16).to_be_bytes());
    let mut single = Vec::new();
    for number in first..first + records {
        single.clear();
        assert_eq!(corpus.write(number, &mut single), 1, "the corpus has short lines only");
        out.push(0x92);
        out.extend_from_slice(&single[head..single.len() - 1]);
    }
    out.push(0x81);
    put_str(b"chunk", &mut out);
    put_str(chunk_id(first).as_bytes(), &mut out);
    out
}

fn chunk_id(first: u64) -> String {
    format!("chunk-{first:026}")
}

fn deliver(to: &Address, connection: &mut Option<Connection>, bytes: &[u8], first: u64) -> io::Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(to.connect()?),
    };
    connection.set_read_timeout(ANSWER)?;
    connection.write_all(bytes)?;
    let mut expected = vec![0x81];
    put_str(b"ack", &mut expected);
    put_str(chunk_id(first).as_bytes(), &mut expected);
    let mut answer = vec![0; expected.len()];
    connection.read_exact(&mut answer)?;
    if answer == expected { Ok(()) } else { Err(io::Error::other("another chunk was answered")) }
}
