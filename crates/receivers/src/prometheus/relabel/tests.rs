//! Each action of relabelling, and rules that cannot work.

use config::Setting;

use super::*;

fn rule(parts: &[(&str, &str)], source_labels: &[&str]) -> Result<Rule, String> {
    let mut settings = Setting::map();
    for (key, value) in parts {
        settings.set(*key, *value);
    }
    let config: RelabelConfig = config::decode(&settings, "`test`", &mut config::Diagnostics::new())
        .ok_or_else(|| "does not decode".to_owned())?;
    let source_labels = source_labels.iter().map(|name| (*name).to_owned()).collect();
    Rule::new(&RelabelConfig { source_labels, ..config })
}

/// What is left of the labels `a=foo, b=bar, c=baz`, or `dropped`.
#[track_caller]
fn check(parts: &[(&str, &str)], source_labels: &[&str], expected: &str) {
    let rule = rule(parts, source_labels).unwrap();
    let mut labels = Labels::from_iter([("a", "foo"), ("b", "bar"), ("c", "baz")]);
    let shown = match apply(&[rule], &mut labels) {
        true => labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "),
        false => "dropped".into(),
    };
    assert_eq!(shown, expected, "{parts:?} {source_labels:?}");
}

#[test]
fn replace_sets_what_it_matched() {
    check(
        &[("regex", "f(.*)"), ("target_label", "d"), ("replacement", "ch${1}-ch${1}")],
        &["a"],
        "a=foo b=bar c=baz d=choo-choo",
    );
    check(&[("target_label", "d")], &["a", "b"], "a=foo b=bar c=baz d=foo;bar");
    check(&[("target_label", "d"), ("separator", "/")], &["a", "none", "b"], "a=foo b=bar c=baz d=foo//bar");
    // Anchored on both sides, so this matches nothing and changes nothing.
    check(&[("regex", "o"), ("target_label", "d"), ("replacement", "x")], &["a"], "a=foo b=bar c=baz");
    check(
        &[("regex", "o|foo"), ("target_label", "d"), ("replacement", "x")],
        &["a"],
        "a=foo b=bar c=baz d=x",
    );
    // An empty result deletes.
    check(&[("target_label", "b"), ("replacement", "")], &["a"], "a=foo c=baz");
    check(&[("target_label", "b")], &["none"], "a=foo c=baz");
    check(
        &[("target_label", "${1}"), ("regex", "(.)oo"), ("replacement", "$0")],
        &["a"],
        "a=foo b=bar c=baz f=foo",
    );
    check(&[("target_label", "$2"), ("regex", "(.)oo"), ("replacement", "x")], &["a"], "a=foo b=bar c=baz");
    check(
        &[("target_label", "d"), ("regex", "(?P<start>.)oo"), ("replacement", "$start.$$ $1x")],
        &["a"],
        "a=foo b=bar c=baz d=f.$ ",
    );
    check(&[("target_label", "d"), ("regex", "f.*r"), ("separator", "\n")], &["a", "b"], "a=foo b=bar c=baz");
    check(
        &[("target_label", "d"), ("regex", "(f.*r)"), ("separator", "\n")],
        &["a", "b"],
        "a=foo b=bar c=baz d=foo\nbar",
    );
}

#[test]
fn keep_and_drop() {
    check(&[("regex", "fo."), ("action", "keep")], &["a"], "a=foo b=bar c=baz");
    check(&[("regex", "fo"), ("action", "keep")], &["a"], "dropped");
    check(&[("regex", ".*o.*"), ("action", "drop")], &["a"], "dropped");
    check(&[("regex", "o"), ("action", "drop")], &["a"], "a=foo b=bar c=baz");
    check(&[("target_label", "a"), ("action", "keepequal")], &["a"], "a=foo b=bar c=baz");
    check(&[("target_label", "a"), ("action", "keepequal")], &["b"], "dropped");
    check(&[("target_label", "a"), ("action", "dropequal")], &["a"], "dropped");
    check(&[("target_label", "a"), ("action", "dropequal")], &["b"], "a=foo b=bar c=baz");
}

#[test]
fn names_are_mapped_and_dropped() {
    check(
        &[("regex", "([ab])"), ("replacement", "x_$1"), ("action", "labelmap")],
        &[],
        "a=foo b=bar c=baz x_a=foo x_b=bar",
    );
    check(&[("regex", "[ab]"), ("action", "labeldrop")], &[], "c=baz");
    check(&[("regex", "[ab]"), ("action", "labelkeep")], &[], "a=foo b=bar");
}

#[test]
fn values_are_hashed_and_cased() {
    // The last eight bytes of the MD5 of `foo`, acbd18db4cc2f85cedef654fccc4a4d8, modulo 1000.
    let expected = 0xedef_654f_ccc4_a4d8_u64 % 1000;
    check(
        &[("target_label", "d"), ("modulus", "1000"), ("action", "hashmod")],
        &["a"],
        &format!("a=foo b=bar c=baz d={expected}"),
    );
    check(&[("target_label", "d"), ("action", "uppercase")], &["a"], "a=foo b=bar c=baz d=FOO");
    check(&[("target_label", "a"), ("action", "lowercase")], &["none"], "b=bar c=baz");
}

#[test]
fn rules_that_cannot_work_are_refused() {
    for parts in [
        &[("action", "replace")][..],
        &[("action", "hashmod"), ("target_label", "a")],
        &[("action", "keepequal")],
        &[("action", "labeldrop"), ("target_label", "a")],
        &[("action", "keep"), ("regex", "(")],
        &[("action", "teach")],
    ] {
        assert!(rule(parts, &[]).is_err(), "{parts:?}");
    }
}
