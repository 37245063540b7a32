//! The lifeboat: takes off what no destination took by the end, where the disk dies with the task.
//!
//! An object is one line of JSON, the [`Manifest`], and then frames with checksums: it says itself where it
//! belongs. The engine knows no store; the binary hands in a [`Lifeboat`].

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::frame;
use crate::payload::Payload;
use crate::replay::Fate;

/// Payloads are gathered up to this size. What is gathered is in memory twice while it is saved.
pub(crate) const CARGO_BYTES: u64 = 8 << 20;

const VERSION: u32 = 1;

/// A place outside of this machine that takes objects.
pub trait Lifeboat: Send + Sync {
    /// Who saves: the task's ARN, or the host's name.
    fn origin(&self) -> &str;

    /// Saves one object, and tries again by itself where that is worth it: the engine ends it with the shutdown
    /// budget. What is refused stays on disk or is lost.
    fn save<'a>(&'a self, cargo: &'a Cargo) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;
}

/// The first line of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub destination: String,
    /// The exporter's name: only one of the same kind can send the bodies.
    pub kind: String,
    pub payloads: u64,
    pub records: u64,
    /// Milliseconds since the epoch.
    pub created: u64,
    pub origin: String,
}

/// An object to save.
#[derive(Debug, Clone)]
pub struct Cargo {
    pub manifest: Manifest,
    pub object: Bytes,
}

/// An object read back.
#[derive(Debug)]
pub struct Unpacked {
    pub manifest: Manifest,
    pub payloads: Vec<Payload>,
    /// Bytes that fit no checksum.
    pub damaged_bytes: u64,
    frames: Vec<Range<usize>>,
    object: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("it does not begin with a lifeboat's header line")]
    NoManifest,
    #[error("it has version {0}, and this program reads {VERSION}")]
    Version(u32),
}

impl Cargo {
    pub(crate) fn pack(destination: &str, kind: &str, origin: &str, payloads: &[Payload]) -> Cargo {
        let manifest = Manifest {
            version: VERSION,
            destination: destination.into(),
            kind: kind.into(),
            payloads: payloads.len() as u64,
            records: payloads.iter().map(|payload| payload.records).sum(),
            created: clock::now_nanos() / 1_000_000,
            origin: origin.into(),
        };
        let mut object = header(&manifest);
        for payload in payloads {
            frame::encode_into(payload, payload.since_epoch(), "", &mut object);
        }
        Cargo { manifest, object: object.into() }
    }

    pub fn unpack(object: Bytes) -> Result<Unpacked, Unreadable> {
        let end = object.iter().position(|byte| *byte == b'\n').ok_or(Unreadable::NoManifest)?;
        let manifest: Manifest =
            serde_json::from_slice(&object[..end]).map_err(|_| Unreadable::NoManifest)?;
        if manifest.version != VERSION {
            return Err(Unreadable::Version(manifest.version));
        }
        let walk = frame::walk(&object, end + 1);
        let tail = object.len() - walk.end;
        let damaged: usize = walk.damage.iter().map(|(_, bytes)| bytes).sum();
        let (mut payloads, mut frames) = (Vec::new(), Vec::new());
        for frame::Seen { at, len, .. } in walk.found {
            if let Some(frame) = frame::decode(&object[at..at + len]) {
                payloads.push(frame.payload);
                frames.push(at..at + len);
            }
        }
        Ok(Unpacked { manifest, payloads, damaged_bytes: (damaged + tail) as u64, frames, object })
    }
}

impl Unpacked {
    /// The object with only what is left, by the payloads' fates in their order, and the records in it.
    pub fn rest(&self, fates: &[Fate]) -> (Bytes, u64) {
        let (mut frames, mut payloads, mut records) = (Vec::new(), 0, 0);
        for (frame, fate) in self.frames.iter().zip(fates) {
            match fate {
                Fate::Settled => {}
                Fate::Left => {
                    let frame = &self.object[frame.clone()];
                    payloads += 1;
                    records += frame::decode(frame).map_or(0, |frame| frame.payload.records);
                    frames.extend_from_slice(frame);
                }
                Fate::Parts(parts) => {
                    for part in parts {
                        payloads += 1;
                        records += part.records;
                        frame::encode_into(part, part.since_epoch(), "", &mut frames);
                    }
                }
            }
        }
        let mut object = header(&Manifest { payloads, records, ..self.manifest.clone() });
        object.extend_from_slice(&frames);
        (object.into(), records)
    }
}

fn header(manifest: &Manifest) -> Vec<u8> {
    // A struct of numbers and strings always becomes JSON.
    let mut object = serde_json::to_vec(manifest).unwrap_or_default();
    object.push(b'\n');
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cargo() -> Cargo {
        let payloads: Vec<_> =
            (1..=3u8).map(|n| Payload::new(vec![n; 100], format!("s-{n}"), u64::from(n), 100)).collect();
        Cargo::pack("datadog.0", "datadog_logs", "arn:task", &payloads)
    }

    #[test]
    fn an_object_says_itself_what_it_is() {
        let cargo = cargo();
        let unpacked = Cargo::unpack(cargo.object.clone()).unwrap();
        assert_eq!(unpacked.manifest, cargo.manifest);
        assert_eq!((unpacked.manifest.records, unpacked.manifest.payloads), (6, 3));
        for (n, payload) in (1..=3u8).zip(&unpacked.payloads) {
            assert_eq!(
                (payload.wire().unwrap().to_vec(), &*payload.route),
                (vec![n; 100], &*format!("s-{n}"))
            );
        }
        assert_eq!(unpacked.damaged_bytes, 0);
    }

    #[test]
    fn what_was_delivered_is_left_out_of_what_is_kept() {
        let unpacked = Cargo::unpack(cargo().object).unwrap();
        let part = Payload::new(vec![9u8; 10], "half of s-3", 1, 10);
        let (rest, records) = unpacked.rest(&[Fate::Settled, Fate::Left, Fate::Parts(vec![part])]);
        let rest = Cargo::unpack(rest).unwrap();
        assert_eq!((rest.manifest.records, rest.manifest.payloads, records), (3, 2, 3));
        let routes: Vec<_> = rest.payloads.iter().map(|payload| &*payload.route).collect();
        assert_eq!((routes, rest.damaged_bytes), (vec!["s-2", "half of s-3"], 0));
    }

    #[test]
    fn damage_costs_one_payload_and_is_told() {
        let object = cargo().object;
        let mut damaged = object.to_vec();
        let place = object.len() - 50;
        damaged[place] ^= 1;
        let unpacked = Cargo::unpack(damaged.into()).unwrap();
        assert_eq!(unpacked.payloads.len(), 2);
        assert!(unpacked.damaged_bytes > 100);
        assert!(matches!(Cargo::unpack(Bytes::from_static(b"PK\x03\x04")), Err(Unreadable::NoManifest)));
    }
}
