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

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of HTTP/2 where TLS agrees on a protocol (RFC 7540, 3.3).
const HTTP2: &[u8] = b"h2";

/// A protocol version; older ones are not spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum TlsVersion {
    #[default]
    #[serde(rename = "1.2", alias = "TLSv1.2")]
    V1_2,
    #[serde(rename = "1.3", alias = "TLSv1.3")]
    V1_3,
}

/// Password of a key file. Keys are read without one, so it only makes messages better; it is never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct KeyPassword(String);

impl fmt::Debug for KeyPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
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

/// What to offer, from the oldest to the newest version asked for.
fn versions(
    oldest: TlsVersion,
    newest: Option<TlsVersion>,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsConfigError> {
    let newest = newest.unwrap_or(TlsVersion::V1_3);
    if newest < oldest {
        let text = "`max_version` is older than `min_version`, so no version is left";
        return Err(TlsConfigError::Settings(text.into()));
    }
    let known = [(TlsVersion::V1_3, &rustls::version::TLS13), (TlsVersion::V1_2, &rustls::version::TLS12)];
    let asked = known.into_iter().filter(|(version, _)| (oldest..=newest).contains(version));
    Ok(asked.map(|(_, version)| version).collect())
}

/// One provider for everyone, chosen here rather than by a process-wide default that any crate could set.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())).clone()
}
