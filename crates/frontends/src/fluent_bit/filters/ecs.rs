//! `ecs` becomes `ecs_metadata`, which asks the task's own metadata and so works on Fargate too.

use crate::fluent_bit::table::{Field, Plugin, To, field, nothing_more, silent};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["ecs"], kind: "ecs_metadata", fields: FIELDS, finish: nothing_more };

const FIELDS: &[Field] = &[
    field("add", "fields", To::Pairs("key", "value")),
    field("ecs_tag_prefix", "tag_prefix", To::Text),
    field("cluster_metadata_only", "cluster_only", To::Bool),
    silent("ecs_meta_cache_ttl", "metadata is read once"),
    silent("ecs_meta_host", "metadata comes from the task, not from the agent's port"),
    silent("ecs_meta_port", "metadata comes from the task, not from the agent's port"),
    silent("agent_endpoint_retries", "metadata comes from the task, not from the agent's port"),
];
