//! Patterns and the times they read; the expected ones are what Fluent Bit 5 read.

use super::*;

/// 2024-06-10 06:13:20 UTC.
const NOW: u64 = 1_718_000_000_000_000_000;

fn read(pattern: &str, text: &str, lenient: bool, now: u64) -> Option<u64> {
    let (format, unknown) = TimeFormat::new(pattern, lenient);
    assert!(unknown.is_empty() || pattern.contains("%f"), "{unknown:?}");
    format.read(text.as_bytes(), now)
}

#[test]
fn times_are_read() {
    const ISO: &str = "%Y-%m-%dT%H:%M:%S.%L%z";
    for (pattern, text, expected) in [
        (ISO, "2024-06-10T06:13:21.123Z", Some(1_718_000_001_123)),
        (ISO, "2024-06-10T06:13:21.123456789+02:00", Some(1_717_992_801_123)),
        (ISO, "2024-06-10T06:13:21.5-0730", Some(1_718_027_001_500)),
        (ISO, "2024-06-10T06:13:21.123+02", Some(1_717_992_801_123)),
        (ISO, "2024-06-10T06:13:21.123UTC", Some(1_718_000_001_123)),
        (ISO, "2024-06-10T06:13:21.123Z trailing", Some(1_718_000_001_123)),
        (ISO, "2024-02-30T06:13:21.1Z", Some(1_709_273_601_100)),
        (ISO, "2024-06-10T06:13:60.1Z", Some(1_718_000_040_100)),
        (ISO, "2024-06-10T06:13:21Z", None),
        (ISO, "2024-06-10 06:13:21.1Z", None),
        (ISO, "2024-06-10T06:13:21.123", None),
        (ISO, "2024-06-10T06:13:21.Z", None),
        (ISO, "2024-06-10T25:13:21.1Z", None),
        (ISO, "2024-06-10T06:13:21.1234567891Z", None),
        (ISO, "2024-06-10T06:13:21.123z", None),
        (ISO, "1960-01-01T00:00:00.5Z", None),
        (ISO, "", None),
        ("%s", "1718000001", Some(1_718_000_001_000)),
        ("%s.%L", "1718000001.25", Some(1_718_000_001_250)),
        ("%Y-%m-%d %H:%M:%S,%L", "2024-06-10 06:13:21,123", Some(1_718_000_001_123)),
        ("%d/%b/%Y:%H:%M:%S %z", "10/Jun/2024:06:13:21 -0500", Some(1_718_018_001_000)),
        ("%a, %d %b %Y %H:%M:%S %Z", "Mon, 10 Jun 2024 06:13:21 GMT", Some(1_718_000_001_000)),
        ("%Y-%m-%dT%H:%M:%S.%LZ", "2024-06-10T06:13:21.5Z", Some(1_718_000_001_500)),
        ("%Y%m%dT%H%M%S", "20240610T061321", Some(1_718_000_001_000)),
        ("%I:%M:%S %p %m/%d/%y", "06:13:21 PM 06/10/24", Some(1_718_043_201_000)),
        ("%I:%M %p %D", "12:00 am 06/10/24", Some(1_717_977_600_000)),
        ("%Y-%j %T", "2024-162 06:13:21", Some(1_718_000_001_000)),
        ("%e %B %Y %R", " 9 June 2024 06:13", Some(1_717_913_580_000)),
        ("%FT%T%z", "2024-06-10T06:13:21+0100", Some(1_717_996_401_000)),
        ("%c", "Mon Jun 10 06:13:21 2024", Some(1_718_000_001_000)),
        ("%Y-%m-%d %H:%M:%S.%f", "2024-06-10 06:13:21.123456", None),
        ("%Y-%m-%d %H:%M:%S%L", "2024-06-10 06:13:21.123", None),
    ] {
        let expected = expected.map(|millis: u64| millis);
        let found = read(pattern, text, false, NOW).map(|nanos| nanos / 1_000_000);
        assert_eq!(found, expected, "{pattern} {text:?}");
    }
}

#[test]
fn a_lenient_pattern_keeps_what_it_read() {
    const ISO: &str = "%Y-%m-%dT%H:%M:%S.%L%z";
    for (text, expected) in [
        ("2024-06-10T06:13:21Z", Some(1_718_000_001_000)),
        ("2024-06-10 06:13:21.1Z", Some(1_717_977_600_000)),
        ("2024-06-10T06:13:21.123", Some(1_718_000_001_123)),
        ("2024-06-10T25:13:21.1Z", Some(1_717_977_600_000)),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(read(ISO, text, true, NOW).map(|nanos| nanos / 1_000_000), expected, "{text:?}");
    }
}

#[test]
fn what_is_left_out_is_taken_from_now() {
    // 2025-01-01 00:00:10 and 2024-12-31 23:59:50.
    let (new_year, old_year) = (1_735_689_610_000_000_000, 1_735_689_590_000_000_000);
    for (pattern, text, now, expected) in [
        ("%b %d %H:%M:%S", "Dec 31 23:59:55", new_year, 1_735_689_595),
        ("%b %d %H:%M:%S", "Jan  1 00:00:05", old_year, 1_735_689_605),
        ("%b %d %H:%M:%S", "Jun 10 06:13:21", NOW, 1_718_000_001),
        ("%H:%M:%S", "23:59:55", new_year, 1_735_689_595),
        ("%H:%M:%S", "06:13:21", NOW, 1_718_000_001),
    ] {
        let found = read(pattern, text, false, now).map(|nanos| nanos / 1_000_000_000);
        assert_eq!(found, Some(expected), "{pattern} {text:?}");
    }
}

#[test]
fn text_without_a_zone_takes_the_configured_one() {
    let (mut format, _) = TimeFormat::new("%Y-%m-%d %H:%M:%S", false);
    assert!(format.set_offset("+0200"));
    assert_eq!(format.read(b"2024-06-10 08:13:20", NOW), Some(NOW));
    assert!(format.set_zone("UTC"));
    assert_eq!(format.read(b"2024-06-10 06:13:20", NOW), Some(NOW));
    assert!(!format.set_zone("Atlantis/Capital"));
    assert!(!format.set_offset("two hours"));
    let (mut zoned, _) = TimeFormat::new("%Y-%m-%d %H:%M:%S %z", false);
    assert!(zoned.set_offset("+0200"));
    assert_eq!(zoned.read(b"2024-06-10 06:13:20 Z", NOW), Some(NOW));
}
