//! Sends records to an HTTP endpoint.
//!
//! One request holds the records that came within `Flush`, at most `max_body_bytes` of them, as a JSON array,
//! JSON lines or msgpack. Any answer from 200 to 205 is a delivery. 408, 429, redirects and 5xx are tried again,
//! other 4xx are refusals for ever; after 413 the request is halved and both halves are sent.
//!
//! ```yaml
//! http:
//!   endpoint: https://logs.example.com/ingest
//!   format: json_lines
//!   compression: gzip
//!   headers:
//!     - name: Authorization
//!       value: Bearer ${TOKEN}
//! ```
//!
//! With `sigv4` requests are signed with the AWS credentials found here, for endpoints such as OpenSearch
//! Ingestion.

mod encoder;
mod split;
#[cfg(test)]
mod tests;

use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use ::http::uri::Scheme;
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use config::{ByteSize, Secret};
use engine::{BuildContext, ConfigError, Outcome, Payload};
use net::http::Response;
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::compress::{Compression, decompress};
use crate::dated::DateFormat;
use crate::http_destination::{self, Header};
use crate::login::Login;
use crate::transport::{Sigv4, Transport};

/// The engine's own time limit is shorter; this one is for settings that turn it off.
const TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to send: a URL with its path. TLS is used when it begins with `https://`.
    pub endpoint: String,
    /// `POST` or `PUT`.
    pub method: String,
    /// How records are written.
    pub format: Format,
    /// Key of the time in JSON. Empty leaves the time out; a record's own value under this key goes first.
    pub date_key: String,
    /// How the time is written in JSON.
    pub date_format: DateFormat,
    /// Headers sent with each request. They replace those of the same name that would be sent without them.
    pub headers: Vec<Header>,
    /// Whether a header given twice is sent twice. Otherwise the last one is.
    pub duplicate_headers: bool,
    /// Header that carries the tag of the records; each request then holds records of one tag.
    pub tag_header: Option<String>,
    /// User name of basic authentication.
    pub username: Option<String>,
    /// Password of basic authentication.
    pub password: Option<Secret>,
    /// How bodies are compressed.
    pub compression: Compression,
    /// Largest body before compression. A single larger record is sent by itself.
    pub max_body_bytes: ByteSize,
    /// Writes everything beyond ASCII as `\uXXXX`, for endpoints that misread UTF-8.
    pub escape_unicode: bool,
    /// Logs what the endpoint answers to each delivery. Refusals are logged in any case.
    pub log_response: bool,
    /// Signs requests for AWS.
    pub sigv4: Option<Sigv4>,
    /// Role to sign as.
    pub role_arn: Option<String>,
    /// External id the role asks for.
    pub external_id: Option<String>,
    /// STS to ask for the role's keys.
    pub sts_endpoint: Option<String>,
    /// Profile of the AWS configuration files to take keys from.
    pub profile: Option<String>,
    /// Proxy to go through, such as `http://proxy:3128`, instead of the one in `HTTP_PROXY` or `HTTPS_PROXY`.
    pub proxy: Option<String>,
    /// TLS towards the endpoint.
    pub tls: TlsClientConfig,
    /// Not supported: one request a record, with this field as its body.
    pub body_key: Option<String>,
    /// Not supported, see `body_key`.
    pub headers_key: Option<String>,
    /// Not supported.
    pub gelf: Option<Gelf>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: String::new(),
            method: "POST".into(),
            format: Format::default(),
            date_key: "date".into(),
            date_format: DateFormat::default(),
            headers: Vec::new(),
            duplicate_headers: true,
            tag_header: None,
            username: None,
            password: None,
            compression: Compression::None,
            max_body_bytes: ByteSize::mib(2),
            escape_unicode: false,
            log_response: false,
            sigv4: None,
            role_arn: None,
            external_id: None,
            sts_endpoint: None,
            profile: None,
            proxy: None,
            tls: TlsClientConfig::default(),
            body_key: None,
            headers_key: None,
            gelf: None,
        }
    }
}

