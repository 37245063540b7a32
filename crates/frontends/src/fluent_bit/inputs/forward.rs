//! `forward` becomes `fluent_forward`.

use config::Setting;

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, own_many, silent};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["forward"], kind: "fluent_forward", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own("listen"),
    own("port"),
    field("unix_path", "unix_path", To::Text),
    field("unix_perm", "unix_perm", To::Text),
    field("tag", "tag", To::Text),
    field("tag_prefix", "tag_prefix", To::Text),
    field("buffer_max_size", "max_message_bytes", To::Size),
    silent("buffer_chunk_size", "the buffer grows with the message"),
    field("shared_key", "shared_key", To::Secret),
    field("self_hostname", "self_hostname", To::Text),
    own_many("security.users"),
    field("empty_shared_key", "empty_shared_key", To::Bool),
    // Our own: when a chunk is acknowledged.
    field(
        "ack",
        "ack",
        To::Word(&[
            ("received", "received"),
            ("queued", "queued"),
            ("durable", "durable"),
            ("delivered", "delivered"),
        ]),
    ),
];

fn finish(draft: &mut Draft<'_, '_>) {
    if !draft.has("unix_path") {
        super::listen(draft, "0.0.0.0", 24224);
    }
    for value in draft.values("security.users") {
        match values::words(&value.text).as_slice() {
            [username, password] => {
                let user = Setting::map()
                    .with("username", value.setting(username.as_str()))
                    .with("password", value.setting(password.as_str()).hide())
                    .at(value.origin);
                draft.append("users", value.origin, user);
            }
            _ => {
                let message = format!("`security.users` of {} needs a user name and a password", draft.label);
                draft.error(message, value.origin, "write `security.users NAME PASSWORD`");
            }
        }
    }
    let keyed = draft.has("shared_key") || draft.flag("empty_shared_key") == Some(true);
    if let (Some(value), false) = (draft.value("security.users"), keyed) {
        let message = format!("{} has users but no `shared_key`", draft.label);
        draft.error(message, value.origin, "add `Shared_Key`, or `Empty_Shared_Key on`");
    }
}
