//! An object store that segments are published to, and where in it.
//!
//! ```text
//! <prefix>/<table>/day=YYYY-MM-DD/hour=HH/<lake>-<segment>.parquet
//! ```
//!
//! `<lake>` is a number made once a lake's folder, in hexadecimal, so any number of lakes share a prefix.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;

use crate::blocks::Blocks;
use crate::{LakeError, Table};

/// In microseconds.
const HOUR: i64 = 3_600_000_000;

/// A store, and what all names in it begin with. Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    /// Scheme and bucket.
    origin: String,
    prefix: Path,
}

impl Remote {
    /// `url` is `scheme://bucket/prefix`, as people and catalogs name the place; `store` is of the whole bucket.
    pub fn new(store: Arc<dyn ObjectStore>, url: &str) -> Result<Remote, LakeError> {
        let wrong = |why: &str| LakeError::Remote { url: url.to_owned(), why: why.to_owned() };
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| wrong("it is not of the form s3://bucket/prefix"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if scheme.is_empty() || bucket.is_empty() {
            return Err(wrong("it is not of the form s3://bucket/prefix"));
        }
        let prefix = Path::parse(prefix).map_err(|error| wrong(&error.to_string()))?;
        Ok(Remote { store, origin: format!("{scheme}://{bucket}"), prefix })
    }

    /// Keeps blocks of what is read in the folder, up to so many bytes in all; with 0 it keeps none.
    pub fn kept_in(self, folder: PathBuf, bytes: u64) -> Remote {
        if bytes == 0 {
            return self;
        }
        let store = Arc::new(Blocks::new(self.store, &self.origin, folder, bytes));
        Remote { store, ..self }
    }

    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Scheme and bucket.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// An object's full name.
    pub fn url(&self, object: &Path) -> String {
        format!("{}/{object}", self.origin)
    }

    /// The object of a full name, where it is of this bucket.
    pub(crate) fn object(&self, url: &str) -> Option<Path> {
        Path::parse(url.strip_prefix(&self.origin)?.strip_prefix('/')?).ok()
    }

    /// Whether an object lies below the prefix.
    pub(crate) fn holds(&self, object: &Path) -> bool {
        object.prefix_matches(&self.prefix)
    }

    /// The folder of a table.
    pub(crate) fn folder(&self, table: Table) -> Path {
        self.prefix.clone().join(table.name())
    }

    /// What a segment of one hour is called. `hour` counts from the epoch.
    pub(crate) fn name(&self, table: Table, hour: i64, lake: i64, segment: i64) -> Path {
        let [day, hour] = partition(hour);
        let file = format!("{lake:016x}-{segment:016}.parquet");
        self.folder(table).join(day).join(hour).join(file)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url(&self.prefix).trim_end_matches('/'))
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({self})")
    }
}

/// Hive's folders of an hour since the epoch: `day=2026-11-21`, `hour=07`.
pub(crate) fn partition(hour: i64) -> [String; 2] {
    let time = jiff::Timestamp::from_microsecond(hour.saturating_mul(HOUR)).unwrap_or_default();
    let at = jiff::tz::TimeZone::UTC.to_datetime(time);
    let day = format!("day={:04}-{:02}-{:02}", at.year(), at.month(), at.day());
    [day, format!("hour={:02}", at.hour())]
}

/// The hour since the epoch that an object of a table's folder belongs to; `None` for what no lake has put there.
pub(crate) fn hour_of(folder: &Path, object: &Path) -> Option<i64> {
    let mut parts = object.prefix_match(folder)?;
    let (day, hour, file) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !is_name(file.as_ref()) {
        return None;
    }
    let day: jiff::civil::Date = day.as_ref().strip_prefix("day=")?.parse().ok()?;
    let hour: i8 = hour.as_ref().strip_prefix("hour=")?.parse().ok()?;
    let time = jiff::civil::Time::new(hour, 0, 0, 0).ok()?;
    let at = day.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(at.timestamp().as_microsecond().div_euclid(HOUR))
}

fn is_name(file: &str) -> bool {
    let parts = file.strip_suffix(".parquet").and_then(|stem| stem.split_once('-'));
    parts.is_some_and(|(lake, segment)| {
        lake.len() == 16
            && lake.bytes().all(|byte| byte.is_ascii_hexdigit())
            && segment.len() >= 16
            && segment.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn remote(url: &str) -> Remote {
        Remote::new(Arc::new(InMemory::new()), url).unwrap()
    }

    #[test]
    fn names_tell_their_hour() {
        let remote = remote("s3://bucket/some/prefix/");
        assert_eq!(remote.to_string(), "s3://bucket/some/prefix");
        // 2026-11-21T07:00:00Z, as `date -u -d @1795244400` has it.
        let hour = 1_795_244_400 / 3600;
        let name = remote.name(Table::Logs, hour, 0xabc, 7);
        let expected = "some/prefix/logs/day=2026-11-21/hour=07/0000000000000abc-0000000000000007.parquet";
        assert_eq!(name.as_ref(), expected);
        assert_eq!(remote.object(&remote.url(&name)), Some(name.clone()));
        assert_eq!(hour_of(&remote.folder(Table::Logs), &name), Some(hour));
        assert_eq!(hour_of(&remote.folder(Table::Spans), &name), None);
    }

    #[test]
    fn what_others_put_there_is_no_segment() {
        let folder = remote("s3://bucket").folder(Table::Logs);
        for other in [
            "logs/day=2026-11-21/hour=07/part-0.parquet",
            "logs/day=2026-11-21/0000000000000abc-0000000000000007.parquet",
            "logs/day=2026-11-31/hour=07/0000000000000abc-0000000000000007.parquet",
            "logs/day=2026-11-21/hour=24/0000000000000abc-0000000000000007.parquet",
            "logs/day=2026-11-21/hour=07/x/0000000000000abc-0000000000000007.parquet",
            "logs/day=2026-11-21/hour=07/0000000000000abc-0000000000000007.csv",
        ] {
            assert_eq!(hour_of(&folder, &Path::parse(other).unwrap()), None, "{other}");
        }
    }

    #[test]
    fn a_place_without_a_bucket_is_refused() {
        let new = |url| Remote::new(Arc::new(InMemory::new()), url);
        for wrong in ["bucket/prefix", "s3://", "s3:///prefix", "s3://bucket/a//b"] {
            assert!(new(wrong).is_err(), "{wrong}");
        }
    }
}
