//! The instance metadata service, version 2 only.
//!
//! It is asked last, and not at all where it cannot be: a Fargate task has no route to it, and a
//! container two hops away gets no answer, so each try is short.

use std::time::Duration;

use ::http::{HeaderValue, Method, Request};
use bytes::Bytes;

use super::container::Document;
use super::credentials::Fetched;
use super::{Credentials, CredentialsError};
use crate::Environment;
use crate::http::{Client, HttpError, Response};

const DEFAULT: &str = "http://169.254.169.254";
const DEFAULT_V6: &str = "http://[fd00:ec2::254]";

const TIMEOUT: Duration = Duration::from_secs(1);
const TRIES: u32 = 2;

/// Long enough for the calls of one fetch.
const TOKEN_SECONDS: HeaderValue = HeaderValue::from_static("300");

/// When the service behind IMDS is down it repeats old keys, which AWS then honours past their time.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(60);
const EXTENSION: Duration = Duration::from_secs(600);

#[derive(Debug, Clone)]
pub struct Imds {
    endpoint: String,
    client: Client,
}

impl Imds {
    /// `None` where it is switched off or known to be out of reach.
    pub fn from_environment(environment: &Environment, client: &Client) -> Option<Imds> {
        let fargate = environment.get("AWS_EXECUTION_ENV").is_some_and(|e| e.starts_with("AWS_ECS_FARGATE"));
        if environment.is_true("AWS_EC2_METADATA_DISABLED") || fargate {
            return None;
        }
        let v6 = environment
            .get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")
            .is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
        let default = if v6 { DEFAULT_V6 } else { DEFAULT };
        let endpoint = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(default);
        Some(Imds { endpoint: endpoint.trim_end_matches('/').into(), client: client.clone() })
    }

    /// The text at a path below `/latest/`; `None` when there is nothing there.
    pub async fn get(&self, path: &str) -> Result<Option<String>, CredentialsError> {
        let token = self.token().await?;
        self.get_with(path, &token).await
    }

    pub async fn region(&self) -> Result<Option<String>, CredentialsError> {
        self.get("meta-data/placement/region").await
    }

    pub(super) async fn credentials(&self) -> Result<Fetched, CredentialsError> {
        let token = self.token().await?;
        let roles = self.get_with("meta-data/iam/security-credentials/", &token).await?;
        let role = roles.as_deref().and_then(|roles| roles.lines().next()).unwrap_or_default().trim();
        if role.is_empty() {
            let text = "this instance has no role; attach an instance profile, or give the task a role";
            return Err(CredentialsError::NotFound(text.into()));
        }
        let document = self.get_with(&format!("meta-data/iam/security-credentials/{role}"), &token).await?;
        let fetched =
            Document::parse(document.unwrap_or_default().as_bytes()).and_then(Document::into_fetched);
        let mut fetched =
            fetched.map_err(|problem| CredentialsError::Refused { from: FROM.into(), problem })?;
        if fetched.lifetime.is_some_and(|lifetime| lifetime < SHORTEST_LIFETIME) {
            tracing::warn!("instance metadata hands out expired keys; using them for ten minutes more");
            fetched.lifetime = Some(EXTENSION);
        }
        Ok(fetched)
    }

    async fn token(&self) -> Result<HeaderValue, CredentialsError> {
        let name = "x-aws-ec2-metadata-token-ttl-seconds";
        let response = self.ask(Method::PUT, "api/token", name, &TOKEN_SECONDS).await.map_err(|error| {
            // No answer at all is what every machine outside EC2 sees, so it is worded for them.
            CredentialsError::NotFound(format!(
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run with a role \
                 (instance metadata was asked last: {error})"
            ))
        })?;
        match response.status.as_u16() {
            200 => {
                HeaderValue::from_bytes(&response.body).map_err(|_| refused("its token is no text".into()))
            }
            403 => Err(refused("it is switched off for this instance".into())),
            status => Err(refused(format!("it gives no token: status {status}"))),
        }
    }

    async fn get_with(&self, path: &str, token: &HeaderValue) -> Result<Option<String>, CredentialsError> {
        let response =
            self.ask(Method::GET, path, "x-aws-ec2-metadata-token", token).await.map_err(|error| {
                CredentialsError::Unavailable { from: FROM.into(), problem: error.to_string() }
            })?;
        match response.status.as_u16() {
            200 => Ok(Some(String::from_utf8_lossy(&response.body).into_owned())),
            404 => Ok(None),
            status @ 500.. => {
                Err(CredentialsError::Unavailable { from: FROM.into(), problem: format!("status {status}") })
            }
            status => Err(refused(format!("status {status} for `{path}`"))),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        header: &'static str,
        value: &HeaderValue,
    ) -> Result<Response, HttpError> {
        let mut tries = 1;
        loop {
            let request = Request::builder()
                .method(method.clone())
                .uri(format!("{}/latest/{path}", self.endpoint))
                .header(header, value)
                .body(Bytes::new())
                .map_err(|_| HttpError::Request("AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL".into()))?;
            match self.client.send(request, TIMEOUT).await {
                Err(error) if error.is_transient() && tries < TRIES => tries += 1,
                answer => return answer,
            }
        }
    }
}

impl Credentials {
    /// Keys of the instance's role only.
    pub fn from_imds(imds: Imds) -> Credentials {
        Credentials::from_source(move || {
            let imds = imds.clone();
            Box::pin(async move { imds.credentials().await })
        })
    }
}

const FROM: &str = "instance metadata";

fn refused(problem: String) -> CredentialsError {
    CredentialsError::Refused { from: FROM.into(), problem }
}
