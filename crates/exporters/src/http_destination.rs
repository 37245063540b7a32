//! What exporters over HTTP share: settings, the client, and what an answer means for a payload.

use std::time::Duration;

use config::Secret;
use engine::{BuildContext, ConfigError, Outcome};
use http::{HeaderName, HeaderValue, Uri};
use net::http::{Client, ClientSettings, HttpError, Response};
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;

/// Least wait where only a person can mend what is wrong: a key, a permission, an address.
pub const SLOW_RETRY: Duration = Duration::from_secs(30);

/// A header of the user's.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub name: String,
    /// Never printed, because it may be a credential.
    pub value: Secret,
}

/// The headers as a request takes them; those that cannot be sent are refused.
pub fn headers(
    headers: &[Header],
    cx: &mut BuildContext<'_>,
) -> Result<Vec<(HeaderName, HeaderValue)>, ConfigError> {
    headers
        .iter()
        .map(|header| {
            let name = HeaderName::try_from(header.name.as_str()).ok();
            let value = HeaderValue::try_from(header.value.reveal()).ok();
            name.zip(value).ok_or_else(|| {
                let message = format!("`{}` with its value is no HTTP header", header.name);
                cx.refuse("headers", message, "a name has no spaces, a value no line breaks")
            })
        })
        .collect()
}

/// An HTTP client as the settings want it.
pub fn client(
    tls: Option<&TlsClientConfig>,
    proxy: Option<&str>,
    cx: &mut BuildContext<'_>,
) -> Result<Client, ConfigError> {
    let mut environment = cx.surroundings.environment.clone();
    if let Some(proxy) = proxy {
        // A proxy that the configuration names is for every host, whatever the variables say.
        for (name, value) in
            [("HTTP_PROXY", proxy), ("HTTPS_PROXY", proxy), ("NO_PROXY", ""), ("no_proxy", "")]
        {
            environment = environment.with(name, value);
        }
    }
    let mut settings = ClientSettings::new(&environment);
    settings.tls = tls.cloned().unwrap_or_default();
    Client::new(settings).map_err(|error| {
        cx.refuse("tls", error.to_string(), "the files must be readable when the program starts")
    })
}

/// A client that speaks HTTP/2, for gRPC.
pub fn http2_client(tls: &TlsClientConfig, cx: &mut BuildContext<'_>) -> Result<Client, ConfigError> {
    let mut settings = ClientSettings::new(&cx.surroundings.environment);
    settings.tls = tls.clone();
    settings.http2 = true;
    Client::new(settings).map_err(|error| {
        cx.refuse("tls", error.to_string(), "the files must be readable when the program starts")
    })
}

/// An address with scheme and host, without a slash at its end.
pub fn endpoint(text: &str, key: &str, cx: &mut BuildContext<'_>) -> Result<String, ConfigError> {
    let text = text.trim().trim_end_matches('/');
    let uri = text.parse::<Uri>().ok();
    let is_http = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if uri.as_ref().is_some_and(is_http) {
        return Ok(text.to_owned());
    }
    let help = "write scheme and host, such as `https://intake.example.com`";
    Err(cx.refuse(key, format!("`{text}` is no address to send to"), help))
}

/// No answer came.
pub fn no_answer(error: &HttpError) -> Outcome {
    let after = (!error.is_transient()).then_some(SLOW_RETRY);
    Outcome::Retry { after, reason: error.to_string() }
}

/// Too busy, too slow or broken for the moment: sent again without a change.
pub fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..)
}

/// Sent again after the wait the destination asks for.
pub fn later(response: &Response) -> Outcome {
    Outcome::Retry { after: response.retry_after(), reason: describe(response) }
}

/// Sent again, slowly, until somebody has mended the cause.
pub fn until_mended(reason: impl Into<String>) -> Outcome {
    Outcome::Retry { after: Some(SLOW_RETRY), reason: reason.into() }
}

/// The status and the start of the answer, for a log line.
pub fn describe(response: &Response) -> String {
    match response.body.is_empty() {
        true => format!("status {}", response.status.as_u16()),
        false => format!("status {}: {}", response.status.as_u16(), response.excerpt()),
    }
}
