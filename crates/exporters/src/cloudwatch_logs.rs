//! Sends logs to CloudWatch Logs.
//!
//! Each record becomes one event: its JSON, or the value of one field (`log_key`). Group and stream may depend on
//! the record. Streams, and with `create_group` groups, are created when they are missing. Requests stay within
//! the service's limits; events are sorted by time. A message over 1 MiB is cut and ends in `truncation_suffix`.
//!
//! Events that the service accepts and then throws away, because they are too old or too new, are counted as
//! rejected and reported with their times. Missing permissions lose nothing: records wait, and the log names
//! the permission.
//!
//! ```yaml
//! region: eu-west-1
//! log_group: /ecs/shop
//! stream_prefix: ecs/
//! create_group: true
//! retention_days: 30
//! ```

mod answers;
mod encoder;
mod events;
mod message;
mod names;
mod open;
mod sorted;
mod streams;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use config::Secret;
use engine::{BuildContext, ConfigError, Exporter, Outcome, Payload};
use net::Environment;
use net::aws::{AwsClient, AwsError, AwsResponse, Service};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http_destination;
use crate::login::{self, Login};

pub use encoder::CloudWatchEncoder;
use encoder::Layout;
use message::Shape;
use names::Names;
use streams::{GroupSettings, Streams};

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CloudWatchLogsConfig {
    /// Region of the log groups. `AWS_REGION`, or the region of the ECS task, when it is not set.
    pub region: Option<String>,
    /// Address instead of the service's own, such as a VPC endpoint.
    pub endpoint: Option<String>,
    /// Log group. May name fields and the tag: `/ecs/$service`, `/ecs/$TAG[0]`.
    pub log_group: String,
    /// Log group of records that lack a field that `log_group` names.
    pub log_group_default: Option<String>,
    /// Log stream. May name fields and the tag. Set this or `stream_prefix`.
    pub log_stream: Option<String>,
    /// Log stream of records that lack a field that `log_stream` names.
    pub log_stream_default: Option<String>,
    /// The stream is this text and the record's tag. Beside `log_stream`: for records that lack a field of it.
    pub stream_prefix: Option<String>,
    /// Send only the value of this field. A record without it is sent whole.
    pub log_key: Option<String>,
    /// Say that events are in the embedded metric format, from which CloudWatch makes metrics.
    pub emf: bool,
    /// Create log groups that do not exist.
    pub create_group: bool,
    /// Create log streams that do not exist. On unless set to `false`.
    pub create_stream: Option<bool>,
    /// Days that events are kept in groups created here. `0`: for ever.
    pub retention_days: u32,
    /// Class of groups created here.
    pub group_class: Option<GroupClass>,
    /// Tags of groups created here.
    pub group_tags: Vec<GroupTag>,
    /// Role to take on first.
    pub role_arn: Option<String>,
    /// External id that the role asks for.
    pub external_id: Option<String>,
    /// Address of STS, for `role_arn`.
    pub sts_endpoint: Option<String>,
    /// Profile in the AWS configuration files.
    pub profile: Option<String>,
    /// Address that hands out credentials.
    pub credentials_endpoint: Option<Secret>,
    /// Text to add to the user agent.
    pub user_agent: Option<String>,
    /// Sort the keys of each record and escape `<`, `>` and `&`, as the Go plugin `cloudwatch` does. Costs
    /// more than keeping their order.
    pub sorted_keys: bool,
    /// Remove white space around each message.
    pub trim: bool,
    /// What a message that had to be cut ends in. `[Truncated...]` when it is not set.
    pub truncation_suffix: Option<String>,
    /// Write `\uXXXX` for all that is not ASCII.
    pub escape_unicode: bool,
}

/// What a log group costs and can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupClass {
    Standard,
    InfrequentAccess,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupTag {
    pub name: String,
    pub value: String,
}

const PUT: &str = "Logs_20140328.PutLogEvents";

pub struct CloudWatchLogs {
    client: AwsClient,
    layout: Arc<Layout>,
    streams: Streams,
    emf: bool,
}

impl Exporter for CloudWatchLogs {
    const NAME: &'static str = "cloudwatch_logs";
    type Config = CloudWatchLogsConfig;
    type Encoder = CloudWatchEncoder;

