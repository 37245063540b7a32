//! What Ruby-style patterns of real files do.

use super::*;

fn pattern(source: &str) -> Pattern {
    Pattern::new(source).unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn searching() {
    for (source, text, expected) in [
        ("health", "GET /health 200", true),
        ("/health/", "GET /health 200", true),
        ("/HEALTH/i", "GET /health 200", true),
        ("/^a.b$/m", "a\nb", true),
        ("/^a.b$/", "a\nb", false),
        ("/ h e a l t h /x", "health", true),
        ("^two$", "one\ntwo\nthree", true),
        (r"\Atwo", "one\ntwo", false),
        (r"two\z", "one\ntwo", true),
        (r"two\Z", "one\ntwo\n", true),
        (r"^\h{4}$", "beef", true),
        (r"^\h+$", "beer", false),
        (r"^[\h-]+$", "12-ab", true),
        ("[[:digit:]]{3}", "ab123", true),
        ("^[[:alpha:][:space:]]+$", "ab c", true),
        ("^[^[:space:]]+$", "ab c", false),
        ("(?>a+)b", "aaab", true),
        ("a++ab", "aaab", false),
        ("(?<!x)y", "xy", false),
        ("(?mi)A.B", "a\nb", true),
        ("(?m-i:a.b)", "a\nb", true),
        ("(?u)abc", "abc", true),
        (r"\/var\/log", "/var/log", true),
        (r"\<tag\>", "<tag>", true),
        (r"[\w~~.]+", "a~b", true),
        (r"^\w+$", "é", false),
        (r"[]x]", "]", true),
        (r"^[^ ]* [^\]]*\]", "a b]", true),
        ("x(?:)*y", "xy", true),
        ("", "", true),
        ("  hello", " hello", false),
        ("  hello", "say  hello", true),
        ("hello ", "hello", false),
        ("/ hello /", "say hello again", true),
        (" /hello/", " /hello/", true),
    ] {
        assert_eq!(pattern(source).is_match(text.as_bytes()), expected, "{source} on {text:?}");
    }
}

#[test]
fn a_tag_must_match_from_its_first_byte() {
    for (source, tag, expected) in [
        ("web", "web-firelens-1", true),
        ("firelens", "web-firelens-1", false),
        (".*firelens", "web-firelens-1", true),
        ("x*", "web", false),
        ("^(web|api)-", "api-1", true),
        ("(?=w)", "web", false),
    ] {
        assert_eq!(pattern(source).matches_start(tag), expected, "{source} on {tag}");
    }
}

#[test]
fn named_groups_come_in_order_and_hide_plain_ones() {
    let pattern = pattern(r"^(?<host>[^ ]*) (\[)(?<time>[^\]]*)\](?: (?<code>\d+))?$");
    let captures = pattern.captures(b"h [now]").expect("matches");
    assert_eq!(captures.named().collect::<Vec<_>>(), [("host", &b"h"[..]), ("time", b"now")]);
    assert_eq!(captures.get(1), Some(&b"h"[..]));
    assert_eq!(captures.get(2), Some(&b"now"[..]));
    assert_eq!(captures.get(9), None);
    assert_eq!(pattern.names().collect::<Vec<_>>(), ["host", "time", "code"]);
}

#[test]
fn plain_groups_are_numbered() {
    let pattern = pattern("^(a+)(b+)?");
    let captures = pattern.captures(b"aa").expect("matches");
    assert_eq!(
        (captures.get(0), captures.get(1), captures.get(2)),
        (Some(&b"aa"[..]), Some(&b"aa"[..]), None)
    );
}

#[test]
fn a_name_may_stand_for_two_groups() {
    let pattern = pattern("^(?:a(?<x>.)|b(?<x>.))$");
    assert_eq!(pattern.captures(b"b2").expect("matches").name("x"), Some(&b"2"[..]));
    assert_eq!(pattern.captures(b"a1").expect("matches").named().count(), 1);
}

#[test]
fn captures_are_slices_of_the_bytes_that_came_in() {
    let text = b"\xff\xfe=\xe2\x82 end";
    let captures = pattern("^(?<key>.*)=(?<value>.*) end$").captures(text).expect("matches");
    assert_eq!(captures.name("key"), Some(&b"\xff\xfe"[..]));
    assert_eq!(captures.name("value"), Some(&b"\xe2\x82"[..]));
}

#[test]
fn a_hopeless_match_gives_up_and_is_counted() {
    let pattern = pattern(r"^(?=(a+)+$)\1b");
    assert!(!pattern.is_match("a".repeat(40).as_bytes()) || pattern.gave_up() == 0);
    let bad = Pattern::new(r"(x+x+)+(?!z)y").expect("compiles");
    assert!(!bad.is_match("x".repeat(60).as_bytes()));
    assert_eq!(bad.gave_up(), 1);
}

#[test]
fn what_cannot_be_compiled_is_refused_with_a_cause() {
    for source in ["(", "[a", "a{2,1", "(?<x", "*"] {
        if let Err(fault) = Pattern::new(source) {
            assert!(!fault.cause().is_empty());
        }
    }
    assert!(Pattern::new("(").is_err());
}
