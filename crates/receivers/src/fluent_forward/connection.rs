//! One connection: read, decode, hand on, answer.
//!
//! No buffer is held while the sender is silent. While a batch waits for room in the queues nothing is read, and
//! the sender's socket fills: that is the flow control. Where acknowledgements take longer than that, a bounded
//! number of batches may be on their way (`outstanding`).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::{Outlet, clock};
use model::{Batch, Reason};
use net::{PeerName, Stream};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tracing::{debug, warn};
use wire::Refused;
use wire::forward::{Ack, Close, Context, Decoded, Decoder};

use super::Shared;
use super::greeting::greet;
use super::outstanding::{Outstanding, Round, Sending};
use crate::connections::Ending;
use crate::reading::Source;

/// Part of a begun message that needs no leave: every record of Docker's driver fits, so that senders of large
/// messages cannot get in its way.
const FREE_BYTES: usize = 32 << 10;

/// Reads, once the connection has to end, and how long each may wait for what is on its way.
const LAST_READS: usize = 16;
const LAST_WAIT: Duration = Duration::from_millis(10);

/// Longest wait for a sender to take an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Connection {
    source: Source,
    peer: PeerName,
    out: Outlet,
    shared: Arc<Shared>,
    decoder: Decoder,
    leave: Leave,
    /// Tells this connection from others, and whether it lives.
    identity: Arc<()>,
    answered: bool,
    outstanding: Outstanding,
}

/// Why a connection ends, where it is not the sender who ends it.
enum End {
    /// The sender closed, or the connection broke.
    Gone,
    Close(Close),
    TooMuchHeld,
    /// An answer could not be sent.
    Deaf,
}

impl Connection {
    pub(super) fn new(stream: Stream, peer: PeerName, out: Outlet, shared: Arc<Shared>) -> Connection {
        Connection {
            source: Source::new(stream),
            peer,
            out,
            decoder: Decoder::new(shared.settings.clone()),
            leave: Leave { shared: shared.clone(), bytes: 0 },
            shared,
            identity: Arc::new(()),
            answered: false,
            outstanding: Outstanding::default(),
        }
    }

    pub(super) async fn run(mut self, mut ending: Ending) {
        let end = match self.greet().await {
            Ok(()) => self.read_all(&mut ending).await,
            Err(end) => end,
        };
        match end {
            End::Gone => {}
            End::Close(close) => self.dismiss(close).await,
            End::TooMuchHeld => {
                warn!(component = %self.out.id(), peer = %self.peer, "connection closed: half-sent messages take too much memory");
            }
            End::Deaf => {
                debug!(component = %self.out.id(), peer = %self.peer, "connection closed: an answer was not taken");
            }
        }
        if let Some(refused) = self.decoder.finish() {
            self.refuse(refused);
        }
        self.settle_all().await;
    }

    async fn greet(&mut self) -> Result<(), End> {
        let Some(secrets) = &self.shared.secrets else { return Ok(()) };
        let greeted = match self.source.stream() {
            Ok(stream) => greet(stream, secrets).await,
            Err(error) => Err(error.to_string()),
        };
        match greeted {
            Ok(early) if early.is_empty() => Ok(()),
            Ok(early) => {
                let mut buffer = self.decoder.take_buffer();
                buffer.extend_from_slice(&early);
                self.take(buffer).await
            }
            Err(why) => {
                warn!(component = %self.out.id(), peer = %self.peer, why, "client turned away");
                Err(End::Gone)
            }
        }
    }

