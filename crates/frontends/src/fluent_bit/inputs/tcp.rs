//! `tcp` becomes `tcp`.

use config::Setting;

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, silent};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["tcp"], kind: "tcp", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own("listen"),
    own("port"),
    field("format", "format", To::Word(&[("json", "json"), ("none", "none")])),
    own("separator"),
    own("buffer_size"),
    silent("chunk_size", "the buffer grows with the message"),
    field("source_address_key", "source_address_key", To::Text),
];

fn finish(draft: &mut Draft<'_, '_>) {
    super::listen(draft, "0.0.0.0", 5170);
    super::default_tag(draft);
    if let Some(value) = draft.value("separator") {
        let resolved =
            value.text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t").replace("\\0", "\0");
        draft.set("separator", value.setting(resolved));
    }
    // A bare number is KiB here, unlike any other size of Fluent Bit.
    if let Some(value) = draft.value("buffer_size") {
        let bytes = match value.text.parse::<u64>() {
            Ok(kib) => kib.checked_mul(1024),
            Err(_) => crate::fluent_bit::values::size(&value.text),
        };
        match bytes {
            Some(bytes) => draft.set("max_message_bytes", Setting::from(bytes).at(value.origin)),
            None => draft.wrong("buffer_size", &value, "a size such as `64` (KiB) or `1M`"),
        }
    }
}
