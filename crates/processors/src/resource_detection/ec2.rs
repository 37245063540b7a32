//! What the instance metadata service knows: asked for in the background, with the first batch.
//!
//! Until it answers, resources go without its attributes; nothing waits for it. Where there is no such service, as on
//! Fargate, it is not asked.
//! Source: instance identity documents of EC2; the Collector's detector of this name.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use config::Pattern;
use net::aws::{CredentialsError, Imds};
use net::http::{Client, ClientSettings};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::detectors::{Found, Told};

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// An answer that may come.
pub(super) struct Instance {
    imds: Option<Imds>,
    tags: Vec<Pattern>,
    answer: Arc<OnceLock<Found>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    account_id: String,
    availability_zone: String,
    image_id: String,
    instance_id: String,
    instance_type: String,
    region: String,
}

impl Instance {
    pub fn new(environment: &net::Environment, tags: Vec<Pattern>) -> Instance {
        let mut near = ClientSettings::new(environment);
        near.use_proxy = false;
        near.max_idle_per_host = 0;
        let imds = Client::new(near).ok().and_then(|near| Imds::from_environment(environment, &near));
        Instance { imds, tags, answer: Arc::default() }
    }

    /// Starts asking when that has not been done; returns the answer once it is there, and then no more.
    pub fn take(&mut self) -> Option<Found> {
        if let Ok(runtime) = Handle::try_current()
            && let Some(imds) = self.imds.take()
        {
            let tags = std::mem::take(&mut self.tags);
            runtime.spawn(keep_asking(imds, tags, Arc::downgrade(&self.answer)));
        }
        // Exclusive once the task has ended.
        Arc::get_mut(&mut self.answer).and_then(OnceLock::take)
    }
}

async fn keep_asking(imds: Imds, tags: Vec<Pattern>, answer: Weak<OnceLock<Found>>) {
    let mut wait = FIRST_WAIT;
    while answer.strong_count() > 0 {
        match ask(&imds, &tags).await {
            Ok(found) => {
                if let Some(answer) = answer.upgrade() {
                    let _ = answer.set(found);
                }
                return;
            }
            Err(error) if wait == FIRST_WAIT => {
                tracing::warn!(%error, "resource_detection: ec2 adds nothing yet; it is asked again");
            }
            Err(error) => tracing::debug!(%error, "resource_detection: ec2 adds nothing yet"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn ask(imds: &Imds, tags: &[Pattern]) -> Result<Found, CredentialsError> {
    let text = imds.get("dynamic/instance-identity/document").await?.unwrap_or_default();
    let identity: Identity = serde_json::from_str(&text).unwrap_or_default();
    let host = imds.get("meta-data/hostname").await?.unwrap_or_default();
    let text = |key: &str, value: &str| (key.to_owned(), Told::from(value));
    let mut found = vec![
        text("cloud.provider", "aws"),
        text("cloud.platform", "aws_ec2"),
        text("cloud.region", &identity.region),
        text("cloud.account.id", &identity.account_id),
        text("cloud.availability_zone", &identity.availability_zone),
        text("host.id", &identity.instance_id),
        text("host.image.id", &identity.image_id),
        text("host.type", &identity.instance_type),
        text("host.name", host.trim()),
    ];
    if !tags.is_empty() {
        let names = imds.get("meta-data/tags/instance/").await?.unwrap_or_default();
        for name in names.lines().filter(|name| tags.iter().any(|tag| tag.is_match(name.as_bytes()))) {
            let value = imds.get(&format!("meta-data/tags/instance/{name}")).await?.unwrap_or_default();
            found.push((format!("ec2.tag.{name}"), Told::Text(value)));
        }
    }
    Ok(found)
}
