//! Stores records as objects in S3, one object a tag and time window.
//!
//! Records of a tag are gathered, and compressed while they are, until `max_file_bytes` are reached or the flush
//! interval has passed (Fluent Bit's `upload_timeout`, ten minutes by default); then they become one object. What
//! is gathered waits in memory, not in files: a quarter of the process's memory budget at most, beyond which the
//! largest object is closed early, so a small sidecar writes smaller objects. Shutting down closes and uploads
//! all of them; a container that is killed instead loses what was open.
//!
//! ```yaml
//! s3:
//!   bucket: example-logs
//!   region: eu-west-1
//!   key: /logs/$TAG[1]/%Y/%m/%d/%H/$UUID.ndjson.gz
//!   compression: gzip
//! ```
//!
//! The key is a text with parts that stand for something: `%Y` and its kin for the time of the object's first
//! record in UTC, `$TAG`, `$TAG[0]` to `$TAG[9]` for its parts, `$UUID` for eight random letters and digits, and
//! `$INDEX` for a number that counts objects since the start. Without `$UUID`, `-object` and eight such letters
//! are appended, unless `static_key` is set.
//!
//! Objects go up in one request each, and are closed at 100 MB because larger ones want multipart uploads,
//! which are not supported yet. The role needs `s3:PutObject`, and `s3:PutObjectAcl` with `acl`.

mod encoder;
mod key;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use config::{ByteSize, Interval};
use engine::{BuildContext, ConfigError, Outcome, Payload};
use net::aws::{AwsError, PutOptions};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::compress::{Compression, decompress};
use crate::dated::DateFormat;
use crate::http_destination;
use crate::login::{self, Login};
use key::KeyFormat;

/// Closed at this size, as larger objects want multipart uploads.
const MAX_OBJECT_BYTES: u64 = 100_000_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The bucket to write to.
    pub bucket: String,
    /// Region of the bucket; that of the environment, or `us-east-1`, when absent.
    pub region: Option<String>,
    /// Address of an S3 that is not AWS's, or of a VPC endpoint.
    pub endpoint: Option<String>,
    /// Role to write as.
    pub role_arn: Option<String>,
    /// External id the role asks for.
    pub external_id: Option<String>,
    /// STS to ask for the role's keys.
    pub sts_endpoint: Option<String>,
    /// Profile of the AWS configuration files to take keys from.
    pub profile: Option<String>,
    /// Put behind this program's name in the `User-Agent` header.
    pub user_agent: Option<String>,
    /// Key of each object; see above.
    pub key: String,
    /// Characters that part a tag for `$TAG[n]`.
    pub tag_delimiters: String,
    /// Leaves the key as it is written. Two objects with the same key are one: the later replaces the earlier.
    pub static_key: bool,
    /// Closes an object at this size before compression, 100 MB at most.
    pub max_file_bytes: ByteSize,
    /// How records are written.
    pub format: Format,
    /// Key of the time. Empty leaves the time out; a record's own value under this key goes first.
    pub date_key: String,
    /// How the time is written.
    pub date_format: DateFormat,
    /// Writes the value of this key and nothing else, one a line. Records without it are left out.
    pub log_key: Option<String>,
    /// How objects are compressed. The key is not changed: give it an ending of its own.
    pub compression: Compression,
    /// `Content-Type` of the objects.
    pub content_type: Option<String>,
    /// Canned ACL of the objects, such as `bucket-owner-full-control`.
    pub acl: Option<String>,
    /// Storage class of the objects, such as `STANDARD_IA`.
    pub storage_class: Option<String>,
    /// Writes everything beyond ASCII as `\uXXXX`.
    pub escape_unicode: bool,
    /// Longest time an object is open. Front ends set the flush interval from it.
    pub max_file_age: Option<Interval>,
    /// Changes nothing: each object goes up in one request.
    pub single_put: bool,
    /// Changes nothing, see `single_put`.
    pub part_bytes: Option<ByteSize>,
    /// Changes nothing: what was sent is held against its SHA-256, which is in the signature.
    pub send_md5: bool,
    /// Changes nothing: objects are gathered in memory.
    pub staging_dir: Option<String>,
    /// Changes nothing, see `staging_dir`.
    pub staging_max_bytes: Option<ByteSize>,
    /// Changes nothing: the records of an object are in the order they came.
    pub preserve_order: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            bucket: String::new(),
            region: None,
            endpoint: None,
            role_arn: None,
            external_id: None,
            sts_endpoint: None,
            profile: None,
            user_agent: None,
            key: "/fluent-bit-logs/$TAG/%Y/%m/%d/%H/%M/%S".into(),
            tag_delimiters: ".".into(),
            static_key: false,
            max_file_bytes: ByteSize(MAX_OBJECT_BYTES),
            format: Format::default(),
            date_key: "date".into(),
            date_format: DateFormat::Iso8601,
            log_key: None,
            compression: Compression::None,
            content_type: None,
            acl: None,
            storage_class: None,
            escape_unicode: false,
            max_file_age: None,
            single_put: true,
            part_bytes: None,
            send_md5: false,
            staging_dir: None,
            staging_max_bytes: None,
            preserve_order: true,
        }
    }
}

