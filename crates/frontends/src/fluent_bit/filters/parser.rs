//! `parser` becomes `parser`, with the definitions of the parsers it names.

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own_many, silent};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["parser"], kind: "parser", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    field("key_name", "key", To::Text),
    own_many("parser"),
    field("preserve_key", "preserve_key", To::Bool),
    field("reserve_data", "reserve_data", To::Bool),
    silent("unescape_key", "Fluent Bit ignores it too"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    draft.require("key_name", "add `Key_Name log`");
    let label = draft.label.clone();
    let named = draft.values("parser");
    for parser in draft.cx.named_parsers(&named, &label) {
        draft.append("parsers", parser.origin.unwrap_or(draft.section.origin), parser);
    }
    if named.is_empty() {
        draft.refuse_without(&["parser"], "add `Parser json`");
    } else if draft.settings.get("parsers").is_none() {
        // None of them exists, which was said: the records pass unparsed.
        draft.usable = false;
    }
}
