//! `rewrite_tag` becomes `rewrite_tag`.

use config::{Pattern, Setting};

use crate::fluent_bit::draft::{Draft, Value};
use crate::fluent_bit::table::{Field, Plugin, own_many, silent};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["rewrite_tag"], kind: "rewrite_tag", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own_many("rule"),
    silent("emitter_name", "records go round inside the pipeline, without an emitter"),
    silent("emitter_storage.type", "records go round inside the pipeline, without an emitter"),
    silent("emitter_mem_buf_limit", "records go round inside the pipeline, without an emitter"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    for value in draft.values("rule") {
        match rule(&value) {
            Ok(rule) => draft.append("rules", value.origin, rule),
            Err(cause) => {
                let message = format!(
                    "`rule` of {} needs a key, an expression, a tag and whether to keep",
                    draft.label
                );
                let diagnostic = config::Diagnostic::error(message).at(value.origin).because(cause);
                draft.push(diagnostic.help("write `Rule $KEY REGEX NEW_TAG false`"));
            }
        }
    }
    if !draft.has("rule") {
        draft.refuse_without(&["rule"], "add `Rule $KEY REGEX NEW_TAG false`");
    } else if draft.settings.get("rules").is_none() {
        draft.usable = false;
    }
}

/// `$KEY REGEX NEW_TAG KEEP`
fn rule(value: &Value) -> Result<Setting, String> {
    let words = values::words(&value.text);
    let [key, pattern, tag, keep] = words.as_slice() else {
        return Err(format!("there are {} parts", words.len()));
    };
    // Whatever is not a yes is a no.
    let keep = values::boolean(keep).unwrap_or(false);
    Pattern::new(pattern).map_err(|fault| fault.cause().to_owned())?;
    Ok(Setting::map()
        .with("key", value.setting(key.as_str()))
        .with("pattern", value.setting(pattern.as_str()))
        .with("tag", value.setting(tag.as_str()))
        .with("keep", keep)
        .at(value.origin))
}
