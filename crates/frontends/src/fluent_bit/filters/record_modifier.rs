//! `record_modifier` becomes `record_modifier`.

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["record_modifier"], kind: "record_modifier", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    field("record", "records", To::TwoWords("key", "value")),
    field("remove_key", "remove_keys", To::Items),
    field("allowlist_key", "allow_keys", To::Items),
    field("whitelist_key", "allow_keys", To::Items),
    field("uuid_key", "uuid_key", To::Text),
];

fn finish(draft: &mut Draft<'_, '_>) {
    let both = draft.settings.get("remove_keys").is_some() && draft.settings.get("allow_keys").is_some();
    if let (true, Some(value)) = (both, draft.value("remove_key")) {
        let message = format!("{} both removes keys and lists the ones to keep", draft.label);
        draft.error(message, value.origin, "keep either `Remove_key` or `Allowlist_key`");
        draft.settings.remove("remove_keys");
    }
}
