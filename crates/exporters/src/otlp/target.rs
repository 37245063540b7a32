//! Where a payload goes, as its route tells: the signal's path, and how the request is written.
//!
//! The route says the encoding, too, because a payload may outlive the settings it was made under.

use std::sync::Arc;

use model::Signal;

use super::Encoding;

const JSON: &str = " json";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub signal: Signal,
    pub encoding: Encoding,
}

impl Target {
    pub fn of(route: &str) -> Option<Target> {
        let (path, encoding) = match route.strip_suffix(JSON) {
            Some(path) => (path, Encoding::Json),
            None => (route, Encoding::Proto),
        };
        [Signal::Logs, Signal::Traces, Signal::Metrics]
            .into_iter()
            .map(|signal| Target { signal, encoding })
            .find(|target| target.path() == path)
    }

    pub fn route(&self) -> Arc<str> {
        match self.encoding {
            Encoding::Proto => self.path().into(),
            Encoding::Json => format!("{}{JSON}", self.path()).into(),
        }
    }

    pub fn path(&self) -> &'static str {
        match self.signal {
            Signal::Logs => "/v1/logs",
            Signal::Traces => "/v1/traces",
            Signal::Metrics => "/v1/metrics",
        }
    }

    pub fn content_type(&self) -> &'static str {
        match self.encoding {
            Encoding::Proto => "application/x-protobuf",
            Encoding::Json => "application/json",
        }
    }
}
