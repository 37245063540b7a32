//! The S3 calls we need: read, write, look, list, delete.
//!
//! A bucket's region need not be known: the first answer from the wrong one names the right one, which
//! is then remembered. That saves users the permission `s3:GetBucketLocation`.

mod parts;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::http::Method;
use bytes::Bytes;
use percent_encoding::{AsciiSet, utf8_percent_encode};

use super::client::ENCODED;
use super::{AwsClient, AwsError, AwsRequest, AwsResponse, Credentials, Service, ServiceError, xml};
use crate::Environment;
use crate::http::Client;

pub use parts::Ranged;

/// Largest object read into memory, unless set otherwise.
const MAX_OBJECT_BYTES: usize = 64 << 20;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A page of 1,000 keys of 1,024 bytes, each escaped, is below this.
const MAX_LISTING_BYTES: usize = 8 << 20;

/// In a path the separators between segments stay.
const PATH: &AsciiSet = &ENCODED.remove(b'/');

pub struct S3 {
    environment: Environment,
    credentials: Credentials,
    http: Client,
    region: String,
    endpoint: Option<String>,
    /// Where buckets go, when it is not for the endpoint to say.
    path_style: Option<bool>,
    max_object_bytes: usize,
    /// Region of each bucket that is not in ours.
    elsewhere: Mutex<HashMap<String, String>>,
    clients: Mutex<HashMap<String, Arc<AwsClient>>>,
}

#[derive(Debug, Clone)]
pub struct Object {
    pub body: Bytes,
    pub etag: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSummary {
    pub key: String,
    pub size: u64,
    pub etag: Option<String>,
    /// RFC 3339, as S3 wrote it.
    pub last_modified: Option<String>,
}

/// One page; `next` continues where it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub objects: Vec<ObjectSummary>,
    pub next: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct PutOptions {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub storage_class: Option<String>,
    /// A canned one, such as `bucket-owner-full-control`.
    pub acl: Option<String>,
    /// Write only if there is no such object, else fail with `PreconditionFailed`.
    pub only_if_absent: bool,
    /// Write only over the object with this entity tag, else fail with `PreconditionFailed`.
    pub only_over: Option<String>,
    /// Hex SHA-256 of the body, when it is known.
    pub body_sha256: Option<String>,
}

impl S3 {
    /// `region` is a first guess; any will do where `x-amz-bucket-region` is answered.
    pub fn new(region: &str, credentials: Credentials, http: Client, environment: &Environment) -> S3 {
        S3 {
            environment: environment.clone(),
            credentials,
            http,
            region: region.into(),
            endpoint: None,
            path_style: None,
            max_object_bytes: MAX_OBJECT_BYTES,
            elsewhere: Mutex::default(),
            clients: Mutex::default(),
        }
    }

