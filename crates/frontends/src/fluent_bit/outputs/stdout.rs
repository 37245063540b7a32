//! `stdout` becomes `stdout`.

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["stdout"], kind: "stdout", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    field(
        "format",
        "format",
        To::Word(&[
            ("msgpack", "msgpack"),
            ("json", "json"),
            ("json_lines", "json_lines"),
            ("json_stream", "json_stream"),
        ]),
    ),
    own("json_date_key"),
    field("json_date_format", "date_format", To::Word(super::http::DATE_FORMATS)),
];

fn finish(draft: &mut Draft<'_, '_>) {
    super::http::date_key(draft);
    // One stream: several writers at once would only change the order.
    draft.delivery.concurrency = 1;
}
