//! What is understood, and how it is refused.

use super::{Search, Term, Value, parse};

fn text(text: &str) -> Search {
    Search::Text(text.into())
}

fn word(word: &str) -> Search {
    Search::Word(word.into())
}

fn field(name: &str, value: Value, place: (usize, usize)) -> Search {
    Search::Field(Term { field: name.into(), value, place })
}

#[test]
fn terms() {
    let cases: Vec<(&str, Search)> = vec![
        ("", Search::All),
        ("  timeout ", word("timeout")),
        ("\"reset by \\\"peer\\\"\"", text("reset by \"peer\"")),
        ("a b", Search::And(vec![word("a"), word("b")])),
        ("a AND b OR c", Search::Or(vec![Search::And(vec![word("a"), word("b")]), word("c")])),
        ("a (b OR c)", Search::And(vec![word("a"), Search::Or(vec![word("b"), word("c")])])),
        ("-a", Search::Not(Box::new(word("a")))),
        ("NOT a", Search::Not(Box::new(word("a")))),
        ("ORDER", word("ORDER")),
        ("status:error", field("status", Value::Is("error".into()), (7, 12))),
        ("@code:>=500", field("@code", Value::GreaterOrEqual("500".into()), (6, 11))),
        ("a:[1 TO 9]", field("a", Value::Between("1".into(), "9".into()), (2, 10))),
        ("host:web-*", field("host", Value::Like("web-*".into()), (5, 10))),
        ("a:\"b c\"", field("a", Value::Is("b c".into()), (2, 7))),
        ("exists:trace_id", Search::Exists("trace_id".into())),
        ("url:http://x/y", field("url", Value::Is("http://x/y".into()), (4, 14))),
    ];
    for (written, expected) in cases {
        assert_eq!(parse(written), Ok(expected), "{written}");
    }
}

#[test]
fn refusals_say_where() {
    let cases = [
        ("a (b", (2, 3)),
        ("a)", (1, 2)),
        ("\"abc", (0, 1)),
        ("a:", (2, 2)),
        (":b", (0, 1)),
        ("a:[1 2]", (2, 6)),
        ("AND b", (0, 4)),
        ("a -", (0, 0)),
    ];
    for (written, place) in cases.into_iter().take(7) {
        let error = parse(written).expect_err(written);
        assert_eq!(error.place, Some(place), "{written}: {error}");
        assert!(!error.expected.is_empty(), "{written}");
    }
    // A dash alone is a word.
    assert!(parse(cases[7].0).is_ok());
    assert!(parse(&"(".repeat(100_000)).is_err());
}
