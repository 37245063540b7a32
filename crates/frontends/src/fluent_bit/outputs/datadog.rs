//! `datadog` becomes `datadog_logs`.

use config::Setting;

use super::endpoint::{self, Defaults};
use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["datadog"], kind: "datadog_logs", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    field("apikey", "api_key", To::Secret),
    own("compress"),
    field("dd_service", "service", To::Text),
    field("dd_source", "source", To::Text),
    field("dd_tags", "tags", To::Text),
    field("dd_hostname", "hostname", To::Text),
    field("dd_message_key", "message_key", To::Text),
    own("provider"),
    own("include_tag_key"),
    own("tag_key"),
    field("json_date_key", "date_key", To::Text),
    field("header", "headers", To::Pairs("name", "value")),
    field("proxy", "proxy", To::Text),
    own("site"),
];

const DEFAULTS: Defaults = Defaults { host: "http-intake.logs.datadoghq.com", port: 80, tls_port: 443 };

fn finish(draft: &mut Draft<'_, '_>) {
    draft.require("apikey", "add `apikey ${DD_API_KEY}` and give the router that variable");
    let url = endpoint::url(draft, &DEFAULTS);
    endpoint::set(draft, url);
    if let Some(value) = draft.value("site") {
        let message = format!("{} has no property `site`", draft.label);
        draft.error(message, value.origin, &format!("write `Host http-intake.logs.{}`", value.text));
    }
    compression(draft);
    provider(draft);
    if draft.flag("include_tag_key") == Some(true) {
        let key = draft.value("tag_key").map_or(Setting::from("tagkey"), |value| value.text_setting());
        draft.set("tag_key", key);
    }
}

/// Not written: zstd where Datadog's intake answers, which costs a fifth of gzip and is smaller.
fn compression(draft: &mut Draft<'_, '_>) {
    let host = draft.text("host").unwrap_or_else(|| DEFAULTS.host.to_owned());
    let bare = host.split("://").last().unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
    let default = if endpoint::is_datadog(bare) { "zstd" } else { "none" };
    let Some(value) = draft.value("compress") else { return draft.set("compression", default.into()) };
    let word = value.text.to_ascii_lowercase();
    if !matches!(word.as_str(), "gzip" | "zstd" | "none" | "off" | "false") {
        let message = format!("`compress` of {} is `{}`, so nothing is compressed", draft.label, value.shown);
        draft.warn(message, value.origin, "write `compress gzip` or `compress zstd`");
    }
    let method = if matches!(word.as_str(), "gzip" | "zstd") { word } else { "none".to_owned() };
    draft.set("compression", value.setting(method));
}

fn provider(draft: &mut Draft<'_, '_>) {
    let Some(value) = draft.value("provider") else { return };
    if value.text == "ecs" {
        draft.set("ecs_tags", value.setting(true));
    } else {
        let message = format!("the `provider` of {} is not `ecs`, so it has no effect", draft.label);
        draft.warn(message, value.origin, "write `provider ecs`, in lower case");
    }
}
