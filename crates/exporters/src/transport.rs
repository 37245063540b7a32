//! How a request over HTTP leaves: as it is, or signed for AWS.

use std::time::Duration;

use bytes::Bytes;
use engine::{BuildContext, ConfigError, Outcome};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use net::aws::{AwsClient, AwsError, AwsRequest, Service, ServiceError};
use net::http::{Client, Response};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http_destination::no_answer;
use crate::login::{self, Login};

/// What requests are signed for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sigv4 {
    /// Name of the service in signatures, such as `osis`.
    #[serde(default)]
    pub service: Option<String>,
    /// Region of the endpoint; that of the environment when absent.
    pub region: Option<String>,
}

pub enum Transport {
    Plain(Client),
    Signed(AwsClient),
}

impl Transport {
    /// Signed where the settings want it, for the service and region that they or the address tell.
    pub fn of(
        sigv4: Option<&Sigv4>,
        role_arn: Option<&str>,
        endpoint: &Uri,
        client: Client,
        cx: &mut BuildContext<'_>,
    ) -> Result<Transport, ConfigError> {
        let Some(sigv4) = sigv4 else { return Ok(Transport::Plain(client)) };
        let host = endpoint.host().unwrap_or_default();
        let (named_service, named_region) = of_host(host);
        let Some(service) = sigv4.service.as_deref().or(named_service) else {
            let message = format!("`{host}` does not tell what service to sign for");
            return Err(cx.refuse("sigv4", message, "set `service`, such as `xray`"));
        };
        let login = Login {
            region: sigv4.region.as_deref().or(named_region),
            profile: None,
            role_arn,
            external_id: None,
            sts_endpoint: None,
        };
        Transport::signed(service, &login, endpoint, client, cx)
    }

    /// Signs for a service with the keys of a login.
    pub fn signed(
        service: &str,
        login: &Login<'_>,
        endpoint: &Uri,
        client: Client,
        cx: &mut BuildContext<'_>,
    ) -> Result<Transport, ConfigError> {
        let environment = login.environment(&cx.surroundings.environment);
        let Some(region) = login.region(&environment) else {
            return Err(cx.refuse("sigv4", "no region to sign for", "set `region` or AWS_REGION"));
        };
        let credentials = login::credentials(login, &environment, &client).map_err(|error| {
            cx.refuse("sigv4", error.to_string(), "check the TLS files of the environment")
        })?;
        let (scheme, host) = (endpoint.scheme_str().unwrap_or("https"), endpoint.authority());
        let place = format!("{scheme}://{}", host.map_or("", |host| host.as_str()));
        let service = Service::new(service, &region, &environment).with_endpoint(&place);
        Ok(Transport::Signed(AwsClient::new(service, credentials, client)))
    }

    /// Sends a request once. Any status is an answer; without one the outcome says what that means.
    pub async fn send(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response, Outcome> {
        let client = match self {
            Transport::Plain(client) => {
                return client.send(request, timeout).await.map_err(|error| no_answer(&error));
            }
            Transport::Signed(client) => client,
        };
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut call = AwsRequest::new(head.method, path).body(body).timeout(timeout);
        call.headers = head.headers;
        match client.call(&call).await {
            Ok(response) => Ok(response),
            Err(AwsError::Service(error)) => Ok(refusal(&error)),
            Err(error) => Err(Outcome::retry(error.to_string())),
        }
    }
}

/// Service and region of an address such as `xray.eu-west-1.amazonaws.com`.
fn of_host(host: &str) -> (Option<&str>, Option<&str>) {
    let mut labels = host.split('.');
    match (labels.next(), labels.next(), labels.next()) {
        (Some("aps-workspaces"), Some(region), Some("amazonaws")) => (Some("aps"), Some(region)),
        (Some(service), Some(region), Some("amazonaws")) => (Some(service), Some(region)),
        _ => (None, None),
    }
}

/// What the service answered, put back into the form of an answer.
fn refusal(error: &ServiceError) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(after) = error.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Response { status, headers, body: error.to_string().into(), trailers: HeaderMap::new() }
}
