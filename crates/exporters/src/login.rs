//! The AWS options that exporters have in common: whose keys to sign with.

use net::Environment;
use net::aws::{AssumeRole, Credentials};
use net::http::Client;
use net::tls::TlsConfigError;

/// What a user wrote about it.
pub struct Login<'a> {
    pub region: Option<&'a str>,
    pub profile: Option<&'a str>,
    pub role_arn: Option<&'a str>,
    pub external_id: Option<&'a str>,
    pub sts_endpoint: Option<&'a str>,
}

impl Login<'_> {
    /// The variables, with those that an option stands for replaced.
    pub fn environment(&self, environment: &Environment) -> Environment {
        match self.profile {
            Some(profile) => environment.with("AWS_PROFILE", profile),
            None => environment.clone(),
        }
    }

    pub fn region(&self, environment: &Environment) -> Option<String> {
        self.region.map(str::to_owned).or_else(|| net::aws::region(environment))
    }
}

/// Keys of the chain, or of the role when there is one. Nothing is asked until keys are needed.
pub fn credentials(
    login: &Login<'_>,
    environment: &Environment,
    http: &Client,
) -> Result<Credentials, TlsConfigError> {
    let credentials = Credentials::from_environment(environment)?;
    let Some(role_arn) = login.role_arn else { return Ok(credentials) };
    let role = AssumeRole {
        role_arn: role_arn.into(),
        external_id: login.external_id.map(str::to_owned),
        sts_endpoint: login.sts_endpoint.map(str::to_owned),
        region: login.region.map(str::to_owned),
        ..AssumeRole::default()
    };
    Ok(credentials.assume_role(role, environment, http))
}
