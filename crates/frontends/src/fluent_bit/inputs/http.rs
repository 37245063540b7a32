//! `http` becomes `http`.

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, silent};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["http"], kind: "http", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own("listen"),
    own("port"),
    field("tag", "tag", To::Text),
    field("tag_key", "tag_key", To::Text),
    field("buffer_max_size", "max_message_bytes", To::Size),
    silent("buffer_chunk_size", "the buffer grows with the message"),
    field("successful_response_code", "success_status", To::Int),
    field("success_header", "headers", To::Pairs("name", "value")),
    silent("http2", "HTTP/1.1 is spoken"),
    silent("enable_http2", "HTTP/1.1 is spoken"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    super::listen(draft, "0.0.0.0", 9880);
}
