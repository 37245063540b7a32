//! Whatever the text, the compiler answers with a program or with a place inside the text; whatever the rows, a
//! program answers with a table. Conditions never drop a row that the program keeps.

use insights::{Discovery, Event, Limits, Row, Window};
use proptest::prelude::*;

const WINDOW: Window = Window { from_ms: 0, to_ms: 99_999, now_ms: 100_000 };

const TOKENS: &[&str] = &[
    "fields",
    "display",
    "filter",
    "filterIndex",
    "stats",
    "sort",
    "limit",
    "head",
    "tail",
    "parse",
    "dedup",
    "pattern",
    "diff",
    "unnest",
    "unmask",
    "addtotals",
    "SOURCE",
    "logGroups",
    "namePrefix",
    ":",
    "join",
    "|",
    "|",
    "|",
    ",",
    "(",
    ")",
    "[",
    "]",
    "=",
    "!=",
    "<",
    ">=",
    "=~",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "and",
    "or",
    "not",
    "in",
    "like",
    "as",
    "by",
    "into",
    "asc",
    "desc",
    "a",
    "b",
    "@message",
    "@timestamp",
    "a.b",
    "`x y`",
    "list[0]",
    "5",
    "2.5",
    "10",
    "5m",
    "1mo",
    "'t'",
    "\"* *\"",
    "/r(?<g>.)/",
    "count(*)",
    "sum(a)",
    "pct(a, 90)",
    "bin(1m)",
    "earliest(b)",
    "concat(",
    "jsonParse(@message)",
    "strlen(a)",
    "if(",
    "true",
    "previousDay",
    "#",
    "\n",
    "é",
    "'",
    "\"",
    "`",
    "/",
    "\\",
    "$",
    "!",
    "row=true",
    "col=true",
    "count_distinct(b)",
    "datefloor(@timestamp, 1h)",
    "split(b, ',')",
    "substr(b, 1)",
    "regexReplace(b, /x/, '$0')",
    "sortsLast(b)",
    "min(b)",
    "stddev(a)",
];

const VALID: &[&str] = &[
    "fields @timestamp, a * 2 as b | filter b > 10 and a.b like /x(?<y>z)/ | sort b desc | limit 20",
    "parse @message \"user=* id=*\" as user, id | stats count(*) as n, pct(id, 90) by user, bin(5m) | sort n desc",
    "SOURCE logGroups(namePrefix: ['a', 'b']) | filter status in [1, \"2\"] | pattern @message | diff previousDay",
    "fields jsonParse(@message) as m | unnest m.`list` into i | filter not ispresent(i.x) | dedup i.y | limit 5",
    "stats sum(a) as s by datefloor(@timestamp, 1h) as t | stats max(s) as m by t | addtotals fieldname=x m",
];

const MESSAGES: &[&str] = &[
    r#"{"a":5,"b":"x","x y":[1,2],"list":[{"a":1},"t"],"status":"500","g":{"a":{"b":1}}}"#,
    r#"{"a":"2.5","b":null,"a.b":true}"#,
    r#"{"a":1e300,"b":"1 2 3"}"#,
    "user=ann id=7 é rx 2024-01-02T03:04:05Z 10.0.0.1",
    "",
    "{",
    r#"{"a":-9223372036854775808,"b":""}"#,
];

