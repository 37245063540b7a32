//! Filter patterns of CloudWatch Logs, and messages that they are held against.

use insights::FilterPattern;

/// Patterns of one input that are looked at; more would only be slower.
const LINES: usize = 32;

const MESSAGES: [&str; 5] = [
    "",
    r#"127.0.0.1 - ann [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#,
    r#"{"user": {"id": 1}, "users": [{"email": "ann@x"}], "list": ["vabc", 5.50, null, true], "a.b": {"c": [1, 2]}, "": 0}"#,
    "[\"ERROR\", {\"a\": null}] ",
    "ERROR [WARN \"é…",
];

/// Every line as a pattern, held against fixed messages and the other lines. A fault points into its text; a text
/// that a pattern says all its messages hold is in each that matches.
pub fn filter_pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.lines().take(LINES) {
        let pattern = match FilterPattern::parse(line) {
            Ok(pattern) => pattern,
            Err(error) => {
                let length = line.chars().count();
                assert!(error.start <= error.end && error.end <= length, "{error} in {line}");
                continue;
            }
        };
        for message in MESSAGES.into_iter().chain(text.lines().take(LINES)) {
            if pattern.matches(message) {
                let missing = pattern.texts().into_iter().find(|part| !message.contains(part));
                assert_eq!(missing, None, "{line} matches {message}");
            }
        }
    }
}
