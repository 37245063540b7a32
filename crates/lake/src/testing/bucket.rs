//! A bucket in memory that fails when it is told to, and counts.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Debug, Default)]
pub struct Bucket {
    pub objects: InMemory,
    /// Writes that are refused from now on.
    pub refuse: AtomicU32,
    /// Writes that are taken, and said to have failed.
    pub swallow: AtomicU32,
    /// Objects that were written in parts.
    pub parts: AtomicU32,
    /// Bytes that were read.
    pub fetched: AtomicU64,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bucket in memory")
    }
}

fn one_less(count: &AtomicU32) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn refused() -> Error {
    Error::Generic { store: "test", source: "no room".into() }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, at: &Path, body: PutPayload, options: PutOptions) -> Result<PutResult> {
        if one_less(&self.refuse) {
            return Err(refused());
        }
        let put = self.objects.put_opts(at, body, options).await?;
        if one_less(&self.swallow) { Err(refused()) } else { Ok(put) }
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.parts.fetch_add(1, Ordering::SeqCst);
        self.objects.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        let answer = self.objects.get_opts(at, options).await?;
        self.fetched.fetch_add(answer.range.end - answer.range.start, Ordering::SeqCst);
        Ok(answer)
    }

    fn delete_stream(&self, at: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(at)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
