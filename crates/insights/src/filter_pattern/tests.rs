//! Examples of the user guide's page "Filter pattern syntax", first of all; what is chosen where it is silent, at the end.

use super::FilterPattern;

/// Which of the messages a pattern matches, by their places.
fn matching(pattern: &str, messages: &[&str]) -> Vec<usize> {
    let pattern = FilterPattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    (0..messages.len()).filter(|at| pattern.matches(messages[*at])).collect()
}

const REQUESTS: [&str; 7] = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
    "[ERROR 500] INTERNAL SERVER ERROR",
    "[SUCCESS 200] AUTHORIZED REQUEST",
    "[INFO] REQUEST FAILED",
];

#[test]
fn terms_stand_anywhere() {
    for (pattern, expected) in [
        ("ERROR", vec![0, 1, 2, 3, 4]),
        ("ERROR ARGUMENTS", vec![2, 3]),
        ("?ERROR ?ARGUMENTS", vec![0, 1, 2, 3, 4]),
        ("?MISSING ?FAILED", vec![2, 6]),
        // Beside other terms those with a question mark are ignored.
        ("?ERROR ?ARGUMENTS REQUEST", vec![0, 1, 5, 6]),
        ("?ERROR -REQUEST", vec![2, 3, 4]),
        ("\"INTERNAL SERVER ERROR\"", vec![4]),
        ("\"ERROR INTERNAL\"", vec![]),
        ("ERROR -ARGUMENTS", vec![0, 1, 4]),
        ("ERROR -\"INTERNAL SERVER\"", vec![0, 1, 2, 3]),
        ("-ERROR", vec![5, 6]),
        ("error", vec![]),
        ("\" \"", vec![0, 1, 2, 3, 4, 5, 6]),
        ("", vec![0, 1, 2, 3, 4, 5, 6]),
        ("  ", vec![0, 1, 2, 3, 4, 5, 6]),
        ("%AUTHORIZED%", vec![1, 5]),
        ("%ERROR 4[0-9]{2}%", vec![0, 1, 2, 3]),
        ("\"[ERROR 400]\"", vec![0]),
    ] {
        assert_eq!(matching(pattern, &REQUESTS), expected, "{pattern}");
    }
    // From the page's older form and the reference of `FilterLogEvents`.
    let messages = ["ERROR WARN message", "ERROR message", "WARN message"];
    for (pattern, expected) in [
        ("ERROR", vec![0, 1]),
        ("?ERROR ?WARN", vec![0, 1, 2]),
        ("ERROR WARN", vec![0]),
        ("ERROR -WARN", vec![1]),
    ] {
        assert_eq!(matching(pattern, &messages), expected, "{pattern}");
    }
    let messages = ["[ERROR] Caught IllegalArgumentException", "Exiting with ERRORCODE: -1"];
    assert_eq!(matching("ERROR", &messages), [0, 1]);
    assert_eq!(matching("ERROR -Exiting", &messages), [0]);
    assert_eq!(matching("ERROR Exception", &messages), [0]);
}

#[test]
fn regular_expressions_are_those_of_the_service() {
    for (pattern, matching_text, other) in [
        ("%^[hc]at%", vec!["hat", "cat"], vec!["the cat", "bat"]),
        ("%[hc]at$%", vec!["a hat", "cat"], vec!["hats"]),
        ("%colou?r%", vec!["color", "colour"], vec!["colouur"]),
        ("%[abcx-z]%", vec!["a", "y"], vec!["d"]),
        ("%a{3,5}%", vec!["aaa", "aaaaa"], vec!["aa"]),
        ("%^a{,2}$%", vec!["a", "aa"], vec!["aaa"]),
        (
            "%^starting|^initializing|^shutting down%",
            vec!["starting up", "initializing", "shutting down now"],
            vec!["skipping initializing"],
        ),
        (r"%\[.\]%", vec!["[a]", "[7]", "[]]", "[ ]"], vec!["[]"]),
        (r"%10\.10\.0\.1%", vec!["from 10.10.0.1"], vec!["10010,051"]),
        ("%10.10.0.1%", vec!["10010,051"], vec!["10.10.0"]),
        ("%ab*c%", vec!["ac", "abc", "abbbc"], vec!["ab"]),
        ("%ab+c%", vec!["abc", "abbbc"], vec!["ac"]),
        ("%.at%", vec!["hat", "4at", " at"], vec!["at"]),
        (r"%\d%", vec!["7"], vec!["seven"]),
        (r"%^\w+$%", vec!["a_1"], vec!["a b"]),
        (r"%\x3A%", vec!["a:b"], vec!["ab"]),
        (r"%\x28%", vec!["f(x)"], vec!["fx"]),
    ] {
        assert_eq!(matching(pattern, &matching_text).len(), matching_text.len(), "{pattern}");
        assert_eq!(matching(pattern, &other), [0; 0], "{pattern}");
    }
}

