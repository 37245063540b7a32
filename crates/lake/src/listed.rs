//! A lake in an object store, read without its catalog: folders tell the table and the hour of each object.

use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::ObjectMeta;

use crate::remote::{hour_of, partition};
use crate::segment::Kept;
use crate::{LakeError, Remote, Segment, Table};

/// In microseconds.
const HOUR: i64 = 3_600_000_000;
/// Objects that one look takes in; each costs about 200 bytes.
const MOST: usize = 1 << 20;

/// Objects below a table's folder whose day may hold rows from a moment on, in microseconds since the epoch. Others'
/// objects are among them.
pub(crate) async fn list(remote: &Remote, table: Table, from: i64) -> Result<Vec<ObjectMeta>, LakeError> {
    let folder = remote.folder(table);
    let found = match from > 0 {
        // Names of days are in order of time.
        true => {
            let [day, _] = partition(from.div_euclid(HOUR));
            remote.store().list_with_offset(Some(&folder), &folder.clone().join(day))
        }
        false => remote.store().list(Some(&folder)),
    };
    let told = |source: object_store::Error| LakeError::Store {
        what: "cannot list",
        url: remote.url(&folder),
        source: source.into(),
    };
    let objects: Vec<ObjectMeta> =
        futures_util::StreamExt::take(found, MOST + 1).try_collect().await.map_err(told)?;
    match objects.len() > MOST {
        true => Err(LakeError::Remote {
            url: remote.url(&folder),
            why: format!("it has more than {MOST} objects in that time; ask for less of it, as with --from"),
        }),
        false => Ok(objects),
    }
}

/// What is found of a lake.
#[derive(Default)]
pub(crate) struct Listing {
    pub segments: Vec<Arc<Segment>>,
    /// An object that no lake has put there, and how many there are.
    stranger: Option<String>,
    strangers: u64,
}

impl Listing {
    /// Adds the segments of a table that may hold rows between two moments, both included, in microseconds since the
    /// epoch.
    pub async fn add(
        &mut self,
        remote: &Remote,
        table: Table,
        (from, to): (i64, i64),
    ) -> Result<(), LakeError> {
        let folder = remote.folder(table);
        for ObjectMeta { location, size, .. } in list(remote, table, from).await? {
            let Some(hour) = hour_of(&folder, &location) else {
                self.strangers += 1;
                self.stranger.get_or_insert_with(|| remote.url(&location));
                continue;
            };
            let (min_time, max_time) = (hour * HOUR, (hour + 1) * HOUR - 1);
            if max_time >= from && min_time <= to {
                let number = self.segments.len() as i64 + 1;
                let kept = Kept { object: location, bytes: size, min_time, max_time };
                self.segments.push(Segment::listed(number, table, kept));
            }
        }
        Ok(())
    }

    pub fn strangers(&self) -> Option<String> {
        let first = self.stranger.as_ref()?;
        Some(match self.strangers {
            1 => format!("{first} is no file of a lake"),
            more => format!("{first} and {} other objects are no files of a lake", more - 1),
        })
    }
}
