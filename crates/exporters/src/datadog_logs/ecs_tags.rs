//! Fields that ECS adds to a record, as the tags that Fluent Bit 4.1 and later makes of them.

use model::text;

/// A field that becomes tags, when it is text and not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EcsField {
    ContainerId,
    ContainerName,
    ContainerImage,
    Cluster,
    TaskDefinition,
    TaskArn,
}

impl EcsField {
    pub const ALL: [EcsField; 6] = [
        EcsField::ContainerId,
        EcsField::ContainerName,
        EcsField::ContainerImage,
        EcsField::Cluster,
        EcsField::TaskDefinition,
        EcsField::TaskArn,
    ];

    pub fn key(self) -> &'static str {
        match self {
            EcsField::ContainerId => "container_id",
            EcsField::ContainerName => "container_name",
            EcsField::ContainerImage => "container_image",
            EcsField::Cluster => "ecs_cluster",
            EcsField::TaskDefinition => "ecs_task_definition",
            EcsField::TaskArn => "ecs_task_arn",
        }
    }

    /// Appends the tags of a value, escaped for JSON, with a comma between them and what was there.
    pub fn write(self, value: &[u8], out: &mut Vec<u8>) {
        match self {
            EcsField::ContainerId => tag("container_id", value, out),
            EcsField::ContainerName => {
                tag("container_name", value.strip_prefix(b"/").unwrap_or(value), out);
            }
            EcsField::ContainerImage => tag("container_image", value, out),
            EcsField::Cluster => tag("cluster_name", after(b"cluster/", value), out),
            EcsField::TaskDefinition => match value.iter().position(|byte| *byte == b':') {
                Some(colon) => {
                    tag("task_family", &value[..colon], out);
                    tag("task_version", &value[colon + 1..], out);
                }
                None => tag("ecs_task_definition", value, out),
            },
            EcsField::TaskArn => {
                tag("task_arn", value, out);
                if let Some(region) = region(value) {
                    tag("region", region, out);
                }
                tag("task_id", after(b"task/", value), out);
            }
        }
    }
}

/// What follows the first occurrence of a word; all of it where there is none.
fn after<'a>(word: &[u8], value: &'a [u8]) -> &'a [u8] {
    let at = value.windows(word.len()).position(|window| window == word);
    at.map_or(value, |at| &value[at + word.len()..])
}

/// Only of ARNs in the partition `aws`, and only where something follows it, as Fluent Bit has it.
fn region(arn: &[u8]) -> Option<&[u8]> {
    let rest = arn.strip_prefix(b"arn:aws:ecs:")?;
    let end = rest.iter().position(|byte| *byte == b':')?;
    Some(&rest[..end])
}

fn tag(name: &str, value: &[u8], out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    match std::str::from_utf8(value) {
        Ok(_) => text::escape(value, out),
        Err(_) => text::escape(String::from_utf8_lossy(value).as_bytes(), out),
    }
}
