//! VPC flow logs in their default format: fourteen columns between spaces.

use crate::value::Value;

const COLUMNS: [&str; 14] = [
    "version",
    "accountId",
    "interfaceId",
    "srcAddr",
    "dstAddr",
    "srcPort",
    "dstPort",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "logStatus",
];

/// A column of a flow log; null for any other message. `-` stands for a missing value.
pub fn field<'a>(message: &'a str, name: &str) -> Value<'a> {
    let name = match name {
        "startTime" => "start",
        "endTime" => "end",
        name => name,
    };
    let Some(wanted) = COLUMNS.iter().position(|column| *column == name) else { return Value::Null };
    let status = message.rsplit(' ').next().unwrap_or_default();
    let is_flow = message.starts_with("2 ") && matches!(status, "OK" | "NODATA" | "SKIPDATA");
    if !is_flow || message.split(' ').count() != COLUMNS.len() {
        return Value::Null;
    }
    match message.split(' ').nth(wanted) {
        Some("-") | None => Value::Null,
        Some(text) => Value::text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named() {
        let flow =
            "2 123456789010 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1620000000 1620000060 ACCEPT OK";
        assert_eq!(field(flow, "srcAddr"), Value::text("10.0.0.1"));
        assert_eq!(field(flow, "bytes"), Value::text("840"));
        assert_eq!(field(flow, "endTime"), Value::text("1620000060"));
        assert_eq!(field("2 words OK", "bytes"), Value::Null);
    }
}
