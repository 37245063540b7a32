//! `cloudwatch_logs`, the C plugin, becomes `cloudwatch_logs`.

use config::Setting;

use super::endpoint;
use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, silent, warn};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["cloudwatch_logs"], kind: "cloudwatch_logs", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own("log_group_name"),
    own("log_group_template"),
    own("log_stream_name"),
    own("log_stream_prefix"),
    own("log_stream_template"),
    field("log_key", "log_key", To::Text),
    own("log_format"),
    field("auto_create_group", "create_group", To::Bool),
    field("log_retention_days", "retention_days", To::Int),
    field(
        "log_group_class",
        "group_class",
        To::Word(&[("standard", "standard"), ("infrequent_access", "infrequent_access")]),
    ),
    own("endpoint"),
    own("sts_endpoint"),
    silent("auto_retry_requests", "a request that fails at once is tried again at once"),
    warn("metric_namespace", "metrics are not turned into log events"),
    warn("metric_dimensions", "metrics are not turned into log events"),
    silent("add_entity", "entities are not sent"),
];

/// What the service accepts for how long a group keeps its events.
const RETENTION_DAYS: &[i64] = &[
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
    3653,
];

fn finish(draft: &mut Draft<'_, '_>) {
    region(draft);
    group(draft);
    stream(draft);
    shared(draft);
}

/// What both plugins mean alike.
pub(super) fn shared(draft: &mut Draft<'_, '_>) {
    log_format(draft);
    retention(draft);
    for key in ["endpoint", "sts_endpoint"] {
        if let Some(value) = draft.value(key) {
            let mut url = endpoint::aws_endpoint(&value);
            if let (true, Some(port), Some(text)) = (key == "endpoint", draft.text("port"), url.as_str()) {
                url = value.setting(format!("{text}:{port}"));
            }
            draft.set(key, url);
        }
    }
}

/// A region not written comes from the variable ECS sets.
pub(super) fn region(draft: &mut Draft<'_, '_>) {
    if draft.has("region") {
        return;
    }
    match draft.cx.variable("AWS_REGION").or_else(|| draft.cx.variable("AWS_DEFAULT_REGION")) {
        Some(region) => draft.set("region", Setting::from(region).at(draft.section.origin)),
        None => draft.refuse_without(&["region"], "add `region ${AWS_REGION}`"),
    }
}

fn group(draft: &mut Draft<'_, '_>) {
    match (draft.value("log_group_template"), draft.value("log_group_name")) {
        (Some(template), name) => {
            draft.set("log_group", template.text_setting());
            match name {
                Some(name) => draft.set("log_group_default", name.text_setting()),
                None => {
                    let message = format!(
                        "{} has a `log_group_template` and no group for records that do not fit it",
                        draft.label
                    );
                    draft.warn(message, template.origin, "add `log_group_name` as what they fall back to");
                }
            }
        }
        (None, Some(name)) => draft.set("log_group", name.text_setting()),
        (None, None) => draft.refuse_without(&["log_group_name"], "add `log_group_name /ecs/my-service`"),
    }
}

fn stream(draft: &mut Draft<'_, '_>) {
    let (name, prefix) = (draft.value("log_stream_name"), draft.value("log_stream_prefix"));
    if let (Some(_), Some(prefix)) = (&name, &prefix) {
        let message =
            format!("{} has `log_stream_name` and `log_stream_prefix`; the name is used", draft.label);
        draft.error(message, prefix.origin, "keep one of the two");
    }
    if let Some(template) = draft.value("log_stream_template") {
        draft.set("log_stream", template.text_setting());
        match (name, prefix) {
            (Some(name), _) => draft.set("log_stream_default", name.text_setting()),
            (None, Some(prefix)) => draft.set("stream_prefix", prefix.text_setting()),
            (None, None) => {
                draft.refuse_without(
                    &["log_stream_name", "log_stream_prefix"],
                    "it is what records that do not fit the template fall back to",
                );
            }
        }
        return;
    }
    match (name, prefix) {
        (Some(name), _) => draft.set("log_stream", name.text_setting()),
        (None, Some(prefix)) => draft.set("stream_prefix", prefix.text_setting()),
        (None, None) => {
            draft.refuse_without(&["log_stream_prefix", "log_stream_name"], "add `log_stream_prefix ecs/`");
        }
    }
}

fn log_format(draft: &mut Draft<'_, '_>) {
    let Some(value) = draft.value("log_format") else { return };
    if value.text.eq_ignore_ascii_case("json/emf") {
        draft.set("emf", value.setting(true));
    } else {
        let message = format!("the `log_format` of {} is not `json/emf`, so it has no effect", draft.label);
        draft.warn(message, value.origin, "");
    }
}

fn retention(draft: &mut Draft<'_, '_>) {
    let Some(value) = draft.value("log_retention_days") else { return };
    let valid = value.text.parse::<i64>().is_ok_and(|days| RETENTION_DAYS.contains(&days));
    if !valid {
        let message = format!("CloudWatch Logs cannot keep events for {} days", value.shown);
        let list = RETENTION_DAYS[1..].iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        draft.warn(
            message,
            value.origin,
            &format!("`log_retention_days` is one of {list}; without one they are kept for ever"),
        );
        draft.settings.remove("retention_days");
    } else if value.text == "0" {
        draft.settings.remove("retention_days");
    }
}