/// How records are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One array.
    #[default]
    Json,
    /// One object a line.
    JsonLines,
    /// Objects one behind the other.
    JsonStream,
    /// Pairs of time and record, as Fluent Bit keeps them.
    Msgpack,
    /// Not supported.
    Gelf,
}

impl Format {
    fn content_type(self) -> &'static str {
        match self {
            Format::JsonLines => "application/x-ndjson",
            Format::Msgpack => "application/msgpack",
            Format::Json | Format::JsonStream | Format::Gelf => "application/json",
        }
    }
}

/// Keys of GELF's fields.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Gelf {
    pub timestamp_key: Option<String>,
    pub host_key: Option<String>,
    pub short_message_key: Option<String>,
    pub full_message_key: Option<String>,
    pub level_key: Option<String>,
}

pub struct Http {
    config: Config,
    endpoint: Uri,
    method: Method,
    headers: HeaderMap,
    tag_header: Option<HeaderName>,
    transport: Transport,
}

impl engine::Exporter for Http {
    const NAME: &'static str = "http";
    type Config = Config;
    type Encoder = encoder::Encoder;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let supported = refuse_unsupported(&config, cx);
        let endpoint = endpoint(&config.endpoint, cx);
        let method = Method::from_bytes(config.method.to_uppercase().as_bytes())
            .ok()
            .filter(|method| *method == Method::POST || *method == Method::PUT)
            .ok_or_else(|| cx.refuse("method", "a method without a body", "write `POST` or `PUT`"));
        let tag_header = match &config.tag_header {
            Some(name) => HeaderName::try_from(name.as_str()).map(Some).map_err(|_| {
                cx.refuse("tag_header", format!("`{name}` is no header name"), "write a name such as `X-Tag`")
            }),
            None => Ok(None),
        };
        let headers = headers(&config, cx);
        supported?;
        let (endpoint, method, tag_header, headers) = (endpoint?, method?, tag_header?, headers?);
        let transport = transport(&config, &endpoint, cx)?;
        Ok(Http { config, endpoint, method, headers, tag_header, transport })
    }

    fn encoder(&self) -> encoder::Encoder {
        encoder::Encoder::new(&self.config)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let body = match payload.wire() {
            Ok(body) => body,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        let mut headers = self.headers(&payload.route);
        let found = Compression::of(&body);
        if found != self.config.compression {
            // Another process left this payload, with other settings.
            match found.content_encoding() {
                Some(coding) => _ = headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding)),
                None => _ = headers.remove(CONTENT_ENCODING),
            }
        }
        match self.transport.send(self.request(headers, body), TIMEOUT).await {
            Ok(response) => self.judge(payload, &response),
            Err(outcome) => outcome,
        }
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        split::halve(payload, self.config.format, self.config.compression)
    }

    fn show(&self, payload: &Payload) -> String {
        let mut text = format!("{} {}\n", self.method, self.endpoint);
        for (name, value) in &self.headers(&payload.route) {
            let value = if value.is_sensitive() { "***" } else { value.to_str().unwrap_or("?") };
            text.push_str(&format!("{name}: {value}\n"));
        }
        let body = payload.wire().unwrap_or_default();
        let body = decompress(Compression::of(&body), &body, u64::MAX - 1).unwrap_or_default();
        text + "\n" + &String::from_utf8_lossy(&body)
    }
}

impl Http {
    /// `tag` is the route of a payload, empty unless there is a header for it.
    fn headers(&self, tag: &str) -> HeaderMap {
        let mut headers = self.headers.clone();
        if let Some(name) = &self.tag_header
            && let Ok(tag) = HeaderValue::from_bytes(tag.as_bytes())
        {
            headers.insert(name.clone(), tag);
        }
        headers
    }

    fn request(&self, headers: HeaderMap, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        (*request.method_mut(), *request.uri_mut()) = (self.method.clone(), self.endpoint.clone());
        *request.headers_mut() = headers;
        request
    }

