//! Claims: who may deliver an object of the lifeboat, and what of it was delivered already.
//!
//! A claim is an object beside the object. Every write to it and its removal are conditional on its entity tag, so
//! of several who want it one has it. Each carries its owner's random id: a write whose answer was lost is known
//! again by it. A claim that was not renewed for as long as claims last belongs to a process that is gone; that is
//! judged by the clocks of both, which must not differ by as much.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use bytes::Bytes;
use net::aws::{AwsError, Object, PutOptions};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Boat;

pub const ENDING: &str = ".claim";

/// A right to an object, as long as it is renewed.
pub struct Claim {
    key: String,
    etag: Option<String>,
    lasts: Duration,
    renewed: Instant,
    /// Somebody else has it.
    lost: bool,
    text: Text,
}

/// What a claim says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Text {
    /// Random, new for each claim.
    owner: String,
    /// The task or host, for people.
    claimant: String,
    time_ms: u64,
    /// What was delivered of the object, while it could not be cut or removed.
    delivered: Option<Delivered>,
}

/// Payloads of an object, by their place in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Delivered {
    /// The object's entity tag: one that was written since has other payloads.
    object: Option<String>,
    payloads: Vec<usize>,
}

impl Claim {
    /// Whether a payload of this very object was delivered by whoever had the claim before.
    pub fn has_delivered(&self, object: &Object, place: usize) -> bool {
        let delivered = self.text.delivered.as_ref().filter(|delivered| delivered.object == object.etag);
        delivered.is_some_and(|delivered| delivered.payloads.contains(&place))
    }

    /// How often it must be renewed.
    pub fn renew_every(&self) -> Duration {
        self.lasts / 5
    }

    /// True while nobody else can have taken it.
    fn is_young(&self) -> bool {
        self.renewed.elapsed() < self.lasts * 4 / 5
    }
}

impl Boat {
    /// Claims an object for so long; `None` while it is another's.
    pub async fn claim(&self, object: &str, lasts: Duration) -> Result<Option<Claim>, AwsError> {
        let owner = format!("{:016x}", RandomState::new().build_hasher().finish());
        let text = Text { owner, claimant: self.origin.clone(), time_ms: now_ms(), delivered: None };
        let key = format!("{object}{ENDING}");
        let mut claim = Claim { key, etag: None, lasts, renewed: Instant::now(), lost: false, text };
        let options = PutOptions { only_if_absent: true, ..PutOptions::default() };
        match self.s3.put_object(&self.bucket, &claim.key, bytes(&claim.text), &options).await {
            Ok(etag) => {
                claim.etag = etag;
                return Ok(Some(claim));
            }
            Err(error) if !is_taken(&error) => return Err(error),
            Err(_) => {}
        }
        // It was given back this moment: the next replay may have it.
        let Some(held) = self.get(&claim.key).await? else { return Ok(None) };
        let written: Text = serde_json::from_slice(&held.body).unwrap_or_default();
        let age = Duration::from_millis(now_ms().saturating_sub(written.time_ms));
        let is_ours = written.owner == claim.text.owner;
        if held.etag.is_none() || (age < lasts && !is_ours) {
            return Ok(None);
        }
        claim.etag = held.etag;
        claim.text.delivered = written.delivered;
        Ok(self.write(&mut claim).await?.then_some(claim))
    }

    /// Makes the claim young again. False when it is another's by now, or may be.
    pub async fn renew(&self, claim: &mut Claim) -> bool {
        claim.text.time_ms = now_ms();
        let began = Instant::now();
        match self.write(claim).await {
            Ok(true) => claim.renewed = began,
            Ok(false) => return false,
            Err(error) => tracing::warn!(key = claim.key, %error, "a claim was not renewed; trying again"),
        }
        claim.is_young()
    }

    /// Notes what was delivered of an object, for whoever has the claim next.
    pub async fn note(&self, claim: &mut Claim, object: &Object, payloads: Vec<usize>) -> bool {
        claim.text.delivered = Some(Delivered { object: object.etag.clone(), payloads });
        self.renew(claim).await
    }

    /// Gives a claim back, so that the next replay need not wait until it is old.
    pub async fn release(&self, claim: Claim) -> Result<(), AwsError> {
        if claim.lost {
            return Ok(());
        }
        let Some(etag) = &claim.etag else { return self.remove(&claim.key).await };
        match self.s3.delete_exactly(&self.bucket, &claim.key, etag).await {
            Err(error) if is_taken(&error) || error.is("NoSuchKey") => Ok(()),
            Err(error) if error.is("NotImplemented") => self.release_unconditionally(&claim).await,
            done => done,
        }
    }

    /// The same, but what it notes stays for the next.
    pub async fn release_with_note(&self, mut claim: Claim) -> Result<(), AwsError> {
        claim.text.time_ms = 0;
        self.write(&mut claim).await.map(drop)
    }

    async fn release_unconditionally(&self, claim: &Claim) -> Result<(), AwsError> {
        let held = self.get(&claim.key).await?;
        let is_ours = |held: Object| {
            serde_json::from_slice::<Text>(&held.body).is_ok_and(|held| held.owner == claim.text.owner)
        };
        if held.is_some_and(is_ours) { self.remove(&claim.key).await } else { Ok(()) }
    }

    /// False when somebody else has written it since.
    async fn write(&self, claim: &mut Claim) -> Result<bool, AwsError> {
        let (text, etag) = (bytes(&claim.text), claim.etag.clone());
        let options = PutOptions { only_over: etag, ..PutOptions::default() };
        match self.s3.put_object(&self.bucket, &claim.key, text, &options).await {
            Ok(etag) => {
                claim.etag = etag;
                Ok(true)
            }
            Err(error) if is_taken(&error) || error.is("NoSuchKey") => self.is_still_ours(claim).await,
            Err(error) => Err(error),
        }
    }

    /// A write may have succeeded although its answer was lost.
    async fn is_still_ours(&self, claim: &mut Claim) -> Result<bool, AwsError> {
        let Some(held) = self.get(&claim.key).await? else {
            claim.lost = true;
            return Ok(false);
        };
        let written: Text = serde_json::from_slice(&held.body).unwrap_or_default();
        claim.lost = written.owner != claim.text.owner;
        if !claim.lost {
            claim.etag = held.etag;
        }
        Ok(!claim.lost)
    }
}

fn bytes(text: &Text) -> Bytes {
    // A struct of numbers and strings always becomes JSON.
    serde_json::to_vec(text).unwrap_or_default().into()
}

fn now_ms() -> u64 {
    engine::clock::now_nanos() / 1_000_000
}

/// True when the condition of a write was not met.
fn is_taken(error: &AwsError) -> bool {
    error.is("PreconditionFailed")
        || error.is("ConditionalRequestConflict")
        || error.service().is_some_and(|error| error.status == 412)
}
