//! `parser` becomes `parser`, with the definitions of the parsers it names.

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, silent};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["parser"], kind: "parser", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    field("key_name", "key", To::Text),
    own("parser"),
    field("preserve_key", "preserve_key", To::Bool),
    field("reserve_data", "reserve_data", To::Bool),
    silent("unescape_key", "Fluent Bit ignores it too"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    draft.require("key_name", "add `Key_Name log`");
    let label = draft.label.clone();
    let named = draft.values("parser");
    for value in &named {
        for name in values::commas(&value.text) {
            if let Some(parser) = draft.cx.parser(&name, value, &label) {
                draft.append("parsers", value.origin, parser);
            }
        }
    }
    if named.is_empty() {
        draft.refuse_without(&["parser"], "add `Parser json`");
    } else if draft.settings.get("parsers").is_none() {
        // None of them exists, which was said: the records pass unparsed.
        draft.usable = false;
    }
}
