//! `nest` becomes `nest`.

use config::Severity;

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["nest"], kind: "nest", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own("operation"),
    field("wildcard", "wildcards", To::Items),
    field("nest_under", "nest_under", To::Text),
    field("nested_under", "nested_under", To::Text),
    field("add_prefix", "add_prefix", To::Text),
    field("prefix_with", "add_prefix", To::Text),
    field("remove_prefix", "remove_prefix", To::Text),
];

fn finish(draft: &mut Draft<'_, '_>) {
    // Without these Fluent Bit starts, and the filter does nothing.
    draft.gravity = Severity::Warning;
    let Some(operation) = draft.require("operation", "add `Operation nest` or `Operation lift`") else {
        return;
    };
    let word = operation.text.to_ascii_lowercase();
    draft.set("operation", operation.setting(word.as_str()));
    match word.as_str() {
        "nest" => {
            draft.require("nest_under", "say under which key: `Nest_under KEY`");
            draft.require("wildcard", "say which keys: `Wildcard PREFIX*`");
        }
        "lift" => {
            draft.require("nested_under", "say which map to lift: `Nested_under KEY`");
        }
        _ => {
            draft.usable = false;
            draft.gravity = Severity::Error;
            draft.wrong("operation", &operation, "`nest` or `lift`");
        }
    }
    draft.gravity = Severity::Error;
    if draft.settings.get("add_prefix").is_some()
        && let Some(value) = draft.value("remove_prefix")
    {
        let message = format!("{} has `Add_prefix` and `Remove_prefix`", draft.label);
        draft.error(message, value.origin, "keep one of them");
        draft.usable = false;
    }
}
