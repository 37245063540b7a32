//! Signed calls to one AWS service.
//!
//! Two failures are mended here because only this layer can: a clock that is off (the service's `Date`
//! tells by how much) and keys that have expired. Each is tried once; all other retrying is the caller's.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use ::http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::sign::{sha256_hex, sign};
use super::{AwsError, Credentials, Keys, Service, ServiceError};
use crate::http::{Client, Response};

/// Connect 10 s, first byte 30 s, all of it 60 s is what AWS sinks use; a call here is one small answer.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Everything but the characters RFC 3986 calls unreserved, as signatures want it.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Services that speak JSON 1.0; the others speak 1.1.
const JSON_1_0: &[&str] = &["dynamodb", "monitoring", "sqs"];

/// A service, keys and a connection pool.
pub struct AwsClient {
    service: Service,
    /// `None` sends unsigned, as AssumeRoleWithWebIdentity is.
    credentials: Option<Credentials>,
    http: Client,
    timeout: Duration,
    /// Seconds to add to our clock.
    skew: AtomicI64,
}

/// One call. `body_sha256` saves hashing a body whose hash is known. `Debug` leaves out headers and body.
#[derive(Clone)]
pub struct AwsRequest {
    pub method: Method,
    /// Encoded path and query below the endpoint, beginning with `/`.
    pub path: String,
    /// Put before the endpoint's host, such as `bucket.`.
    pub host_prefix: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub body_sha256: Option<String>,
    pub timeout: Option<Duration>,
    pub max_response_bytes: Option<usize>,
}

pub type AwsResponse = Response;

impl AwsRequest {
    pub fn new(method: Method, path: impl Into<String>) -> AwsRequest {
        AwsRequest {
            method,
            path: path.into(),
            host_prefix: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            body_sha256: None,
            timeout: None,
            max_response_bytes: None,
        }
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> AwsRequest {
        self.body = body.into();
        self
    }

    pub fn body_sha256(mut self, hex: impl Into<String>) -> AwsRequest {
        self.body_sha256 = Some(hex.into());
        self
    }

    /// Sets a header of the request's own; `value` must be visible ASCII.
    pub fn header(mut self, name: &'static str, value: &str) -> AwsRequest {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> AwsRequest {
        self.timeout = Some(timeout);
        self
    }
}

impl AwsClient {
    pub fn new(service: Service, credentials: Credentials, http: Client) -> AwsClient {
        let skew = AtomicI64::new(0);
        AwsClient { service, credentials: Some(credentials), http, timeout: DEFAULT_TIMEOUT, skew }
    }

    pub(super) fn unsigned(service: Service, http: Client) -> AwsClient {
        AwsClient { service, credentials: None, http, timeout: DEFAULT_TIMEOUT, skew: AtomicI64::new(0) }
    }

    pub fn with_timeout(mut self, timeout: Duration) -> AwsClient {
        self.timeout = timeout;
        self
    }

    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Calls a JSON operation by its full target, such as `Logs_20140328.PutLogEvents`.
    pub async fn call_json(&self, target: &str, body: Bytes) -> Result<AwsResponse, AwsError> {
        self.call(&self.json(target, body)).await
    }

    /// The request `call_json` would send, for callers that know the body's hash or add a header.
    pub fn json(&self, target: &str, body: Bytes) -> AwsRequest {
        let content_type = match JSON_1_0.contains(&self.service.name.as_str()) {
            true => "application/x-amz-json-1.0",
            false => "application/x-amz-json-1.1",
        };
        AwsRequest::new(Method::POST, "/")
            .body(body)
            .header("content-type", content_type)
            .header("x-amz-target", target)
    }

    /// Calls an operation of the Query protocol (STS, EC2, SNS), whose answers are XML.
    pub async fn call_query(
        &self,
        action: &str,
        version: &str,
        parameters: &[(&str, &str)],
    ) -> Result<AwsResponse, AwsError> {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            let value = utf8_percent_encode(value, ENCODED);
            body.push_str(&format!("&{name}={value}"));
        }
        let request = AwsRequest::new(Method::POST, "/")
            .body(body)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        self.call(&request).await
    }