/// Compiles, and runs what is a program.
fn check(text: &str) {
    let n_characters = text.chars().count();
    let program = match insights::compile(text) {
        Ok(program) => program,
        Err(error) => {
            assert!(error.start <= error.end && error.end <= n_characters, "{error} of {text:?}");
            assert!(!error.message.is_empty());
            return;
        }
    };
    let discovery = Discovery::new(program.needs());
    let tight = Limits { groups: 2, patterns: 2, bytes: 2000 };
    let (mut whole, mut early) = (program.run(WINDOW), program.run(WINDOW));
    let (mut one, mut other) = (program.run_within(WINDOW, tight), program.run_within(WINDOW, tight));
    for turn in 0..3 {
        for (place, message) in MESSAGES.iter().enumerate() {
            let event = Event::new(&discovery, 10_000 - turn * 10 - place as i64, message);
            whole.push(&event);
            whole.push_reference(&event);
            let known = |path: &insights::Path| event.field(path);
            if program.conditions().iter().all(|condition| condition.test(&known)) {
                early.push(&event);
            }
            early.push_reference(&event);
            if turn == 1 { one.push(&event) } else { other.push(&event) }
        }
    }
    let (whole, early) = (whole.finish(), early.finish());
    assert_eq!(whole, early, "{text}");
    one.merge(other);
    let table = one.finish();
    for (number, row) in whole.rows.iter().chain(&table.rows).enumerate() {
        assert_eq!(row.len(), whole.columns.len());
        (0..row.len()).for_each(|column| drop(whole.text(number, column)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn token_soup_is_answered(words in prop::collection::vec(prop::sample::select(TOKENS), 0..25)) {
        check(&words.join(" "));
    }

    #[test]
    fn commands_of_soup_are_answered(
        command in prop::sample::select(&TOKENS[..16]),
        words in prop::collection::vec(prop::sample::select(&TOKENS[29..]), 1..8),
    ) {
        check(&format!("{command} {}", words.join(" ")));
        check(&format!("{command} {}", words.join("")));
    }

    #[test]
    fn expressions_are_answered(words in prop::collection::vec(prop::sample::select(&TOKENS[37..]), 1..6)) {
        check(&format!("fields {} as x | sort x | limit 3", words.join(" ")));
        check(&format!("filter {}", words.join(" ")));
        check(&format!("stats {} by {}", words.join(" "), words[0]));
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,60}") {
        check(&text);
    }

    #[test]
    fn damaged_queries_are_answered(
        text in prop::sample::select(VALID),
        cut in 0usize..120,
        at in 0usize..120,
        word in prop::sample::select(TOKENS),
    ) {
        let whole: Vec<char> = text.chars().collect();
        check(&whole[..cut.min(whole.len())].iter().collect::<String>());
        let (left, right) = whole.split_at(at.min(whole.len()));
        check(&format!("{}{word}{}", left.iter().collect::<String>(), right.iter().collect::<String>()));
    }
}

/// Expressions that the grammar allows, of every operator and most functions.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        &[
            "a",
            "b",
            "5",
            "-2.5",
            "'x'",
            "\"1\"",
            "`x y`",
            "list[0]",
            "list",
            "a.b",
            "@timestamp",
            "@message",
            "true",
            "missing",
            "0",
            "1709208000000",
            "''",
        ][..],
    );
    let one = &[
        "abs",
        "ceil",
        "floor",
        "log",
        "sqrt",
        "round",
        "toInt",
        "toNumber",
        "ispresent",
        "isNumeric",
        "isempty",
        "isblank",
        "trim",
        "ltrim",
        "strlen",
        "toupper",
        "urlencode",
        "urldecode",
        "base64encode",
        "base64decode",
        "hexToAscii",
        "hexToDec",
        "decToHex",
        "fromMillis",
        "toMillis",
        "jsonParse",
        "jsonStringify",
        "jsonArraySize",
        "isValidIp",
        "ipv4ToNumber",
        "isPublicIP",
        "unmask",
        "messageSize",
        "-",
        "not ",
    ][..];
    let two = &[
        "greatest",
        "least",
        "round",
        "coalesce",
        "concat",
        "trim",
        "substr",
        "strcontains",
        "startsWith",
        "split",
        "formatDate",
        "parseDate",
        "jsonArrayContains",
        "isIpInSubnet",
        "if",
    ][..];
    let signs = &["+", "-", "*", "/", "%", "^", "=", "!=", "<", "<=", ">", ">=", "and", "or"][..];
    leaf.prop_map(str::to_owned).prop_recursive(5, 24, 3, move |inner| {
        prop_oneof![
            4 => (prop::sample::select(one), inner.clone()).prop_map(|(name, x)| format!("({name}({x}))")),
            4 => (prop::sample::select(two), inner.clone(), inner.clone())
                .prop_map(|(name, x, y)| format!("{name}({x}, {y})")),
            4 => (prop::sample::select(signs), inner.clone(), inner.clone())
                .prop_map(|(sign, x, y)| format!("({x} {sign} {y})")),
            1 => inner.clone().prop_map(|x| format!("({x} not in [5, 'x', a])")),
            1 => inner.clone().prop_map(|x| format!("({x} like /[a-z]+|5/)")),
            1 => inner.clone().prop_map(|x| format!("({x} not like 'x')")),
            1 => inner.clone().prop_map(|x| format!("replace({x}, 'a', '12')")),
            1 => inner.clone().prop_map(|x| format!("regexReplace({x}, /(.)x?/, '$1$1')")),
            1 => inner.clone().prop_map(|x| format!("datefloor({x}, 1mo)")),
            1 => inner.prop_map(|x| format!("dateceil({x}, 5m)")),
        ]
    })
}

