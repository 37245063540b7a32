//! Takes objects out of a lifeboat: claims each, delivers it, and removes it.
//!
//! What was delivered is noted in the claim before the object is cut or removed, so that a store that fails at
//! that moment costs no second delivery. A crash between a delivery and that note sends the object twice.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use engine::Payload;
use engine::lifeboat::Cargo;
use engine::replay::{Fate, Replayer};
use net::aws::{AwsError, Object};
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, sleep, timeout};
use tracing::{error, info, warn};

use super::Boat;
use super::claim::Claim;

/// How long a claim that is not renewed keeps others away, unless set otherwise.
pub const CLAIM_LASTS: Duration = Duration::from_secs(600);
/// Longest wait for what is being sent once something says stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks into the bucket.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Tries to cut or remove an object after its delivery.
const CUT_TRIES: u32 = 5;

/// Delivers through the destinations of a running topology.
pub struct Unloader {
    pub replayer: Replayer,
    /// Instead of the destination of the same name.
    pub to: Option<String>,
    pub claim_lasts: Duration,
    /// True once it shall stop.
    pub stop: watch::Receiver<bool>,
}

/// What became of an object or folder.
pub struct Tally {
    pub destination: String,
    pub delivered: u64,
    pub left: u64,
    pub damaged_bytes: u64,
}

pub enum Unloaded {
    Done(Tally),
    /// Somebody else delivered it meanwhile.
    Gone,
    /// Another replay has it.
    Claimed,
}

impl Unloader {
    pub fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Whether a destination exists and speaks what the bodies are written in.
    pub fn fits(&self, id: &str, kind: Option<&str>) -> Result<(), String> {
        match (self.replayer.kind_of(id), kind) {
            (None, _) => Err(format!("the configuration has no destination `{id}`")),
            (Some(known), Some(kind)) if known != kind => {
                Err(format!("`{id}` is a {known}, which cannot send what was written for a {kind}"))
            }
            _ => Ok(()),
        }
    }

    /// Sends payloads and says what became of each. Ends early when told to stop, or when the claim is lost.
    pub async fn send(
        &self,
        id: &str,
        payloads: Vec<Payload>,
        mut claim: Option<(&Boat, &mut Claim)>,
    ) -> Vec<Fate> {
        let Some(mut sending) = self.replayer.send(id, payloads) else { return Vec::new() };
        let every = claim.as_ref().map_or(CLAIM_LASTS, |(_, claim)| claim.renew_every());
        let (mut renew, mut stop) = (interval_at(Instant::now() + every, every), self.stop.clone());
        loop {
            tokio::select! {
                fates = sending.fates() => return fates,
                _ = renew.tick() => {
                    if let Some((boat, claim)) = &mut claim
                        && !boat.renew(claim).await
                    {
                        break;
                    }
                }
                () = stopped(&mut stop) => {
                    if let Ok(fates) = timeout(STOP_WITHIN, sending.fates()).await {
                        return fates;
                    }
                    break;
                }
            }
        }
        sending.recall();
        sending.fates().await
    }

    /// Claims, delivers and removes one object.
    pub async fn unload(&self, boat: &Boat, key: &str) -> Result<Unloaded, String> {
        let claim = boat.claim(key, self.claim_lasts).await;
        let Some(mut claim) = claim.map_err(|error| format!("it cannot be claimed: {error}"))? else {
            return Ok(Unloaded::Claimed);
        };
        let done = self.deliver(boat, key, &mut claim).await;
        let released = match &done {
            Err(Undone { noted: true, .. }) => boat.release_with_note(claim).await,
            _ => boat.release(claim).await,
        };
        if let Err(error) = released {
            warn!(key, %error, "a claim was not given back; it will have to grow old");
        }
        match done {
            Ok(Some(tally)) => Ok(Unloaded::Done(tally)),
            Ok(None) => Ok(Unloaded::Gone),
            Err(undone) => Err(undone.why),
        }
    }

