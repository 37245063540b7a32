//! Where keys come from, case by case, each source a server or file of the test's own.

use std::path::Path;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, put};

use crate::Environment;
use crate::aws::container::Endpoint;
use crate::aws::{AssumeRole, Credentials};
use crate::testing::{Scripted, answer, client, serving};

const KEYS: &str = "{\"Code\":\"Success\",\"AccessKeyId\":\"FROM_HERE\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\
                    \"Expiration\":\"2099-01-01T00:00:00Z\",\"RoleArn\":\"arn:aws:iam::1:role/task\"}";

const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
    <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser><Credentials>\
    <AccessKeyId>FROM_STS</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
    <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

async fn outcome(environment: &Environment) -> String {
    match Credentials::from_environment(environment).unwrap().get().await {
        Ok(keys) => keys.access_key_id().to_owned(),
        Err(error) => error.to_string(),
    }
}

/// An environment in which nothing is found, so that each case adds only what it is about.
fn bare() -> Environment {
    Environment::from([("AWS_EC2_METADATA_DISABLED", "true")])
}

fn with(base: &Environment, variables: &[(&str, &str)]) -> Environment {
    variables.iter().fold(base.clone(), |all, (name, value)| all.with(*name, *value))
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_source_that_is_set_up_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let sts = Scripted::new(vec![answer(200, ASSUMED)]);
    let container = Scripted::new(vec![answer(200, KEYS)]);
    let token = write(folder.path(), "token", "JWT\n");
    let credentials = write(
        folder.path(),
        "credentials",
        "[default]\naws_access_key_id=FROM_DEFAULT\naws_secret_access_key=s\n\
         [half]\naws_access_key_id=X\n[base]\naws_access_key_id=BASE\naws_secret_access_key=s\n",
    );
    let config = write(
        folder.path(),
        "config",
        "[profile role]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\nexternal_id=e x\n\
         [profile ring]\nrole_arn=a\nsource_profile=ring2\n[profile ring2]\nrole_arn=b\nsource_profile=ring\n\
         [profile alone]\nrole_arn=a\n[profile process]\ncredential_process=/bin/x\n\
         [profile container]\nrole_arn=c\ncredential_source=EcsContainer\n",
    );
    let keys = [("AWS_ACCESS_KEY_ID", "FROM_ENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let full_uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url.as_str());
    let files = [("AWS_SHARED_CREDENTIALS_FILE", credentials.as_str()), ("AWS_CONFIG_FILE", config.as_str())];
    let sts_url = ("AWS_ENDPOINT_URL_STS", sts.url.as_str());
    let web =
        [sts_url, ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/w")];

    let base = bare();
    let in_files = with(&base, &files);
    let profile = |name: &str| with(&in_files, &[("AWS_PROFILE", name), sts_url, full_uri]);
    let everything = with(&with(&with(&in_files, &keys), &web), &[full_uri]);
    let cases = [
        (everything.clone(), "FROM_ENV"),
        (with(&everything, &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")]), "FROM_DEFAULT"),
        (with(&with(&base, &web), &[full_uri]), "FROM_STS"),
        (with(&base, &[full_uri]), "FROM_HERE"),
        (profile("role"), "FROM_STS"),
        (profile("container"), "FROM_STS"),
        (
            with(&everything, &[("AWS_SECRET_ACCESS_KEY", "")]),
            "no AWS credentials from the environment: AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not",
        ),
        (
            profile("half"),
            "no AWS credentials from profile `half`: `aws_access_key_id` is there and `aws_secret_access_key` is not",
        ),
        (profile("gone"), "no AWS credentials from profile `gone`: the profile is in neither file"),
        (profile("ring"), "no AWS credentials from profile `ring2`: `source_profile` leads in a ring"),
        (
            profile("alone"),
            "no AWS credentials from profile `alone`: `role_arn` needs `source_profile` or `credential_source`",
        ),
        (
            profile("process"),
            "no AWS credentials from profile `process`: `credential_process` is not supported; use keys or `role_arn`",
        ),
        (
            base.clone(),
            "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run with a role",
        ),
        (
            Environment::from([
                ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE"),
                ("ECS_CONTAINER_METADATA_URI_V4", "http://127.0.0.1:1/v4/x"),
            ]),
            "no AWS credentials: this ECS task has no role; set `taskRoleArn` in its task definition",
        ),
    ];
    for (environment, expected) in cases {
        assert_eq!(outcome(&environment).await, expected);
    }

    let asked = sts.asked();
    assert!(asked[0].body.contains("Action=AssumeRoleWithWebIdentity&Version=2011-06-15"));
    assert!(asked[0].body.contains("&WebIdentityToken=JWT") && asked[0].header("authorization").is_empty());
    assert!(asked[1].body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"));
    assert!(asked[1].body.ends_with("&ExternalId=e%20x"));
    assert!(asked[1].header("authorization").contains("Credential=BASE/"));
    assert!(asked[2].header("authorization").contains("Credential=FROM_HERE/"));
}

#[tokio::test]
async fn the_containers_endpoint_gets_its_token_and_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "token", "from-file\n");
    let server =
        Scripted::new(vec![answer(503, "{\"code\":\"CredentialsUninitialized\"}"), answer(200, KEYS)]);
    let uri = format!("{}/creds?x=1", server.url);
    let environment = with(
        &bare(),
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "from-variable"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file),
        ],
    );
    assert_eq!(outcome(&environment).await, "FROM_HERE");
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        (asked[1].header("authorization"), asked[1].uri.to_string()),
        ("from-file", "/creds?x=1".into())
    );
}

#[tokio::test]
async fn what_the_containers_endpoint_must_not_be() {
    let cases = [
        ("http://example.com/creds", "`example.com` may be asked by `https://` only"),
        ("ftp://127.0.0.1/", "`127.0.0.1` may be asked by `https://` only"),
        ("not a url", "the variable with its address is no URL"),
    ];
    for (uri, problem) in cases {
        let environment = with(&bare(), &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)]);
        let expected = format!("no AWS credentials from the container's credentials endpoint: {problem}");
        assert_eq!(outcome(&environment).await, expected);
    }
    for uri in [
        "https://example.com/",
        "http://127.0.0.2:81/",
        "http://169.254.170.23/v1",
        "http://[fd00:ec2::23]/v1",
    ] {
        let environment = with(&bare(), &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)]);
        assert!(Endpoint::from_environment(&environment).unwrap().is_some(), "{uri}");
    }
    let server = Scripted::new(vec![answer(200, KEYS)]);
    let secret = "abc\r\nX-Evil: 1";
    let split = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", secret),
    ];
    let text = outcome(&with(&bare(), &split)).await;
    assert!(text.ends_with("its authorization token holds a line break or control character"), "{text}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn the_instances_role_through_imds_version_2() {
    let needs_token = |headers: &HeaderMap| headers.get("x-aws-ec2-metadata-token").is_some_and(|t| t == "T");
    let role = "/latest/meta-data/iam/security-credentials/";
    let router = Router::new()
        .route("/latest/api/token", put(|| async { "T" }))
        .route(role, get(async move |headers: HeaderMap| if needs_token(&headers) { "web\n" } else { "" }))
        .route(&format!("{role}web"), get(|| async { KEYS }))
        .route("/latest/meta-data/placement/region", get(|| async { "eu-west-1" }));
    let url = serving(router);
    let environment = Environment::from([("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())]);
    assert_eq!(outcome(&environment).await, "FROM_HERE");
    let imds = crate::aws::Imds::from_environment(&environment, &client()).unwrap();
    assert_eq!(imds.region().await.unwrap().as_deref(), Some("eu-west-1"));
    assert_eq!(imds.get("meta-data/spot/instance-action").await.unwrap(), None);

    let no_role = Router::new().route("/latest/api/token", put(|| async { "T" }));
    let url = serving(no_role);
    let environment = Environment::from([("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())]);
    assert_eq!(
        outcome(&environment).await,
        "no AWS credentials: this instance has no role; attach an instance profile, or give the task a role"
    );
    let off = Environment::from([("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE")]);
    assert!(crate::aws::Imds::from_environment(&off, &client()).is_none());
}

#[tokio::test]
async fn expired_keys_of_imds_are_used_a_little_longer() {
    let old = KEYS.replace("2099", "2020");
    let router = Router::new()
        .route("/latest/api/token", put(|| async { "T" }))
        .route("/latest/meta-data/iam/security-credentials/", get(|| async { "web" }))
        .route("/latest/meta-data/iam/security-credentials/web", get(move || async move { old }));
    let url = serving(router);
    let environment = Environment::from([("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())]);
    assert_eq!(outcome(&environment).await, "FROM_HERE");
}

#[tokio::test]
async fn a_role_wraps_other_keys() {
    let sts = Scripted::new(vec![answer(500, "<html>oops</html>"), answer(200, ASSUMED)]);
    let role = AssumeRole {
        role_arn: "arn:aws:iam::2:role/ship".into(),
        session_name: Some("mine".into()),
        sts_endpoint: Some(sts.url.clone()),
        ..AssumeRole::default()
    };
    let assumed = super::credentials().assume_role(role.clone(), &bare(), &client());
    assert_eq!(assumed.get().await.unwrap().access_key_id(), "FROM_STS");
    assert_eq!(sts.asked().len(), 2);
    assert!(sts.asked()[1].body.contains("&RoleSessionName=mine"));

    let denied =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not yours</Message></Error></ErrorResponse>";
    let sts = Scripted::new(vec![answer(403, denied)]);
    let role = AssumeRole { sts_endpoint: Some(sts.url.clone()), ..role };
    let error = super::credentials().assume_role(role, &bare(), &client()).get().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no AWS credentials from role arn:aws:iam::2:role/ship: AccessDenied: not yours (status 403)"
    );
    assert!(!error.is_transient() && sts.asked().len() == 1);
}
