//! OAuth 2 client credentials (RFC 6749, section 4.4): a server hands out a token, for some time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use config::{Interval, Secret};
use engine::{BuildContext, ConfigError, Outcome};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use net::http::{Client, Response};
use net::tls::TlsClientConfig;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::http_destination::{self, no_answer, until_mended};

/// What stands for something else in a form.
const FORM: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Oauth2Config {
    /// Who asks.
    pub client_id: String,
    /// A file that holds `client_id`. It is read for each token.
    pub client_id_file: Option<PathBuf>,
    pub client_secret: Secret,
    /// A file that holds `client_secret`. It is read for each token.
    pub client_secret_file: Option<PathBuf>,
    /// The server's address for tokens.
    pub token_url: String,
    /// What the token is for.
    pub scopes: Vec<String>,
    /// More parameters of the request, such as `audience`.
    pub endpoint_params: Vec<Parameter>,
    /// Longest wait for a token: 30s when absent.
    pub timeout: Option<Interval>,
    /// A token is renewed this long before it ends, or after half of its time: 5m when absent.
    pub expiry_buffer: Option<Interval>,
    /// TLS towards the server.
    pub tls: TlsClientConfig,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    pub name: String,
    /// Never printed, because it may be a credential.
    pub value: Secret,
}

pub struct Oauth2 {
    config: Oauth2Config,
    url: String,
    client: Client,
    /// Some servers take credentials in the body alone; which way works is learnt.
    in_body: AtomicBool,
    known: Mutex<Option<Token>>,
}

struct Token {
    /// The header's value.
    value: String,
    /// `None` for one that has no end.
    renew: Option<Instant>,
}

impl Oauth2 {
    pub fn new(config: &Oauth2Config, cx: &mut BuildContext<'_>) -> Result<Oauth2, ConfigError> {
        let url = http_destination::endpoint(&config.token_url, "auth", cx);
        let client = http_destination::client(Some(&config.tls), None, cx);
        for (name, is_there) in [
            ("client_id", !config.client_id.is_empty() || config.client_id_file.is_some()),
            ("client_secret", !config.client_secret.is_empty() || config.client_secret_file.is_some()),
        ] {
            if !is_there {
                let message = format!("`{name}` is missing");
                return Err(cx.refuse("auth", message, format!("write `{name}` or `{name}_file`")));
            }
        }
        url?;
        let url = config.token_url.trim().to_owned();
        let (in_body, known) = (AtomicBool::new(false), Mutex::new(None));
        Ok(Oauth2 { config: config.clone(), url, client: client?, in_body, known })
    }

    /// The header's value. While one request asks for a token, the others wait for it.
    pub async fn token(&self) -> Result<String, Outcome> {
        let mut known = self.known.lock().await;
        let is_good = |token: &&Token| token.renew.is_none_or(|renew| Instant::now() < renew);
        if let Some(token) = known.as_ref().filter(is_good) {
            return Ok(token.value.clone());
        }
        let token = self.ask().await?;
        let value = token.value.clone();
        *known = Some(token);
        Ok(value)
    }

    /// The next request asks for another.
    pub async fn forget(&self) {
        *self.known.lock().await = None;
    }

    async fn ask(&self) -> Result<Token, Outcome> {
        let in_body = self.in_body.load(Ordering::Relaxed);
        let first = self.call(in_body).await?;
        if first.status.is_success() || !matches!(first.status.as_u16(), 400 | 401) {
            return self.read(&first);
        }
        let second = self.call(!in_body).await?;
        if second.status.is_success() {
            self.in_body.store(!in_body, Ordering::Relaxed);
            return self.read(&second);
        }
        self.read(&first)
    }

    async fn call(&self, in_body: bool) -> Result<Response, Outcome> {
        let id = credential(&self.config.client_id, self.config.client_id_file.as_ref()).await?;
        let secret = self.config.client_secret.reveal();
        let secret = credential(secret, self.config.client_secret_file.as_ref()).await?;
        let mut form = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        if !self.config.scopes.is_empty() {
            form.push(("scope".into(), self.config.scopes.join(" ")));
        }
        if in_body {
            form.push(("client_id".into(), id.clone()));
            form.push(("client_secret".into(), secret.clone()));
        }
        let more = &self.config.endpoint_params;
        form.extend(more.iter().map(|one| (one.name.clone(), one.value.reveal().to_owned())));
        let form: Vec<String> =
            form.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let mut request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json");
        if !in_body {
            let plain = format!("{}:{}", encoded(&id), encoded(&secret));
            let basic = format!("Basic {}", BASE64_STANDARD.encode(plain));
            let mut basic = HeaderValue::try_from(basic)
                .map_err(|_| until_mended("the credentials hold characters that no header has"))?;
            basic.set_sensitive(true);
            request = request.header(AUTHORIZATION, basic);
        }
        let request = request
            .body(Bytes::from(form.join("&")))
            .map_err(|error| until_mended(format!("no request for a token can be made: {error}")))?;
        let timeout = self.config.timeout.map_or(Duration::from_secs(30), |timeout| timeout.get());
        self.client.send(request, timeout).await.map_err(|error| no_answer(&error))
    }

    fn read(&self, response: &Response) -> Result<Token, Outcome> {
        let status = response.status.as_u16();
        let told: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let text = |name: &str| told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if !response.status.is_success() {
            // What else stands in the answer may be a credential.
            let why: Vec<&str> = ["error", "error_description"].into_iter().filter_map(text).collect();
            let reason = format!("no token from {}: status {status} {}", self.url, why.join(": "));
            let reason = reason.trim_end().to_owned();
            let after = response.retry_after();
            return Err(match http_destination::is_passing(status) {
                true => Outcome::Retry { after, reason },
                false => until_mended(reason),
            });
        }
        let Some(token) = text("access_token") else {
            return Err(until_mended(format!("no token from {}: the answer holds none", self.url)));
        };
        let kind = match text("token_type") {
            None => "Bearer",
            Some(kind) if kind.eq_ignore_ascii_case("bearer") => "Bearer",
            Some(kind) => kind,
        };
        // Some servers write the number as text.
        let seconds = told.get("expires_in").and_then(|ends| match ends {
            Value::String(text) => text.parse().ok(),
            ends => ends.as_f64(),
        });
        let life = seconds.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
        let buffer = self.config.expiry_buffer.map_or(Duration::from_secs(300), |buffer| buffer.get());
        let renew = life.and_then(|life| Instant::now().checked_add(life - buffer.min(life / 2)));
        Ok(Token { value: format!("{kind} {token}"), renew })
    }
}

/// What is written, or what the file holds.
async fn credential(written: &str, file: Option<&PathBuf>) -> Result<String, Outcome> {
    let Some(file) = file.cloned() else { return Ok(written.to_owned()) };
    let path = file.display().to_string();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(file)).await;
    match read {
        Ok(Ok(text)) => Ok(text.trim().to_owned()),
        Ok(Err(error)) => Err(until_mended(format!("cannot read `{path}`: {error}"))),
        Err(error) => Err(until_mended(format!("cannot read `{path}`: {error}"))),
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &FORM).to_string()
}
