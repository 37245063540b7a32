//! Task metadata as Fargate writes it, and what happens when it does not.

use std::time::Duration;

use super::{Limits, NoMetadata, Task};
use crate::Environment;
use crate::testing::{Scripted, answer};

/// After the specification's example of a Fargate task.
const FARGATE: &str = r#"{
  "Cluster": "arn:aws:ecs:eu-west-1:210987654321:cluster/harbour",
  "TaskARN": "arn:aws:ecs:eu-west-1:210987654321:task/harbour/0f9a6f2f6b3b4f0d9b5c1d7e8a90b1c2",
  "Family": "pilot-api", "Revision": "41", "DesiredStatus": "RUNNING", "KnownStatus": "PENDING",
  "Group": "service:pilot", "Limits": {"CPU": 0.5, "Memory": 1024},
  "AvailabilityZone": "eu-west-1b", "LaunchType": "FARGATE",
  "Containers": [{
    "DockerId": "0f9a6f2f6b3b4f0d9b5c1d7e8a90b1c2-2531612879", "Name": "app", "DockerName": "app",
    "Image": "210987654321.dkr.ecr.eu-west-1.amazonaws.com/pilot:1.8.2", "ImageID": "sha256:4b1d",
    "Limits": {"CPU": 256, "Memory": 768}, "Type": "NORMAL",
    "ContainerARN": "arn:aws:ecs:eu-west-1:210987654321:container/harbour/0f/7d"
  }],
  "ClockDrift": {"ClockErrorBound": 0.41}
}"#;

fn environment(url: &str) -> Environment {
    Environment::from([("ECS_CONTAINER_METADATA_URI_V4", url)])
}

#[test]
fn reads_a_fargate_task() {
    let task = Task::parse(FARGATE.as_bytes()).unwrap();
    assert_eq!(task.cluster_name(), "harbour");
    assert_eq!(task.id(), "0f9a6f2f6b3b4f0d9b5c1d7e8a90b1c2");
    assert_eq!((task.region(), task.account()), (Some("eu-west-1"), Some("210987654321")));
    assert_eq!((task.definition().as_str(), task.service()), ("pilot-api:41", Some("pilot")));
    assert_eq!(task.limits, Some(Limits { cpu: Some(0.5), memory: Some(1024) }));
    let container = &task.containers[0];
    assert_eq!((container.name.as_str(), container.image_id.as_str()), ("app", "sha256:4b1d"));
    assert_eq!(container.r#type.as_deref(), Some("NORMAL"));
    assert_eq!(task.document["ClockDrift"]["ClockErrorBound"], 0.41);
}

#[test]
fn reads_an_ec2_task_with_little_in_it() {
    let task =
        Task::parse(br#"{"Cluster":"c","TaskARN":"arn:aws:ecs:r:1:task/abc","Containers":[{"Limits":{}}]}"#);
    let task = task.unwrap();
    assert_eq!((task.cluster_name(), task.id(), task.service()), ("c", "abc", None));
    assert!(task.limits.is_none() && task.availability_zone.is_none());
}

#[tokio::test]
async fn asks_again_while_the_agent_registers_the_container() {
    let server = Scripted::new(vec![
        answer(404, "\"V4 task metadata handler: unable to get task\""),
        answer(200, "not json"),
        answer(200, FARGATE),
    ]);
    let task = Task::fetch(&environment(&format!("{}/v4/x", server.url)), super::BUDGET).await.unwrap();
    assert_eq!(task.family, "pilot-api");
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].uri.path()), (3, "/v4/x/task"));
}

#[tokio::test]
async fn goes_on_without_metadata_and_says_why() {
    let error = Task::fetch(&Environment::default(), super::BUDGET).await.unwrap_err();
    assert_eq!(error, NoMetadata::NotEcs);

    let server = Scripted::new(vec![answer(500, "\"down\"")]);
    let error = Task::fetch(&environment(&server.url), Duration::from_millis(250)).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("status 500: \"down\"") && text.ends_with("its variables stay empty"), "{text}");
}