    fn judge(&self, payload: &Payload, response: &Response) -> Outcome {
        let host = self.endpoint.host().unwrap_or("?");
        let reason = || format!("{host} answered {}: {}", response.status, response.excerpt());
        let after = response.retry_after();
        match response.status.as_u16() {
            200..=205 => {
                if self.config.log_response {
                    tracing::info!(
                        status = response.status.as_u16(),
                        answer = response.excerpt(),
                        "payload delivered"
                    );
                }
                Outcome::Sent
            }
            413 => Outcome::Split { reason: reason() },
            408 | 429 => Outcome::Retry { after, reason: reason() },
            400..=499 => Outcome::rejected(payload, reason()),
            _ => Outcome::Retry { after, reason: reason() },
        }
    }
}

fn refuse_unsupported(config: &Config, cx: &mut BuildContext<'_>) -> Result<(), ConfigError> {
    let mut result = Ok(());
    if config.format == Format::Gelf || config.gelf.is_some() {
        let key = if config.format == Format::Gelf { "format" } else { "gelf" };
        let help = "send `json_lines`, which Graylog and others take as well";
        result = Err(cx.refuse(key, "GELF is not supported", help));
    }
    for (key, set) in [("body_key", &config.body_key), ("headers_key", &config.headers_key)] {
        if set.is_some() {
            let message = format!("`{key}` is not supported: records are sent together, not one a request");
            result = Err(cx.refuse(key, message, "leave it out to send whole records"));
        }
    }
    result
}

fn endpoint(text: &str, cx: &mut BuildContext<'_>) -> Result<Uri, ConfigError> {
    let help = "write a URL such as `https://logs.example.com/ingest`";
    let uri: Option<Uri> = text.trim().parse().ok();
    let has_scheme = |uri: &Uri| uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
    let Some(uri) = uri.filter(has_scheme) else {
        let what = if text.is_empty() { "it has no endpoint".into() } else { format!("`{text}` is no URL") };
        return Err(cx.refuse("endpoint", what, help));
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        let help = "write `username` and `password` instead";
        return Err(cx.refuse("endpoint", "the URL holds a user name", help));
    }
    if uri.scheme() == Some(&Scheme::HTTP) && uri.port_u16() == Some(443) {
        let help = "switch TLS on, or write `https://`";
        cx.warn("endpoint", "port 443 without TLS: most servers close such a connection", help);
    }
    Ok(uri)
}

/// Those of the format first, so that the user's replace them.
fn headers(config: &Config, cx: &mut BuildContext<'_>) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(config.format.content_type()));
    if let Some(coding) = config.compression.content_encoding() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if let Some(user) = &config.username {
        let password = config.password.as_ref().map_or("", Secret::reveal);
        let value = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        // Base64 is ASCII.
        if let Ok(value) = secret(&value) {
            headers.insert(AUTHORIZATION, value);
        }
    }
    let (mut result, mut seen) = (Ok(()), Vec::new());
    for header in &config.headers {
        let name = HeaderName::try_from(header.name.as_str());
        let (Ok(name), Ok(value)) = (name, secret(header.value.reveal())) else {
            let message = format!("the header `{}` cannot be sent", header.name);
            let help = "its name or value holds a character that headers must not have, such as a line end";
            result = Err(cx.refuse("headers", message, help));
            continue;
        };
        if config.duplicate_headers && seen.contains(&name) {
            headers.append(name, value);
        } else {
            seen.push(name.clone());
            headers.insert(name, value);
        }
    }
    result.map(|()| headers)
}

fn secret(text: &str) -> Result<HeaderValue, ::http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

fn transport(config: &Config, endpoint: &Uri, cx: &mut BuildContext<'_>) -> Result<Transport, ConfigError> {
    let client = http_destination::client(Some(&config.tls), config.proxy.as_deref(), cx)?;
    let Some(sigv4) = &config.sigv4 else { return Ok(Transport::Plain(client)) };
    let Some(service) = &sigv4.service else {
        return Err(cx.refuse("sigv4", "no service to sign for", "set `service`, such as `osis`"));
    };
    let login = Login {
        region: sigv4.region.as_deref(),
        profile: config.profile.as_deref(),
        role_arn: config.role_arn.as_deref(),
        external_id: config.external_id.as_deref(),
        sts_endpoint: config.sts_endpoint.as_deref(),
    };
    Transport::signed(service, &login, endpoint, client, cx)
}
