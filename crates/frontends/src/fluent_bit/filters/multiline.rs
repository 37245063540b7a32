//! `multiline` becomes `multiline`, with the rules of the parsers it names.

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, own_many, silent};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["multiline"], kind: "multiline", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own_many("multiline.parser"),
    field("multiline.key_content", "key", To::Text),
    own("mode"),
    field("buffer", "buffer", To::Bool),
    field("flush_ms", "flush_after", To::Milliseconds),
    silent("debug_flush", "for its developers"),
    silent("emitter_name", "joined records go on where they are, without an emitter"),
    silent("emitter_storage.type", "joined records go on where they are, without an emitter"),
    silent("emitter_mem_buf_limit", "joined records go on where they are, without an emitter"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    let mode = draft.value("mode");
    match mode.as_ref().map_or("parser", |value| value.text.as_str()) {
        "partial_message" => draft.set("mode", "partial_message".into()),
        "parser" => {
            draft.set("mode", "parser".into());
            parsers(draft);
        }
        _ => {
            if let Some(value) = mode {
                draft.wrong("mode", &value, "`parser` or `partial_message`");
            }
            draft.usable = false;
        }
    }
}

fn parsers(draft: &mut Draft<'_, '_>) {
    let label = draft.label.clone();
    let named = draft.values("multiline.parser");
    for value in &named {
        for name in values::commas(&value.text) {
            if let Some(parser) = draft.cx.multiline_parser(&name, value, &label) {
                draft.append("parsers", value.origin, parser);
            }
        }
    }
    if named.is_empty() {
        draft.refuse_without(&["multiline.parser"], "add `multiline.parser go` or one of your own");
    } else if draft.settings.get("parsers").is_none() {
        draft.usable = false;
    }
}
