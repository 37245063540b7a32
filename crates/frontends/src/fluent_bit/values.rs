//! What Fluent Bit accepts as a boolean, a size, a time: pure functions from text.

use std::time::Duration;

use config::Interval;

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" => Some(true),
        "false" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// A number with `K`, `M`, `G`, `KB` ..., powers of 1000; `false` is none. `MiB` and its kin are ours.
pub(super) fn size(text: &str) -> Option<u64> {
    if text.eq_ignore_ascii_case("false") {
        return Some(0);
    }
    text.parse::<config::ByteSize>().ok().map(config::ByteSize::get)
}

/// Seconds, or a number with `s`, `m`, `h`, `d`. Longer forms such as `1m30s` and `500ms` are ours.
pub(super) fn time(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    text.to_ascii_lowercase().parse::<Interval>().ok().map(Interval::get)
}

/// `interval_sec` and friends with a bare number of milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<Duration> {
    match text.parse::<u64>() {
        Ok(number) => Some(Duration::from_millis(number)),
        Err(_) => time(text),
    }
}

pub(super) fn commas(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Words apart by blanks and tabs, though not by line feeds, which a variable may bring; a word in double quotes may hold some, and `\"` a quote.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(BLANK);
    while !rest.is_empty() {
        let (word, after) = word(rest);
        words.push(word);
        rest = after.trim_start_matches(BLANK);
    }
    words
}

const BLANK: [char; 2] = [' ', '\t'];

fn word(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(BLANK).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut word, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            '"' if !escaped => return (word, &quoted[at + 1..]),
            '\\' if !escaped => escaped = true,
            c => {
                if escaped && c != '"' {
                    word.push('\\');
                }
                word.push(c);
                escaped = false;
            }
        }
    }
    // No closing quote: the quote is a character like any other.
    let end = text.find(BLANK).unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

/// The first word and the rest as it stands.
pub(super) fn split_first(text: &str) -> Option<(&str, &str)> {
    let (first, rest) = text.trim().split_once(char::is_whitespace)?;
    Some((first, rest.trim()))
}

/// The first word and all behind the one blank that ends it: further blanks belong to an expression.
pub(super) fn key_and_expression(text: &str) -> Option<(&str, &str)> {
    let (key, expression) = text.trim_start_matches(BLANK).split_once(BLANK)?;
    (!expression.is_empty()).then_some((key, expression))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans() {
        for (text, expected) in [
            ("true", Some(true)),
            ("On", Some(true)),
            ("YES", Some(true)),
            ("off", Some(false)),
            ("No", Some(false)),
            ("False", Some(false)),
            ("1", None),
            ("", None),
            ("perhaps", None),
        ] {
            assert_eq!(boolean(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_are_powers_of_a_thousand() {
        for (text, expected) in [
            ("5M", Some(5_000_000)),
            ("5mb", Some(5_000_000)),
            ("25MB", Some(25_000_000)),
            ("1.5K", Some(1_500)),
            ("2G", Some(2_000_000_000)),
            ("1024", Some(1024)),
            ("8MiB", Some(8 << 20)),
            ("false", Some(0)),
            ("much", None),
            ("-1", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }

    #[test]
    fn times_default_to_seconds() {
        for (text, expected) in [
            ("5", Some(5_000)),
            ("0.2", Some(200)),
            ("10m", Some(600_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("30S", Some(30_000)),
            ("500ms", Some(500)),
            ("-1", None),
            ("soon", None),
            ("1e300", None),
            ("nan", None),
        ] {
            assert_eq!(time(text).map(|t| t.as_millis()), expected, "{text}");
        }
        assert_eq!(milliseconds("2000"), Some(Duration::from_secs(2)));
    }

    #[test]
    fn words_may_be_quoted() {
        for (text, expected) in [
            ("key value", vec!["key", "value"]),
            (r#"key "two words""#, vec!["key", "two words"]),
            (r#""a key" v"#, vec!["a key", "v"]),
            (r#""say \"hi\"" \d"#, vec![r#"say "hi""#, r"\d"]),
            (r#""/^\d+/" "cont""#, vec![r"/^\d+/", "cont"]),
            (r#""open end"#, vec!["\"open", "end"]),
            ("  a   b  ", vec!["a", "b"]),
            ("key line\n", vec!["key", "line\n"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        assert_eq!(split_first("log  a b"), Some(("log", "a b")));
        assert_eq!(split_first("log"), None);
        assert_eq!(key_and_expression("  log   a b "), Some(("log", "  a b ")));
        assert_eq!(key_and_expression("log "), None);
    }
}
