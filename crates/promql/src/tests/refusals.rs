//! What is no query, where its fault is, and that nothing a person can type ends the program.

use proptest::prelude::*;

use super::refused;
use crate::testing::{Memory, ready};
use crate::{Error, Options, instant, matchers_of};

/// The text with the place of its fault in brackets, and the message.
fn marked(text: &str) -> String {
    match refused(text) {
        Error::Parse { message, start: Some(start), end: Some(end) } => {
            let chars: Vec<char> = text.chars().collect();
            let part = |range: std::ops::Range<usize>| chars[range].iter().collect::<String>();
            format!("{}⟦{}⟧{}: {message}", part(0..start), part(start..end), part(end..chars.len()))
        }
        error => format!("{error}"),
    }
}

#[test]
fn faults_have_places() {
    let cases = [
        ("", "⟦⟧: no expression found in input"),
        ("sum(up", "sum⟦(up⟧: unclosed left parenthesis"),
        ("up[5m", "up⟦[5m⟧: unclosed left bracket"),
        ("up)", "up⟦)⟧: unexpected \")\""),
        ("up{a=\"b", "up{a=⟦\"b⟧: unterminated quoted string \""),
        ("up $ 1", "up ⟦$⟧ 1: unexpected character: '$'"),
        ("grün + ", "gr⟦ü⟧n + : unexpected character: 'ü'"),
        ("odd{word=\"grün\"} foo", "odd{word=\"grün\"} ⟦foo⟧: unexpected \"foo\""),
        ("1 +", "1 +⟦⟧: unexpected end of input"),
        ("1 + * 2", "1 + ⟦*⟧ 2: unexpected \"*\""),
        ("sum by (job) (rate(up[5m]) up)", "sum by (job) (rate(up[5m]) ⟦up⟧): unexpected \"up\""),
        ("a and and b", "a and ⟦and⟧ b: unexpected \"and\""),
        ("up offset 5m offset 5m", "offset may not be set multiple times"),
        ("nothing_such(up)", "⟦nothing_such⟧(up): unknown function with name 'nothing_such'"),
        ("1 + abs(5)", "1 + ⟦abs⟧(5): expected type instant vector in call to function 'abs', got scalar"),
        ("up[1e300]", "up[⟦1e300⟧]: not a valid duration: \"1e300\""),
        ("up offset 99999999999y", "up offset ⟦99999999999y⟧: not a valid duration: \"99999999999y\""),
        ("{}", "vector selector must contain at least one non-empty matcher"),
        ("limitk(1, up)", "⟦limitk⟧(1, up): aggregation 'limitk' is not supported"),
        ("up + fill(0) up", "fill modifiers are not supported"),
        ("{a=\"1\" or b=\"2\"}", "`or` between matchers is not PromQL; use =~ or the operator `or`"),
    ];
    for (text, wanted) in cases {
        assert_eq!(marked(text), wanted, "{text}");
    }
}

#[test]
fn nesting_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    let works = |text: &str| ready(instant(text, &Memory::default(), 0, &Options::default())).map(drop);
    works(&nested(100)).expect("a hundred deep is not too deep");
    assert!(refused(&nested(101)).to_string().contains("nested more than 100 deep"));
    assert!(refused(&nested(100_000)).to_string().contains("nested more than 100 deep"));
    works(&["1"; 501].join(" + ")).expect("five hundred operators are not too many");
    works(&["vector(1)"; 501].join(" or ")).expect("five hundred operators are not too many");
    works(&format!("{}vector(1)", "-".repeat(500))).expect("five hundred operators are not too many");
    works(&["1"; 501].join(" ^ ")).expect("five hundred operators are not too many");
    for text in [["1"; 502].join(" + "), format!("{}1", "-".repeat(100_000)), ["x"; 10_000].join(" or ")] {
        assert!(refused(&text).to_string().contains("at most 500 operators"), "{}", &text[..20]);
    }
    let functions = format!("{}vector(1){}", "abs(".repeat(99), ")".repeat(99));
    works(&functions).expect("a hundred calls are not too many");
    assert!(refused(&"1 ".repeat(200_000)).to_string().contains("at most"));
}

