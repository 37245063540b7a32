//! Where keys come from, in the order of the AWS SDKs: variables, profile files, web identity, the task's
//! role, the instance's role. The first that is set up is asked; if it fails, that is the error.

use crate::Environment;
use crate::http::{Client, ClientSettings};
use crate::tls::TlsConfigError;

use super::credentials::{Fetched, Fetching};
use super::profile::Profiles;
use super::{AssumeRole, Credentials, CredentialsError, Imds, Keys, container, sts};

/// Profiles may name profiles; a ring of them must end.
const MAX_PROFILE_STEPS: usize = 5;

/// All that a fetch needs, so that it can outlive the call that started it.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) environment: Environment,
    /// For addresses of this task or instance: never through a proxy.
    pub(super) near: Client,
    /// For STS.
    pub(super) far: Client,
}

impl Credentials {
    /// The default chain. Nothing is asked until keys are needed.
    pub fn from_environment(environment: &Environment) -> Result<Credentials, TlsConfigError> {
        let far = ClientSettings::new(environment);
        let mut near = ClientSettings::new(environment);
        near.use_proxy = false;
        near.max_idle_per_host = 0;
        let chain =
            Chain { environment: environment.clone(), near: Client::new(near)?, far: Client::new(far)? };
        Ok(Credentials::from_source(move || {
            let chain = chain.clone();
            Box::pin(async move { chain.fetch().await })
        }))
    }
}

impl Chain {
    async fn fetch(&self) -> Result<Fetched, CredentialsError> {
        if let Some(keys) = self.variables()? {
            return Ok(Fetched { keys, lifetime: None });
        }
        if let Some(fetched) = self.profile().await? {
            return Ok(fetched);
        }
        if let Some(fetched) = self.web_identity().await? {
            return Ok(fetched);
        }
        if let Some(endpoint) = container::Endpoint::from_environment(&self.environment)? {
            return endpoint.fetch(&self.near).await;
        }
        match Imds::from_environment(&self.environment, &self.near) {
            Some(imds) => imds.credentials().await,
            None => Err(self.nothing()),
        }
    }

    fn nothing(&self) -> CredentialsError {
        let help = match self.environment.get("ECS_CONTAINER_METADATA_URI_V4") {
            Some(_) => "this ECS task has no role; set `taskRoleArn` in its task definition",
            None => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run with a role",
        };
        CredentialsError::NotFound(help.into())
    }

    fn variables(&self) -> Result<Option<Keys>, CredentialsError> {
        let id = self.environment.get("AWS_ACCESS_KEY_ID");
        let secret = self.environment.first(&["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"]);
        match (id, secret) {
            (Some(id), Some(secret)) => {
                Ok(Some(Keys::new(id, secret, self.environment.get("AWS_SESSION_TOKEN"))))
            }
            (None, None) => Ok(None),
            (id, _) => {
                let (set, missing) = match id {
                    Some(_) => ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
                    None => ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
                };
                let problem = format!("{set} is set and {missing} is not");
                Err(CredentialsError::Refused { from: "the environment".into(), problem })
            }
        }
    }

    async fn profile(&self) -> Result<Option<Fetched>, CredentialsError> {
        let profiles = Profiles::read(&self.environment);
        let name = profiles.selected_name();
        match profiles.selected() {
            // `AWS_PROFILE` was set for somebody; falling back to another identity would hide the mistake.
            None if profiles.is_chosen() => Err(refused(name, "the profile is in neither file".into())),
            None => Ok(None),
            Some(profile) if !profile.has_credentials() => match profiles.is_chosen() {
                true => Err(refused(name, "the profile has neither keys nor `role_arn`".into())),
                false => Ok(None),
            },
            Some(_) => self.named_profile(&profiles, name, MAX_PROFILE_STEPS).await.map(Some),
        }
    }

    fn named_profile<'a>(
        &'a self,
        profiles: &'a Profiles,
        name: &'a str,
        steps: usize,
    ) -> ProfileFetching<'a> {
        Box::pin(async move {
            let Some(profile) = profiles.get(name) else {
                return Err(refused(name, "the profile is in neither file".into()));
            };
            if let (Some(id), Some(secret)) = (&profile.access_key_id, &profile.secret_access_key)
                && (profile.role_arn.is_none() || steps < MAX_PROFILE_STEPS)
            {
                let keys = Keys::new(id, secret, profile.session_token.as_deref());
                return Ok(Fetched { keys, lifetime: None });
            }
            let Some(role_arn) = &profile.role_arn else {
                return Err(refused(name, profile.lacks().into()));
            };
            if let Some(file) = &profile.web_identity_token_file {
                return sts::web_identity(self, role_arn, file, profile.role_session_name.as_deref()).await;
            }
            if steps == 0 {
                return Err(refused(name, "`source_profile` leads in a ring".into()));
            }
            let base = match (&profile.source_profile, &profile.credential_source) {
                (Some(source), _) => self.named_profile(profiles, source, steps - 1).await?,
                (None, Some(source)) => self.credential_source(name, source).await?,
                (None, None) => {
                    let text = "`role_arn` needs `source_profile` or `credential_source`";
                    return Err(refused(name, text.into()));
                }
            };
            let role = AssumeRole {
                role_arn: role_arn.clone(),
                external_id: profile.external_id.clone(),
                session_name: profile.role_session_name.clone(),
                ..AssumeRole::default()
            };
            sts::assume_role(&self.environment, &self.far, base_of(base), &role).await
        })
    }

    async fn credential_source(&self, profile: &str, source: &str) -> Result<Fetched, CredentialsError> {
        let missing = || refused(profile, format!("`credential_source = {source}` is not available here"));
        match source {
            "Environment" => {
                let keys = self.variables()?.ok_or_else(missing)?;
                Ok(Fetched { keys, lifetime: None })
            }
            "EcsContainer" => {
                let endpoint = container::Endpoint::from_environment(&self.environment)?;
                endpoint.ok_or_else(missing)?.fetch(&self.near).await
            }
            "Ec2InstanceMetadata" => {
                let imds = Imds::from_environment(&self.environment, &self.near).ok_or_else(missing)?;
                imds.credentials().await
            }
            _ => Err(refused(profile, format!("`credential_source = {source}` is not known"))),
        }
    }

    async fn web_identity(&self) -> Result<Option<Fetched>, CredentialsError> {
        let variables =
            (self.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"), self.environment.get("AWS_ROLE_ARN"));
        let (Some(file), Some(role)) = variables else { return Ok(None) };
        sts::web_identity(self, role, file.as_ref(), self.environment.get("AWS_ROLE_SESSION_NAME"))
            .await
            .map(Some)
    }
}

type ProfileFetching<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Fetched, CredentialsError>> + Send + 'a>>;

/// Keys just fetched, as the base of one AssumeRole call.
fn base_of(fetched: Fetched) -> Credentials {
    let once = std::sync::Mutex::new(Some(fetched));
    Credentials::from_source(move || -> Fetching {
        let fetched = once.lock().ok().and_then(|mut fetched| fetched.take());
        let gone = || CredentialsError::NotFound("the base keys of a role were rejected".into());
        Box::pin(std::future::ready(fetched.ok_or_else(gone)))
    })
}

fn refused(profile: &str, problem: String) -> CredentialsError {
    CredentialsError::Refused { from: format!("profile `{profile}`"), problem }
}
