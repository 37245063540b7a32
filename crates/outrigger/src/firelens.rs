//! FireLens and the init process of its image: the generated file, the task's names, files from S3.
//!
//! What the legacy init process did before the router started (FireLens spec, section 2) happens here while
//! the sockets are already open.

use std::path::Path;
use std::sync::Arc;

use config::{Diagnostic, Diagnostics, Origin};
use frontends::Source;
use frontends::firelens::{self, GENERATED_FILE, InitFile, Location};
use net::Environment;
use net::aws::{AwsError, Credentials, S3};
use net::ecs::{NoMetadata, Task};
use net::http::{Client, ClientSettings};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::configuration::Watched;

/// Where to look instead, for tests and for images that mount it elsewhere.
const GENERATED_VARIABLE: &str = "OUTRIGGER_FIRELENS_CONFIG";
/// Tries for each object: a task's network may come up after its containers.
const S3_TRIES: u32 = 6;

/// What the surroundings of the process tell.
pub struct Fetched {
    /// With the names that the init process exports.
    pub environment: Environment,
    pub task: Option<Arc<Task>>,
    pub diagnostics: Diagnostics,
}

/// Files that the init variables name, in order.
#[derive(Default)]
pub struct Included {
    pub sources: Vec<Source>,
    pub watched: Vec<Watched>,
    pub diagnostics: Diagnostics,
}

fn generated_path(environment: &Environment) -> &str {
    environment.get(GENERATED_VARIABLE).unwrap_or(GENERATED_FILE)
}

/// The generated file's text, when there is one.
pub fn generated_file(environment: &Environment) -> Option<String> {
    std::fs::read_to_string(generated_path(environment)).ok()
}

pub fn generated_source(environment: &Environment) -> Option<Source> {
    let path = generated_path(environment);
    Path::new(path).exists().then(|| Source::Path(path.into()))
}

/// True when this process was started as the FireLens container.
pub fn applies(environment: &Environment) -> bool {
    Path::new(generated_path(environment)).exists()
        || !init_files(environment, &mut Diagnostics::new()).is_empty()
}

pub fn in_container(environment: &Environment) -> bool {
    environment.get("ECS_CONTAINER_METADATA_URI_V4").is_some() || Path::new("/.dockerenv").exists()
}

fn init_files(environment: &Environment, diagnostics: &mut Diagnostics) -> Vec<InitFile> {
    firelens::init_files(environment.iter(), diagnostics)
}

/// Asks the task metadata endpoint, and adds the names it gives to the environment.
pub async fn surroundings(environment: &Environment) -> Fetched {
    let mut diagnostics = Diagnostics::new();
    let task = match Task::fetch(environment, net::ecs::BUDGET).await {
        Ok(task) => Some(Arc::new(task)),
        Err(NoMetadata::NotEcs) => None,
        Err(error) => {
            diagnostics.push(
                Diagnostic::warning(error.to_string()).at(Origin::variable("ECS_CONTAINER_METADATA_URI_V4")),
            );
            None
        }
    };
    let document = task.as_ref().map(|task| task.document.to_string());
    let written = |name: &str| environment.get(name).map(str::to_owned);
    let names = firelens::exported_variables(document.as_deref(), &written, &mut diagnostics);
    let exported = names.into_iter().fold(environment.clone(), |all, (name, value)| all.with(name, value));
    Fetched { environment: exported, task, diagnostics }
}

