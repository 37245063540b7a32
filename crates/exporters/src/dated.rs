//! Records as JSON text with their time in front: what `stdout`, `http` and `s3` write.
//!
//! A record that has the date key itself keeps its own value, and the time is left out: of repeated keys the
//! last one counts, as everywhere.

use std::io::Write;

use jiff::Timestamp;
use model::{Arena, LogRecord, NodeId, Value, json, number};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fields;

/// How the time of a record is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DateFormat {
    /// Seconds with a fraction: `1718000000.25`.
    #[default]
    Double,
    /// Whole seconds.
    Epoch,
    /// Milliseconds.
    EpochMs,
    /// `2024-06-10T06:13:20.250000Z`.
    Iso8601,
    /// `2024-06-10 06:13:20.250000`.
    JavaSqlTimestamp,
}

/// How records follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// One array.
    #[default]
    Array,
    /// One record a line.
    Lines,
    /// One directly behind the other.
    Stream,
}

impl Layout {
    /// What stands between what was written so far and the next record.
    pub fn before(self, is_first: bool) -> &'static [u8] {
        match (self, is_first) {
            (Layout::Array, true) => b"[",
            (Layout::Array, false) => b",",
            _ => b"",
        }
    }

    pub fn after(self) -> &'static [u8] {
        if self == Layout::Lines { b"\n" } else { b"" }
    }

    /// What ends it all.
    pub fn end(self) -> &'static [u8] {
        if self == Layout::Array { b"]" } else { b"" }
    }
}

/// Writes one record after the other; remembers what two records in a row share.
pub struct DatedJson {
    /// Empty: no time is written.
    key: Vec<u8>,
    format: DateFormat,
    ascii: bool,
    live: Vec<NodeId>,
    /// The last second written as a calendar date.
    second: (u64, String),
}

impl DatedJson {
    /// `ascii` escapes everything beyond ASCII.
    pub fn new(key: &str, format: DateFormat, ascii: bool) -> DatedJson {
        DatedJson { key: key.into(), format, ascii, live: Vec::new(), second: (u64::MAX, String::new()) }
    }

