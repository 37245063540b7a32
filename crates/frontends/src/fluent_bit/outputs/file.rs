//! `file` becomes `file`.

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, silent};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["file"], kind: "file", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    field("path", "path", To::Text),
    field("file", "file", To::Text),
    field("mkdir", "mkdir", To::Bool),
    field(
        "format",
        "format",
        To::Word(&[
            ("out_file", "json"),
            ("json", "json"),
            ("plain", "plain"),
            ("csv", "csv"),
            ("ltsv", "ltsv"),
            ("template", "template"),
        ]),
    ),
    own("delimiter"),
    own("label_delimiter"),
    field("template", "template", To::Text),
    field("csv_column_names", "csv_column_names", To::Bool),
    silent("files_rotation", "files grow"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    for key in ["delimiter", "label_delimiter"] {
        if let Some(value) = draft.value(key) {
            let character = match value.text.to_ascii_lowercase().as_str() {
                "tab" | "\\t" => "\t",
                "space" => " ",
                "comma" => ",",
                _ => value.text.as_str(),
            };
            draft.set(key, value.setting(character));
        }
    }
    // Several writers at once would only change the order of a file's lines.
    draft.delivery.concurrency = 1;
}
