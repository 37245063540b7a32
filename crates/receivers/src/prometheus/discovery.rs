//! Where targets come from: the settings, files, an HTTP endpoint, EC2.
//!
//! A source that cannot be read keeps what it gave before: targets do not vanish because a file is being written.

mod ec2;
mod yaml;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION};
use axum::http::{HeaderMap, HeaderValue, Uri};
use engine::Fault;
use net::Environment;
use net::http::{Client, ClientSettings};
use tokio::time::Instant;

use super::access;
use super::config::{FileSdConfig, HttpSdConfig, TargetGroup};
use crate::scraping::Page;
pub use ec2::{Ec2, Ec2SdConfig};

/// Some hundred thousand targets.
const MAX_LIST_BYTES: usize = 16 << 20;

/// Of a request for a list.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A group, and labels that tell where it was found.
pub type Found = (TargetGroup, Vec<(String, String)>);

pub enum Source {
    Settings(Vec<TargetGroup>),
    Files(FileSdConfig),
    Http(Box<(HttpSdConfig, Page)>),
    Ec2(Box<(Ec2SdConfig, Ec2)>),
}

/// A source and what it gave last.
pub struct Watched {
    source: Source,
    every: Duration,
    next: Instant,
    /// By file, or by URL.
    found: BTreeMap<String, Vec<TargetGroup>>,
}

impl Watched {
    pub fn new(source: Source) -> Watched {
        let every = match &source {
            // Read once.
            Source::Settings(_) => Duration::from_secs(365 * 24 * 3600),
            Source::Files(config) => *config.refresh_interval,
            Source::Http(http) => *http.0.refresh_interval,
            Source::Ec2(ec2) => *ec2.0.refresh_interval,
        };
        let every = every.max(Duration::from_millis(100));
        Watched { source, every, next: Instant::now(), found: BTreeMap::new() }
    }

    pub fn http(config: HttpSdConfig, environment: &Environment) -> Result<Watched, Fault> {
        let mut settings = ClientSettings::new(environment);
        settings.tls = config.tls_config.clone().into();
        let client = Client::new(settings).map_err(|error| Fault::from("cannot set up TLS", error))?;
        let uri: Uri = config.url.parse().map_err(|error| Fault::from("`url` is no URL", error))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let page = Page { client, uri, headers, timeout: TIMEOUT, max_bytes: MAX_LIST_BYTES };
        Ok(Watched::new(Source::Http(Box::new((config, page)))))
    }

    pub fn ec2(config: Ec2SdConfig, environment: &Environment) -> Result<Watched, Fault> {
        let ec2 = Ec2::new(&config, environment).map_err(Fault::new)?;
        Ok(Watched::new(Source::Ec2(Box::new((config, ec2)))))
    }

    /// When to look again.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Looks, if it is time, and says what could not be read.
    pub async fn refresh(&mut self, faults: &mut Vec<String>) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + self.every;
        match &self.source {
            Source::Settings(groups) => _ = self.found.insert(String::new(), groups.clone()),
            Source::Files(config) => read_files(config, &mut self.found, faults),
            Source::Http(http) => match ask(&http.0, http.1.clone()).await {
                Ok(groups) => _ = self.found.insert(http.0.url.clone(), groups),
                Err(why) => faults.push(format!("`{}`: {why}", http.1.name())),
            },
            Source::Ec2(ec2) => match ec2.1.ask().await {
                Ok(groups) => _ = self.found.insert(String::new(), groups),
                Err(why) => faults.push(format!("EC2: {why}")),
            },
        }
    }

    pub fn groups(&self) -> impl Iterator<Item = Found> {
        let label = match self.source {
            Source::Settings(_) | Source::Ec2(_) => None,
            Source::Files(_) => Some("__meta_filepath"),
            Source::Http(..) => Some("__meta_url"),
        };
        self.found.iter().flat_map(move |(place, groups)| {
            groups.iter().map(move |group| {
                let labels = label.map(|label| (label.to_owned(), place.clone()));
                (group.clone(), labels.into_iter().collect())
            })
        })
    }
}

async fn ask(config: &HttpSdConfig, mut page: Page) -> Result<Vec<TargetGroup>, String> {
    let authorization = access::header(config.basic_auth.as_ref(), config.authorization.as_ref());
    if let Some(value) = authorization.map_err(|error| error.to_string())? {
        page.headers.insert(AUTHORIZATION, value);
    }
    let answer = page.get_following().await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
}

/// A file that cannot be read keeps its groups; one that is gone loses them.
fn read_files(
    config: &FileSdConfig,
    found: &mut BTreeMap<String, Vec<TargetGroup>>,
    faults: &mut Vec<String>,
) {
    let mut files = Vec::new();
    for pattern in &config.files {
        match matching(pattern) {
            Ok(matching) => files.extend(matching),
            Err(error) => faults.push(format!("`{pattern}`: {error}")),
        }
    }
    let name = |path: &PathBuf| path.to_string_lossy().into_owned();
    found.retain(|known, _| files.iter().any(|path| name(path) == *known));
    for path in &files {
        match read_groups(path) {
            Ok(groups) => _ = found.insert(name(path), groups),
            Err(why) => faults.push(format!("`{}`: {why}", path.display())),
        }
    }
}

fn read_groups(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let text = read_capped(path, MAX_LIST_BYTES as u64).map_err(|error| error.to_string())?;
    if path.extension().is_some_and(|extension| extension == "json") {
        return serde_json::from_str(&text).map_err(|error| error.to_string());
    }
    serde_json::from_value(yaml::read(&text)?).map_err(|error| error.to_string())
}

pub fn read_capped(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    match text.len() as u64 > most {
        true => Err(io::Error::other(format!("it is larger than {most} bytes"))),
        false => Ok(text),
    }
}

/// The files of a pattern whose last part may hold `*`, in order.
fn matching(pattern: &str) -> io::Result<Vec<PathBuf>> {
    let path = Path::new(pattern);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !name.contains('*') {
        return Ok(vec![path.to_owned()]);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(parent.unwrap_or(Path::new(".")))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.file_name().is_some_and(|file| fits(&file.to_string_lossy(), &name)));
    files.sort();
    Ok(files)
}

/// Whether a name fits a pattern in which `*` stands for any text.
fn fits(name: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return name == pattern };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests;
