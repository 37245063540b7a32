//! The key of an object, from Fluent Bit's `s3_key_format`.

use jiff::Timestamp;
use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::tz::TimeZone;

use crate::random;

/// Letters and digits of `$UUID` and of the suffix that stands in for it.
const RANDOM: usize = 8;

pub(super) struct KeyFormat {
    parts: Vec<Part>,
    delimiters: Vec<char>,
    /// Without it two objects of one second would be one.
    suffix: bool,
}

enum Part {
    /// May hold `%Y` and its kin.
    Text(String),
    Tag,
    TagAt(usize),
    Uuid,
    Index,
}

impl KeyFormat {
    pub(super) fn parse(format: &str, delimiters: &str, is_static: bool) -> Result<KeyFormat, String> {
        let (mut parts, mut text, mut rest) = (Vec::new(), String::new(), format.trim_start_matches('/'));
        if rest.is_empty() {
            return Err("the key is empty".into());
        }
        while let Some(ahead) = rest.find('$') {
            text.push_str(&rest[..ahead]);
            match part(&rest[ahead..])? {
                Some((part, used)) => {
                    parts.extend((!text.is_empty()).then(|| Part::Text(std::mem::take(&mut text))));
                    parts.push(part);
                    rest = &rest[ahead + used..];
                }
                None => {
                    text.push('$');
                    rest = &rest[ahead + 1..];
                }
            }
        }
        text.push_str(rest);
        parts.extend((!text.is_empty()).then_some(Part::Text(text)));
        let has_uuid = parts.iter().any(|part| matches!(part, Part::Uuid));
        Ok(KeyFormat { parts, delimiters: delimiters.chars().collect(), suffix: !has_uuid && !is_static })
    }

    /// The key of an object whose first record has this tag and time, in nanoseconds.
    pub(super) fn render(&self, tag: &str, time: u64, index: u64) -> String {
        let mut key = String::new();
        let now = Timestamp::from_second((time / 1_000_000_000) as i64).unwrap_or(Timestamp::UNIX_EPOCH);
        let now = BrokenDownTime::from(&now.to_zoned(TimeZone::UTC));
        for part in &self.parts {
            match part {
                Part::Text(text) if text.contains('%') => {
                    // What is no part of a time stays as it was written, as in C.
                    let config = Config::new().lenient(true);
                    key.push_str(&now.to_string_with_config(&config, text).unwrap_or_else(|_| text.clone()));
                }
                Part::Text(text) => key.push_str(text),
                Part::Tag => key.push_str(tag),
                Part::TagAt(n) => {
                    key.push_str(tag.split(&self.delimiters[..]).nth(*n).unwrap_or_default());
                }
                Part::Uuid => key.push_str(&random::alphanumeric(RANDOM)),
                Part::Index => key.push_str(&index.to_string()),
            }
        }
        if self.suffix {
            key.push_str("-object");
            key.push_str(&random::alphanumeric(RANDOM));
        }
        key
    }
}

/// What a `$` begins, and its length; `None` when it stands for itself.
fn part(text: &str) -> Result<Option<(Part, usize)>, String> {
    if text.starts_with("$UUID") {
        return Ok(Some((Part::Uuid, 5)));
    }
    if text.starts_with("$INDEX") {
        return Ok(Some((Part::Index, 6)));
    }
    let Some(after) = text.strip_prefix("$TAG") else { return Ok(None) };
    let Some(inner) = after.strip_prefix('[') else { return Ok(Some((Part::Tag, 4))) };
    let number = inner.split_once(']').and_then(|(number, _)| Some((number.parse().ok()?, number.len())));
    match number {
        Some((n, digits)) => Ok(Some((Part::TagAt(n), 6 + digits))),
        None => Err(format!("`{text}` does not begin with a part of the tag such as `$TAG[0]`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-06-10T06:13:20Z
    const TIME: u64 = 1_718_000_000_250_000_000;

    fn render(format: &str) -> String {
        KeyFormat::parse(format, ".-", true).unwrap().render("app-firelens.1", TIME, 7)
    }

    #[test]
    fn keys_are_rendered() {
        for (format, expected) in [
            ("/fluent-bit-logs/$TAG/%Y/%m/%d/%H/%M/%S", "fluent-bit-logs/app-firelens.1/2024/06/10/06/13/20"),
            ("$TAG[0]/$TAG[1]/$TAG[2]|$TAG[9]", "app/firelens/1|"),
            ("a/$INDEX.json", "a/7.json"),
            ("year=%Y/$tag/$", "year=2024/$tag/$"),
            ("100%/%!/x", "100%/%!/x"),
        ] {
            assert_eq!(render(format), expected, "{format}");
        }
    }

    #[test]
    fn keys_are_unique_unless_static() {
        let make = |format: &str| KeyFormat::parse(format, ".", false).unwrap().render("t", TIME, 0);
        let (a, b) = (make("$TAG"), make("$TAG"));
        assert!(a.starts_with("t-object") && a.len() == 16 && a != b, "{a} {b}");
        assert_eq!((make("x/$UUID.gz").len(), render("x/$TAG[0]").len()), (13, 5));
    }

    #[test]
    fn broken_keys_are_refused() {
        for format in ["", "/", "$TAG[x]", "$TAG[1"] {
            assert!(KeyFormat::parse(format, ".", false).is_err(), "{format}");
        }
    }
}
