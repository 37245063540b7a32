//! The lifeboat in S3: where what no destination took goes when the process ends, and who may take it from there.
//!
//! Objects are `<prefix>/<kind>/<destination>/<milliseconds>-<owner>-<random>.boat`. Beside an object that
//! somebody replays lies `<key>.claim`; see [`claim`].

pub mod claim;
pub mod unload;

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use engine::lifeboat::{Cargo, Lifeboat};
use net::Environment;
use net::aws::{AwsError, Object, PutOptions, S3};
use net::ecs::Task;
use tracing::warn;

use crate::{configuration, disk, firelens};

const MAX_WAIT: Duration = Duration::from_secs(2);
/// How every object's key ends.
pub const ENDING: &str = ".boat";
/// A bucket and what all keys in it begin with.
pub struct Boat {
    pub s3: S3,
    pub bucket: String,
    /// Empty, or ends with a slash.
    pub prefix: String,
    origin: String,
    owner: String,
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

    /// Keys of all objects, oldest first within a destination. Claims to objects that are gone are removed.
    pub async fn objects(&self) -> Result<Vec<String>, AwsError> {
        let (mut keys, mut from): (Vec<String>, _) = (Vec::new(), None);
        loop {
            let page = self.s3.list(&self.bucket, &self.prefix, from.as_deref()).await?;
            for key in page.objects.into_iter().map(|object| object.key) {
                match key.strip_suffix(claim::ENDING) {
                    // A claim follows its object in the order of keys.
                    Some(object)
                        if object.ends_with(ENDING) && keys.last().is_none_or(|last| last != object) =>
                    {
                        self.remove(&key).await?;
                    }
                    None if key.ends_with(ENDING) => keys.push(key),
                    _ => {}
                }
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(keys),
            }
        }
    }

    /// The object, unless somebody else delivered and removed it.
    pub async fn get(&self, key: &str) -> Result<Option<Object>, AwsError> {
        match self.s3.get_object(&self.bucket, key, None).await {
            Ok(object) => Ok(object),
            Err(error) if error.is("NoSuchKey") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn put(&self, key: &str, object: Bytes) -> Result<(), AwsError> {
        self.s3.put_object(&self.bucket, key, object, &PutOptions::default()).await.map(drop)
    }

    /// Writes over exactly this object.
    pub async fn put_over(&self, key: &str, object: Bytes, etag: Option<&str>) -> Result<(), AwsError> {
        let options = PutOptions { only_over: etag.map(str::to_owned), ..PutOptions::default() };
        self.s3.put_object(&self.bucket, key, object, &options).await.map(drop)
    }

    /// Whether objects can be written: says what is wrong before it is too late to mend it.
    pub async fn check(&self) -> Result<(), String> {
        let key = format!("{}check-{}", self.prefix, self.owner);
        let written = self.put(&key, Bytes::from_static(b"written to see whether this is allowed")).await;
        written.map_err(|error| format!("s3://{}/{key}: {error}", self.bucket))?;
        // Not everyone who may write may delete, and need not.
        let _ = self.remove(&key).await;
        Ok(())
    }

    pub async fn remove(&self, key: &str) -> Result<(), AwsError> {
        self.s3.delete(&self.bucket, key).await
    }
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
