//! What AWS said when it did not do what was asked, from any of its error shapes.
//!
//! JSON with `__type`, JSON with a header, XML in three nestings, no body at all after HEAD, and pages of
//! HTML from whatever stands in between: each becomes a code, a message and a request id.

use std::time::Duration;

use crate::http::{HttpError, Response};

use super::{CredentialsError, xml};

#[derive(Debug, Clone, thiserror::Error)]
pub enum AwsError {
    #[error(transparent)]
    Service(Box<ServiceError>),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("the request cannot be sent: {0}")]
    Request(String),
}

/// An answer that is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceError {
    /// Bare, such as `ResourceNotFoundException`. `Http502` when the answer names none.
    pub code: String,
    pub message: String,
    pub status: u16,
    pub request_id: Option<String>,
    pub retry_after: Option<Duration>,
    /// Where an S3 bucket really is.
    pub(super) bucket_region: Option<String>,
    /// The service's clock, as its `Date` header has it.
    pub(super) date: Option<String>,
}

const THROTTLES: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

const TRANSIENT: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

/// The keys are old or unknown; new ones may work.
const STALE_KEYS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// The keys are known and not allowed, or the signature is wrong.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "IncompleteSignature",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
];

impl AwsError {
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            AwsError::Service(error) => Some(error),
            _ => None,
        }
    }

    /// The error code, or nothing when no answer came.
    pub fn code(&self) -> &str {
        self.service().map_or("", |error| &error.code)
    }

    pub fn is(&self, code: &str) -> bool {
        self.code() == code
    }

    /// Slow down: the request is fine.
    pub fn is_throttle(&self) -> bool {
        self.service().is_some_and(|e| e.status == 429 || THROTTLES.contains(&e.code.as_str()))
    }

    /// The keys or the role's permissions are at fault.
    pub fn is_auth(&self) -> bool {
        match self {
            AwsError::Service(error) => error.is_stale_keys() || DENIED.contains(&error.code.as_str()),
            AwsError::Credentials(_) => true,
            AwsError::Http(_) | AwsError::Request(_) => false,
        }
    }

    /// The same request may well succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            AwsError::Service(error) => error.status >= 500 || TRANSIENT.contains(&error.code.as_str()),
            AwsError::Http(error) => error.is_transient(),
            AwsError::Credentials(error) => error.is_transient(),
            AwsError::Request(_) => false,
        }
    }

    /// How long the service asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.service()?.retry_after
    }
}

impl ServiceError {
    pub(super) fn of(response: &Response) -> ServiceError {
        let body = String::from_utf8_lossy(&response.body);
        let (code, message) = parts(&body);
        let from_header = || response.header("x-amzn-errortype").map(bare);
        ServiceError {
            code: code.or_else(from_header).unwrap_or_else(|| from_status(response.status.as_u16())),
            message: message.unwrap_or_else(|| explain(response)),
            status: response.status.as_u16(),
            request_id: request_id(response, &body),
            retry_after: response.retry_after(),
            bucket_region: response
                .header("x-amz-bucket-region")
                .map(str::to_owned)
                .or_else(|| xml::text(&body, "Region")),
            date: response.header("date").map(str::to_owned),
        }
    }

    pub(super) fn is_stale_keys(&self) -> bool {
        STALE_KEYS.contains(&self.code.as_str())
    }

    /// The service thinks our clock is wrong. The code alone does not tell: a wrong secret has the same.
    pub(super) fn is_clock_skew(&self) -> bool {
        match self.code.as_str() {
            "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => true,
            "InvalidSignatureException" | "SignatureDoesNotMatch" | "AuthFailure" => {
                self.message.contains("expired") || self.message.contains("not yet current")
            }
            _ => false,
        }
    }
}

/// Code and message of a body in any shape that has them.
fn parts(body: &str) -> (Option<String>, Option<String>) {
    if body.trim_start().starts_with('{') {
        let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let text = |names: &[&str]| names.iter().find_map(|n| json.get(n)?.as_str()).map(str::to_owned);
        return (text(&["__type", "code"]).map(|code| bare(&code)), text(&["message", "Message"]));
    }
    // A page of HTML has neither element.
    (xml::text(body, "Code"), xml::text(body, "Message"))
}

/// `com.amazonaws.logs#Throttling:http://...` is `Throttling`.
fn bare(code: &str) -> String {
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    code.split(':').next().unwrap_or(code).trim().to_owned()
}

fn from_status(status: u16) -> String {
    match status {
        301 | 307 => "PermanentRedirect".into(),
        304 => "NotModified".into(),
        403 => "AccessDenied".into(),
        404 => "NotFound".into(),
        412 => "PreconditionFailed".into(),
        429 => "TooManyRequestsException".into(),
        503 => "ServiceUnavailable".into(),
        _ => format!("Http{status}"),
    }
}

fn explain(response: &Response) -> String {
    if response.body.is_empty() {
        return format!("status {} without a body", response.status.as_u16());
    }
    format!("status {} with a body that is no AWS error: {}", response.status.as_u16(), response.excerpt())
}

fn request_id(response: &Response, body: &str) -> Option<String> {
    let names = ["x-amzn-requestid", "x-amz-request-id"];
    let header = names.iter().find_map(|name| response.header(name)).map(str::to_owned);
    header.or_else(|| xml::text(body, "RequestId")).or_else(|| xml::text(body, "RequestID"))
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (status {}, request {id})", self.status),
            None => write!(f, " (status {})", self.status),
        }
    }
}

impl std::error::Error for ServiceError {}

impl From<ServiceError> for AwsError {
    fn from(error: ServiceError) -> AwsError {
        AwsError::Service(Box::new(error))
    }
}
