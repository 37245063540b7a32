//! Objects in parts: ranges of them read, and large ones written in several requests.

use ::http::Method;
use bytes::Bytes;
use percent_encoding::utf8_percent_encode;

use super::{ENCODED, PATH, S3, TIMEOUT, etag, xml};
use crate::aws::{AwsError, AwsRequest, ServiceError};

/// Bytes of an object, and what is told of all of it.
#[derive(Debug, Clone)]
pub struct Ranged {
    pub body: Bytes,
    /// Of the first byte in the object.
    pub start: u64,
    /// Of the whole object.
    pub size: u64,
    pub etag: Option<String>,
}

impl S3 {
    /// A part of an object; `range` is as in the header `Range`, such as `bytes=0-99`. `cap` is the most that it holds.
    pub async fn get_range(
        &self,
        bucket: &str,
        key: &str,
        range: &str,
        cap: usize,
    ) -> Result<Ranged, AwsError> {
        let mut request = self.request(Method::GET, key).header("range", range);
        // Some stores answer with the whole object, and all with an error's text.
        request.max_response_bytes = Some(cap.max(self.max_object_bytes));
        let response = self.call(bucket, &request).await?;
        let told = response.header("content-range").and_then(content_range);
        let (start, size) = told.unwrap_or((0, response.body.len() as u64));
        Ok(Ranged { start, size, etag: etag(&response), body: response.body })
    }

    /// Begins an object that comes in parts; returns the id of the upload.
    pub async fn start_upload(&self, bucket: &str, key: &str) -> Result<String, AwsError> {
        let request = self.upload(Method::POST, key, "uploads=");
        let response = self.call(bucket, &request).await?;
        let answer = String::from_utf8_lossy(&response.body);
        xml::text(&answer, "UploadId").ok_or_else(|| ServiceError::of(&response).into())
    }

    /// One part, counted from 1. Each but the last has 5 MiB at least, and all of these are equally large.
    pub async fn put_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        number: u32,
        body: Bytes,
    ) -> Result<String, AwsError> {
        let query = format!("partNumber={number}&uploadId={}", utf8_percent_encode(upload, ENCODED));
        let response = self.call(bucket, &self.upload(Method::PUT, key, &query).body(body)).await?;
        etag(&response).ok_or_else(|| ServiceError::of(&response).into())
    }

    /// Makes the parts one object; `etags` are those that the parts were answered with, in order.
    pub async fn finish_upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        etags: &[String],
    ) -> Result<(), AwsError> {
        let mut body = String::from("<CompleteMultipartUpload>");
        for (number, etag) in (1..).zip(etags) {
            body.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
        }
        body.push_str("</CompleteMultipartUpload>");
        let query = format!("uploadId={}", utf8_percent_encode(upload, ENCODED));
        let request =
            self.upload(Method::POST, key, &query).body(body).header("content-type", "application/xml");
        let response = self.call(bucket, &request).await?;
        // The status goes out before the work is done, so a failure may come with 200.
        match String::from_utf8_lossy(&response.body).contains("<Error>") {
            true => Err(ServiceError::of(&response).into()),
            false => Ok(()),
        }
    }

    /// Gives up an upload, whose parts would be kept and paid for.
    pub async fn abort_upload(&self, bucket: &str, key: &str, upload: &str) -> Result<(), AwsError> {
        let query = format!("uploadId={}", utf8_percent_encode(upload, ENCODED));
        self.call(bucket, &self.upload(Method::DELETE, key, &query)).await.map(drop)
    }

    fn upload(&self, method: Method, key: &str, query: &str) -> AwsRequest {
        AwsRequest::new(method, format!("/{}?{query}", utf8_percent_encode(key, PATH))).timeout(TIMEOUT)
    }
}

/// Start and size of `bytes 0-99/1234`.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, size.parse().ok()?))
}