    fn build(config: CloudWatchLogsConfig, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        // All is looked at before the first fault ends it, so that all faults are reported.
        let names = Names::new(&config, cx);
        let group = GroupSettings::new(&config, cx);
        let client = client(&config, cx);
        Ok(CloudWatchLogs {
            client: client?,
            layout: Arc::new(Layout { names: names?, shape: Shape::new(&config) }),
            streams: Streams::new(config.create_stream.unwrap_or(true), group?),
            emf: config.emf,
        })
    }

    fn encoder(&self) -> CloudWatchEncoder {
        CloudWatchEncoder::new(self.layout.clone())
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let body = match payload.wire() {
            Ok(body) => body,
            Err(error) => {
                return Outcome::rejected(payload, format!("the payload cannot be read back: {error}"));
            }
        };
        let doubt = match self.streams.ensure(&self.client, &payload.route).await {
            Ok(doubt) => doubt,
            Err(outcome) => return outcome,
        };
        let mut answer = self.put(body.clone()).await;
        if is_missing(&answer) {
            if let Some(doubt) = doubt {
                return answers::refused(&doubt, "CreateLogStream", &payload.route, payload);
            }
            // It was there once, or was made a moment ago: somebody removed it.
            self.streams.forget(&payload.route);
            if let Err(outcome) = self.streams.ensure(&self.client, &payload.route).await {
                return outcome;
            }
            answer = self.put(body.clone()).await;
        }
        match answer {
            Ok(answer) => answers::accepted(&answer, payload, &body),
            Err(error) => {
                if error.is("ResourceNotFoundException") {
                    self.streams.forget(&payload.route);
                }
                answers::refused(&error, "PutLogEvents", &payload.route, payload)
            }
        }
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        events::halve(payload)
    }

    fn show(&self, payload: &Payload) -> String {
        let body = payload.wire().unwrap_or_default();
        let service = self.client.service();
        let emf = if self.emf { "x-amzn-logs-format: json/emf\n" } else { "" };
        format!("POST {}/\nx-amz-target: {PUT}\n{emf}\n{}", service.endpoint, String::from_utf8_lossy(&body))
    }
}

impl CloudWatchLogs {
    async fn put(&self, body: Bytes) -> Result<AwsResponse, AwsError> {
        let mut request = self.client.json(PUT, body);
        if self.emf {
            request = request.header("x-amzn-logs-format", "json/emf");
        }
        self.client.call(&request).await
    }
}

fn is_missing(answer: &Result<AwsResponse, AwsError>) -> bool {
    answer.as_ref().is_err_and(|error| error.is("ResourceNotFoundException"))
}

fn client(config: &CloudWatchLogsConfig, cx: &mut BuildContext<'_>) -> Result<AwsClient, ConfigError> {
    let login = Login {
        region: config.region.as_deref(),
        profile: config.profile.as_deref(),
        role_arn: config.role_arn.as_deref(),
        external_id: config.external_id.as_deref(),
        sts_endpoint: config.sts_endpoint.as_deref(),
    };
    let environment = environment(config, login.environment(&cx.surroundings.environment));
    let of_task = || cx.surroundings.task.as_ref()?.region().map(str::to_owned);
    let region = login.region(&environment).or_else(of_task).filter(|region| !region.is_empty());
    let http = http_destination::client(None, None, cx)?;
    let credentials = login::credentials(&login, &environment, &http).map_err(|error| {
        cx.refuse("region", error.to_string(), "check the certificate files that the variables name")
    })?;
    let Some(region) = region else {
        return Err(cx.refuse("region", "no AWS region", "set `region`, or the variable AWS_REGION"));
    };
    let mut service = Service::new("logs", &region, &environment);
    if let Some(endpoint) = &config.endpoint {
        service = service.with_endpoint(endpoint);
    }
    Ok(AwsClient::new(service, credentials, http))
}

/// Options for which variables exist, as those variables.
fn environment(config: &CloudWatchLogsConfig, mut environment: Environment) -> Environment {
    if let Some(endpoint) = &config.credentials_endpoint {
        environment = environment
            .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.reveal())
            .with("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "");
    }
    if let Some(text) = &config.user_agent {
        let earlier = environment.get("FLB_AWS_USER_AGENT").unwrap_or_default().to_owned();
        environment = environment.with("FLB_AWS_USER_AGENT", format!("{text} {earlier}").trim());
    }
    environment
}
