//! The `Authorization` header, from the settings or from files that are read anew each time.

use std::path::Path;

use axum::http::HeaderValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::config::{Authorization, BasicAuth};
use crate::scraping::ScrapeError;

/// A token of this length is a mistake.
const MAX_SECRET_BYTES: u64 = 64 << 10;

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
