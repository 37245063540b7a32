//! `dummy` becomes `dummy`.

use std::time::Duration;

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, silent, warn};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["dummy"], kind: "dummy", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own("dummy"),
    field("samples", "samples", To::Int),
    field("rate", "rate", To::Int),
    field("copies", "copies", To::Int),
    own("interval_sec"),
    own("interval_nsec"),
    silent("fixed_timestamp", "records carry the time they are made"),
    silent("start_time_sec", "records carry the time they are made"),
    silent("start_time_nsec", "records carry the time they are made"),
    silent("flush_on_startup", "the first record comes at once"),
    warn("metadata", "records carry no metadata"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    super::default_tag(draft);
    if let Some(value) = draft.value("dummy") {
        match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&value.text) {
            Ok(_) => draft.set("record", value.text_setting()),
            Err(_) => draft.wrong("dummy", &value, "a JSON object"),
        }
    }
    let part = |key: &str| draft.text(key).and_then(|text| text.parse::<u64>().ok());
    let (seconds, nanos) = (part("interval_sec"), part("interval_nsec"));
    if seconds.is_some() || nanos.is_some() {
        let interval = Duration::from_secs(seconds.unwrap_or(0)) + Duration::from_nanos(nanos.unwrap_or(0));
        if !interval.is_zero() {
            draft.set("interval", interval.into());
        }
    }
}
