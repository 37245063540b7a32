//! Who a task and its containers are: one identity for spans, metrics, log records and task metadata, so that all
//! of them meet under the same names.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dice::Dice;

pub const REGION: &str = "eu-west-1";
pub const ACCOUNT: &str = "111122223333";
pub const CLUSTER: &str = "shop";
pub const FAMILY: &str = "shop";
pub const ENVIRONMENT: &str = "demo";

/// Of the task definition, in its order.
pub const CONTAINERS: [&str; 5] = ["nginx", "front", "api", "worker", "log_router"];

/// One task of the family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// 32 hexadecimal digits.
    pub id: String,
    pub revision: u32,
    /// Of the application in it.
    pub version: String,
    pub zone: String,
    pub address: String,
}

impl Task {
    /// The task of a place in the service. Each deployment brings the next revision and version; even revisions have
    /// a fault that the next one mends.
    pub fn new(place: usize, deployment: u32, dice: &mut Dice) -> Task {
        Task {
            id: format!("{:016x}{:016x}", dice.roll(), dice.roll()),
            revision: 41 + deployment,
            version: format!("2.{}.0", 4 + deployment),
            zone: format!("{REGION}{}", ["a", "b", "c"][place % 3]),
            address: format!("10.40.{}.{}", 1 + place, 10 + dice.below(240)),
        }
    }

    pub fn arn(&self) -> String {
        format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/{CLUSTER}/{}", self.id)
    }

    pub fn cluster_arn(&self) -> String {
        format!("arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{CLUSTER}")
    }

    /// As Fargate makes it: the task's id and a number.
    pub fn container_id(&self, container: &str) -> String {
        let place = CONTAINERS.iter().position(|name| *name == container).unwrap_or(CONTAINERS.len());
        format!("{}-{:010}", self.id, 1_274_660_317 + place as u64 * 7_919)
    }

    /// FireLens' tag of a container's lines.
    pub fn tag(&self, container: &str) -> String {
        format!("{container}-firelens-{}", self.id)
    }

    /// What Docker's log driver and FireLens put beside each line.
    pub fn firelens(&self, container: &str) -> Vec<(&'static str, String)> {
        vec![
            ("container_id", self.container_id(container)),
            ("container_name", container.to_owned()),
            ("ecs_cluster", CLUSTER.to_owned()),
            ("ecs_task_arn", self.arn()),
            ("ecs_task_definition", format!("{FAMILY}:{}", self.revision)),
        ]
    }

    /// Of the service in a container, as an SDK with the detector for ECS tells it.
    pub fn resource(&self, service: &str, container: &str) -> Vec<(&'static str, Value)> {
        vec![
            ("service.name", json!(service)),
            ("service.namespace", json!("shop")),
            ("service.version", json!(self.version)),
            ("service.instance.id", json!(self.container_id(container))),
            ("deployment.environment.name", json!(ENVIRONMENT)),
            ("cloud.provider", json!("aws")),
            ("cloud.platform", json!("aws_ecs")),
            ("cloud.region", json!(REGION)),
            ("cloud.account.id", json!(ACCOUNT)),
            ("cloud.availability_zone", json!(self.zone)),
            ("aws.ecs.cluster.arn", json!(self.cluster_arn())),
            ("aws.ecs.launchtype", json!("fargate")),
            ("aws.ecs.task.arn", json!(self.arn())),
            ("aws.ecs.task.id", json!(self.id)),
            ("aws.ecs.task.family", json!(FAMILY)),
            ("aws.ecs.task.revision", json!(self.revision.to_string())),
            ("container.id", json!(self.container_id(container))),
            ("container.name", json!(container)),
            ("telemetry.sdk.name", json!("outrigger-demo")),
            ("telemetry.sdk.language", json!("rust")),
        ]
    }
}
