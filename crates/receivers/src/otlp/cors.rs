//! Cross-origin requests: which pages may send from a browser.
//!
//! Source: the Fetch standard, section 3.2; patterns after the Collector's `confighttp`.

use std::time::Duration;

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue};
use config::Interval;
use config::topology::wildcard_matches;
use schemars::JsonSchema;
use serde::Deserialize;

/// Headers that a sender needs in any case.
const USUAL_HEADERS: &str = "content-type, content-encoding";

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// Origins such as `https://shop.example.com`; `*` stands for any run of characters.
    pub allowed_origins: Vec<String>,
    /// Headers that may be sent beside those of OTLP.
    #[serde(default)]
    pub allowed_headers: Vec<String>,
    /// How long a browser may keep the permission.
    #[serde(default)]
    pub max_age: Option<Interval>,
}

impl Cors {
    /// The headers that permit the request; none where its origin is not allowed, or there is none.
    pub fn allow(&self, request: &HeaderMap) -> HeaderMap {
        let mut allowed = HeaderMap::new();
        let Some(origin) = request.get(ORIGIN) else { return allowed };
        if !self.allowed_origins.iter().any(|pattern| wildcard_matches(pattern.as_bytes(), origin.as_bytes()))
        {
            return allowed;
        }
        allowed.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        allowed.insert(VARY, HeaderValue::from_static("Origin"));
        allowed.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        let headers = [&[USUAL_HEADERS.to_owned()], self.allowed_headers.as_slice()].concat().join(", ");
        if let Ok(headers) = HeaderValue::try_from(headers) {
            allowed.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers);
        }
        let max_age = self.max_age.map(Interval::get).filter(|age| *age > Duration::ZERO);
        if let Some(max_age) = max_age {
            allowed.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(max_age.as_secs()));
        }
        allowed
    }
}
