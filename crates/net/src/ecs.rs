//! The ECS task metadata endpoint, version 4.
//!
//! A router that cannot learn the name of its task still has logs to carry, so a failure here is a reason
//! to say so and go on, never to stop.

use std::time::Duration;

use ::http::{Request, StatusCode};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::Environment;
use crate::http::{Client, ClientSettings};

/// The agent answers 404 and 500 for a moment while it registers the container.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const TRY_TIMEOUT: Duration = Duration::from_secs(2);

/// What an application waits for at most before its logs go on without these names.
pub const BUDGET: Duration = Duration::from_secs(10);

/// A task as its metadata endpoint shows it. Everything is optional but the ARN: launch types differ.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Task {
    /// A name on EC2, usually an ARN on Fargate; see `cluster_name`.
    #[serde(default)]
    pub cluster: String,
    #[serde(rename = "TaskARN")]
    pub task_arn: String,
    #[serde(default)]
    pub family: String,
    #[serde(default)]
    pub revision: String,
    pub service_name: Option<String>,
    pub group: Option<String>,
    pub availability_zone: Option<String>,
    pub launch_type: Option<String>,
    /// Of the task: CPU in vCPU, memory in MiB.
    pub limits: Option<Limits>,
    #[serde(default)]
    pub containers: Vec<Container>,
    /// The whole document, for what is not named here.
    #[serde(skip)]
    pub document: Value,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    #[serde(default)]
    pub docker_id: String,
    #[serde(default)]
    pub docker_name: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub image: String,
    #[serde(rename = "ImageID", default)]
    pub image_id: String,
    #[serde(rename = "ContainerARN")]
    pub container_arn: Option<String>,
    /// `NORMAL`, or one of the agent's own kinds.
    pub r#type: Option<String>,
    /// Of the container: CPU in units of 1/1024 vCPU, memory in MiB; 0 is unlimited.
    pub limits: Option<Limits>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Limits {
    #[serde(rename = "CPU")]
    pub cpu: Option<f64>,
    #[serde(rename = "Memory")]
    pub memory: Option<u64>,
}

/// Why to go on without metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMetadata {
    #[error("ECS_CONTAINER_METADATA_URI_V4 is not set, so this is no ECS task; its variables stay empty")]
    NotEcs,
    #[error("the ECS task metadata endpoint gave no answer in {}s ({problem}); its variables stay empty", .after.as_secs())]
    Unanswered { after: Duration, problem: String },
}

impl Task {
    /// Asks until there is an answer or the budget is spent.
    pub async fn fetch(environment: &Environment, budget: Duration) -> Result<Task, NoMetadata> {
        let base = environment.get("ECS_CONTAINER_METADATA_URI_V4").ok_or(NoMetadata::NotEcs)?;
        let url = format!("{}/task", base.trim_end_matches('/'));
        let mut settings = ClientSettings::new(environment);
        settings.use_proxy = false;
        settings.max_idle_per_host = 0;
        let unanswered = |problem: String| NoMetadata::Unanswered { after: budget, problem };
        let client = Client::new(settings).map_err(|error| unanswered(error.to_string()))?;

        let deadline = Instant::now() + budget;
        let mut wait = FIRST_WAIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let problem = match ask(&client, &url, TRY_TIMEOUT.min(left)).await {
                Ok(task) => return Ok(task),
                Err(problem) => problem,
            };
            if Instant::now() + wait >= deadline {
                return Err(unanswered(problem));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    pub fn parse(body: &[u8]) -> Result<Task, serde_json::Error> {
        let document: Value = serde_json::from_slice(body)?;
        let mut task = Task::deserialize(&document)?;
        task.document = document;
        Ok(task)
    }

    /// The cluster's short name, whichever form the endpoint used.
    pub fn cluster_name(&self) -> &str {
        last_segment(&self.cluster)
    }

    /// The last segment of the task's ARN.
    pub fn id(&self) -> &str {
        last_segment(&self.task_arn)
    }

    /// From the ARN, which is right even when the variables say something else.
    pub fn region(&self) -> Option<&str> {
        self.arn_part(3)
    }

    pub fn account(&self) -> Option<&str> {
        self.arn_part(4)
    }

    /// `family:revision`, as the task definition is called.
    pub fn definition(&self) -> String {
        format!("{}:{}", self.family, self.revision)
    }

    /// The service the task belongs to, when the endpoint tells.
    pub fn service(&self) -> Option<&str> {
        self.service_name.as_deref().or_else(|| self.group.as_deref()?.strip_prefix("service:"))
    }

    fn arn_part(&self, index: usize) -> Option<&str> {
        self.task_arn.strip_prefix("arn:")?;
        self.task_arn.split(':').nth(index).filter(|part| !part.is_empty())
    }
}

async fn ask(client: &Client, url: &str, timeout: Duration) -> Result<Task, String> {
    let request = Request::get(url)
        .body(Bytes::new())
        .map_err(|_| "ECS_CONTAINER_METADATA_URI_V4 is no URL".to_owned())?;
    let response = client.send(request, timeout).await.map_err(|error| error.to_string())?;
    if response.status != StatusCode::OK {
        return Err(format!("status {}: {}", response.status.as_u16(), response.excerpt()));
    }
    Task::parse(&response.body).map_err(|error| format!("its answer cannot be read: {error}"))
}

fn last_segment(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests;
