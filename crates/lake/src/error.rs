//! What can go wrong with a lake.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("{what} `{}`", path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("another process writes the lake in `{}`", .0.display())]
    Locked(PathBuf),
    #[error("`{}` was written by a newer version of this program", .0.display())]
    Newer(PathBuf),
    #[error("the catalog `{}` cannot be used", path.display())]
    Catalog {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    /// Without it, nobody knows which files count.
    #[error("the lake in `{}` has segments and no catalog; put `catalog.db` back, or move the segments away", .0.display())]
    CatalogGone(PathBuf),
    #[error("`{url}` cannot be a lake: {why}")]
    Remote { url: String, why: String },
    #[error("{what} `{url}`")]
    Store {
        what: &'static str,
        url: String,
        #[source]
        source: Box<object_store::Error>,
    },
    #[error("rows cannot be written")]
    Arrow(#[from] arrow::error::ArrowError),
    #[error("Parquet cannot be written")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The bytes are not what [`crate::Rows`] makes.
    #[error("the payload cannot be read: {0}")]
    Payload(String),
    #[error("the log cannot be forced to the disk")]
    NotSynced,
    #[error("the lake is closed")]
    Closed,
}

impl LakeError {
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LakeError {
        let path = path.to_owned();
        move |source| LakeError::File { what, path, source }
    }
}
