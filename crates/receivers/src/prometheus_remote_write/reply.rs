//! Answers: a status, why, and to version 2.0 how much was taken.

use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use wire::remote_write::Version;

const SAMPLES: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// An HTTP status and why.
pub(super) struct Refusal(pub StatusCode, pub String);

/// What was taken.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
}

/// Who may try again is told when. A sender of version 2.0 that finds no counts takes it that nobody here knows it.
pub(super) fn respond(version: Option<Version>, taken: Result<(), Refusal>, written: &Written) -> Response {
    let mut response = match taken {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(Refusal(status, why)) => (status, format!("{why}\n")).into_response(),
    };
    let again = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    if again {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if version == Some(Version::Two) {
        headers.insert(SAMPLES, written.samples.into());
        headers.insert(HISTOGRAMS, written.histograms.into());
        headers.insert(EXEMPLARS, written.exemplars.into());
    }
    response
}
