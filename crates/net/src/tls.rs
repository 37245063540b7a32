//! TLS on both sides, from PEM files that are read again when they change.
//!
//! Short-lived certificates are replaced on disk while we run. Files are looked at when a connection is
//! made, at most once a second; a broken replacement keeps the old certificate in use and says so.

mod client;
mod pem;
mod problem;
mod reload;
mod server;
#[cfg(test)]
mod tests;

pub use client::{ClientTls, TlsClientConfig};
pub use problem::TlsProblem;
pub(crate) use problem::problem_of;
pub use server::{ServerTls, TlsServerConfig};

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Oldest protocol version to accept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
}

/// What keeps TLS from being set up: a file, or what is in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsConfigError {
    #[error("cannot read {what} `{}`: {source}", path.display())]
    Read { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{what} `{}` {problem}", path.display())]
    Content { what: &'static str, path: PathBuf, problem: String },
    #[error("{0}")]
    Settings(String),
}

static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

impl TlsVersion {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            TlsVersion::V1_2 => rustls::ALL_VERSIONS,
            TlsVersion::V1_3 => TLS13_ONLY,
        }
    }
}

/// One provider for everyone, chosen here rather than by a process-wide default that any crate could set.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())).clone()
}
