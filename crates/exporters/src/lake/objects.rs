//! S3 as an object store, through this program's own client: its chain of credentials, its proxies, its TLS.
//!
//! Requests run on a thread of the store's own, so connections stay usable whoever asks: the lake's publisher and queries
//! have runtimes of their own, which may be idle or gone while a pooled connection is not.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use lake::Remote;
use net::Environment;
use net::aws::{AwsError, ObjectSummary, PutOptions as S3PutOptions, S3};
use net::http::{Client, ClientSettings};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};
use tokio::runtime::{Builder, Runtime};

use crate::login::{self, Login};

/// Largest part of an object held in memory. A row group's columns come in ranges far smaller.
const MAX_RANGE: usize = 1 << 30;
/// What is read of objects is kept on disk up to so many bytes, unless told otherwise.
pub const CACHE: u64 = 5 << 30;
const CONTENT_TYPE: &str = "application/vnd.apache.parquet";

/// A bucket and prefix, and how to reach it.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// `s3://bucket/prefix`.
    pub url: String,
    pub region: Option<String>,
    pub endpoint: Option<String>,
    pub path_style: Option<bool>,
}

/// The store of a place. Nothing is asked until it is used.
pub fn remote(place: &Place, environment: &Environment) -> Result<Remote, String> {
    let bucket = place.url.strip_prefix("s3://").and_then(|rest| rest.split('/').next());
    let bucket = bucket.filter(|bucket| !bucket.is_empty());
    let bucket = bucket.ok_or_else(|| format!("`{}` is not of the form s3://bucket/prefix", place.url))?;
    let client = client(place, environment).map_err(|error| error.to_string())?;
    let store = Objects { s3: Arc::new(client), bucket: bucket.into(), threads: Arc::default() };
    Remote::new(Arc::new(store), &place.url).map_err(|error| error.to_string())
}

fn client(place: &Place, environment: &Environment) -> Result<S3, net::tls::TlsConfigError> {
    let login = Login {
        region: place.region.as_deref(),
        profile: None,
        role_arn: None,
        external_id: None,
        sts_endpoint: None,
    };
    let http = Client::new(ClientSettings::new(environment))?;
    let credentials = login::credentials(&login, environment, &http)?;
    let region = login.region(environment).unwrap_or_else(|| "us-east-1".into());
    let mut client = S3::new(&region, credentials, http, environment);
    if let Some(endpoint) = &place.endpoint {
        client = client.with_endpoint(endpoint);
    }
    if let Some(path_style) = place.path_style {
        client = client.with_path_style(path_style);
    }
    Ok(client)
}

/// One bucket.
#[derive(Debug)]
struct Objects {
    s3: Arc<S3>,
    bucket: Arc<str>,
    threads: Arc<Threads>,
}

/// Where requests run. Started with the first.
#[derive(Default)]
struct Threads(OnceLock<Runtime>);

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Threads")
    }
}

impl Threads {
    fn get(&self) -> Result<&Runtime> {
        if let Some(runtime) = self.0.get() {
            return Ok(runtime);
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("lake-objects")
            .enable_all()
            .build()
            .map_err(|error| Error::Generic { store: "S3", source: Box::new(error) })?;
        if let Err(second) = self.0.set(runtime) {
            second.shutdown_background();
        }
        self.0.get().ok_or_else(|| Error::Generic { store: "S3", source: "no thread".into() })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)
    }
}