    async fn read_all(&mut self, ending: &mut Ending) -> End {
        loop {
            let done = tokio::select! {
                ready = self.source.ready() => match ready {
                    Ok(()) => self.read_once().await,
                    Err(_) => Err(End::Gone),
                },
                (acks, taken) = self.outstanding.next() => self.answer(acks, &taken).await,
                () = ending.comes() => return self.read_the_rest().await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Takes what is already there.
    async fn read_the_rest(&mut self) -> End {
        for _ in 0..LAST_READS {
            let Ok(Ok(())) = timeout(LAST_WAIT, self.source.ready()).await else { break };
            if let Err(end) = self.read_once().await {
                return end;
            }
        }
        End::Gone
    }

    /// One read and all that follows from it.
    async fn read_once(&mut self) -> Result<(), End> {
        let shared = self.shared.clone();
        let mut buffer = self.decoder.take_buffer();
        let read = self.source.read(&mut buffer).await;
        let busy = shared.traffic.busy();
        // Also when nothing came: the decoder has to get back what it began.
        let taken = self.take(buffer).await;
        drop(busy);
        match read {
            Ok(Some(0)) => Err(End::Gone),
            Ok(_) => taken,
            Err(error) => {
                if error.kind() != io::ErrorKind::ConnectionReset {
                    debug!(component = %self.out.id(), peer = %self.peer, %error, "connection broke");
                }
                Err(End::Gone)
            }
        }
    }

    async fn take(&mut self, buffer: Vec<u8>) -> Result<(), End> {
        let Decoded { batches, acks, refused, resent, bytes, close } = self.decode(buffer);
        refused.into_iter().for_each(|refused| self.refuse(refused));
        if resent > 0 {
            debug!(component = %self.out.id(), peer = %self.peer, chunks = resent, "chunks sent again left out");
        }
        for Ack { reply, .. } in acks.iter().filter(|ack| ack.batch.is_some()) {
            self.shared.resent.begin(reply, &self.identity);
        }
        if self.shared.reads_on {
            self.start(batches, acks, bytes).await?;
        } else {
            self.pass_on(batches, acks, bytes).await?;
        }
        if let Some(close) = close {
            return Err(End::Close(close));
        }
        if self.leave.ask(self.decoder.held()) { Ok(()) } else { Err(End::TooMuchHeld) }
    }

    /// Hands batches on and answers; nothing is read meanwhile.
    async fn pass_on(&mut self, batches: Vec<Batch>, mut acks: Vec<Ack>, bytes: u64) -> Result<(), End> {
        let records: usize = batches.iter().map(Batch::len).sum();
        let mut taken = Vec::with_capacity(batches.len());
        for batch in batches {
            let share = bytes * batch.len() as u64 / records as u64;
            taken.push(self.out.send(batch, share).await.is_ok());
        }
        for ack in acks.iter_mut().filter(|ack| ack.batch.is_none()) {
            if self.shared.resent.is_under_way(&ack.reply, &self.identity) {
                ack.batch = Some(taken.len());
                taken.push(self.shared.resent.outcome(&ack.reply, &self.identity).await);
            }
        }
        self.answer(acks, &taken).await
    }

    /// Sets batches on their way; their answers come later. Waits only when too much is on its way.
    async fn start(&mut self, batches: Vec<Batch>, mut acks: Vec<Ack>, bytes: u64) -> Result<(), End> {
        let records: usize = batches.iter().map(Batch::len).sum();
        let mut sends: Vec<Sending> = Vec::with_capacity(batches.len());
        for batch in batches {
            let share = bytes * batch.len() as u64 / records as u64;
            let out = self.out.clone();
            sends.push(Box::pin(async move { out.send(batch, share).await.is_ok() }));
        }
        for ack in acks.iter_mut().filter(|ack| ack.batch.is_none()) {
            if self.shared.resent.is_under_way(&ack.reply, &self.identity) {
                ack.batch = Some(sends.len());
                let (shared, reply, own) = (self.shared.clone(), ack.reply.clone(), self.identity.clone());
                sends.push(Box::pin(async move { shared.resent.outcome(&reply, &own).await }));
            }
        }
        if !sends.is_empty() || !acks.is_empty() {
            let busy = self.shared.traffic.occupied();
            self.outstanding.push(Round::new(sends, acks, bytes, busy));
        }
        while self.outstanding.is_full() {
            let (acks, taken) = self.outstanding.next().await;
            self.answer(acks, &taken).await?;
        }
        Ok(())
    }

    /// Sees everything through that is still on its way, whether or not somebody listens for the answers.
    async fn settle_all(&mut self) {
        while !self.outstanding.is_empty() {
            let (acks, taken) = self.outstanding.next().await;
            let _ = self.answer(acks, &taken).await;
        }
    }

    fn decode(&mut self, buffer: Vec<u8>) -> Decoded {
        let is_new = !self.answered;
        let already_taken = |reply: &[u8]| self.shared.resent.contains(reply, &self.identity, is_new);
        self.decoder.decode(buffer, &Context { now: clock::now_nanos(), already_taken: &already_taken })
    }

    /// Answers chunks that were taken in, each in a write of its own: some clients lose the second of two
    /// answers that arrive together.
    async fn answer(&mut self, acks: Vec<Ack>, taken: &[bool]) -> Result<(), End> {
        let was_taken = |ack: &Ack| ack.batch.is_none_or(|batch| taken[batch]);
        // First remembered, all of them, then sent: the sender may come back before a write returns.
        for ack in &acks {
            self.shared.resent.settle(&ack.reply, &self.identity, was_taken(ack));
        }
        for Ack { reply, .. } in acks.iter().filter(|ack| was_taken(ack)) {
            self.answered = true;
            let Ok(stream) = self.source.writer() else { return Err(End::Deaf) };
            match timeout(ANSWER_TIMEOUT, stream.write_all(reply)).await {
                Ok(Ok(())) => {}
                _ => return Err(End::Deaf),
            }
        }
        Ok(())
    }

    async fn dismiss(&mut self, close: Close) {
        warn!(component = %self.out.id(), peer = %self.peer, why = %close, "connection closed");
        if let (Some(reply), Ok(stream)) = (close.reply(), self.source.writer()) {
            let _ = timeout(ANSWER_TIMEOUT, stream.write_all(reply)).await;
            let _ = timeout(ANSWER_TIMEOUT, stream.shutdown()).await;
        }
    }

    fn refuse(&self, Refused { reason, records, bytes, why }: Refused) {
        self.out.refuse(reason, records, bytes);
        let reason = Reason::as_str(reason);
        warn!(component = %self.out.id(), peer = %self.peer, reason, records, bytes, why, "records refused");
    }
}

/// This connection's part in the memory that begun messages may take together.
struct Leave {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Leave {
    /// False when all connections together hold too much.
    fn ask(&mut self, held: usize) -> bool {
        let wanted = held.saturating_sub(FREE_BYTES);
        if wanted == self.bytes {
            return true;
        }
        let all: &AtomicUsize = &self.shared.held;
        let before = all.fetch_add(wanted, Ordering::AcqRel);
        all.fetch_sub(self.bytes, Ordering::AcqRel);
        let total = before + wanted - self.bytes;
        let fits = wanted < self.bytes || total <= self.shared.max_held;
        self.bytes = wanted;
        fits
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.shared.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
