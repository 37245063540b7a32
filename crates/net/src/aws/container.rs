//! Keys of the task's role, from the endpoint that ECS and EKS Pod Identity give a container.

use std::time::Duration;

use ::http::header::AUTHORIZATION;
use ::http::{HeaderValue, Request, Uri};
use bytes::Bytes;
use serde::Deserialize;

use super::credentials::Fetched;
use super::{CredentialsError, Keys};
use crate::Environment;
use crate::http::Client;

/// The agent's address; `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is below it.
const AGENT: &str = "http://169.254.170.2";

/// Hosts that may be asked without TLS: the agents of ECS and EKS, and this machine.
const PLAIN_HOSTS: &[&str] = &["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "[::1]"];

/// The agent answers 503 for a moment while the task starts.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) struct Endpoint {
    uri: Uri,
    token: Option<Token>,
}

/// What proves to the endpoint who asks. The file is read at every fetch because it is rotated.
enum Token {
    File(String),
    Text(String),
}

/// Keys as the container endpoint, IMDS and no other send them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
}

impl Endpoint {
    pub(super) fn from_environment(environment: &Environment) -> Result<Option<Endpoint>, CredentialsError> {
        let relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let uri = match (relative, environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            (Some(path), _) => format!("{AGENT}{path}"),
            (None, Some(uri)) => uri.to_owned(),
            (None, None) => return Ok(None),
        };
        let uri: Uri = uri.parse().map_err(|_| refused("the variable with its address is no URL".into()))?;
        check(&uri)?;
        let file = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(|f| Token::File(f.into()));
        let text = || environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(|t| Token::Text(t.into()));
        Ok(Some(Endpoint { uri, token: file.or_else(text) }))
    }

    pub(super) async fn fetch(&self, client: &Client) -> Result<Fetched, CredentialsError> {
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            match self.try_fetch(client).await {
                Err(error) if error.is_transient() && tries < TRIES => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    async fn try_fetch(&self, client: &Client) -> Result<Fetched, CredentialsError> {
        let mut request = Request::get(self.uri.clone()).body(Bytes::new()).unwrap_or_default();
        if let Some(token) = self.token()? {
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        let response = client.send(request, TIMEOUT).await.map_err(|error| unavailable(error.to_string()))?;
        let status = response.status.as_u16();
        match status {
            200 => Document::parse(&response.body)
                .and_then(Document::into_fetched)
                .map_err(|problem| CredentialsError::Refused { from: FROM.into(), problem }),
            429 | 500.. => Err(unavailable(format!("status {status}: {}", response.excerpt()))),
            _ => Err(refused(format!("status {status}: {}", response.excerpt()))),
        }
    }

    fn token(&self) -> Result<Option<HeaderValue>, CredentialsError> {
        let text = match &self.token {
            None => return Ok(None),
            Some(Token::Text(text)) => text.clone(),
            Some(Token::File(path)) => std::fs::read_to_string(path).map_err(|error| {
                refused(format!("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE `{path}`: {error}"))
            })?,
        };
        // A line break inside would end the header and begin another.
        let mut value = HeaderValue::from_str(text.trim_end_matches(['\r', '\n']))
            .map_err(|_| refused("its authorization token holds a line break or control character".into()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

const FROM: &str = "the container's credentials endpoint";

fn refused(problem: String) -> CredentialsError {
    CredentialsError::Refused { from: FROM.into(), problem }
}

fn unavailable(problem: String) -> CredentialsError {
    CredentialsError::Unavailable { from: FROM.into(), problem }
}

/// A variable must not make us send the token in the clear to anyone.
fn check(uri: &Uri) -> Result<(), CredentialsError> {
    let host = uri.host().unwrap_or_default();
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if loopback || PLAIN_HOSTS.contains(&host) => Ok(()),
        _ => Err(refused(format!("`{host}` may be asked by `https://` only"))),
    }
}

impl Document {
    pub(super) fn parse(body: &[u8]) -> Result<Document, String> {
        serde_json::from_slice(body).map_err(|_| "the answer is no JSON document of keys".to_owned())
    }

    pub(super) fn into_fetched(self) -> Result<Fetched, String> {
        if let Some(code) = self.code.filter(|code| code != "Success") {
            return Err(format!("the answer says `{code}`"));
        }
        let (Some(id), Some(secret)) = (self.access_key_id, self.secret_access_key) else {
            return Err("the answer lacks `AccessKeyId` or `SecretAccessKey`".into());
        };
        let lifetime = self.expiration.as_deref().map(lifetime).transpose()?;
        Ok(Fetched { keys: Keys::new(&id, &secret, self.token.as_deref()), lifetime })
    }
}

/// From now to an RFC 3339 time; zero when it has passed.
pub(super) fn lifetime(expiration: &str) -> Result<Duration, String> {
    let at: jiff::Timestamp =
        expiration.parse().map_err(|_| format!("its expiration `{expiration}` is no RFC 3339 time"))?;
    Ok(Duration::try_from(at.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}
