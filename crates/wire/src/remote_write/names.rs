//! Names as Prometheus takes them: letters, digits and `_`, the unit in words at the end.

use model::metric::{Metric, MetricKind};

/// Units after UCUM, and the words for them.
const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("%", "percent"),
    ("1", ""),
];

/// Units behind a stroke: `By/s` are bytes per second.
const PER: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// A metric's name.
pub(super) fn metric_name(
    name: &str,
    unit: &str,
    metric: &Metric,
    suffixes: bool,
    namespace: &str,
) -> String {
    let mut words = words(name, |c| !suffixes && c == '_');
    let (main, per) = in_words(unit);
    if suffixes {
        if !main.is_empty() && !words.contains(&main.as_str()) {
            words.push(&main);
        }
        if !per.is_empty() && !words.contains(&per.as_str()) {
            words.extend(["per", &per]);
        }
        let last = match metric.kind {
            MetricKind::Sum if metric.monotonic => Some("total"),
            MetricKind::Gauge if unit == "1" => Some("ratio"),
            _ => None,
        };
        if let Some(last) = last {
            words.retain(|word| *word != last);
            words.push(last);
        }
    }
    named(&words, namespace)
}

/// A name without a unit, in the namespace.
pub(super) fn plain_name(name: &str, namespace: &str) -> String {
    named(&[name], namespace)
}

fn named(words: &[&str], namespace: &str) -> String {
    let mut name = words.join("_");
    if !namespace.is_empty() {
        name = format!("{}_{name}", self::words(namespace, |c| c == '_').join("_"));
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        name.insert(0, '_');
    }
    name
}

/// The parts of a name between characters that it must not have.
fn words(name: &str, also: impl Fn(char) -> bool) -> Vec<&str> {
    let belongs = |c: char| c.is_ascii_alphanumeric() || c == ':' || also(c);
    name.split(|c| !belongs(c)).filter(|word| !word.is_empty()).collect()
}

/// A unit in words, and what it is told per. Annotations in braces are no units.
fn in_words(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    (word_for(main, &UNITS), word_for(per, &PER))
}

fn word_for(unit: &str, table: &[(&str, &str)]) -> String {
    let unit = unit.trim();
    if unit.contains(['{', '}']) {
        return String::new();
    }
    match table.iter().find(|(short, _)| *short == unit) {
        Some((_, word)) => (*word).to_owned(),
        None => words(unit, |_| false).join("_"),
    }
}

/// Writes an attribute's key as the name of a label.
pub(super) fn write_label_name(key: &str, out: &mut String) {
    match key.as_bytes() {
        [b'0'..=b'9', ..] => out.push_str("key_"),
        // Two of them are Prometheus's own.
        [b'_', second, ..] if *second != b'_' => out.push_str("key"),
        _ => {}
    }
    out.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
}
