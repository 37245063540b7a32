//! Sealed payloads: what an encoder makes, a queue holds, and a sender sends once per try.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bytes::Bytes;
use model::{Reason, Token};
use tokio::time::Instant;

use crate::clock;
use crate::replay::Replayed;
use crate::spool::Place;

/// One request's worth of records, in the destination's wire form.
#[derive(Debug)]
pub struct Payload {
    pub body: Body,
    /// Where within the destination it goes, in the exporter's own terms: a stream, an object key, a tag.
    pub route: Arc<str>,
    pub records: u64,
    /// Before compression.
    pub raw_bytes: u64,
    /// When its first record came in. Set by the engine.
    pub since: Instant,
    pub(crate) tokens: Vec<Token>,
    /// Where it lies on disk, too.
    pub(crate) place: Option<Place>,
    /// The payload it is a part of lies on disk in its stead.
    pub(crate) whole: Option<Arc<Whole>>,
    /// It lies somewhere else, too, and stays there unless it is delivered.
    pub(crate) replayed: Option<Arc<Replayed>>,
}

/// A payload on disk whose parts are sent, and did not fit on the disk themselves.
#[derive(Debug)]
pub(crate) struct Whole {
    pub place: Place,
    /// Not yet settled.
    pub parts: AtomicUsize,
}

impl Drop for Payload {
    /// Whoever drops a payload without settling it has lost it.
    fn drop(&mut self) {
        if let Some(replayed) = &self.replayed
            && self.is_awaited()
        {
            replayed.leave(self.copy());
        }
        self.tokens.iter().for_each(Token::lose);
    }
}

/// The bytes of a payload.
#[derive(Debug, Clone)]
pub enum Body {
    /// As they go on the wire.
    Wire(Bytes),
    /// Shrunk while they wait, because the wire form is not compressed. zstd, with the full size.
    Packed(Bytes, usize),
}

impl Payload {
    pub fn new(body: impl Into<Bytes>, route: impl Into<Arc<str>>, records: u64, raw_bytes: u64) -> Self {
        Payload {
            body: Body::Wire(body.into()),
            route: route.into(),
            records,
            raw_bytes,
            since: Instant::now(),
            tokens: Vec::new(),
            place: None,
            whole: None,
            replayed: None,
        }
    }

    /// The same records once more, for whom nobody waits.
    pub(crate) fn copy(&self) -> Payload {
        let mut copy = Payload::new(Bytes::new(), self.route.clone(), self.records, self.raw_bytes);
        copy.body = self.body.clone();
        copy.since = self.since;
        copy.replayed = self.replayed.clone();
        copy
    }

    /// Resolves when whoever replays it wants it back.
    pub(crate) async fn recalled(&self) {
        match &self.replayed {
            Some(replayed) => replayed.recalled().await,
            None => pending().await,
        }
    }

    /// The bytes to send.
    pub fn wire(&self) -> io::Result<Bytes> {
        match &self.body {
            Body::Wire(bytes) => Ok(bytes.clone()),
            Body::Packed(packed, size) => zstd::bulk::decompress(packed, *size).map(Bytes::from),
        }
    }

    /// Bytes held while it waits.
    pub fn held_bytes(&self) -> u64 {
        let body = match &self.body {
            Body::Wire(bytes) | Body::Packed(bytes, _) => bytes.len(),
        };
        (body + size_of::<Payload>()) as u64
    }

    /// When its first record came in, since the epoch.
    pub(crate) fn since_epoch(&self) -> Duration {
        Duration::from_nanos(clock::now_nanos()).saturating_sub(self.since.elapsed())
    }

    /// Shrinks the body when that pays: bodies that are compressed already hardly shrink and stay.
    pub(crate) fn pack(&mut self) {
        const PAYS: f64 = 0.7;
        let Body::Wire(bytes) = &self.body else { return };
        if self.raw_bytes as f64 * PAYS > bytes.len() as f64 {
            return;
        }
        if let Ok(packed) = zstd::bulk::compress(bytes, 1)
            && (packed.len() as f64) < bytes.len() as f64 * PAYS
        {
            // Copied, because the compressor's buffer has room for the full size and would be held with it.
            self.body = Body::Packed(Bytes::copy_from_slice(&packed), bytes.len());
        }
    }

    /// Takes out the tokens that are content now that the payload is on disk. Dropping them tells so.
    pub(crate) fn take_durable(&mut self) -> Vec<Token> {
        if self.place.is_none() {
            return Vec::new();
        }
        self.tokens.extract_if(.., |token| token.durable_suffices()).collect()
    }

    pub(crate) fn is_awaited(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Splits took place: the parts answer for this payload from now on.
    pub(crate) fn replaced_by(mut self, parts: &mut [Payload]) {
        for part in parts {
            part.since = self.since;
            part.tokens = self.tokens.clone();
            part.replayed = self.replayed.clone();
        }
        self.tokens.clear();
    }

    /// Tells those who wait for it that it arrived.
    pub(crate) fn delivered(mut self) {
        self.tokens.clear();
    }
}

/// What came of one try.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Sent,
    /// Worth another try, after a wait the destination may have asked for.
    Retry {
        after: Option<Duration>,
        reason: String,
    },
    /// Too large for the destination: the engine halves it through [`crate::Exporter::split`].
    Split {
        reason: String,
    },
    /// So many of its records are refused for ever; the others are delivered.
    Rejected {
        records: u64,
        reason: String,
    },
}

impl Outcome {
    pub fn retry(reason: impl Into<String>) -> Self {
        Outcome::Retry { after: None, reason: reason.into() }
    }

    /// The whole payload is refused for ever.
    pub fn rejected(payload: &Payload, reason: impl Into<String>) -> Self {
        Outcome::Rejected { records: payload.records, reason: reason.into() }
    }
}

/// What an encoder hands over: complete payloads, and what it could not take.
#[derive(Debug, Default)]
pub struct Sealed {
    pub(crate) payloads: Vec<Payload>,
    pub(crate) discarded: Vec<(Reason, u64)>,
}

impl Sealed {
    pub fn push(&mut self, payload: Payload) {
        self.payloads.push(payload);
    }

    /// Notes records the destination cannot take; they are counted as dropped for this reason.
    pub fn discard(&mut self, reason: Reason, records: u64) {
        if records > 0 {
            self.discarded.push((reason, records));
        }
    }

    pub fn payloads(&self) -> &[Payload] {
        &self.payloads
    }

    pub fn discarded(&self) -> &[(Reason, u64)] {
        &self.discarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_the_bytes() {
        let text = b"{\"a\":\"b\"}".repeat(1000);
        let mut payload = Payload::new(text.clone(), "r", 1000, text.len() as u64);
        let before = payload.held_bytes();
        payload.pack();
        assert!(matches!(payload.body, Body::Packed(..)));
        assert!(payload.held_bytes() < before / 5);
        assert_eq!(payload.wire().unwrap(), text);
        let Body::Packed(packed, _) = payload.body.clone() else { unreachable!() };
        drop(payload);
        let (len, whole) = (packed.len(), packed.try_into_mut().expect("nobody shares it").capacity());
        assert!(whole <= len + 64, "{len} bytes hold {whole}");
    }

    #[test]
    fn a_compressed_body_is_left_alone() {
        let mut payload = Payload::new(vec![7u8; 100], "r", 10, 1000);
        payload.pack();
        assert!(matches!(payload.body, Body::Wire(_)));
    }
}
