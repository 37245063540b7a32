//! Amounts with a unit: sizes in bytes (`64MiB`) and durations (`1m30s`).

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SIZE: &str = "a size such as `64MiB`, `5MB` or a number of bytes";
const INTERVAL: &str = "a duration such as `500ms`, `5s` or `1m30s`";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct QuantityError(&'static str);

/// A number of bytes. `K`, `M`, `G` with or without `B` are powers of 1000, `KiB` and its kin of 1024.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl ByteSize {
    pub const fn bytes(n: u64) -> Self {
        ByteSize(n)
    }

    pub const fn kib(n: u64) -> Self {
        ByteSize(n << 10)
    }

    pub const fn mib(n: u64) -> Self {
        ByteSize(n << 20)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// For lengths in memory; what does not fit an address becomes the largest length.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (number, unit) = split_number(text.trim());
        let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "t" | "tb" => 1_000_000_000_000,
            "ki" | "kib" => 1 << 10,
            "mi" | "mib" => 1 << 20,
            "gi" | "gib" => 1 << 30,
            "ti" | "tib" => 1 << 40,
            _ => return Err(QuantityError(SIZE)),
        };
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(scale).map(ByteSize).ok_or(QuantityError(SIZE));
        }
        let value = number.parse::<f64>().map_err(|_| QuantityError(SIZE))? * scale as f64;
        if value.is_finite() && value >= 0.0 && value < u64::MAX as f64 {
            Ok(ByteSize(value as u64))
        } else {
            Err(QuantityError(SIZE))
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units: [(u64, &str); 6] = [
            (1 << 30, "GiB"),
            (1 << 20, "MiB"),
            (1_000_000_000, "GB"),
            (1_000_000, "MB"),
            (1 << 10, "KiB"),
            (1_000, "KB"),
        ];
        match units.into_iter().find(|(scale, _)| self.0 >= *scale && self.0.is_multiple_of(*scale)) {
            Some((scale, unit)) => write!(f, "{}{unit}", self.0 / scale),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A [`Duration`] as users write it. A bare number is refused, except 0: its unit would be a guess.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(pub Duration);

impl Interval {
    pub const fn from_secs(seconds: u64) -> Self {
        Interval(Duration::from_secs(seconds))
    }

    pub const fn from_millis(milliseconds: u64) -> Self {
        Interval(Duration::from_millis(milliseconds))
    }

    pub const fn get(self) -> Duration {
        self.0
    }
}

impl Deref for Interval {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl From<Duration> for Interval {
    fn from(duration: Duration) -> Self {
        Interval(duration)
    }
}

impl FromStr for Interval {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let mut rest = text.trim();
        if rest == "0" {
            return Ok(Interval(Duration::ZERO));
        }
        let mut total = Duration::ZERO;
        let mut parts = 0;
        while !rest.is_empty() {
            let (number, after) = split_number(rest);
            let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
            let seconds = match &after[..end] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86400.0,
                _ => return Err(QuantityError(INTERVAL)),
            };
            let value: f64 = number.parse().map_err(|_| QuantityError(INTERVAL))?;
            let part = Duration::try_from_secs_f64(value * seconds).map_err(|_| QuantityError(INTERVAL))?;
            total = total.checked_add(part).ok_or(QuantityError(INTERVAL))?;
            rest = after[end..].trim_start();
            parts += 1;
        }
        if parts == 0 { Err(QuantityError(INTERVAL)) } else { Ok(Interval(total)) }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        if seconds == 0 && nanos == 0 {
            return f.write_str("0s");
        }
        for (scale, unit) in [(86400, "d"), (3600, "h"), (60, "m"), (1, "s")] {
            if seconds >= scale {
                write!(f, "{}{unit}", seconds / scale)?;
                seconds %= scale;
            }
        }
        match nanos {
            0 => Ok(()),
            n if n.is_multiple_of(1_000_000) => write!(f, "{}ms", n / 1_000_000),
            n if n.is_multiple_of(1_000) => write!(f, "{}us", n / 1_000),
            n => write!(f, "{n}ns"),
        }
    }
}

/// Cuts text after its leading decimal number.
fn split_number(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()))
}

macro_rules! quantity_serde {
    ($type:ident, $expected:ident, $from_number:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
                    }

                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$type, E> {
                        let from_number: fn(u64) -> Option<$type> = $from_number;
                        from_number(number)
                            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
                    }

                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$type, E> {
                        match u64::try_from(number) {
                            Ok(number) => self.visit_u64(number),
                            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
                        }
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

quantity_serde!(ByteSize, SIZE, |n| Some(ByteSize(n)));
quantity_serde!(Interval, INTERVAL, |n| (n == 0).then_some(Interval(Duration::ZERO)));

impl JsonSchema for ByteSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "format": "size", "examples": ["64MiB"] })
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Interval".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "duration", "examples": ["1m30s"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("5242880", Some(5 << 20)),
            ("64MiB", Some(64 << 20)),
            ("64 mib", Some(64 << 20)),
            ("5MB", Some(5_000_000)),
            ("5M", Some(5_000_000)),
            ("1.5k", Some(1_500)),
            ("2GiB", Some(2 << 30)),
            ("", None),
            ("M", None),
            ("-5", None),
            ("5 apples", None),
            ("99999999999999999999G", None),
        ] {
            assert_eq!(text.parse::<ByteSize>().ok().map(ByteSize::get), expected, "{text}");
        }
        assert_eq!(ByteSize::mib(64).to_string(), "64MiB");
        assert_eq!(ByteSize(5_000_000).to_string(), "5MB");
    }

    #[test]
    fn intervals() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("500ms", Some(500)),
            ("5s", Some(5_000)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1_500)),
            ("2h", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            ("5", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("5x", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(text.parse::<Interval>().ok().map(|i| i.as_millis()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for millis in [0, 1, 250, 1_000, 90_000, 3_661_001, 86_400_000] {
            let interval = Interval::from_millis(millis);
            assert_eq!(interval.to_string().parse(), Ok(interval));
        }
    }
}
