//! The two encodings of OTLP over HTTP, and answers in them.

use axum::http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use wire::protobuf;

/// `google.rpc.Code`, as far as it is told.
#[derive(Debug, Clone, Copy)]
pub enum Code {
    Invalid = 3,
    Exhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// An HTTP status, the code that goes with it, and why.
#[derive(Debug)]
pub struct Refusal(pub StatusCode, pub Code, pub String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// The one that the request names; its parameters do not matter.
    pub fn of(headers: &HeaderMap) -> Option<Encoding> {
        let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let kind = kind.split(';').next()?.trim();
        [Encoding::Protobuf, Encoding::Json]
            .into_iter()
            .find(|encoding| kind.eq_ignore_ascii_case(encoding.content_type()))
    }

    fn content_type(self) -> &'static str {
        match self {
            Encoding::Protobuf => "application/x-protobuf",
            Encoding::Json => "application/json",
        }
    }

    /// A response message that says no more than that all was taken.
    fn accepted(self) -> Vec<u8> {
        match self {
            Encoding::Protobuf => Vec::new(),
            Encoding::Json => b"{}".to_vec(),
        }
    }

    /// `google.rpc.Status`.
    fn status(self, code: Code, why: &str) -> Vec<u8> {
        match self {
            Encoding::Protobuf => {
                let mut body = Vec::new();
                protobuf::write_number(&mut body, 1, code as u64);
                protobuf::write_bytes(&mut body, 2, why.as_bytes());
                body
            }
            Encoding::Json => json!({"code": code as u64, "message": why}).to_string().into_bytes(),
        }
    }
}

/// In the request's encoding; in plain text where it has none that is known, or came by a wrong method. Who may try
/// again is told when.
pub fn respond(encoding: Option<Encoding>, taken: Result<(), Refusal>) -> Response {
    let (status, kind, body) = match (encoding, taken) {
        (Some(encoding), Ok(())) => (StatusCode::OK, encoding.content_type(), encoding.accepted()),
        (Some(encoding), Err(Refusal(status, code, why))) if status != StatusCode::METHOD_NOT_ALLOWED => {
            (status, encoding.content_type(), encoding.status(code, &why))
        }
        (_, Err(Refusal(status, _, why))) => (status, "text/plain", why.into_bytes()),
        (None, Ok(())) => (StatusCode::OK, "text/plain", Vec::new()),
    };
    let mut response = (status, [(CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
