//! How to be let in: TLS, and the `Authorization` header, from the settings or from files read anew each time.

use std::path::{Path, PathBuf};

use axum::http::HeaderValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use config::Secret;
use net::tls::{TlsClientConfig, TlsVersion};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::scraping::ScrapeError;

/// A token of this length is a mistake.
const MAX_SECRET_BYTES: u64 = 64 << 10;

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub password: Secret,
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    #[serde(default = "bearer")]
    pub r#type: String,
    #[serde(default)]
    pub credentials: Secret,
    #[serde(default)]
    pub credentials_file: Option<PathBuf>,
}

fn bearer() -> String {
    "Bearer".into()
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
    pub min_version: Option<PrometheusTlsVersion>,
    pub max_version: Option<PrometheusTlsVersion>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum PrometheusTlsVersion {
    #[serde(rename = "TLS12", alias = "TLS11", alias = "TLS10")]
    V1_2,
    #[serde(rename = "TLS13")]
    V1_3,
}

impl From<TlsConfig> for TlsClientConfig {
    fn from(config: TlsConfig) -> Self {
        let version = |version| match version {
            PrometheusTlsVersion::V1_2 => TlsVersion::V1_2,
            PrometheusTlsVersion::V1_3 => TlsVersion::V1_3,
        };
        TlsClientConfig {
            ca_file: config.ca_file,
            certificate_file: config.cert_file,
            key_file: config.key_file,
            server_name: config.server_name,
            verify: !config.insecure_skip_verify,
            min_version: config.min_version.map(version).unwrap_or_default(),
            max_version: config.max_version.map(version),
            ..TlsClientConfig::default()
        }
    }
}

pub fn header(
    basic: Option<&BasicAuth>,
    authorization: Option<&Authorization>,
) -> Result<Option<HeaderValue>, ScrapeError> {
    let text = match (basic, authorization) {
        (Some(basic), _) => {
            let password = secret(basic.password.reveal(), basic.password_file.as_deref())?;
            format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{password}", basic.username)))
        }
        (None, Some(authorization)) => {
            let file = authorization.credentials_file.as_deref();
            let credentials = secret(authorization.credentials.reveal(), file)?;
            format!("{} {credentials}", authorization.r#type)
        }
        (None, None) => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| ScrapeError::Unreadable("the credentials hold a character no header may".into()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn secret(text: &str, file: Option<&Path>) -> Result<String, ScrapeError> {
    let Some(path) = file else { return Ok(text.to_owned()) };
    let read = super::discovery::read_capped(path, MAX_SECRET_BYTES);
    let read = read.map_err(|error| ScrapeError::Unreadable(format!("`{}`: {error}", path.display())))?;
    Ok(read.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7617.
    #[test]
    fn passwords_and_tokens_make_the_header() {
        let basic = |password: &str, password_file: Option<&Path>| BasicAuth {
            username: "Aladdin".into(),
            password: password.into(),
            password_file: password_file.map(Path::to_owned),
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "open sesame\n").unwrap();
        for basic in [basic("open sesame", None), basic("", Some(file.path()))] {
            let value = header(Some(&basic), None).unwrap().unwrap();
            assert_eq!(value.to_str().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
            assert!(value.is_sensitive());
        }
        assert!(header(Some(&basic("", Some(Path::new("/nowhere")))), None).is_err());
        let token = |token: &str| Authorization {
            r#type: bearer(),
            credentials: token.into(),
            credentials_file: None,
        };
        assert_eq!(header(None, Some(&token("t0"))).unwrap().unwrap(), "Bearer t0");
        assert!(header(None, Some(&token("a\nb"))).is_err());
        assert_eq!(header(None, None).unwrap(), None);
    }
}
