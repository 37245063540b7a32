//! `grep` becomes `grep`; the order of its rules is the order of the file.

use config::{Pattern, Setting};

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own_many};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["grep"], kind: "grep", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own_many("regex"),
    own_many("exclude"),
    field("logical_op", "logic", To::Word(&[("legacy", "legacy"), ("and", "and"), ("or", "or")])),
];

fn finish(draft: &mut Draft<'_, '_>) {
    let section = draft.section;
    for property in &section.properties {
        let action = match property.key.as_str() {
            "regex" => "keep",
            "exclude" => "drop",
            _ => continue,
        };
        let Some(value) = draft.cx.value(property) else { continue };
        let Some((key, pattern)) = values::key_and_expression(&value.text) else {
            let message = format!("`{}` of {} needs a key and an expression", property.key, draft.label);
            draft.error(message, value.origin, "write `Regex log PATTERN`");
            continue;
        };
        if let Err(fault) = Pattern::new(pattern) {
            let message = format!("`{}` of {} has no usable expression", property.key, draft.label);
            draft.push(config::Diagnostic::error(message).at(value.origin).because(fault.cause()));
            continue;
        }
        let rule = Setting::map()
            .with("action", action)
            .with("key", value.setting(key))
            .with("pattern", value.setting(pattern))
            .at(value.origin);
        draft.append("rules", property.origin, rule);
    }
    check(draft);
}

fn check(draft: &mut Draft<'_, '_>) {
    let rules = draft.settings.get("rules").cloned().unwrap_or_default();
    let count = |action: &str| {
        let of = |rule: &&Setting| rule.get("action").and_then(Setting::as_str) == Some(action);
        rules.items().iter().filter(of).count()
    };
    let (keeps, drops) = (count("keep"), count("drop"));
    if rules.items().is_empty() {
        // Without a rule every record passes, which needs no step.
        draft.usable = false;
        if !draft.has("regex") && !draft.has("exclude") {
            let message = format!("{} has no `Regex` and no `Exclude`, so it does nothing", draft.label);
            draft.warn(message, draft.section.origin, "");
        }
        return;
    }
    let origin = rules.items().get(1).and_then(|rule| rule.origin).unwrap_or(draft.section.origin);
    let legacy = draft.text("logical_op").is_none_or(|logic| logic.eq_ignore_ascii_case("legacy"));
    if !legacy && keeps > 0 && drops > 0 {
        let message = format!("{} mixes `Regex` and `Exclude` under `Logical_Op`", draft.label);
        draft.error(message, origin, "use two grep filters, one for each");
        draft.usable = false;
    } else if legacy && keeps > 1 {
        let message = format!("of the `Regex` rules of {} only the first ever decides", draft.label);
        draft.warn(message, origin, "add `Logical_Op and` or `Logical_Op or` to say what is meant");
    }
}
