//! Which segments are published, and how one goes up.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use crate::{LakeError, Remote, Segment};

/// In microseconds.
const HOUR: i64 = 3_600_000_000;
/// Objects that are larger go up in parts. In bytes.
const WHOLE: u64 = 16 << 20;
/// A part, in bytes. Stores take 10 000 of 5 MiB and more; all but the last are equally large.
const PART: usize = 8 << 20;

/// Segments of hours that ended before `until`, in microseconds since the epoch, and that are nobody's yet. To be
/// asked once nothing is left to join.
pub(crate) fn choose(segments: &[Arc<Segment>], until: i64) -> Vec<Arc<Segment>> {
    let ready = |segment: &&Arc<Segment>| {
        segment.level > 0
            && segment.object().is_none()
            && segment.can_be_joined()
            && segment.min_time.div_euclid(HOUR) == segment.max_time.div_euclid(HOUR)
            && is_over(segment.max_time.div_euclid(HOUR), until)
    };
    let mut ready: Vec<_> = segments.iter().filter(ready).cloned().collect();
    ready.sort_by_key(|segment| segment.id);
    ready
}

/// Whether an hour since the epoch ended before a moment.
pub(crate) fn is_over(hour: i64, until: i64) -> bool {
    until > (hour + 1).saturating_mul(HOUR)
}

/// The names that segments get in the store, by their numbers.
pub(crate) fn names(segments: &[Arc<Segment>], remote: &Remote, lake: i64) -> BTreeMap<i64, Path> {
    let name = |segment: &Arc<Segment>| {
        remote.name(segment.table, segment.min_time.div_euclid(HOUR), lake, segment.id)
    };
    segments.iter().map(|segment| (segment.id, name(segment))).collect()
}

/// Writes a segment's file to its place in the store. An object that is there already is replaced.
pub(crate) async fn upload(segment: &Segment, object: &Path, remote: &Remote) -> Result<(), LakeError> {
    let told = |source: object_store::Error| LakeError::Store {
        what: "cannot write",
        url: remote.url(object),
        source: source.into(),
    };
    if segment.bytes <= WHOLE {
        let mut file = open(&segment.path)?;
        let whole = part(&mut file, segment.bytes as usize, &segment.path)?;
        return remote.store().put(object, whole.into()).await.map(drop).map_err(told);
    }
    let mut upload = remote.store().put_multipart(object).await.map_err(told)?;
    let sent = in_parts(segment, &mut *upload).await;
    match sent {
        Ok(Ok(())) => Ok(()),
        failed => {
            // Parts of an upload that nobody ends are kept and paid for.
            if let Err(error) = upload.abort().await {
                tracing::debug!(%error, "an upload that failed is not given up");
            }
            failed.and_then(|stored| stored.map_err(told))
        }
    }
}

async fn in_parts(
    segment: &Segment,
    upload: &mut dyn MultipartUpload,
) -> Result<Result<(), object_store::Error>, LakeError> {
    let mut file = open(&segment.path)?;
    let mut left = segment.bytes as usize;
    while left > 0 {
        let body = part(&mut file, left.min(PART), &segment.path)?;
        left -= body.len();
        if let Err(error) = upload.put_part(PutPayload::from(body)).await {
            return Ok(Err(error));
        }
    }
    Ok(upload.complete().await.map(drop))
}

fn open(path: &FilePath) -> Result<File, LakeError> {
    File::open(path).map_err(LakeError::file("cannot read", path))
}

fn part(file: &mut File, bytes: usize, path: &FilePath) -> Result<Bytes, LakeError> {
    let mut body = vec![0; bytes];
    file.read_exact(&mut body).map_err(LakeError::file("cannot read", path))?;
    Ok(body.into())
}

/// Removes objects of hours that ended before a moment, whichever lake has put them there; how many.
pub(crate) async fn expire(remote: &Remote, before: i64) -> Result<u64, LakeError> {
    let mut removed = 0;
    for table in crate::Table::ALL {
        let folder = remote.folder(table);
        let old = |object: &object_store::ObjectMeta| {
            crate::remote::hour_of(&folder, &object.location).is_some_and(|hour| is_over(hour, before))
        };
        for object in crate::listed::list(remote, table, i64::MIN).await?.into_iter().filter(old) {
            let told = |source: object_store::Error| LakeError::Store {
                what: "cannot remove",
                url: remote.url(&object.location),
                source: source.into(),
            };
            remote.store().delete(&object.location).await.map_err(told)?;
            removed += 1;
        }
    }
    Ok(removed)
}
