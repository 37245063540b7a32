//! Lambda's own lines: `REPORT RequestId: ..` and its like.

use crate::number;
use crate::value::Value;

/// A field of a platform line; null on lines that functions write.
pub fn field<'a>(message: &'a str, name: &str) -> Value<'a> {
    let Some((kind, _)) = message.split_once(' ') else { return Value::Null };
    if !matches!(kind, "START" | "END" | "REPORT") || !message.contains("RequestId: ") {
        return Value::Null;
    }
    match name {
        "@type" => Value::text(kind),
        "@requestId" => word(message, "RequestId: "),
        "@duration" => figure(message, "Duration: ", 1.0),
        "@billedDuration" => figure(message, "Billed Duration: ", 1.0),
        "@initDuration" => figure(message, "Init Duration: ", 1.0),
        // A megabyte is counted as the service does, a million bytes.
        "@memorySize" => figure(message, "Memory Size: ", 1e6),
        "@maxMemoryUsed" => figure(message, "Max Memory Used: ", 1e6),
        "@xrayTraceId" => word(message, "XRAY TraceId: "),
        "@xraySegmentId" => word(message, "SegmentId: "),
        _ => Value::Null,
    }
}

/// What stands behind a label, which begins a part of the line.
fn part<'a>(message: &'a str, label: &str) -> Option<&'a str> {
    let begins = |at: usize| at == 0 || matches!(message.as_bytes()[at - 1], b'\t' | b'\n' | b' ');
    let first = |at: usize| !message[..at].ends_with("Billed ") && !message[..at].ends_with("Init ");
    let found = message.match_indices(label).find(|(at, _)| begins(*at) && first(*at));
    let (at, _) = found?;
    message[at + label.len()..].split_whitespace().next()
}

fn word<'a>(message: &'a str, label: &str) -> Value<'a> {
    part(message, label).map_or(Value::Null, Value::text)
}

fn figure<'a>(message: &str, label: &str, unit: f64) -> Value<'a> {
    let number = part(message, label).and_then(number::parse);
    number.map_or(Value::Null, |number| number::tidy(number.float() * unit).value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let report = "REPORT RequestId: 8f5\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\t\
                      Max Memory Used: 50 MB\tInit Duration: 100.5 ms\t\nXRAY TraceId: 1-2\tSegmentId: ab\t";
        for (name, expected) in [
            ("@type", Value::text("REPORT")),
            ("@requestId", Value::text("8f5")),
            ("@duration", Value::Float(12.34)),
            ("@billedDuration", Value::Int(13)),
            ("@memorySize", Value::Int(128_000_000)),
            ("@maxMemoryUsed", Value::Int(50_000_000)),
            ("@initDuration", Value::Float(100.5)),
            ("@xrayTraceId", Value::text("1-2")),
            ("@xraySegmentId", Value::text("ab")),
        ] {
            assert_eq!(field(report, name), expected, "{name}");
        }
        assert_eq!(field("hello RequestId: 1", "@requestId"), Value::Null);
    }
}