    /// `Ok(None)`: the object is gone.
    async fn deliver(&self, boat: &Boat, key: &str, claim: &mut Claim) -> Result<Option<Tally>, Undone> {
        let Some(object) = boat.get(key).await.map_err(Undone::new)? else { return Ok(None) };
        let mut unpacked = Cargo::unpack(object.body.clone()).map_err(Undone::new)?;
        let manifest = &unpacked.manifest;
        let id = self.to.clone().unwrap_or_else(|| manifest.destination.clone());
        self.fits(&id, Some(&manifest.kind)).map_err(Undone::new)?;
        let payloads = std::mem::take(&mut unpacked.payloads);
        let (fates, sent) = self.send_what_is_new(boat, &object, &id, payloads, claim).await;
        let (rest, left) = unpacked.rest(&fates);
        let delivered = sent.saturating_sub(left);
        let settled: Vec<usize> =
            (0..fates.len()).filter(|place| matches!(fates[*place], Fate::Settled)).collect();
        if fates.iter().any(|fate| !matches!(fate, Fate::Left)) {
            if !boat.note(claim, &object, settled).await {
                let why = "another replay has taken the object over, and may send it again";
                return Err(Undone::new(format!("{why}: {delivered} records were delivered")));
            }
            let cut = async || match left {
                0 => boat.remove(key).await,
                _ => boat.put_over(key, rest.clone(), object.etag.as_deref()).await,
            };
            again(cut).await.map_err(|error| Undone {
                why: format!(
                    "{delivered} records delivered and noted in the claim, but not removed: {error}"
                ),
                noted: true,
            })?;
        } else if !boat.renew(claim).await {
            return Err(Undone::new("another replay has taken the object over"));
        }
        Ok(Some(Tally { destination: id, delivered, left, damaged_bytes: unpacked.damaged_bytes }))
    }

    /// Fates of all payloads, and the records of those that had to be sent.
    async fn send_what_is_new(
        &self,
        boat: &Boat,
        object: &Object,
        id: &str,
        payloads: Vec<Payload>,
        claim: &mut Claim,
    ) -> (Vec<Fate>, u64) {
        let before: Vec<bool> = (0..payloads.len()).map(|place| claim.has_delivered(object, place)).collect();
        let new: Vec<Payload> = payloads
            .into_iter()
            .zip(&before)
            .filter(|(_, before)| !**before)
            .map(|(payload, _)| payload)
            .collect();
        let records = new.iter().map(|payload| payload.records).sum();
        let mut sent = self.send(id, new, Some((boat, claim))).await.into_iter();
        let fate = |before: &bool| if *before { Fate::Settled } else { sent.next().unwrap_or(Fate::Left) };
        (before.iter().map(fate).collect(), records)
    }

    /// Delivers what lies in the bucket and what will, until it is told to stop. What a destination refuses stays
    /// there, and is not tried again by this process.
    pub async fn attend(self, boat: Arc<Boat>) {
        let mut given_up = HashSet::new();
        let mut stop = self.stop.clone();
        loop {
            match boat.objects().await {
                Ok(keys) => self.unload_all(&boat, keys, &mut given_up).await,
                Err(error) => {
                    warn!(bucket = boat.bucket, %error, "the lifeboat cannot be listed; trying again")
                }
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = stopped(&mut stop) => return,
            }
        }
    }

    async fn unload_all(&self, boat: &Boat, keys: Vec<String>, given_up: &mut HashSet<String>) {
        for key in keys {
            if self.is_stopped() {
                return;
            }
            if given_up.contains(&key) {
                continue;
            }
            match self.unload(boat, &key).await {
                Ok(Unloaded::Done(tally)) => {
                    let Tally { destination, delivered, left, .. } = &tally;
                    info!(component = destination, delivered, left, key, "taken from the lifeboat");
                    if *left > 0 {
                        given_up.insert(key);
                    }
                }
                Ok(Unloaded::Gone | Unloaded::Claimed) => {}
                Err(reason) => {
                    error!(key, reason, "not taken from the lifeboat");
                    given_up.insert(key);
                }
            }
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Whoever could say so may be gone, which says the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Why an object is still there.
struct Undone {
    why: String,
    /// The claim says what was delivered.
    noted: bool,
}

impl Undone {
    fn new(why: impl ToString) -> Undone {
        Undone { why: why.to_string(), noted: false }
    }
}

/// Tries to change an object whose claim is held. Should an answer have been lost, the next try finds another object.
async fn again<T: Future<Output = Result<(), AwsError>>>(change: impl Fn() -> T) -> Result<(), AwsError> {
    let mut wait = Duration::from_millis(200);
    for tries in 1.. {
        match change().await {
            Err(error) if tries > 1 && error.is("PreconditionFailed") => return Ok(()),
            Err(error) if error.is_transient() && tries < CUT_TRIES => sleep(wait).await,
            done => return done,
        }
        wait *= 2;
    }
    Ok(())
}