impl Objects {
    /// Runs a call on the store's own thread.
    async fn call<T, F>(&self, path: &Path, call: impl FnOnce(Arc<S3>, Arc<str>, String) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AwsError>> + Send + 'static,
    {
        let future = call(self.s3.clone(), self.bucket.clone(), path.to_string());
        on(&self.threads, path, future).await
    }

    async fn page(&self, prefix: &str, after: Option<&str>, from: Option<&str>) -> Result<net::aws::Listing> {
        let place = Path::parse(prefix).unwrap_or_default();
        let (prefix, after, from) = (prefix.to_owned(), after.map(str::to_owned), from.map(str::to_owned));
        self.call(&place, |s3, bucket, _| async move {
            s3.list_after(&bucket, &prefix, after.as_deref(), from.as_deref()).await
        })
        .await
    }

    fn pages(&self, prefix: Option<&Path>, after: Option<String>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.filter(|prefix| !prefix.as_ref().is_empty());
        let prefix = prefix.map_or_else(String::new, |prefix| format!("{prefix}/"));
        let own = Objects { s3: self.s3.clone(), bucket: self.bucket.clone(), threads: self.threads.clone() };
        let start = Some((own, prefix, after, None::<String>));
        stream::try_unfold(start, |state| async move {
            let Some((own, prefix, after, from)) = state else { return Ok(None) };
            let page = own.page(&prefix, after.as_deref(), from.as_deref()).await?;
            let objects = stream::iter(page.objects.into_iter().filter_map(meta).map(Ok));
            let next = page.next.map(|next| (own, prefix, after, Some(next)));
            Ok::<_, Error>(Some((objects, next)))
        })
        .try_flatten()
        .boxed()
    }
}

async fn on<T: Send + 'static>(
    threads: &Threads,
    path: &Path,
    call: impl Future<Output = Result<T, AwsError>> + Send + 'static,
) -> Result<T> {
    let done = threads.get()?.spawn(call).await;
    let done = done.map_err(|error| Error::Generic { store: "S3", source: Box::new(error) })?;
    done.map_err(|error| sorted(error, path))
}

/// By what a caller would do about it.
fn sorted(error: AwsError, path: &Path) -> Error {
    let (is_auth, code) = (error.is_auth(), error.code().to_owned());
    let status = error.service().map_or(0, |error| error.status);
    let (path, source) = (path.to_string(), Box::new(error));
    match code.as_str() {
        "NoSuchBucket" => Error::Generic { store: "S3", source },
        "PreconditionFailed" => Error::Precondition { path, source },
        _ if status == 404 => Error::NotFound { path, source },
        _ if is_auth => Error::PermissionDenied { path, source },
        _ => Error::Generic { store: "S3", source },
    }
}

/// A key that is no path, such as one that ends with a slash, is a folder's mark or nobody's segment.
fn meta(object: ObjectSummary) -> Option<ObjectMeta> {
    if object.key.ends_with('/') {
        return None;
    }
    Some(ObjectMeta {
        location: Path::parse(&object.key).ok()?,
        last_modified: object.last_modified.and_then(|time| time.parse().ok()).unwrap_or_default(),
        size: object.size,
        e_tag: object.etag,
        version: None,
    })
}

fn unsupported(what: &str) -> Error {
    Error::NotSupported { source: format!("{what} is not needed for a lake").into() }
}

