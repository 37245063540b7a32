//! Adds what is known about the ECS task and the container a record came from.
//!
//! ```yaml
//! ecs_metadata:
//!   fields:
//!     - {key: cluster, value: $ClusterName}
//!     - {key: container, value: "$TaskDefinitionFamily/$ECSContainerName"}
//! ```
//!
//! The container is found by the record's `container_id`, or by the end of its tag behind `tag_prefix`. A
//! field of which a part is not known is not added. Outside ECS nothing is known, and records pass as they are.

use config::ComponentId;
use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, LogRecord, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::warn;

use crate::fields;

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
#[derive(Default)]
pub struct Config {
    /// Fields to add, in this order, behind those of the record. In their values `$ClusterName`, `$TaskARN`,
    /// `$TaskID`, `$TaskDefinitionFamily`, `$TaskDefinitionVersion`, `$ContainerID`, `$ECSContainerName` and
    /// `$DockerContainerName` stand for what they say. `$ContainerInstanceARN`, `$ContainerInstanceID` and
    /// `$ECSAgentVersion` are names of the EC2 agent and are not known here.
    pub fields: Vec<Field>,
    /// What stands in front of the container's id in a tag.
    pub tag_prefix: Option<String>,
    /// Add only what is known of the cluster; containers are not looked for.
    pub cluster_only: bool,
}

#[derive(Deserialize, JsonSchema)]
pub struct Field {
    pub key: String,
    pub value: String,
}

pub struct EcsMetadata {
    id: ComponentId,
    fields: Vec<Field>,
    tag_prefix: Option<String>,
    /// `None` outside ECS.
    task: Option<Task>,
    warned: bool,
}

/// What the variables stand for.
#[derive(Default)]
struct Task {
    variables: Vec<(&'static str, String)>,
    containers: Vec<Container>,
}

struct Container {
    id: String,
    variables: [(&'static str, String); 3],
}

impl Processor for EcsMetadata {
    const NAME: &'static str = "ecs_metadata";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let task = cx.surroundings.task.as_deref().map(|task| {
            let mut known = Task::default();
            known.variables.push(("ClusterName", task.cluster_name().to_owned()));
            if config.cluster_only {
                return known;
            }
            known.variables.extend([
                ("TaskARN", task.task_arn.clone()),
                ("TaskID", task.id().to_owned()),
                ("TaskDefinitionFamily", task.family.clone()),
                ("TaskDefinitionVersion", task.revision.clone()),
            ]);
            let containers = task.containers.iter();
            known.containers =
                containers.map(|c| Container::new(&c.docker_id, &c.name, &c.docker_name)).collect();
            known
        });
        let Config { fields, tag_prefix, .. } = config;
        Ok(EcsMetadata { id: cx.id.clone(), fields, tag_prefix, task, warned: false })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let Some(task) = &self.task else {
            if !std::mem::replace(&mut self.warned, true) {
                warn!(component = %self.id, "this is no ECS task, so no metadata is added");
            }
            return out.push(batch);
        };
        let named = self.tag_prefix.as_deref().and_then(|prefix| batch.tag.strip_prefix(prefix));
        let by_tag = named.and_then(|id| task.container(id.as_bytes()));
        let Batch { arena, logs, .. } = &mut batch;
        for record in logs {
            self.add(task, by_tag, arena, record);
        }
        out.push(batch);
    }
}

impl EcsMetadata {
    fn add(&self, task: &Task, by_tag: Option<&Container>, arena: &mut Arena, record: &mut LogRecord) {
        let Some(mut list) = fields::fields(arena, record) else { return };
        let by_id = || {
            let id = arena.get(list, b"container_id")?;
            task.container(&arena.text(id)?)
        };
        let container = by_tag.or_else(by_id);
        for field in &self.fields {
            if let Some(text) = task.fill(&field.value, container) {
                let (key, value) = (arena.store(field.key.as_bytes()), arena.store(text.as_bytes()));
                arena.push(&mut list, key, Value::Str(value));
            }
        }
        record.body = Value::Map(list);
    }
}

impl Task {
    /// By its id, or the beginning of one: Docker's short ids have twelve letters.
    fn container(&self, id: &[u8]) -> Option<&Container> {
        let fits = |known: &str| {
            let known = known.as_bytes();
            id.len() >= 12 && known.starts_with(id) || known == id
        };
        self.containers.iter().find(|container| fits(&container.id))
    }

    /// The text with its variables replaced; `None` when one of them is not known.
    fn fill(&self, template: &str, container: Option<&Container>) -> Option<String> {
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let name = &rest[..end];
            let of_container = container.iter().flat_map(|container| &container.variables);
            let (_, value) = self.variables.iter().chain(of_container).find(|(known, _)| *known == name)?;
            if value.is_empty() {
                return None;
            }
            out.push_str(value);
            rest = &rest[end..];
        }
        out.push_str(rest);
        Some(out)
    }
}

impl Container {
    fn new(id: &str, name: &str, docker_name: &str) -> Container {
        let variables = [
            ("ContainerID", id.to_owned()),
            ("ECSContainerName", name.to_owned()),
            ("DockerContainerName", docker_name.to_owned()),
        ];
        Container { id: id.to_owned(), variables }
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};

    use super::*;
    use crate::testing::settings;

    const ID: &str = "5f0c1b9ad2e34c8e9a76b5d4c3f2e1a0";

    fn check(tag: &str, record: &str, expected: &str) {
        let options = r#"{"tag_prefix": "ecs.", "fields": [
            {"key": "cluster", "value": "$ClusterName"},
            {"key": "name", "value": "$TaskID/$ECSContainerName."},
            {"key": "agent", "value": "$ECSAgentVersion"},
            {"key": "fixed", "value": "text"}]}"#;
        let mut ecs = processor::<EcsMetadata>(settings(options)).unwrap();
        ecs.task = Some(Task {
            variables: vec![("ClusterName", "shop".into()), ("TaskID", "0f1e".into())],
            containers: vec![Container::new(ID, "web", "ecs-shop-web")],
        });
        let (out, _) = process(&mut ecs, batch(tag, &[record]));
        assert_eq!(json_lines(&out), format!("{tag} {expected}\n"));
    }

    #[test]
    fn what_is_known_is_added() {
        let with_id = format!(r#"{{"container_id":"{ID}"}}"#);
        let added = r#""cluster":"shop","name":"0f1e/web.","fixed":"text""#;
        check("t", &with_id, &format!(r#"{{"container_id":"{ID}",{added}}}"#));
        check(&format!("ecs.{}", &ID[..12]), r#"{"a":1}"#, &format!(r#"{{"a":1,{added}}}"#));
        check("t", r#"{"a":1}"#, r#"{"a":1,"cluster":"shop","fixed":"text"}"#);
        check("ecs.5f", r#"{"a":1}"#, r#"{"a":1,"cluster":"shop","fixed":"text"}"#);
    }

    #[test]
    fn outside_ecs_records_pass() {
        let options = settings(r#"{"fields": [{"key": "c", "value": "$ClusterName"}]}"#);
        let mut ecs = processor::<EcsMetadata>(options).unwrap();
        let (out, _) = process(&mut ecs, batch("t", &[r#"{"a":1}"#]));
        assert_eq!(json_lines(&out), "t {\"a\":1}\n");
    }
}
