//! Kinds of value that the Collector's configuration has and ours has not.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Unexpected, Visitor};

/// Go's duration: `300ms`, `1h2m`, fractions; a bare whole number is nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GoDuration(pub Duration);

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GoDurationVisitor)
    }
}

struct GoDurationVisitor;

impl Visitor<'_> for GoDurationVisitor {
    type Value = GoDuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `300ms`, `5s` or `1h2m`")
    }

    fn visit_i64<E: de::Error>(self, nanoseconds: i64) -> Result<GoDuration, E> {
        match u64::try_from(nanoseconds) {
            Ok(nanoseconds) => Ok(GoDuration(Duration::from_nanos(nanoseconds))),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(nanoseconds), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<GoDuration, E> {
        parse_duration(text).map(GoDuration).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        seconds += number
            * match &after[..length] {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &after[length..];
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(seconds).ok() }
}

/// A list of text; text alone is split at commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words(pub Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of text")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
        Ok(Words(
            text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect(),
        ))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = items.next_element::<String>()? {
            words.push(word);
        }
        Ok(Words(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, milliseconds) in [
            ("300ms", Some(300)),
            ("1h2m", Some(3_720_000)),
            ("1.5s", Some(1500)),
            ("0", Some(0)),
            ("10s", Some(10_000)),
            ("1500us", Some(1)),
            ("5", None),
            ("", None),
            ("s", None),
            ("5 s", None),
            ("-1s", None),
            ("1d", None),
        ] {
            let read = parse_duration(text).map(|duration| duration.as_millis());
            assert_eq!(read, milliseconds, "{text}");
        }
    }
}
