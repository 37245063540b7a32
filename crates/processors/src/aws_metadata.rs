//! Stands in for Fluent Bit's `aws` filter, which asks the EC2 instance for its metadata.
//!
//! ```yaml
//! aws_metadata:
//!   instance_id: true
//! ```
//!
//! On Fargate there is no instance to ask, and there the filter only fills the log with errors. This one says
//! so once, when it is built, and passes every record. `ecs_metadata` knows the task.

use config::Interval;
use engine::{BuildContext, ConfigError, Processor};
use model::Batch;
use schemars::JsonSchema;
use serde::Deserialize;

/// The settings of the filter it stands in for; none has an effect.
#[derive(Deserialize, JsonSchema)]
#[serde(default)]
#[derive(Default)]
pub struct Config {
    pub imds_version: ImdsVersion,
    pub availability_zone: bool,
    pub instance_id: bool,
    pub instance_type: bool,
    pub private_ip: bool,
    pub vpc_id: bool,
    pub ami_id: bool,
    pub account_id: bool,
    pub hostname: bool,
    pub tags: bool,
    pub tags_include: Vec<String>,
    pub tags_exclude: Vec<String>,
    pub retry_interval: Interval,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImdsVersion {
    V1,
    #[default]
    V2,
}

pub struct AwsMetadata;

impl Processor for AwsMetadata {
    const NAME: &'static str = "aws_metadata";
    type Config = Config;

    fn build(_: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        cx.warn(
            "",
            "instance metadata is not read, so this filter adds nothing",
            "remove it, or use `ecs_metadata` for what is known about the task",
        );
        Ok(AwsMetadata)
    }

    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>) {
        out.push(batch);
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};

    use super::*;
    use crate::testing::settings;

    #[test]
    fn records_pass() {
        let mut aws = processor::<AwsMetadata>(settings(r#"{"imds_version": "v1", "tags": true}"#)).unwrap();
        let (out, _) = process(&mut aws, batch("t", &[r#"{"a":1}"#]));
        assert_eq!(json_lines(&out), "t {\"a\":1}\n");
    }
}
