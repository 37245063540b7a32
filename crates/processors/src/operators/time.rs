//! `time_parser`, and the `timestamp` block of other parsers: a field into the record's time.

use engine::clock::now_nanos;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::Batch;
use ottl::{Civil, TimeFormat};
use serde::Deserialize;

use super::build::Refusal;
use super::entry::Entry;
use super::field::Field;
use super::severity::shown;
use super::{Flow, Operator};

#[derive(Debug, Deserialize)]
pub(super) struct Config {
    parse_from: Field,
    layout: String,
    #[serde(default)]
    layout_type: LayoutType,
    location: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LayoutType {
    #[default]
    Strptime,
    Gotime,
    Epoch,
}

pub(super) struct TimeParser {
    from: Field,
    layout: Layout,
    zone: TimeZone,
}

enum Layout {
    /// Nanoseconds in the unit.
    Epoch(i128),
    Format {
        format: TimeFormat,
        /// What a `Z` at the end of the text stands for, where the format ends with an offset.
        zulu: Option<&'static str>,
    },
}

/// A time without a year that lies further ahead is last year's.
const AHEAD_SECONDS: i64 = 7 * 86_400;

impl TimeParser {
    pub fn new(config: Config) -> Result<TimeParser, Refusal> {
        let zone = match config.location.as_deref() {
            None | Some("" | "Local") => TimeZone::system(),
            Some("UTC") => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| {
                let why = format!("`location`: this machine has no time zone `{name}`");
                (why, "write a name such as `Europe/Berlin`, or use an image with zone files")
            })?,
        };
        let layout = match config.layout_type {
            LayoutType::Epoch => epoch(&config.layout)?,
            LayoutType::Gotime => format(&from_go(&config.layout)?)?,
            LayoutType::Strptime => format(&config.layout)?,
        };
        Ok(TimeParser { from: config.parse_from, layout, zone })
    }

    /// Nanoseconds since the epoch.
    fn read(&self, text: &str, now: u64) -> Result<u64, String> {
        let nanos = match &self.layout {
            Layout::Epoch(unit) => decimal(text, *unit),
            Layout::Format { format, zulu } => {
                let whole = match (zulu, text.strip_suffix('Z')) {
                    (Some(offset), Some(start)) => &format!("{start}{offset}"),
                    _ => text,
                };
                let (at, offset) = format.read(whole)?;
                Some(self.moment(at, offset, (now / 1_000_000_000) as i64))
            }
        };
        let nanos = nanos.and_then(|nanos| u64::try_from(nanos).ok());
        nanos.ok_or_else(|| format!("`{text}` is no time since 1970"))
    }

    fn moment(&self, mut at: Civil, offset: Option<i32>, now: i64) -> i128 {
        let seconds =
            |at: Civil| at.seconds() - i64::from(offset.unwrap_or_else(|| offset_at(&self.zone, at)));
        if at.year == 0 {
            let today = Timestamp::from_second(now).unwrap_or_default().to_zoned(self.zone.clone());
            at.year = today.year().into();
            if seconds(at) > now + AHEAD_SECONDS {
                at.year -= 1;
            }
        }
        i128::from(seconds(at)) * 1_000_000_000 + i128::from(at.nanos)
    }
}

/// What the zone's clocks differ from Greenwich by when they show this.
fn offset_at(zone: &TimeZone, at: Civil) -> i32 {
    let part = |value: i64| value as i8;
    let (month, day) = (part(at.month), part(at.day));
    let shown = DateTime::new(at.year as i16, month, day, part(at.hour), part(at.minute), part(at.second), 0);
    let Ok(moment) = shown.and_then(|shown| zone.to_timestamp(shown)) else { return 0 };
    zone.to_offset(moment).seconds()
}

fn epoch(layout: &str) -> Result<Layout, Refusal> {
    let unit = match layout {
        "s" | "s.ms" | "s.us" | "s.ns" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        other => {
            return Err((format!("`layout`: `{other}` is no unit"), "s, ms, us, ns, s.ms, s.us or s.ns"));
        }
    };
    Ok(Layout::Epoch(unit))
}

/// A number with or without decimals, in units of so many nanoseconds.
fn decimal(text: &str, unit: i128) -> Option<i128> {
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let decimals = &decimals[..decimals.len().min(9)];
    let part = if decimals.is_empty() { 0 } else { decimals.parse::<u32>().ok()?.into() };
    Some(whole.parse::<i64>().ok().map(i128::from)? * unit + part * unit / 10i128.pow(decimals.len() as u32))
}

fn format(layout: &str) -> Result<Layout, Refusal> {
    let zulu = match layout.get(layout.len().saturating_sub(2)..) {
        Some("%z") => Some("+0000"),
        Some("%j") => Some("+00:00"),
        Some("%i") => Some("+00"),
        _ => None,
    };
    match TimeFormat::parse(layout) {
        Ok(format) => Ok(Layout::Format { format, zulu }),
        Err(why) => Err((format!("`layout`: {why}"), "write it as `%Y-%m-%dT%H:%M:%S.%f%z`")),
    }
}