/// How records are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One object a line.
    #[default]
    JsonLines,
    /// One array.
    Json,
}

pub struct S3 {
    config: Config,
    key: Arc<KeyFormat>,
    /// Objects named so far, for `$INDEX`.
    index: Arc<AtomicU64>,
    /// Bytes that one encoder may gather, before compression.
    gather: u64,
    client: net::aws::S3,
}

impl engine::Exporter for S3 {
    const NAME: &'static str = "s3";
    type Config = Config;
    type Encoder = encoder::Encoder;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let bucket = match config.bucket.is_empty() {
            true => Err(cx.refuse(
                "bucket",
                "it has no bucket",
                "set `bucket` to the name of the bucket to write to",
            )),
            false => Ok(()),
        };
        if config.max_file_bytes.get() > MAX_OBJECT_BYTES {
            let message = format!("objects are closed at 100 MB, not at {}", config.max_file_bytes);
            cx.warn("max_file_bytes", message, "write at most 100MB to make this note go away");
        }
        let key = KeyFormat::parse(&config.key, &config.tag_delimiters, config.static_key);
        let key = key.map_err(|why| cx.refuse("key", why, "write a key such as `logs/$TAG/%Y/%m/%d/$UUID`"));
        let client = client(&config, cx)?;
        bucket?;
        let gather = encoder::share(config.compression, cx.surroundings);
        Ok(S3 { config, key: Arc::new(key?), index: Arc::default(), gather, client })
    }

    fn encoder(&self) -> encoder::Encoder {
        encoder::Encoder::new(&self.config, self.key.clone(), self.index.clone(), self.gather)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let body = match payload.wire() {
            Ok(body) => body,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        match self.put(&payload.route, body).await {
            Ok(()) => Outcome::Sent,
            Err(error) => outcome(&error, payload, &self.config.bucket),
        }
    }

    fn show(&self, payload: &Payload) -> String {
        let body = payload.wire().unwrap_or_default();
        let body = decompress(Compression::of(&body), &body, payload.raw_bytes).unwrap_or_default();
        format!("PUT s3://{}/{}\n\n{}", self.config.bucket, payload.route, String::from_utf8_lossy(&body))
    }
}

impl S3 {
    async fn put(&self, key: &str, body: Bytes) -> Result<(), AwsError> {
        let options = PutOptions {
            content_type: self.config.content_type.clone(),
            content_encoding: Compression::of(&body).content_encoding().map(str::to_owned),
            storage_class: self.config.storage_class.clone(),
            acl: self.config.acl.clone(),
            ..PutOptions::default()
        };
        self.client.put_object(&self.config.bucket, key, body, &options).await.map(drop)
    }
}

fn client(config: &Config, cx: &mut BuildContext<'_>) -> Result<net::aws::S3, ConfigError> {
    let login = Login {
        region: config.region.as_deref(),
        profile: config.profile.as_deref(),
        role_arn: config.role_arn.as_deref(),
        external_id: config.external_id.as_deref(),
        sts_endpoint: config.sts_endpoint.as_deref(),
    };
    let mut environment = login.environment(&cx.surroundings.environment);
    if let Some(suffix) = &config.user_agent {
        environment = environment.with("FLB_AWS_USER_AGENT", suffix);
    }
    let http = http_destination::client(None, None, cx)?;
    let credentials = login::credentials(&login, &environment, &http)
        .map_err(|error| cx.refuse("bucket", error.to_string(), "check the TLS files of the environment"))?;
    let region = login.region(&environment).unwrap_or_else(|| "us-east-1".into());
    let client = net::aws::S3::new(&region, credentials, http, &environment);
    Ok(match &config.endpoint {
        Some(endpoint) => client.with_endpoint(endpoint),
        None => client,
    })
}

/// Nearly every refusal is about a bucket or a permission that somebody can mend while the object waits.
fn outcome(error: &AwsError, payload: &Payload, bucket: &str) -> Outcome {
    let reason = format!("cannot write to bucket `{bucket}`: {error}");
    if error.is_throttle() || error.is_transient() {
        return Outcome::Retry { after: error.retry_after(), reason };
    }
    match error.code() {
        "EntityTooLarge" | "KeyTooLongError" | "InvalidURI" => Outcome::rejected(payload, reason),
        _ if error.is_auth() => {
            http_destination::until_mended(format!("{reason}; allow the task role `s3:PutObject` on it"))
        }
        _ => http_destination::until_mended(reason),
    }
}