const TRAIL: &str = r#"{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "ThisFlag": true, "cluster.name": "c"}"#;

const USERS: &str = r#"{"user": {"id": 1, "email": "John.Stiles@example.com"},
    "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
    "actions": ["GET", "PUT", "DELETE"], "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]}"#;

#[test]
fn members_of_json_are_compared() {
    for (pattern, message, expected) in [
        (r#"{ $.eventType = "UpdateTrail" }"#, TRAIL, true),
        ("{ $.eventType = UpdateTrail }", TRAIL, true),
        ("{$.eventType=UpdateTrail}", TRAIL, true),
        (r#"{ $.eventType != "UpdateTrail" }"#, TRAIL, false),
        (r#"{ $.eventType = "updateTrail" }"#, TRAIL, false),
        ("{ $.eventType = *Trail }", TRAIL, true),
        ("{ $.eventType = Update* }", TRAIL, true),
        ("{ $.eventType = *date* }", TRAIL, true),
        // Between other letters the asterisk means itself.
        ("{ $.eventType = Up*Trail }", TRAIL, false),
        ("{ $.sourceIPAddress != 123.123.* }", TRAIL, true),
        ("{ $.sourceIPAddress != 111.111.* }", TRAIL, false),
        (r#"{ $.arrayKey[0] = "value" }"#, TRAIL, true),
        (r#"{ $.arrayKey[1] = "value" }"#, TRAIL, false),
        (r#"{ $.arrayKey[2] = "value" }"#, TRAIL, false),
        ("{ $.objectList[1].id = 2 }", TRAIL, true),
        ("{ $.objectList[0].id = 2 }", TRAIL, false),
        ("{ $.objectList[*].id = 2 }", TRAIL, true),
        ("{ $.eventType = %Trail% }", TRAIL, true),
        ("{ $.eventType != %Trail% }", TRAIL, false),
        ("{ $.arrayKey[*] = %val.{2}% }", TRAIL, true),
        (r"{ $.* = %111\.111\.111\.1[0-9]{1,2}% }", TRAIL, true),
        (r"{ $.* = %222\.222% }", TRAIL, false),
        ("{ $.['cluster.name'] = \"c\" }", TRAIL, true),
        ("{ $.cluster.name = \"c\" }", TRAIL, false),
        ("{ $.SomeObject IS NULL }", TRAIL, true),
        ("{ $.eventType IS NULL }", TRAIL, false),
        ("{ $.Missing IS NULL }", TRAIL, false),
        ("{ $.ThisFlag IS TRUE }", TRAIL, true),
        ("{ $.ThisFlag IS FALSE }", TRAIL, false),
        ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, true),
        ("{ $.eventType NOT EXISTS }", TRAIL, false),
        ("{ $.SomeObject NOT EXISTS }", TRAIL, false),
        // What is compared must be there, and a string or a number.
        ("{ $.Missing != \"x\" }", TRAIL, false),
        ("{ $.arrayKey = \"value\" }", TRAIL, false),
        ("{ $.arrayKey != \"value\" }", TRAIL, false),
        ("{ $.users = 1 }", r#"{"users": [1, 2, 3]}"#, false),
        ("{ $.users != 1 }", r#"{"users": [1, 2, 3]}"#, false),
        ("{ ($.user.id = 1) && ($.users[0].email = \"John.Doe@example.com\") }", USERS, true),
        (
            "{ $.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = \"nonmatch\" && $.actions[2] = \"nonmatch\" }",
            USERS,
            true,
        ),
        (
            "{ ($.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = \"nonmatch\") && $.actions[2] = \"nonmatch\" }",
            USERS,
            false,
        ),
        ("{ ($.user.id = 2 && $.users[0].email = \"nonmatch\") || $.actions[2] = \"GET\" }", USERS, false),
        ("{ $.coordinates[1][2] = 6 }", USERS, true),
        ("{ $.eventType = UpdateTrail }", "eventType UpdateTrail", false),
        ("{ $.eventType NOT EXISTS }", "no JSON", false),
        ("{ $.eventType = a }", r#"{"eventType": "a""#, false),
        ("{ $.a = 1 }", " {\"a\": 1}\n", true),
        (r#"{ $.a = "ä\"b" }"#, r#"{"a": "\u00e4\"b"}"#, true),
        (r#"{ $.@timestamp = "2026*" }"#, r#"{"@timestamp": "2026-11-21"}"#, true),
    ] {
        let expected: &[usize] = if expected { &[0] } else { &[] };
        assert_eq!(matching(pattern, &[message]), expected, "{pattern} on {message}");
    }
}

#[test]
fn numbers_are_compared_by_value_without_quotation_marks_and_by_their_text_within() {
    let message = r#"{"bandwidth": 80, "latency": 49.5, "errorCode": 400, "number": [1000, 0.001], "f": 12.0, "t": "12", "s": "x"}"#;
    for (pattern, expected) in [
        ("{ $.bandwidth > 75 }", true),
        ("{ $.bandwidth > 80 }", false),
        ("{ $.bandwidth >= 80 }", true),
        ("{ $.latency < 50 }", true),
        ("{ $.latency <= 49.5 }", true),
        ("{ $.errorCode = 400}", true),
        ("{ $.errorCode != 500 }", true),
        ("{ $.errorCode = 4* }", true),
        ("{ $.errorCode = *0 }", true),
        ("{ $.errorCode != 5* }", true),
        ("{ $.number[0] = 1e+3 }", true),
        ("{ $.number[1] = 1e-3 }", true),
        ("{ $.number[0] != 1e-3 }", true),
        ("{ $.number[0] > +999 }", true),
        ("{ $.number[0] > -1 }", true),
        ("{ $.f = 12 }", true),
        ("{ $.f = \"12\" }", false),
        ("{ $.f = \"12.0\" }", true),
        ("{ $.bandwidth = * }", true),
        ("{ $.missing = * }", false),
        // Text is never more or less than a number.
        ("{ $.s > 1 }", false),
        ("{ $.s != 1 }", true),
        ("{ $.t = 12 }", true),
        ("{ $.t > 1 }", false),
    ] {
        let expected: &[usize] = if expected { &[0] } else { &[] };
        assert_eq!(matching(pattern, &[message]), expected, "{pattern}");
    }
}

#[test]
fn fields_of_lines_are_compared() {
    let access = [
        r#"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#,
        r#"127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /apache_pb.gif HTTP/1.0" 500 5324"#,
        r#"127.0.0.10 - frank [10/Oct/2000:13:50:35 -0700] "GET /apache_pb.gif HTTP/1.0" 200 435"#,
    ];
    for (pattern, expected) in [
        (
            r"[ip=%127\.0\.0\.[1-9]$%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]",
            vec![0],
        ),
        ("[ip, user, username, timestamp, request, status_code, bytes]", vec![0, 1, 2]),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", vec![0, 1]),
        ("[ip, user, username, timestamp, request, status_code = 200, bytes]", vec![2]),
        ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", vec![0]),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", vec![0]),
        ("[ip, user, username, timestamp, request, status_code >= 400 && status_code < 500, bytes]", vec![0]),
        (
            "[ip, user, username, timestamp, request, status_code = 404 || status_code = 500, bytes]",
            vec![0, 1],
        ),
        ("[ip, user, username, timestamp, request, status_code = 4* && bytes > 1000, bytes]", vec![0]),
        ("[..., request =*.html*, status_code = 4*, bytes]", vec![0]),
        ("[..., request=*.html*, status_code=4*,]", vec![0]),
        ("[..., status_code != 200, bytes]", vec![0, 1]),
        ("[ip, user, ..., status_code, bytes > 5000]", vec![1]),
        ("[ip = 127.0.0.1, ...]", vec![0, 1]),
        ("[ip, user = -, ...]", vec![1, 2]),
        ("[..., timestamp = 10/Oct/2000*, request, status, bytes]", vec![0, 1, 2]),
        ("[a, b, c, d, e, f, g, h]", vec![]),
    ] {
        assert_eq!(matching(pattern, &access), expected, "{pattern}");
    }
    let service = [
        "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200",
        "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310",
        "WARNING 09/25/2014 12:00:02 Invalid user request",
        "ERROR 09/25/2014 12:00:02 Failed to process request",
    ];
    for (pattern, expected) in [
        ("[w1=ERROR, w2]", vec![3]),
        ("[w1=ERROR || w1=WARNING, w2]", vec![2, 3]),
        ("[w1!=ERROR && w1!=WARNING, w2]", vec![0, 1]),
        ("[(w1=ERROR || w1=INFO) && w1!=WARNING, w2]", vec![0, 1, 3]),
        ("[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]", vec![0]),
        (
            "[logLevel, date, time, method, url=%/service/resource/[0-9]+/part/[0-9]+$%, response_time]",
            vec![1],
        ),
        // The last field takes what is left of the line.
        ("[w1, w2, w3, text = \"Failed to process request\"]", vec![3]),
        ("[w1 = *]", vec![0, 1, 2, 3]),
    ] {
        assert_eq!(matching(pattern, &service), expected, "{pattern}");
    }
}

#[test]
fn faults_are_told_with_their_place() {
    let long = "x".repeat(1025);
    let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(40), ")".repeat(40));
    for (pattern, place, part) in [
        ("\"abc", (0, 4), "no end"),
        ("%abc", (0, 4), "no end"),
        ("a %b(c)%", (4, 5), "cannot stand"),
        ("%something!%", (10, 11), "cannot stand"),
        ("%[a%", (0, 4), "bad regular expression"),
        ("ERROR && WARN", (6, 8), "joins conditions"),
        ("ERROR - x", (6, 7), "right before"),
        ("{ $.a > \"x\" }", (8, 11), "only a number"),
        ("{ $.a > x }", (8, 9), "only a number"),
        ("{ $.a >= %x% }", (9, 12), "only a number"),
        ("{ $.a == 1 }", (7, 8), "value is missing"),
        ("{ $.a = }", (8, 9), "value is missing"),
        ("{ $.a }", (6, 7), "no operator"),
        ("{ a = 1 }", (2, 3), "selector"),
        ("{ $ = 1 }", (2, 3), "selects nothing"),
        ("{ $.a = 1", (9, 9), "`}` is missing"),
        ("{ $.a = 1 } x", (12, 13), "may follow"),
        ("{ $.a EXISTS }", (6, 12), "no `EXISTS`"),
        ("{ $.a IS NOT NULL }", (9, 10), "after `IS`"),
        ("{ $.a[-1] = 1 }", (5, 6), "between brackets"),
        ("{ $..a = 1 }", (4, 5), "name of a member"),
        ("{ $.items[*].* = 1 }", (2, 14), "at most one wildcard"),
        ("{ $.a[*]=1 && $.*=1 && $.b[*]=1 && $.c[*]=1 }", (35, 41), "at most 3"),
        ("{ $.a = %1% || $.a = %2% || $.a = %3% }", (34, 37), "at most 2"),
        ("[w1, ..., w2, ...]", (14, 17), "one ellipsis"),
        ("[w1, w2", (7, 7), "no operator"),
        ("[w1 = ERROR, other = 1 && third = 2]", (26, 31), "no field `third`"),
        ("[= 4]", (1, 2), "name of a field"),
        (&*long, (0, 1025), "at most 1024"),
        (&*deep, (35, 36), "inside each other"),
    ] {
        let error = FilterPattern::parse(pattern).expect_err(pattern);
        assert!(error.message.contains(part), "{pattern}: {error}");
        assert_eq!((error.start, error.end), place, "{pattern}: {error}");
    }
}