    /// Instead of the one the variables and the region give. Buckets then go into the path.
    pub fn with_endpoint(mut self, endpoint: &str) -> S3 {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Whether buckets go into the path, else into the host.
    pub fn with_path_style(mut self, path_style: bool) -> S3 {
        self.path_style = Some(path_style);
        self
    }

    pub fn with_max_object_bytes(mut self, bytes: usize) -> S3 {
        self.max_object_bytes = bytes;
        self
    }

    /// `Ok(None)` when the object still has the entity tag `if_none_match`.
    pub async fn get_object(
        &self,
        bucket: &str,
        key: &str,
        if_none_match: Option<&str>,
    ) -> Result<Option<Object>, AwsError> {
        let mut request = self.request(Method::GET, key);
        request.max_response_bytes = Some(self.max_object_bytes);
        if let Some(tag) = if_none_match {
            request = request.header("if-none-match", tag);
        }
        match self.call(bucket, &request).await {
            Ok(response) => Ok(Some(Object { etag: etag(&response), body: response.body })),
            Err(error) if error.service().is_some_and(|error| error.status == 304) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `Ok(None)` when there is no such object. (Without permission to list, S3 says `AccessDenied`.)
    pub async fn head(&self, bucket: &str, key: &str) -> Result<Option<ObjectSummary>, AwsError> {
        match self.call(bucket, &self.request(Method::HEAD, key)).await {
            Ok(response) => Ok(Some(ObjectSummary {
                key: key.into(),
                size: response.header("content-length").and_then(|n| n.parse().ok()).unwrap_or_default(),
                etag: etag(&response),
                last_modified: response.header("last-modified").map(str::to_owned),
            })),
            Err(error) if error.service().is_some_and(|error| error.status == 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes an object and returns its entity tag.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<Option<String>, AwsError> {
        let mut request = self.request(Method::PUT, key).body(body);
        request.body_sha256 = options.body_sha256.clone();
        let headers = [
            ("content-type", &options.content_type),
            ("content-encoding", &options.content_encoding),
            ("x-amz-storage-class", &options.storage_class),
            ("x-amz-acl", &options.acl),
            ("if-match", &options.only_over),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if options.only_if_absent {
            request = request.header("if-none-match", "*");
        }
        let response = self.call(bucket, &request).await?;
        Ok(etag(&response))
    }

    /// Deleting what is not there succeeds.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), AwsError> {
        self.call(bucket, &self.request(Method::DELETE, key)).await.map(drop)
    }

    /// Deletes the object with this entity tag, else fails with `PreconditionFailed`. A store that does not know
    /// the condition deletes whatever is there, or refuses.
    pub async fn delete_exactly(&self, bucket: &str, key: &str, etag: &str) -> Result<(), AwsError> {
        let request = self.request(Method::DELETE, key).header("if-match", etag);
        self.call(bucket, &request).await.map(drop)
    }

    /// One page of keys in order; `from` is the `next` of the page before.
    pub async fn list(&self, bucket: &str, prefix: &str, from: Option<&str>) -> Result<Listing, AwsError> {
        self.list_after(bucket, prefix, None, from).await
    }

    /// As `list`, with keys behind `after` only.
    pub async fn list_after(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        from: Option<&str>,
    ) -> Result<Listing, AwsError> {
        let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        let mut query = String::from("/?");
        if let Some(token) = from {
            query.push_str(&format!("continuation-token={}&", encode(token)));
        }
        // Keys may hold characters XML cannot carry, so S3 is asked to encode them.
        query.push_str(&format!("encoding-type=url&list-type=2&prefix={}", encode(prefix)));
        if let Some(after) = after {
            query.push_str(&format!("&start-after={}", encode(after)));
        }
        let mut request = AwsRequest::new(Method::GET, query).timeout(TIMEOUT);
        request.max_response_bytes = Some(MAX_LISTING_BYTES);
        let response = self.call(bucket, &request).await?;
        Ok(read_listing(&String::from_utf8_lossy(&response.body)))
    }

    fn request(&self, method: Method, key: &str) -> AwsRequest {
        AwsRequest::new(method, format!("/{}", utf8_percent_encode(key, PATH))).timeout(TIMEOUT)
    }

    async fn call(&self, bucket: &str, request: &AwsRequest) -> Result<AwsResponse, AwsError> {
        let region = lock(&self.elsewhere).get(bucket).cloned().unwrap_or_else(|| self.region.clone());
        let first = self.call_in(&region, bucket, request).await;
        let Err(AwsError::Service(error)) = &first else { return first };
        match real_region(error).filter(|real| *real != region) {
            Some(real) => {
                lock(&self.elsewhere).insert(bucket.into(), real.clone());
                self.call_in(&real, bucket, request).await
            }
            None => first,
        }
    }

    async fn call_in(
        &self,
        region: &str,
        bucket: &str,
        request: &AwsRequest,
    ) -> Result<AwsResponse, AwsError> {
        let client = self.client(region);
        let mut request = request.clone();
        // A dot in the bucket's name does not fit the certificate of `*.s3.REGION.amazonaws.com`.
        if self.path_style.unwrap_or(client.service().is_custom) || bucket.contains('.') {
            request.path = format!("/{bucket}{}", request.path);
        } else {
            request.host_prefix = format!("{bucket}.");
        }
        client.call(&request).await
    }

    fn client(&self, region: &str) -> Arc<AwsClient> {
        let make = || {
            let mut service = Service::new("s3", region, &self.environment);
            if let Some(endpoint) = &self.endpoint {
                service = service.with_endpoint(endpoint);
            }
            Arc::new(AwsClient::new(service, self.credentials.clone(), self.http.clone()))
        };
        lock(&self.clients).entry(region.into()).or_insert_with(make).clone()
    }
}

/// Where the bucket is, when the error is that it is not here.
fn real_region(error: &ServiceError) -> Option<String> {
    let moved = matches!(error.status, 301 | 307)
        || matches!(error.code.as_str(), "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException")
        // HEAD has no body to say more.
        || (error.status == 400 && error.code == "Http400");
    error.bucket_region.clone().filter(|region| moved && !region.is_empty())
}

fn etag(response: &AwsResponse) -> Option<String> {
    response.header("etag").map(str::to_owned)
}

fn read_listing(body: &str) -> Listing {
    let decode = |text: String| {
        // In this encoding a space is `+`.
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let object = |content: &str| {
        Some(ObjectSummary {
            key: decode(xml::text(content, "Key")?),
            size: xml::text(content, "Size")?.parse().ok()?,
            etag: xml::text(content, "ETag"),
            last_modified: xml::text(content, "LastModified"),
        })
    };
    let truncated = xml::text(body, "IsTruncated").as_deref() == Some("true");
    Listing {
        objects: xml::each(body, "Contents").filter_map(object).collect(),
        next: xml::text(body, "NextContinuationToken").filter(|_| truncated),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").field("region", &self.region).finish_non_exhaustive()
    }
}
