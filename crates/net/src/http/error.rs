//! Why a request got no answer, sorted by what a caller would do about it.
//!
//! Texts name scheme, host and port only: paths and queries of intakes carry API keys.

use std::error::Error;
use std::io;
use std::time::Duration;

use ::http::Uri;

use crate::tls::{TlsConfigError, TlsProblem, problem_of};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    #[error(
        "cannot find the address of `{host}` ({detail}); check the name and that this network's DNS knows it"
    )]
    Resolve { host: String, detail: String },
    #[error("cannot connect to {peer} ({detail})")]
    Connect { peer: String, detail: String },
    #[error("no TLS with {peer}: {problem}")]
    Tls { peer: String, problem: TlsProblem },
    #[error("no answer from {peer} within {}", seconds(*.after))]
    Timeout { peer: String, after: Duration },
    /// The request may have been processed: at-least-once senders repeat it, others ask first.
    #[error("the connection to {peer} ended before the answer ({detail})")]
    Closed { peer: String, detail: String },
    #[error("the answer of {peer} is larger than {limit} bytes")]
    TooLarge { peer: String, limit: usize },
    /// Nothing was sent and nothing will be until the settings change.
    #[error("the request cannot be sent: {0}")]
    Request(String),
}

impl HttpError {
    /// Whether trying the same request again can help without anyone changing a setting.
    pub fn is_transient(&self) -> bool {
        match self {
            HttpError::Resolve { .. } | HttpError::Connect { .. } => true,
            HttpError::Timeout { .. } | HttpError::Closed { .. } => true,
            // Certificates are renewed at the other end while we run; data is worth keeping meanwhile.
            HttpError::Tls { .. } => true,
            HttpError::TooLarge { .. } | HttpError::Request(_) => false,
        }
    }

    /// Sorts whatever hyper reports: our connector's own error somewhere in the chain, a TLS alert, or
    /// an end of the connection.
    pub(super) fn of(peer: &str, error: &(dyn Error + 'static)) -> HttpError {
        let mut cause = Some(error);
        let mut detail = error.to_string();
        while let Some(error) = cause {
            if let Some(ours) = error.downcast_ref::<HttpError>() {
                return ours.clone();
            }
            if let Some(io) = error.downcast_ref::<io::Error>()
                && let Some(problem) = problem_of(io)
            {
                return HttpError::Tls { peer: peer.into(), problem };
            }
            detail = match error.downcast_ref::<hyper::Error>() {
                Some(hyper) if hyper.is_parse() => format!("{error}; does it speak HTTP/1.1 on this port?"),
                _ => error.to_string(),
            };
            cause = error.source();
        }
        HttpError::Closed { peer: peer.into(), detail }
    }
}

impl From<TlsConfigError> for HttpError {
    fn from(error: TlsConfigError) -> HttpError {
        HttpError::Request(error.to_string())
    }
}

/// Scheme, host and port; never user info, path or query.
pub(super) fn peer_name(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let host = uri.host().unwrap_or("?");
    match uri.port_u16() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{}s", (duration.as_millis() as f64) / 1000.0)
}
