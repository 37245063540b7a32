//! Operations and conditions, with what Fluent Bit 5 made of them.

use engine::testing::{batch, json_lines, process, processor};

use super::*;
use crate::testing::settings;

fn change(options: &str, record: &str) -> String {
    let mut modify = processor::<Modify>(settings(options)).unwrap();
    let (out, _) = process(&mut modify, batch("t", &[record]));
    json_lines(&out).trim_start_matches("t ").trim_end().to_owned()
}

fn rules(rules: &[(&str, &str, &str)]) -> String {
    let rule = |(operation, key, value): &(&str, &str, &str)| {
        let value = if value.is_empty() { String::new() } else { format!(r#", "value": "{value}""#) };
        format!(r#"{{"operation": "{operation}", "key": "{key}"{value}}}"#)
    };
    format!(r#"{{"rules": [{}]}}"#, rules.iter().map(rule).collect::<Vec<_>>().join(","))
}

#[test]
fn operations() {
    let record = r#"{"a":"1","b":2,"ab":"three","c":{"d":"x"},"e":"last"}"#;
    let rest = r#""b":2,"ab":"three","c":{"d":"x"}"#;
    for (rule, expected) in [
        (("set", "z", "new"), format!(r#"{{"a":"1",{rest},"e":"last","z":"new"}}"#)),
        (("set", "a", "new"), format!(r#"{{{rest},"e":"last","a":"new"}}"#)),
        (("add", "a", "new"), record.into()),
        (("remove", "a", ""), format!(r#"{{{rest},"e":"last"}}"#)),
        (("remove", "A", ""), record.into()),
        (("remove_wildcard", "a", ""), r#"{"b":2,"c":{"d":"x"},"e":"last"}"#.into()),
        (("remove_regex", "^.b$", ""), r#"{"a":"1","b":2,"c":{"d":"x"},"e":"last"}"#.into()),
        (("rename", "a", "z"), format!(r#"{{"z":"1",{rest},"e":"last"}}"#)),
        (("rename", "a", "e"), record.into()),
        (("hard_rename", "a", "e"), format!(r#"{{"e":"1",{rest}}}"#)),
        (("hard_rename", "q", "e"), record.into()),
        (("copy", "a", "z"), format!(r#"{{"a":"1","z":"1",{rest},"e":"last"}}"#)),
        (("copy", "a", "e"), record.into()),
        (("hard_copy", "a", "e"), format!(r#"{{"a":"1","e":"1",{rest}}}"#)),
        (("move_to_start", "e", ""), format!(r#"{{"e":"last","a":"1",{rest}}}"#)),
        (("move_to_end", "a", ""), r#"{"b":2,"c":{"d":"x"},"e":"last","a":"1","ab":"three"}"#.into()),
    ] {
        assert_eq!(change(&rules(&[rule]), record), expected, "{rule:?}");
    }
    let order =
        rules(&[("rename", "a", "z"), ("add", "a", "again"), ("remove", "z", ""), ("set", "e", "first")]);
    assert_eq!(change(&order, record), format!(r#"{{{rest},"a":"again","e":"first"}}"#));
}

#[test]
fn conditions() {
    let condition = |test: &str, key: &str, value: &str| {
        let value = if value.is_empty() { String::new() } else { format!(r#", "value": "{value}""#) };
        format!(
            r#"{{"conditions": [{{"test": "{test}", "key": "{key}"{value}}}],
                "rules": [{{"operation": "set", "key": "hit", "value": "y"}}]}}"#
        )
    };
    let records = [r#"{"k":"v","n":1}"#, r#"{"k":"o","abc":"123"}"#, r#"{"x":"y"}"#, r#"{"k":5,"abc":"z"}"#];
    for (test, key, value, hits) in [
        ("key_exists", "k", "", [true, true, false, true]),
        ("key_does_not_exist", "k", "", [false, false, true, false]),
        ("a_key_matches", "^ab", "", [false, true, false, true]),
        ("no_key_matches", "^ab", "", [true, false, true, false]),
        ("key_value_equals", "k", "v", [true, false, false, false]),
        ("key_value_equals", "k", "5", [false, false, false, false]),
        ("key_value_does_not_equal", "k", "v", [false, true, false, true]),
        ("key_value_matches", "k", "^v$", [true, false, false, false]),
        ("key_value_does_not_match", "k", "^v$", [false, true, false, true]),
        ("matching_keys_have_matching_values", "^ab", "^[0-9]+$", [true, true, true, false]),
        ("matching_keys_do_not_have_matching_values", "^ab", "^[0-9]+$", [false, false, false, true]),
    ] {
        for (record, hit) in records.iter().zip(hits) {
            let changed = change(&condition(test, key, value), record);
            assert_eq!(changed.contains("hit"), hit, "{test} {key} {value} on {record}");
        }
    }
}

#[test]
fn all_faults_are_reported() {
    let options = r#"{"conditions": [{"test": "key_value_equals", "key": "a"}, {"test": "a_key_matches", "key": "("}],
        "rules": [{"operation": "set", "key": "a"}]}"#;
    let error = processor::<Modify>(settings(options)).err().unwrap();
    for expected in
        ["item 1: the test needs a `value`", "item 2: `(`", "item 1: the operation needs a `value`"]
    {
        assert!(error.contains(expected), "{error}");
    }
}