fn command() -> impl Strategy<Value = String> {
    prop_oneof![
        expression().prop_map(|x| format!("fields {x} as v, a")),
        expression().prop_map(|x| format!("display {x}, v")),
        expression().prop_map(|x| format!("filter {x}")),
        expression().prop_map(|x| format!("filter {x} or 1 = 1")),
        expression().prop_map(|x| format!("unnest {x} into v")),
        expression().prop_map(|x| format!("parse {x} '*x*' as v, w")),
        expression().prop_map(|x| format!("parse {x} /(?<v>[a-z])(?<w>.*)/")),
        expression().prop_map(|x| format!("sort {x} desc, a")),
        expression()
            .prop_map(|x| format!("stats count(*) as n, min({x}) as lo, sum({x}), latest(v) by {x} as v")),
        expression()
            .prop_map(|x| format!("stats pct({x}, 50) + count_distinct({x}) as v, stddev({x}) by bin(1m)")),
        expression().prop_map(|x| format!("pattern {x}")),
        (1usize..9).prop_map(|n| format!("limit {n}")),
        (1usize..9).prop_map(|n| format!("tail {n}")),
        Just("addtotals col=true".to_owned()),
        Just("diff previousMonth".to_owned()),
        expression().prop_map(|x| format!("dedup {x}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sound_queries_run(commands in prop::collection::vec(command(), 1..6)) {
        check(&commands.join(" | "));
    }

    #[test]
    fn sound_expressions_run(x in expression()) {
        let text = format!("fields {x} as v | filter {x} | sort v");
        assert!(insights::compile(&text).is_ok(), "{text}: {:?}", insights::compile(&text).err());
        check(&text);
    }
}

#[test]
fn valid_queries_are_valid() {
    for text in VALID {
        assert!(insights::compile(text).is_ok(), "{text}: {:?}", insights::compile(text).err());
        check(text);
    }
}

#[test]
fn deep_and_long_queries_are_refused_or_run() {
    for (open, inner, close) in
        [("(", "1", ")"), ("not ", "a", ""), ("abs(", "1", ")"), ("-(", "1", ")"), ("1 ^ ", "1", "")]
    {
        for depth in [10, 95, 101, 1000] {
            check(&format!("filter {}{inner}{} = 1", open.repeat(depth), close.repeat(depth)));
        }
    }
    for joined in [" + ", " - ", " or ", " and ", " = 1 or a "] {
        check(&format!("filter {}", vec!["a"; 900].join(joined)));
    }
    assert!(insights::compile(&format!("filter {}", vec!["a like /x/"; 65].join(" or "))).is_err());
    assert!(insights::compile(&format!("filter {}", vec!["a = 1"; 500].join(" or "))).is_ok());
    check(&format!("filter a = '{}'", "x".repeat(10_000)));
    check(&format!("fields {}", "a[0]".repeat(2000)));
    check(&"| ".repeat(3000));
    let longest = format!("filter a = '{}'", "ü".repeat(10_000 - 13));
    assert!(insights::compile(&longest).is_ok());
    let error = insights::compile(&format!("{longest} ")).unwrap_err();
    assert_eq!((error.start, error.end), (10_000, 10_001), "{error}");
}