    /// Sends a call. A status of 300 or more is an error.
    pub async fn call(&self, request: &AwsRequest) -> Result<AwsResponse, AwsError> {
        let hash = match &request.body_sha256 {
            Some(hash) => hash.clone(),
            None => sha256_hex(&request.body),
        };
        let (mut may_refresh, mut may_correct_clock) = (true, true);
        loop {
            let keys = match &self.credentials {
                Some(credentials) => Some(credentials.get().await?),
                None => None,
            };
            let response = self.attempt(request, hash.clone(), keys.as_deref()).await?;
            if response.status.is_success() {
                return Ok(response);
            }
            let error = ServiceError::of(&response);
            if may_correct_clock && error.is_clock_skew() && self.correct_clock(&error) {
                may_correct_clock = false;
                continue;
            }
            let error = AwsError::from(error);
            if error.is_auth()
                && let (Some(credentials), Some(keys)) = (&self.credentials, &keys)
            {
                // Denied may mean that the role's policy has just changed; the next call asks with new keys.
                credentials.invalidate(keys);
                if may_refresh && error.service().is_some_and(ServiceError::is_stale_keys) {
                    may_refresh = false;
                    continue;
                }
            }
            return Err(error);
        }
    }

    async fn attempt(
        &self,
        request: &AwsRequest,
        hash: String,
        keys: Option<&Keys>,
    ) -> Result<Response, AwsError> {
        let mut wire = self.wire(request)?;
        if let Some(keys) = keys {
            sign(&mut wire, hash, &self.service, keys, self.now())?;
        }
        let timeout = request.timeout.unwrap_or(self.timeout);
        let sent = match request.max_response_bytes {
            Some(cap) => self.http.send_capped(wire, timeout, cap).await,
            None => self.http.send(wire, timeout).await,
        };
        Ok(sent?)
    }

    fn wire(&self, request: &AwsRequest) -> Result<Request<Bytes>, AwsError> {
        let (scheme, rest) =
            self.service.endpoint.split_once("://").unwrap_or(("https", &self.service.endpoint));
        let uri = format!("{scheme}://{}{rest}{}", request.host_prefix, request.path);
        let mut wire = Request::builder()
            .method(request.method.clone())
            .uri(uri)
            .body(request.body.clone())
            .map_err(|_| AwsError::Request(format!("`{}` is no URL", self.service.endpoint)))?;
        *wire.headers_mut() = request.headers.clone();
        let authority = wire.uri().authority().map(|authority| authority.as_str().to_owned());
        // As hyper would write it, because it is signed: without the scheme's own port.
        let host = authority.unwrap_or_default();
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        let host = host.strip_suffix(default_port).unwrap_or(&host);
        let header = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| AwsError::Request(format!("`{text}` is no header value")))
        };
        wire.headers_mut().insert(HOST, header(host)?);
        wire.headers_mut().insert(USER_AGENT, header(&self.service.user_agent)?);
        if !request.body.is_empty() && !wire.headers().contains_key(CONTENT_TYPE) {
            wire.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        }
        Ok(wire)
    }

    fn now(&self) -> SystemTime {
        let skew = self.skew.load(Ordering::Relaxed);
        // Signing is about the wall clock, and this crate lies below the engine's clock module.
        #[allow(clippy::disallowed_methods)]
        let now = SystemTime::now();
        let by = Duration::from_secs(skew.unsigned_abs());
        if skew < 0 { now.checked_sub(by).unwrap_or(now) } else { now + by }
    }

    /// Takes the service's word for the time. False if it told none, or if nothing would change.
    fn correct_clock(&self, error: &ServiceError) -> bool {
        let Some(theirs) = error.date.as_deref().and_then(http_date) else { return false };
        let ours = jiff::Timestamp::now().as_second();
        let skew = theirs - ours;
        let changed = self.skew.swap(skew, Ordering::Relaxed).abs_diff(skew) > 1;
        if changed {
            tracing::warn!(
                skew_seconds = skew,
                service = self.service.name,
                "our clock differs from the service's; signing with its time"
            );
        }
        changed
    }
}

fn http_date(text: &str) -> Option<i64> {
    // `Date` is RFC 2822 but for the zone, which it calls GMT.
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(zoned.timestamp().as_second())
}

impl fmt::Debug for AwsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AwsRequest { method, path, host_prefix, .. } = self;
        write!(f, "AwsRequest({method} {host_prefix}{path}, {} bytes)", self.body.len())
    }
}

impl fmt::Debug for AwsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsClient").field("service", &self.service).finish_non_exhaustive()
    }
}