/// Fetches what the init variables name, all at once, and puts it in order.
pub async fn included(environment: &Environment) -> Included {
    let mut included = Included::default();
    let files = init_files(environment, &mut included.diagnostics);
    let mut fetches = JoinSet::new();
    for (place, file) in files.iter().enumerate() {
        if let Location::S3(object) = &file.location {
            let (bucket, key, environment) = (object.bucket.clone(), object.key.clone(), environment.clone());
            let variable = file.variable.clone();
            fetches.spawn(async move {
                let fetched = fetch(&bucket, &key, &environment).await;
                (place, fetched.map_err(|diagnostic| diagnostic.at(Origin::variable(&variable))))
            });
        }
    }
    let mut bodies = vec![None; files.len()];
    while let Some(fetched) = fetches.join_next().await {
        match fetched {
            Ok((place, Ok(body))) => bodies[place] = Some(body),
            Ok((_, Err(diagnostic))) => included.diagnostics.push(diagnostic),
            Err(error) => warn!(%error, "bug: a download did not end"),
        }
    }
    let mut loaded = Vec::new();
    for (file, body) in files.into_iter().zip(bodies) {
        match (file.location, body) {
            (Location::S3(object), Some((bytes, etag))) => {
                let name = object.to_string();
                loaded.push((name.clone(), firelens::classify(&bytes)));
                included.watched.push(Watched::Object { bucket: object.bucket, key: object.key, etag });
                included.sources.push(Source::bytes(name, bytes));
            }
            (Location::Path(path), _) => {
                let text = std::fs::read(&path).unwrap_or_default();
                loaded.push((path.clone(), firelens::classify(&text)));
                included.watched.push(Watched::file(&path));
                included.sources.push(Source::Path(path));
            }
            (Location::S3(_), None) => {}
        }
    }
    info!("{}", firelens::command_line(&loaded));
    included
}

/// `s3://bucket/key`, taken apart.
pub fn s3_uri(uri: &str) -> Option<(String, String)> {
    let (place, key) = uri.strip_prefix("s3://")?.split_once('/')?;
    // The Collector writes the bucket's host, and may add a query.
    let aws = place.ends_with(".amazonaws.com") || place.ends_with(".amazonaws.com.cn");
    let bucket = place.split_once(".s3.").filter(|_| aws).map_or(place, |(bucket, _)| bucket);
    Some((bucket.into(), key.split('?').next().unwrap_or(key).into()))
}

pub fn client(environment: &Environment) -> Result<S3, Diagnostic> {
    let refused = |error: net::tls::TlsConfigError| Diagnostic::error(error.to_string());
    let credentials = Credentials::from_environment(environment).map_err(refused)?;
    let http = Client::new(ClientSettings::new(environment)).map_err(refused)?;
    let region = net::aws::region(environment).unwrap_or_else(|| "us-east-1".into());
    Ok(S3::new(&region, credentials, http, environment))
}

/// Downloads one object, with retries.
pub async fn fetch(
    bucket: &str,
    key: &str,
    environment: &Environment,
) -> Result<(Vec<u8>, Option<String>), Diagnostic> {
    let s3 = client(environment)?;
    let mut wait = std::time::Duration::from_millis(300);
    let mut tries = 1;
    loop {
        let error = match s3.get_object(bucket, key, None).await {
            Ok(Some(object)) => return Ok((object.body.to_vec(), object.etag)),
            Ok(None) => return Err(unreadable(bucket, key, "it was not sent".into(), "report this")),
            Err(error) => error,
        };
        if !error.is_transient() && !error.is_auth() || tries == S3_TRIES || is_final(&error) {
            return Err(unreadable(bucket, key, error.to_string(), help(&error)));
        }
        warn!(bucket, key, %error, tries, "download failed; trying again");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(std::time::Duration::from_secs(5));
        tries += 1;
    }
}

fn is_final(error: &AwsError) -> bool {
    error.is("NoSuchKey") || error.is("NoSuchBucket") || error.is("AccessDenied")
}

fn unreadable(bucket: &str, key: &str, because: String, help: &str) -> Diagnostic {
    Diagnostic::error(format!("the object s3://{bucket}/{key} cannot be read")).because(because).help(help)
}

fn help(error: &AwsError) -> &'static str {
    if error.is("NoSuchKey") || error.is("NoSuchBucket") {
        "upload the file, or correct the ARN"
    } else if error.is("AccessDenied") || error.is_auth() {
        "allow the task role `s3:GetObject` on the object (the task role, not the execution role)"
    } else {
        "check that the task reaches S3: a NAT gateway, or a gateway endpoint for S3"
    }
}

/// The object's entity tag now. The outer `None`: the look failed.
pub async fn etag(bucket: &str, key: &str, environment: &Environment) -> Option<Option<String>> {
    let s3 = client(environment).ok()?;
    let summary = s3.head(bucket, key).await.ok()?;
    Some(summary.and_then(|summary| summary.etag))
}