    /// Appends one record as a JSON object.
    pub fn write(&mut self, arena: &Arena, record: &LogRecord, out: &mut Vec<u8>) {
        let start = out.len();
        match record.body {
            Value::Map(list) => {
                let mut live = std::mem::take(&mut self.live);
                arena.live_fields(list, &mut live);
                let has_own = live.iter().any(|id| arena.key(*id) == self.key);
                self.open(record.time, has_own, live.is_empty(), out);
                fields::write_members(arena, &live, out);
                out.push(b'}');
                self.live = live;
            }
            Value::Json(span) if arena.bytes(span).first() == Some(&b'{') => {
                let members = arena.bytes(span)[1..].trim_ascii_start();
                let has_own = arena.member(record.body, &self.key).is_some();
                self.open(record.time, has_own, members == b"}", out);
                out.extend_from_slice(members);
            }
            // A line that is no map travels under the key that log drivers use.
            other => {
                self.open(record.time, self.key == b"log", false, out);
                out.extend_from_slice(b"\"log\":");
                json::write_value(arena, other, out);
                out.push(b'}');
            }
        }
        // Received JSON is copied as it came, and may hold line ends between its values.
        out[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        if self.ascii {
            fields::escape_unicode(out, start);
        }
    }

    /// The brace and the time.
    fn open(&mut self, time: u64, has_own: bool, is_empty: bool, out: &mut Vec<u8>) {
        out.push(b'{');
        if self.key.is_empty() || has_own {
            return;
        }
        json::write_string(&self.key, out);
        out.push(b':');
        self.date(time, out);
        if !is_empty {
            out.push(b',');
        }
    }

    fn date(&mut self, time: u64, out: &mut Vec<u8>) {
        let (seconds, nanos) = (time / 1_000_000_000, time % 1_000_000_000);
        match self.format {
            DateFormat::Double => write_double(seconds, nanos, out),
            DateFormat::Epoch => number::write_uint(seconds, out),
            DateFormat::EpochMs => number::write_uint(time / 1_000_000, out),
            DateFormat::Iso8601 => self.calendar(seconds, nanos, "%Y-%m-%dT%H:%M:%S", "Z", out),
            DateFormat::JavaSqlTimestamp => self.calendar(seconds, nanos, "%Y-%m-%d %H:%M:%S", "", out),
        }
    }

    fn calendar(&mut self, seconds: u64, nanos: u64, format: &str, zone: &str, out: &mut Vec<u8>) {
        if self.second.0 != seconds {
            let time = Timestamp::from_second(seconds as i64).unwrap_or(Timestamp::UNIX_EPOCH);
            self.second = (seconds, time.strftime(format).to_string());
        }
        // Writing to a Vec cannot fail.
        let _ = write!(out, "\"{}.{:06}{zone}\"", self.second.1, nanos / 1000);
    }
}

/// The double nearest to the time with 16 significant digits, as C's `%.16g` writes it, and one decimal at least.
fn write_double(seconds: u64, nanos: u64, out: &mut Vec<u8>) {
    let double = seconds as f64 + nanos as f64 / 1e9;
    let whole_digits = seconds.checked_ilog10().map_or(1, |log| log as usize + 1);
    let start = out.len();
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{double:.*}", 16usize.saturating_sub(whole_digits).max(1));
    let point = start + out[start..].iter().position(|byte| *byte == b'.').unwrap_or_default();
    while out.len() > point + 2 && out.last() == Some(&b'0') {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::batch;

    fn written(key: &str, format: DateFormat, time: u64, line: &str) -> String {
        let mut batch = batch("t", &[line]);
        batch.logs[0].time = time;
        let mut out = Vec::new();
        DatedJson::new(key, format, false).write(&batch.arena, &batch.logs[0], &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_are_written_as_fluent_bit_does() {
        for (nanos, double, iso) in [
            (0, "1718000000.0", "2024-06-10T06:13:20.000000Z"),
            (1, "1718000000.0", "2024-06-10T06:13:20.000000Z"),
            (499_999, "1718000000.0005", "2024-06-10T06:13:20.000499Z"),
            (999_999, "1718000000.001", "2024-06-10T06:13:20.000999Z"),
            (123_456_789, "1718000000.123457", "2024-06-10T06:13:20.123456Z"),
            (250_000_000, "1718000000.25", "2024-06-10T06:13:20.250000Z"),
            (999_999_999, "1718000001.0", "2024-06-10T06:13:20.999999Z"),
        ] {
            let time = 1_718_000_000_000_000_000 + nanos;
            let write = |format| written("date", format, time, r#"{"n":1}"#);
            assert_eq!(write(DateFormat::Double), format!(r#"{{"date":{double},"n":1}}"#));
            assert_eq!(write(DateFormat::Iso8601), format!(r#"{{"date":"{iso}","n":1}}"#));
        }
        assert_eq!(written("d", DateFormat::Double, 0, "{}"), r#"{"d":0.0}"#);
        assert_eq!(written("d", DateFormat::Epoch, 1_999_999_999, "{}"), r#"{"d":1}"#);
        assert_eq!(written("d", DateFormat::EpochMs, 1_999_999_999, "{}"), r#"{"d":1999}"#);
        let sql = written("d", DateFormat::JavaSqlTimestamp, 1_250_000_000, "{}");
        assert_eq!(sql, r#"{"d":"1970-01-01 00:00:01.250000"}"#);
    }

    #[test]
    fn a_date_of_its_own_wins() {
        let own = r#"{"log":"x","date":"own"}"#;
        assert_eq!(written("date", DateFormat::Double, 5, own), own);
        assert_eq!(written("", DateFormat::Double, 5, own), own);
        assert_eq!(written("", DateFormat::Double, 5, "{}"), "{}");
    }

    #[test]
    fn bodies_that_are_no_map() {
        let mut batch = batch("t", &[r#"{"a":[1], "b":"x"}"#]);
        let raw = model::Span::input(0, batch.arena.input().len());
        let mut write = |body, key| {
            batch.logs[0].body = body;
            let mut out = Vec::new();
            DatedJson::new(key, DateFormat::Epoch, false).write(&batch.arena, &batch.logs[0], &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write(Value::Json(raw), "d"), r#"{"d":1,"a":[1], "b":"x"}"#);
        assert_eq!(write(Value::Json(raw), "a"), r#"{"a":[1], "b":"x"}"#);
        assert_eq!(write(Value::Bool(true), "d"), r#"{"d":1,"log":true}"#);
    }

    #[test]
    fn a_record_is_one_line() {
        let line = "{\"a\":{\n  \"b\":\r\n[1,\n2]\n},\"c\":\"d\\ne\"}";
        assert_eq!(written("", DateFormat::Double, 0, line), r#"{"a":{   "b":  [1, 2] },"c":"d\ne"}"#);
    }
}
