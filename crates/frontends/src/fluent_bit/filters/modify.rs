//! `modify` becomes `modify`; the order of its rules is the order of the file.

use config::{Pattern, Setting};

use crate::fluent_bit::draft::{Draft, Value};
use crate::fluent_bit::table::{Field, Plugin, own_many};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["modify"], kind: "modify", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    own_many("condition"),
    own_many("set"),
    own_many("add"),
    own_many("remove"),
    own_many("remove_wildcard"),
    own_many("remove_regex"),
    own_many("rename"),
    own_many("hard_rename"),
    own_many("copy"),
    own_many("hard_copy"),
    own_many("move_to_start"),
    own_many("move_to_end"),
];

/// Operations and tests that take one argument.
const ONE_ARGUMENT: &[&str] = &[
    "remove",
    "remove_wildcard",
    "remove_regex",
    "move_to_start",
    "move_to_end",
    "key_exists",
    "key_does_not_exist",
    "a_key_matches",
    "no_key_matches",
];

const TESTS: &[&str] = &[
    "key_exists",
    "key_does_not_exist",
    "a_key_matches",
    "no_key_matches",
    "key_value_equals",
    "key_value_does_not_equal",
    "key_value_matches",
    "key_value_does_not_match",
    "matching_keys_have_matching_values",
    "matching_keys_do_not_have_matching_values",
];

fn finish(draft: &mut Draft<'_, '_>) {
    let section = draft.section;
    for property in &section.properties {
        let Some(value) = draft.cx.value(property) else { continue };
        if property.key == "condition" {
            condition(draft, &value);
        } else if FIELDS.iter().any(|field| field.key == property.key)
            && let Some(item) = item(draft, "operation", &property.key, &value.text, &value)
        {
            draft.append("rules", property.origin, item);
        }
    }
}

fn condition(draft: &mut Draft<'_, '_>, value: &Value) {
    let (word, rest) = values::split_first(&value.text).unwrap_or((&value.text, ""));
    let word = word.to_ascii_lowercase();
    if !TESTS.contains(&word.as_str()) {
        let message = format!("`{word}` is not a condition of {}", draft.label);
        let help = match config::closest(&word, TESTS.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("conditions are {}", TESTS.join(", ")),
        };
        draft.error(message, value.origin, &help);
        return;
    }
    if let Some(item) = item(draft, "test", &word, rest, value) {
        draft.append("conditions", value.origin, item);
    }
}

fn item(
    draft: &mut Draft<'_, '_>,
    kind: &str,
    word: &str,
    arguments: &str,
    value: &Value,
) -> Option<Setting> {
    let words = values::words(arguments);
    let item = Setting::map().with(kind, word).at(value.origin);
    let item = match words.as_slice() {
        [key] if ONE_ARGUMENT.contains(&word) => item.with("key", value.setting(key.as_str())),
        [key, second] if !ONE_ARGUMENT.contains(&word) => {
            item.with("key", value.setting(key.as_str())).with("value", value.setting(second.as_str()))
        }
        // Fluent Bit passes over a rule with too many words.
        [_, _, _, ..] => {
            let message = format!("`{word}` of {} has too many words, so it is ignored", draft.label);
            draft.warn(message, value.origin, "put a value with spaces in double quotes");
            return None;
        }
        _ => {
            let count = if ONE_ARGUMENT.contains(&word) { "one argument" } else { "two arguments" };
            let message = format!("`{word}` of {} takes {count}", draft.label);
            draft.error(message, value.origin, "put an argument with spaces in double quotes");
            return None;
        }
    };
    for part in patterns_of(word) {
        let Some(text) = item.get(part).and_then(Setting::as_str) else { continue };
        if let Err(fault) = Pattern::new(text) {
            let message = format!("`{word}` of {} has no usable expression: {}", draft.label, fault.cause());
            draft.error(message, value.origin, "");
            return None;
        }
    }
    Some(item)
}

/// Which parts of an item are expressions.
fn patterns_of(word: &str) -> &'static [&'static str] {
    match word {
        "remove_regex" | "a_key_matches" | "no_key_matches" => &["key"],
        "key_value_matches" | "key_value_does_not_match" => &["value"],
        "matching_keys_have_matching_values" | "matching_keys_do_not_have_matching_values" => {
            &["key", "value"]
        }
        _ => &[],
    }
}