#[async_trait]
impl ObjectStore for Objects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if !matches!(options.mode, PutMode::Overwrite) {
            return Err(unsupported("writing under a condition"));
        }
        let e_tag = self
            .call(location, |s3, bucket, key| async move {
                let options =
                    S3PutOptions { content_type: Some(CONTENT_TYPE.into()), ..S3PutOptions::default() };
                s3.put_object(&bucket, &key, payload.into(), &options).await
            })
            .await?;
        Ok(PutResult { e_tag, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let id = self.call(location, |s3, bucket, key| async move { s3.start_upload(&bucket, &key).await });
        let id = id.await?.into();
        let store =
            Objects { s3: self.s3.clone(), bucket: self.bucket.clone(), threads: self.threads.clone() };
        Ok(Box::new(Upload {
            store: Arc::new(store),
            location: location.clone(),
            id,
            number: 0,
            done: Arc::default(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let conditional = options.if_match.is_some() || options.if_none_match.is_some();
        if conditional || options.if_modified_since.is_some() || options.if_unmodified_since.is_some() {
            return Err(unsupported("reading under a condition"));
        }
        if options.head {
            let found = self.call(location, |s3, bucket, key| async move { s3.head(&bucket, &key).await });
            let found = found.await?.and_then(meta);
            let missing = || Error::NotFound { path: location.to_string(), source: "no such object".into() };
            return Ok(result(found.ok_or_else(missing)?, 0, Bytes::new()));
        }
        let (range, cap) = header(options.range.as_ref());
        let read = self
            .call(location, |s3, bucket, key| async move { s3.get_range(&bucket, &key, &range, cap).await });
        let read = read.await?;
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: Default::default(),
            size: read.size,
            e_tag: read.etag,
            version: None,
        };
        Ok(result(meta, read.start, read.body))
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (s3, bucket, threads) = (self.s3.clone(), self.bucket.clone(), self.threads.clone());
        locations
            .and_then(move |location| {
                let (s3, bucket, threads) = (s3.clone(), bucket.clone(), threads.clone());
                async move {
                    let key = location.to_string();
                    on(&threads, &location, async move { s3.delete(&bucket, &key).await }).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, Some(offset.to_string()))
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(unsupported("listing by folders"))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unsupported("copying"))
    }
}

/// The header `Range` for what is asked, and the most bytes that are answered.
fn header(range: Option<&GetRange>) -> (String, usize) {
    let bytes = |count: u64| usize::try_from(count).unwrap_or(MAX_RANGE).min(MAX_RANGE);
    match range {
        Some(GetRange::Bounded(Range { start, end })) => {
            (format!("bytes={start}-{}", end.saturating_sub(1)), bytes(end.saturating_sub(*start)))
        }
        Some(GetRange::Offset(start)) => (format!("bytes={start}-"), MAX_RANGE),
        Some(GetRange::Suffix(count)) => (format!("bytes=-{count}"), bytes(*count)),
        None => ("bytes=0-".into(), MAX_RANGE),
    }
}

fn result(meta: ObjectMeta, start: u64, body: Bytes) -> GetResult {
    let range = start..start + body.len() as u64;
    let payload = GetResultPayload::Stream(stream::once(async { Ok(body) }).boxed());
    GetResult { payload, meta, range, attributes: Attributes::default() }
}

/// An object that comes in parts.
#[derive(Debug)]
struct Upload {
    store: Arc<Objects>,
    location: Path,
    id: Arc<str>,
    number: u32,
    /// Numbers of parts and what they were answered with.
    done: Arc<Mutex<Vec<(u32, String)>>>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.number += 1;
        let (store, location, id, number) =
            (self.store.clone(), self.location.clone(), self.id.clone(), self.number);
        let done = self.done.clone();
        Box::pin(async move {
            let etag = store
                .call(&location, |s3, bucket, key| async move {
                    s3.put_part(&bucket, &key, &id, number, data.into()).await
                })
                .await?;
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, etag));
            Ok(())
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let mut done = std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner));
        done.sort_unstable();
        let etags: Vec<String> = done.into_iter().map(|(_, etag)| etag).collect();
        let id = self.id.clone();
        self.store
            .call(&self.location, |s3, bucket, key| async move {
                s3.finish_upload(&bucket, &key, &id, &etags).await
            })
            .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        let id = self.id.clone();
        self.store
            .call(&self.location, |s3, bucket, key| async move { s3.abort_upload(&bucket, &key, &id).await })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_the_header_has_them() {
        for (range, expected) in [
            (Some(GetRange::Bounded(4..8)), ("bytes=4-7", 4)),
            (Some(GetRange::Offset(9)), ("bytes=9-", MAX_RANGE)),
            (Some(GetRange::Suffix(8)), ("bytes=-8", 8)),
            (None, ("bytes=0-", MAX_RANGE)),
        ] {
            let (text, cap) = header(range.as_ref());
            assert_eq!((text.as_str(), cap), expected);
        }
    }

    #[test]
    fn a_place_that_is_no_bucket_is_refused() {
        let at = |url: &str| {
            remote(&Place { url: url.into(), ..Place::default() }, &Environment::default())
                .map(|r| r.to_string())
        };
        assert_eq!(at("s3://bucket/prefix/"), Ok("s3://bucket/prefix".into()));
        for wrong in ["bucket", "s3://", "s3:///prefix", "gs://bucket/prefix"] {
            assert!(at(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
