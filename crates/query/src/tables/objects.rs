//! Segments in the object store: their footers are read before the plan is made, and what has none is left out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::{DataFusionError, Result};
use datafusion::object_store::path::Path;
use datafusion::object_store::{ObjectMeta, ObjectStoreExt};
use datafusion::parquet::file::metadata::ParquetMetaData;
use futures_util::{FutureExt, StreamExt};
use lake::{Remote, Segment, TokenIndex, Wanted};

use super::Access;
use crate::skipped::Skipped;

/// Footers that are asked for at once.
const AT_ONCE: usize = 16;
/// Read at the end of an object at first, in bytes: footers are mostly smaller, page indexes included.
const END: usize = 64 << 10;

/// Those that can be read and may hold what is wanted, as the scan names them. The scan finds their footers in the cache.
pub(super) async fn readable(
    state: &dyn Session,
    remote: &Remote,
    segments: Vec<(Arc<Segment>, Path)>,
    wanted: &Wanted,
) -> Vec<(Arc<Segment>, Path, Access)> {
    let checked = futures_util::stream::iter(segments).map(|(segment, location)| async move {
        // Others' decoders may panic on damaged bytes.
        let read = AssertUnwindSafe(read_footer(state, remote, &segment, &location)).catch_unwind().await;
        let error = match read {
            Ok(Ok(footer)) => {
                let access = access(remote, &location, &footer, wanted).await?;
                return Some((segment, location, access));
            }
            Ok(Err(error)) => error.strip_backtrace(),
            Err(_) => "its footer is damaged".to_owned(),
        };
        let object = remote.url(&location);
        tracing::warn!(object, error, "an object cannot be read; skipped");
        if let Some(skipped) = state.config().get_extension::<Skipped>() {
            skipped.add(object);
        }
        None
    });
    checked.buffered(AT_ONCE).filter_map(std::future::ready).collect().await
}

async fn read_footer(
    state: &dyn Session,
    remote: &Remote,
    segment: &Segment,
    location: &Path,
) -> Result<Arc<ParquetMetaData>> {
    let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
    // What a lake knows was checked before it was published.
    if segment.is_listed() && footers.get(location).is_none() {
        check_end(remote, segment.bytes, location).await?;
    }
    let object = meta(segment, location.clone());
    let footer = DFParquetMetadata::new(remote.store(), &object)
        .with_metadata_size_hint(Some(END))
        .with_file_metadata_cache(Some(footers));
    footer.fetch_metadata().await
}

/// What of an object is to be read, if anything.
async fn access(
    remote: &Remote,
    location: &Path,
    footer: &ParquetMetaData,
    wanted: &Wanted,
) -> Option<Access> {
    let place = if *wanted == Wanted::Any { None } else { TokenIndex::place(footer) };
    let Some(place) = place else { return Some(Access::All) };
    let index = remote.store().get_range(location, place).await;
    let access = match index.map(TokenIndex::of_bytes) {
        Ok(Some(index)) => Access::by(&index, wanted).map_err(|error| error.to_string()),
        Ok(None) => Err("they are damaged".into()),
        Err(error) => Err(error.to_string()),
    };
    access.unwrap_or_else(|error| {
        tracing::warn!(object = remote.url(location), error, "its words cannot be read; all of it is");
        Some(Access::All)
    })
}

/// The last eight bytes of a Parquet file: the footer's length, little endian, and `PAR1`. A length beyond the file makes
/// the decoder panic.
async fn check_end(remote: &Remote, bytes: u64, location: &Path) -> Result<()> {
    let end = remote.store().get_range(location, bytes.saturating_sub(8)..bytes.max(1)).await?;
    let footer = match end[..] {
        [a, b, c, d, b'P', b'A', b'R', b'1'] => u64::from(u32::from_le_bytes([a, b, c, d])),
        _ => u64::MAX,
    };
    // The file begins with `PAR1` as well.
    match footer.saturating_add(12) <= bytes {
        true => Ok(()),
        false => Err(DataFusionError::Execution("it does not end as Parquet files do".into())),
    }
}

/// A file as scans know it. An object's bytes never change, so nothing but its size tells it from another.
pub(super) fn meta(segment: &Segment, location: Path) -> ObjectMeta {
    ObjectMeta {
        location,
        last_modified: Default::default(),
        size: segment.bytes,
        e_tag: None,
        version: None,
    }
}
