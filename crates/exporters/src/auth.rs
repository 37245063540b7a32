//! Headers that change while the program runs: a token from a file, or one that a server hands out.
//!
//! A token is asked for when a request needs it, never before, and by one request at a time. When the destination says
//! that it does not know it, it is forgotten, and the payload is sent again with another. No token is ever printed.

mod oauth2;
#[cfg(test)]
mod tests;
mod token_file;

use std::path::PathBuf;

use engine::{BuildContext, ConfigError, Outcome};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use net::http::Response;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http_destination::{describe, until_mended};
pub use oauth2::Oauth2Config;

/// `grpc-status` of a call without good credentials.
const UNAUTHENTICATED: &str = "16";

/// One of the two.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// A token in a file, which is read again when it changes.
    pub token_file: Option<TokenFileConfig>,
    /// A token from an OAuth 2 server, by client credentials.
    pub oauth2: Option<Oauth2Config>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenFileConfig {
    /// The file. Its first line is the token.
    pub path: PathBuf,
    /// The header that carries it.
    #[serde(default = "authorization")]
    pub header: String,
    /// Stands before the token, with a space between.
    #[serde(default = "bearer")]
    pub scheme: String,
}

fn authorization() -> String {
    "authorization".into()
}

fn bearer() -> String {
    "Bearer".into()
}

/// What sets the header. Nothing, in most settings.
pub struct Auth(Option<Kind>);

enum Kind {
    File { file: token_file::TokenFile, header: HeaderName, scheme: String },
    Oauth2(Box<oauth2::Oauth2>),
}

impl Auth {
    pub fn of(config: Option<&AuthConfig>, cx: &mut BuildContext<'_>) -> Result<Auth, ConfigError> {
        let Some(config) = config else { return Ok(Auth(None)) };
        Ok(Auth(Some(match (&config.token_file, &config.oauth2) {
            (Some(file), None) => {
                let Ok(header) = HeaderName::try_from(&file.header) else {
                    let message = format!("`{}` is no name of a header", file.header);
                    return Err(cx.refuse("auth", message, "the usual one is `authorization`"));
                };
                let scheme = file.scheme.trim().to_owned();
                Kind::File { file: token_file::TokenFile::new(file.path.clone()), header, scheme }
            }
            (None, Some(oauth2)) => Kind::Oauth2(Box::new(oauth2::Oauth2::new(oauth2, cx)?)),
            _ => {
                let help = "write one of `token_file` and `oauth2`";
                return Err(cx.refuse("auth", "how to authenticate is not told", help));
            }
        })))
    }

    /// Adds the header to a request. Without a token the outcome says what is wrong.
    pub async fn add<B>(&self, request: &mut Request<B>) -> Result<(), Outcome> {
        let (name, text) = match &self.0 {
            None => return Ok(()),
            Some(Kind::File { file, header, scheme }) => {
                let token = file.token().await.map_err(until_mended)?;
                (header.clone(), format!("{scheme} {token}").trim().to_owned())
            }
            Some(Kind::Oauth2(oauth2)) => (AUTHORIZATION, oauth2.token().await?),
        };
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| until_mended("the token holds characters that no header has"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
        Ok(())
    }

    /// What becomes of a payload: where the destination does not know our token, it is sent again with another.
    pub async fn settle(&self, response: &Response, outcome: Outcome) -> Outcome {
        let Some(kind) = self.0.as_ref().filter(|_| is_unknown(response)) else { return outcome };
        match kind {
            Kind::File { file, .. } => file.forget().await,
            Kind::Oauth2(oauth2) => oauth2.forget().await,
        }
        Outcome::retry(format!("the destination does not take the token: {}", describe(response)))
    }

    /// The header without its value, as a line for people.
    pub fn show(&self) -> String {
        match &self.0 {
            None => String::new(),
            Some(Kind::File { header, .. }) => format!("{header}: ***\n"),
            Some(Kind::Oauth2(_)) => format!("{AUTHORIZATION}: ***\n"),
        }
    }
}

/// 401, and what it is called in gRPC.
fn is_unknown(response: &Response) -> bool {
    let unauthenticated =
        |headers: &HeaderMap| headers.get("grpc-status").is_some_and(|status| *status == *UNAUTHENTICATED);
    response.status == StatusCode::UNAUTHORIZED
        || [&response.trailers, &response.headers].into_iter().any(unauthenticated)
}
