//! Makes sure that streams exist, and groups when that is asked for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::{BuildContext, ConfigError, Outcome};
use net::aws::{AwsClient, AwsError};
use serde_json::{Map, Value, json};
use tracing::{error, info};

use super::{CloudWatchLogsConfig, GroupClass, answers, names};
use crate::http_destination::until_mended;

/// Days that the service takes.
const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Streams remembered. One forgotten costs one call that says it exists.
const MAX_KNOWN: usize = 10_000;

/// How groups are created.
pub struct GroupSettings {
    create: bool,
    retention_days: u32,
    class: Option<GroupClass>,
    tags: Map<String, Value>,
}

pub struct Streams {
    create: bool,
    group: GroupSettings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashSet<Arc<str>>,
    /// Groups that we made and that do not have their retention yet.
    unfinished: HashSet<String>,
}

impl GroupSettings {
    pub fn new(config: &CloudWatchLogsConfig, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let days = config.retention_days;
        if days != 0 && !RETENTION_DAYS.contains(&days) {
            let longer = RETENTION_DAYS.iter().find(|more| **more > days).unwrap_or(&3653);
            let help = format!("the next longer that CloudWatch Logs offers is {longer}");
            return Err(cx.refuse("retention_days", format!("{days} days cannot be chosen"), help));
        }
        let tags = config.group_tags.iter().map(|tag| (tag.name.clone(), Value::from(tag.value.as_str())));
        Ok(GroupSettings {
            create: config.create_group,
            retention_days: days,
            class: config.group_class,
            tags: tags.collect(),
        })
    }
}

impl Streams {
    pub fn new(create: bool, group: GroupSettings) -> Streams {
        Streams { create, group, state: Mutex::default() }
    }

    pub fn forget(&self, route: &str) {
        self.state().known.remove(route);
    }

    /// Creates the stream unless it is known. Gives back why that was not allowed: it may exist all the same.
    pub async fn ensure(&self, client: &AwsClient, route: &Arc<str>) -> Result<Option<AwsError>, Outcome> {
        if !self.create || self.state().known.contains(route) {
            return Ok(None);
        }
        let (group, stream) = names::parts(route);
        self.finish_group(client, group).await?;
        let mut created = create_stream(client, group, stream).await;
        if created.as_ref().is_err_and(|error| error.is("ResourceNotFoundException")) {
            if !self.group.create {
                return Err(until_mended(format!(
                    "the log group `{group}` does not exist; create it, or set `create_group`"
                )));
            }
            self.create_group(client, group).await?;
            created = create_stream(client, group, stream).await;
        }
        match created {
            Ok(()) => {
                self.remember(route);
                Ok(None)
            }
            Err(error) if matches!(error, AwsError::Service(_)) && error.is_auth() => Ok(Some(error)),
            Err(error) => Err(answers::not_created(&error, "CreateLogStream", route)),
        }
    }

    fn remember(&self, route: &Arc<str>) {
        let mut state = self.state();
        if state.known.len() >= MAX_KNOWN {
            state.known.clear();
        }
        state.known.insert(route.clone());
    }

    async fn create_group(&self, client: &AwsClient, group: &str) -> Result<(), Outcome> {
        let mut input = json!({ "logGroupName": group });
        match self.group.class {
            Some(GroupClass::Standard) => input["logGroupClass"] = "STANDARD".into(),
            Some(GroupClass::InfrequentAccess) => input["logGroupClass"] = "INFREQUENT_ACCESS".into(),
            None => {}
        }
        if !self.group.tags.is_empty() {
            input["tags"] = self.group.tags.clone().into();
        }
        match call(client, "CreateLogGroup", &input).await {
            Ok(()) => info!(group, "log group created"),
            Err(error) => return Err(answers::not_created(&error, "CreateLogGroup", group)),
        }
        if self.group.retention_days > 0 {
            self.state().unfinished.insert(group.to_owned());
        }
        self.finish_group(client, group).await
    }

    /// Sets the retention of a group that we made. What only a person can mend is reported and left.
    async fn finish_group(&self, client: &AwsClient, group: &str) -> Result<(), Outcome> {
        if !self.state().unfinished.contains(group) {
            return Ok(());
        }
        let input = json!({ "logGroupName": group, "retentionInDays": self.group.retention_days });
        let set = call(client, "PutRetentionPolicy", &input).await;
        if let Err(error) = &set {
            if error.is_throttle() || error.is_transient() || error.is("OperationAbortedException") {
                return Err(answers::not_created(error, "PutRetentionPolicy", group));
            }
            error!(
                group, error = %error,
                "retention not set, so the new group keeps its events for ever; allow `logs:PutRetentionPolicy`"
            );
        }
        self.state().unfinished.remove(group);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn create_stream(client: &AwsClient, group: &str, stream: &str) -> Result<(), AwsError> {
    call(client, "CreateLogStream", &json!({ "logGroupName": group, "logStreamName": stream })).await
}

/// That it exists already is as good as having made it.
async fn call(client: &AwsClient, operation: &str, input: &Value) -> Result<(), AwsError> {
    let body = Bytes::from(input.to_string());
    match client.call_json(&format!("Logs_20140328.{operation}"), body).await {
        Err(error) if !error.is("ResourceAlreadyExistsException") => Err(error),
        _ => Ok(()),
    }
}
