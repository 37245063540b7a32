//! `cloudwatch`, the Go plugin of the AWS image, becomes `cloudwatch_logs` with that plugin's manners.
//!
//! Its templates `$(key)` are rewritten as accessors; the ones about the task are filled in here.

use std::hash::{BuildHasher, Hasher, RandomState};

use config::Setting;

use super::cloudwatch;
use crate::fluent_bit::draft::{Draft, Value};
use crate::fluent_bit::table::{Field, Plugin, To, field, own};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["cloudwatch"], kind: "cloudwatch_logs", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own("log_group_name"),
    own("log_stream_name"),
    own("log_stream_prefix"),
    own("default_log_group_name"),
    own("default_log_stream_name"),
    field("log_key", "log_key", To::Text),
    own("log_format"),
    field("auto_create_group", "create_group", To::Bool),
    field("auto_create_stream", "create_stream", To::Bool),
    own("new_log_group_tags"),
    field("log_retention_days", "retention_days", To::Int),
    own("endpoint"),
    own("sts_endpoint"),
    field("credentials_endpoint", "credentials_endpoint", To::Text),
];

fn finish(draft: &mut Draft<'_, '_>) {
    cloudwatch::region(draft);
    if let Some(value) = draft.require("log_group_name", "add `log_group_name /ecs/my-service`") {
        let group = template(draft, &value);
        draft.set("log_group", group);
    }
    match (draft.value("log_stream_name"), draft.value("log_stream_prefix")) {
        (Some(name), prefix) => {
            if let Some(prefix) = prefix {
                let message = format!(
                    "{} has `log_stream_name` and `log_stream_prefix`; the name is used",
                    draft.label
                );
                draft.error(message, prefix.origin, "keep one of the two");
            }
            let stream = template(draft, &name);
            draft.set("log_stream", stream);
        }
        (None, Some(prefix)) => {
            let prefix = template(draft, &prefix);
            draft.set("stream_prefix", prefix);
        }
        (None, None) => {
            draft.refuse_without(&["log_stream_prefix", "log_stream_name"], "add `log_stream_prefix ecs/`");
        }
    }
    defaults(draft);
    group_tags(draft);
    cloudwatch::shared(draft);
    draft.set("sorted_keys", true.into());
    draft.set("trim", true.into());
    draft.set("truncation_suffix", "[Truncated...]".into());
}

/// What a record falls back to whose template does not resolve.
fn defaults(draft: &mut Draft<'_, '_>) {
    let of = |draft: &Draft<'_, '_>, key: &str, usual: &str| {
        draft.value(key).map_or(Setting::from(usual), |value| value.text_setting())
    };
    let group = of(draft, "default_log_group_name", "fluentbit-default");
    let stream = of(draft, "default_log_stream_name", "/fluentbit-default");
    draft.set("log_group_default", group);
    draft.set("log_stream_default", stream);
}

/// `k=v,k2=v2`
fn group_tags(draft: &mut Draft<'_, '_>) {
    let Some(value) = draft.value("new_log_group_tags") else { return };
    for part in values::commas(&value.text) {
        match part.split_once('=') {
            Some((name, content)) => {
                let tag = Setting::map()
                    .with("name", value.setting(name.trim()))
                    .with("value", value.setting(content.trim()));
                draft.append("group_tags", value.origin, tag);
            }
            None => draft.wrong("new_log_group_tags", &value, "a list such as `team=shop,env=prod`"),
        }
    }
}

fn template(draft: &mut Draft<'_, '_>, value: &Value) -> Setting {
    let mut text = String::new();
    let mut rest = value.text.as_str();
    while let Some(start) = rest.find("$(") {
        let Some(length) = rest[start..].find(')') else { break };
        text.push_str(&rest[..start]);
        let name = rest[start + 2..start + length].trim();
        match resolve(draft, name) {
            Some(part) => text.push_str(&part),
            None => {
                let message =
                    format!("`$({name})` of {} is not known here, so the default name is used", draft.label);
                draft.warn(message, value.origin, "it comes from the ECS task metadata");
                // No record has such a key, so every one falls back.
                text.push_str(&format!("$['{name}']"));
            }
        }
        rest = &rest[start + length + 1..];
    }
    text.push_str(rest);
    value.setting(text)
}

fn resolve(draft: &Draft<'_, '_>, name: &str) -> Option<String> {
    match name {
        "tag" => Some("$TAG".to_owned()),
        "ecs_task_id" => draft.cx.variable("ECS_TASK_ID"),
        "ecs_cluster" => draft.cx.variable("ECS_CLUSTER"),
        "ecs_task_arn" => draft.cx.variable("ECS_TASK_ARN"),
        "uuid" => Some(random_name()),
        _ => match (name.strip_prefix("tag["), name.find('[')) {
            (Some(index), _) => Some(format!("$TAG[{index}")),
            (None, Some(at)) => Some(format!("$['{}']{}", &name[..at], &name[at..])),
            (None, None) => Some(format!("$['{name}']")),
        },
    }
}

/// 32 hex digits that differ from start to start.
fn random_name() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
