//! Keys of another role, from the Security Token Service.

use std::path::Path;
use std::time::Duration;

use super::chain::Chain;
use super::container::lifetime;
use super::credentials::Fetched;
use super::{AwsClient, AwsError, AwsResponse, Credentials, CredentialsError, Keys, Service, region, xml};
use crate::Environment;
use crate::http::Client;

const VERSION: &str = "2011-06-15";
const TRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// A role to take on, as the `role_arn` options of AWS outputs have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssumeRole {
    pub role_arn: String,
    pub external_id: Option<String>,
    /// Shown in CloudTrail; one with the start time in it by default.
    pub session_name: Option<String>,
    /// Instead of the one the variables give.
    pub sts_endpoint: Option<String>,
    /// Region of the STS that is asked; that of the variables by default.
    pub region: Option<String>,
}

impl Credentials {
    /// Keys of a role that these may assume. Nothing is asked until keys are needed.
    pub fn assume_role(self, role: AssumeRole, environment: &Environment, http: &Client) -> Credentials {
        let (environment, http) = (environment.clone(), http.clone());
        Credentials::from_source(move || {
            let (base, role) = (self.clone(), role.clone());
            let (environment, http) = (environment.clone(), http.clone());
            Box::pin(async move { assume_role(&environment, &http, base, &role).await })
        })
    }
}

pub(super) async fn assume_role(
    environment: &Environment,
    http: &Client,
    base: Credentials,
    role: &AssumeRole,
) -> Result<Fetched, CredentialsError> {
    let region = role.region.clone().or_else(|| region(environment));
    let mut service = service(environment, region);
    if let Some(endpoint) = &role.sts_endpoint {
        service = service.with_endpoint(endpoint);
    }
    let client = AwsClient::new(service, base, http.clone());
    let session = session_name(role.session_name.as_deref());
    let mut parameters = vec![("RoleArn", role.role_arn.as_str()), ("RoleSessionName", &session)];
    if let Some(id) = &role.external_id {
        parameters.push(("ExternalId", id));
    }
    ask(&client, "AssumeRole", &role.role_arn, &parameters).await
}

/// The token proves who we are, so the call is not signed. The file is read each time: it is rotated.
pub(super) async fn web_identity(
    chain: &Chain,
    role_arn: &str,
    token_file: &Path,
    session: Option<&str>,
) -> Result<Fetched, CredentialsError> {
    let token = std::fs::read_to_string(token_file).map_err(|error| CredentialsError::Unavailable {
        from: format!("role {role_arn}"),
        problem: format!("web identity token file `{}`: {error}", token_file.display()),
    })?;
    let service = service(&chain.environment, region(&chain.environment));
    let client = AwsClient::unsigned(service, chain.far.clone());
    let session = session_name(session);
    let parameters =
        [("RoleArn", role_arn), ("RoleSessionName", session.as_str()), ("WebIdentityToken", token.trim())];
    ask(&client, "AssumeRoleWithWebIdentity", role_arn, &parameters).await
}

/// The global endpoint is the choice of last resort, as it is the SDKs'.
fn service(environment: &Environment, region: Option<String>) -> Service {
    Service::new("sts", region.as_deref().unwrap_or("us-east-1"), environment)
}

fn session_name(given: Option<&str>) -> String {
    given.map_or_else(|| format!("outrigger-{}", jiff::Timestamp::now().as_second()), str::to_owned)
}

async fn ask(
    client: &AwsClient,
    action: &str,
    role_arn: &str,
    parameters: &[(&str, &str)],
) -> Result<Fetched, CredentialsError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match client.call_query(action, VERSION, parameters).await {
            Err(error) if error.is_transient() || error.is_throttle() => {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            answer => return finish(answer, role_arn),
        }
    }
    finish(client.call_query(action, VERSION, parameters).await, role_arn)
}

fn finish(answer: Result<AwsResponse, AwsError>, role_arn: &str) -> Result<Fetched, CredentialsError> {
    let from = format!("role {role_arn}");
    let response = answer.map_err(|error| match error {
        AwsError::Credentials(error) => error,
        error if error.is_transient() || error.is_throttle() => {
            CredentialsError::Unavailable { from: from.clone(), problem: error.to_string() }
        }
        error => CredentialsError::Refused { from: from.clone(), problem: error.to_string() },
    })?;
    read(&String::from_utf8_lossy(&response.body))
        .map_err(|problem| CredentialsError::Refused { from, problem })
}

fn read(body: &str) -> Result<Fetched, String> {
    let text = |name: &str| xml::text(body, name).ok_or_else(|| format!("the answer lacks `{name}`"));
    let keys = Keys::new(&text("AccessKeyId")?, &text("SecretAccessKey")?, Some(&text("SessionToken")?));
    Ok(Fetched { keys, lifetime: Some(lifetime(&text("Expiration")?)?) })
}
