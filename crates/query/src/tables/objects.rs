//! Segments in the object store: their footers are read before the plan is made, and what has none is left out.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path;
use futures_util::StreamExt;
use lake::{Remote, Segment};

use crate::skipped::Skipped;

/// Footers that are asked for at once.
const AT_ONCE: usize = 16;
/// Read at the end of an object at first, in bytes: footers are mostly smaller, page indexes included.
const END: usize = 64 << 10;

/// Those that can be read, as the scan names them. The scan finds their footers in the cache.
pub(super) async fn readable(
    state: &dyn Session,
    remote: &Remote,
    segments: Vec<(Arc<Segment>, Path)>,
) -> Vec<(Arc<Segment>, Path)> {
    let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
    let checked = futures_util::stream::iter(segments).map(|(segment, location)| {
        let footers = footers.clone();
        async move {
            let object = meta(&segment, location.clone());
            let footer = DFParquetMetadata::new(remote.store(), &object)
                .with_metadata_size_hint(Some(END))
                .with_file_metadata_cache(Some(footers));
            match footer.fetch_metadata().await {
                Ok(_) => Some((segment, location)),
                Err(error) => {
                    let object = remote.url(&location);
                    tracing::warn!(object, %error, "an object cannot be read; skipped");
                    if let Some(skipped) = state.config().get_extension::<Skipped>() {
                        skipped.add(object);
                    }
                    None
                }
            }
        }
    });
    checked.buffered(AT_ONCE).filter_map(std::future::ready).collect().await
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