#[test]
fn selectors_are_matchers() {
    let texts = |selector: &str| -> Vec<String> {
        matchers_of(selector).expect("a selector").iter().map(|matcher| matcher.to_string()).collect()
    };
    assert_eq!(texts("up"), [r#"__name__="up""#]);
    assert_eq!(texts(r#"up{a!="b",c=~"d.*"}"#), [r#"__name__="up""#, r#"a!="b""#, r#"c=~"d.*""#]);
    assert_eq!(texts(r#"{__name__=~"a|b",x!~"y"}"#), [r#"__name__=~"a|b""#, r#"x!~"y""#]);
    for text in ["1", "up[5m]", "up offset 5m", "up @ 5", "sum(up)", "{}", ""] {
        assert!(matches!(matchers_of(text), Err(Error::Parse { .. })), "{text}");
    }
}

/// Words that make sense in a query, in an order that seldom does.
fn soup() -> impl Strategy<Value = String> {
    let words = [
        "up",
        "x",
        "sum",
        "rate",
        "by",
        "on",
        "ignoring",
        "group_left",
        "bool",
        "offset",
        "@",
        "start()",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "5m",
        "1h30m",
        ":",
        "=",
        "!=",
        "=~",
        "!~",
        "\"a\"",
        "'.*'",
        "`(`",
        ",",
        "+",
        "-",
        "*",
        "/",
        "^",
        "%",
        "atan2",
        "and",
        "or",
        "unless",
        "1",
        "0x1f",
        "1e3",
        "NaN",
        "Inf",
        "-1",
        "==",
        ">",
        "topk",
        "1e300",
        "count_values",
        "histogram_quantile",
        "label_replace",
        "time()",
        "[5m]",
        "[5m:1m]",
        "(up)",
        "{a=\"b\"}",
        "#",
        "\n",
        "ms",
        "0",
        "0s",
        "9999999999y",
        "é",
        "\\",
        "[NaN]",
        "offset -5m",
        "offset 1e30",
        "@ 1e300",
        "@ -1",
        "fill(1)",
        "smoothed",
        "anchored",
        "\"\\xff\"",
        "\"\\u\"",
        "start",
        "end",
        "step()",
        "range",
        "[0.0001]",
        "[1:0.0001]",
        "08",
        "1_000",
        "0b1",
        "1.2.3",
        "5m5m",
        "holt_winters",
        ":a",
        "a:b",
        "le",
        "without",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..12).prop_map(|words| words.join(" "))
}

/// A query that works, with a few of its characters gone, doubled or replaced.
fn damaged() -> impl Strategy<Value = String> {
    let lines: Vec<&str> = include_str!("../../tests/expressions.txt").lines().collect();
    let damage = (any::<prop::sample::Index>(), 0..4, any::<char>());
    (prop::sample::select(lines), prop::collection::vec(damage, 0..4)).prop_map(|(line, damages)| {
        let mut chars: Vec<char> = line.chars().collect();
        for (place, what, new) in damages.into_iter().filter(|_| !line.is_empty()) {
            let place = place.index(chars.len() + 1);
            match what {
                0 if place < chars.len() => _ = chars.remove(place),
                1 if place < chars.len() => chars.insert(place, chars[place]),
                2 if place < chars.len() => chars.swap(place, 0),
                _ => chars.insert(place, new),
            }
        }
        chars.into_iter().collect()
    })
}

fn survives(text: &str) {
    let _ = ready(instant(text, &Memory::default(), 1_000_000, &Options::default()));
    let _ = matchers_of(text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_ends_the_program(text in ".{0,60}") {
        survives(&text);
    }

    #[test]
    fn no_damaged_query_ends_the_program(text in damaged()) {
        survives(&text);
    }

    #[test]
    fn no_soup_of_words_ends_the_program(text in soup()) {
        survives(&text);
        survives(&text.replace(' ', ""));
    }
}