/// Go's reference time, part by part, and the directive for each. Longer ones come before those they begin with.
const GO: &[(&str, &str)] = &[
    ("January", "%B"),
    ("Jan", "%b"),
    ("Monday", "%A"),
    ("Mon", "%a"),
    ("MST", "%Z"),
    ("2006", "%Y"),
    ("-07:00:00", "%k"),
    ("-07:00", "%j"),
    ("-070000", "%w"),
    ("-0700", "%z"),
    ("-07", "%i"),
    ("Z07:00", "%j"),
    ("Z0700", "%z"),
    ("Z07", "%i"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("15", "%H"),
    ("_2", "%e"),
    ("_1", "%o"),
    ("PM", "%p"),
    ("pm", "%P"),
    ("1", "%q"),
    ("2", "%g"),
    ("3", "%l"),
    ("%", "%%"),
];

/// A layout of Go's as directives. A fraction of a second is read behind any second, so it needs none.
fn from_go(layout: &str) -> Result<String, Refusal> {
    let (mut out, mut rest) = (String::new(), layout);
    while let Some(letter) = rest.chars().next() {
        let fraction = rest.strip_prefix(['.', ',']).map(|after| after.trim_start_matches(['0', '9']));
        if let Some(after) = fraction.filter(|after| after.len() + 1 < rest.len() && out.ends_with("%S")) {
            rest = after;
        } else if let Some((part, directive)) = GO.iter().find(|(part, _)| rest.starts_with(part)) {
            out.push_str(directive);
            rest = &rest[part.len()..];
        } else if letter.is_ascii_digit() {
            let why =
                format!("`layout`: `{layout}` is no layout of Go's that is known here, from `{rest}` on");
            return Err((why, "write the time of Monday, 2 January 2006, 15:04:05"));
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    Ok(out)
}

impl Operator for TimeParser {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let value = self.from.get(batch, entry).ok_or_else(|| self.from.missing())?;
        let text =
            shown(batch, value).ok_or_else(|| format!("`{}` is no text and no number", self.from.text))?;
        entry.record.time = self.read(&String::from_utf8_lossy(batch.arena.bytes(text)), now_nanos())?;
        Ok(Flow::On)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parser(layout_type: &str, layout: &str, location: Option<&str>) -> Result<TimeParser, Refusal> {
        let layout_type = match layout_type {
            "gotime" => LayoutType::Gotime,
            "epoch" => LayoutType::Epoch,
            _ => LayoutType::Strptime,
        };
        let location = Some(location.unwrap_or("UTC").to_owned());
        TimeParser::new(Config { parse_from: Field::body(), layout: layout.into(), layout_type, location })
    }

    #[test]
    fn layouts_read_times() {
        // 2006-01-02T22:04:05Z, Go's reference time in Greenwich.
        const REFERENCE: u64 = 1_136_239_445_000_000_000;
        for (kind, layout, text, expected) in [
            ("strptime", "%Y-%m-%dT%H:%M:%S.%LZ", "2006-01-02T22:04:05.123Z", REFERENCE + 123_000_000),
            ("strptime", "%Y-%m-%d %H:%M:%S,%f %z", "2006-01-02 15:04:05,123 -0700", REFERENCE + 123_000_000),
            ("strptime", "%Y-%m-%dT%H:%M:%S%j", "2006-01-02T22:04:05.5Z", REFERENCE + 500_000_000),
            ("strptime", "%d/%b/%Y:%H:%M:%S %z", "02/Jan/2006:15:04:05 -0700", REFERENCE),
            ("gotime", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05-07:00", REFERENCE),
            (
                "gotime",
                "2006-01-02T15:04:05.999999999Z07:00",
                "2006-01-02T22:04:05.000000001Z",
                REFERENCE + 1,
            ),
            ("gotime", "Mon Jan _2 15:04:05 2006", "Mon Jan  2 22:04:05 2006", REFERENCE),
            ("gotime", "02 Jan 06 15:04 MST", "02 Jan 06 22:04 UTC", REFERENCE - 5_000_000_000),
            ("epoch", "s", "1136239445", REFERENCE),
            ("epoch", "ms", "1136239445123", REFERENCE + 123_000_000),
            ("epoch", "us", "1136239445123456", REFERENCE + 123_456_000),
            ("epoch", "ns", "1136239445123456789", REFERENCE + 123_456_789),
            ("epoch", "s.ms", "1136239445.123", REFERENCE + 123_000_000),
            ("epoch", "s.us", "1136239445.000456", REFERENCE + 456_000),
            ("epoch", "s.ns", "1136239445", REFERENCE),
        ] {
            let parser = parser(kind, layout, None).unwrap_or_else(|(why, _)| panic!("{layout}: {why}"));
            assert_eq!(parser.read(text, 0), Ok(expected), "{layout}");
        }
    }

    #[test]
    fn what_a_text_leaves_out_is_the_location_and_the_latest_year() {
        let Ok(berlin) = parser("strptime", "%b %e %H:%M:%S", Some("Europe/Berlin")) else { return };
        // 2024-01-03T00:00:00Z.
        let now = 1_704_240_000_000_000_000;
        assert_eq!(berlin.read("Jan  2 12:00:00", now), Ok(1_704_193_200_000_000_000));
        assert_eq!(berlin.read("Dec 31 12:00:00", now), Ok(1_704_020_400_000_000_000));
    }

    #[test]
    fn what_is_no_layout_and_no_time_is_told() {
        for (kind, layout) in [("strptime", "%Q"), ("gotime", "2006 7"), ("epoch", "m")] {
            assert!(parser(kind, layout, None).is_err(), "{layout}");
        }
        assert!(parser("strptime", "%Y", Some("Nowhere/Land")).is_err());
        let parser = parser("epoch", "s", None).unwrap_or_else(|(why, _)| panic!("{why}"));
        for text in ["", "x", "-5", "1.x"] {
            assert!(parser.read(text, 0).is_err(), "{text}");
        }
    }
}
