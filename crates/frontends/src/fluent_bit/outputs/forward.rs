//! `forward` becomes `forward`.

use config::Setting;

use super::endpoint::{self, Defaults};
use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, warn};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["forward"], kind: "forward", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    field("unix_path", "unix_path", To::Text),
    field("tag", "tag", To::Text),
    field("time_as_integer", "time_as_integer", To::Bool),
    field("retain_metadata_in_forward_mode", "retain_metadata", To::Bool),
    field("send_options", "send_options", To::Bool),
    field("require_ack_response", "require_ack", To::Bool),
    field("compress", "compression", To::Word(&[("none", "none"), ("text", "none"), ("gzip", "gzip")])),
    field("shared_key", "shared_key", To::Secret),
    field("empty_shared_key", "empty_shared_key", To::Bool),
    field("self_hostname", "self_hostname", To::Text),
    field("username", "username", To::Text),
    field("password", "password", To::Secret),
    field("fluentd_compat", "fluentd_compat", To::Bool),
    field("add_option", "options", To::Pairs("name", "value")),
    warn("upstream", "list one destination with `Host` and `Port`; balancing over several is not supported"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    if !draft.has("unix_path") {
        let address = endpoint::address(draft, &Defaults { host: "127.0.0.1", port: 24224, tls_port: 24224 });
        endpoint::set(draft, address);
    }
    match draft.flag("tls") {
        Some(true) if draft.settings.get("tls").is_none() => draft.set("tls", Setting::map()),
        Some(true) => {}
        _ => {
            draft.settings.remove("tls");
        }
    }
}
