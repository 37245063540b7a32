//! The lifeboat in S3: where what no destination took goes when the process ends, and who may take it from there.
//!
//! Objects are `<prefix>/<kind>/<destination>/<milliseconds>-<owner>-<random>.boat`. Beside an object that
//! somebody replays lies `<key>.claim`, which only one can write.

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use engine::lifeboat::{Cargo, Lifeboat};
use net::Environment;
use net::aws::{AwsError, PutOptions, S3};
use net::ecs::Task;
use serde_json::{Value, json};
use tracing::warn;

use crate::{configuration, disk, firelens};

const MAX_WAIT: Duration = Duration::from_secs(2);
/// How every object's key ends.
pub const ENDING: &str = ".boat";
/// A claim older than this belongs to a process that is gone: the living renew theirs.
const CLAIM_LASTS: Duration = Duration::from_secs(600);

/// A bucket and what all keys in it begin with.
pub struct Boat {
    pub s3: S3,
    pub bucket: String,
    /// Empty, or ends with a slash.
    pub prefix: String,
    origin: String,
    owner: String,
}

/// A right to an object, as long as it is renewed.
pub struct Claim {
    key: String,
    etag: Option<String>,
}

impl Boat {
    pub fn new(uri: &str, environment: &Environment, task: Option<&Task>) -> Result<Boat, String> {
        let rest = uri.strip_prefix("s3://").filter(|rest| !rest.is_empty() && !rest.starts_with('/'));
        let rest = rest.ok_or_else(|| format!("`{uri}` is not of the form s3://bucket/prefix"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let origin = match task {
            Some(task) => task.task_arn.clone(),
            None => configuration::host_name().unwrap_or_else(|| "host".into()),
        };
        let owner = origin.rsplit('/').next().unwrap_or_default();
        let owner = disk::folder_name(owner);
        let s3 = firelens::client(environment).map_err(|diagnostic| diagnostic.render(false))?;
        Ok(Boat { s3, bucket: bucket.into(), prefix, origin, owner })
    }

    fn key(&self, cargo: &Cargo) -> String {
        let manifest = &cargo.manifest;
        let (kind, destination) = (&manifest.kind, disk::folder_name(&manifest.destination));
        let random = RandomState::new().build_hasher().finish();
        let (prefix, created, owner) = (&self.prefix, manifest.created, &self.owner);
        format!("{prefix}{kind}/{destination}/{created}-{owner}-{random:016x}{ENDING}")
    }

    /// Keys of all objects, oldest first within a destination.
    pub async fn objects(&self) -> Result<Vec<String>, AwsError> {
        let (mut keys, mut from) = (Vec::new(), None);
        loop {
            let page = self.s3.list(&self.bucket, &self.prefix, from.as_deref()).await?;
            keys.extend(
                page.objects.into_iter().map(|object| object.key).filter(|key| key.ends_with(ENDING)),
            );
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(keys),
            }
        }
    }

    /// The object's bytes, unless somebody else delivered and removed it.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, AwsError> {
        match self.s3.get_object(&self.bucket, key, None).await {
            Ok(object) => Ok(object.map(|object| object.body)),
            Err(error) if error.is("NoSuchKey") => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn put(&self, key: &str, object: Bytes) -> Result<(), AwsError> {
        self.s3.put_object(&self.bucket, key, object, &PutOptions::default()).await.map(drop)
    }

    pub async fn remove(&self, key: &str) -> Result<(), AwsError> {
        self.s3.delete(&self.bucket, key).await
    }

    /// Claims an object; `None` while it is another's.
    pub async fn claim(&self, object: &str) -> Result<Option<Claim>, AwsError> {
        let key = format!("{object}.claim");
        let options = PutOptions { only_if_absent: true, ..PutOptions::default() };
        match self.s3.put_object(&self.bucket, &key, self.claim_text(), &options).await {
            Ok(etag) => return Ok(Some(Claim { key, etag })),
            Err(error) if !is_taken(&error) => return Err(error),
            Err(_) => {}
        }
        let held = match self.s3.get_object(&self.bucket, &key, None).await {
            Ok(Some(held)) => held,
            // It was given back this moment: the next replay may have it.
            Ok(None) => return Ok(None),
            Err(error) if error.is("NoSuchKey") => return Ok(None),
            Err(error) => return Err(error),
        };
        let written: Value = serde_json::from_slice(&held.body).unwrap_or_default();
        let age = now_ms().saturating_sub(written["time_ms"].as_u64().unwrap_or(0));
        if u128::from(age) < CLAIM_LASTS.as_millis() || held.etag.is_none() {
            return Ok(None);
        }
        let mut claim = Claim { key, etag: held.etag };
        Ok(self.renew(&mut claim).await?.then_some(claim))
    }

    /// Makes the claim young again; false when it is another's by now.
    pub async fn renew(&self, claim: &mut Claim) -> Result<bool, AwsError> {
        let options = PutOptions { only_over: claim.etag.clone(), ..PutOptions::default() };
        match self.s3.put_object(&self.bucket, &claim.key, self.claim_text(), &options).await {
            Ok(etag) => {
                claim.etag = etag;
                Ok(true)
            }
            Err(error) if is_taken(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub async fn release(&self, claim: Claim) -> Result<(), AwsError> {
        self.remove(&claim.key).await
    }

    fn claim_text(&self) -> Bytes {
        json!({ "claimant": self.origin, "process": std::process::id(), "time_ms": now_ms() })
            .to_string()
            .into()
    }
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

impl Lifeboat for Boat {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn save<'a>(&'a self, cargo: &'a Cargo) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let key = self.key(cargo);
            let mut wait = Duration::from_millis(200);
            loop {
                // The same key again: an answer that was lost makes no second object.
                let error = match self.put(&key, cargo.object.clone()).await {
                    Ok(()) => return Ok(()),
                    Err(error) => error,
                };
                if !error.is_transient() {
                    return Err(format!("s3://{}/{key}: {error}", self.bucket));
                }
                warn!(bucket = self.bucket, key, %error, "the lifeboat did not answer; trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(MAX_WAIT);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_a_prefix() {
        let place = |uri: &str| {
            let boat = Boat::new(uri, &Environment::default(), None).ok()?;
            Some((boat.bucket, boat.prefix))
        };
        for (uri, bucket, prefix) in
            [("s3://b/a/c", "b", "a/c/"), ("s3://b/a/", "b", "a/"), ("s3://b", "b", ""), ("s3://b/", "b", "")]
        {
            assert_eq!(place(uri), Some((bucket.into(), prefix.into())), "{uri}");
        }
        for uri in ["s3://", "b/a", "s3:///a", "https://b/a"] {
            assert_eq!(place(uri), None, "{uri}");
        }
    }
}
