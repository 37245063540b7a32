//! The order of `sort`: non-numbers before numbers, runs of digits inside text by their size.

use std::cmp::Ordering;

use crate::value::Value;

/// Missing values last, whatever the direction.
pub fn compare(a: &Value<'_>, b: &Value<'_>, descending: bool) -> Ordering {
    let missing = |value: &Value<'_>| value.is_null() || value.is_nested();
    match (missing(a), missing(b)) {
        (false, false) if descending => natural(b, a),
        (false, false) => natural(a, b),
        (a, b) => a.cmp(&b),
    }
}

/// Ascending. Equal numbers are ordered by their text, `01` before `1`.
pub fn natural(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a.number(), b.number()) {
        (Some(x), Some(y)) => x.compare(y).then_with(|| texts(a, b, |a, b| a.cmp(b))),
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (None, None) => texts(a, b, chunks),
    }
}

fn texts(a: &Value<'_>, b: &Value<'_>, by: fn(&str, &str) -> Ordering) -> Ordering {
    match (a, b) {
        (Value::Int(_), Value::Int(_)) | (Value::Time(_), Value::Time(_)) => Ordering::Equal,
        _ => by(&a.shown().unwrap_or_default(), &b.shown().unwrap_or_default()),
    }
}

fn chunks(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() && !b.is_empty() {
        let ((x, rest_a), (y, rest_b)) = (chunk(a), chunk(b));
        let digits = |chunk: &str| chunk.as_bytes()[0].is_ascii_digit();
        let order =
            if digits(x) && digits(y) { x.len().cmp(&y.len()).then_with(|| x.cmp(y)) } else { x.cmp(y) };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.len().cmp(&b.len())
}

/// The first run of digits, or of anything else. The text is not empty.
fn chunk(text: &str) -> (&str, &str) {
    let digits = text.as_bytes()[0].is_ascii_digit();
    let length = text.bytes().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order that the service's manual shows.
    #[test]
    fn published_order_holds() {
        let expected = [
            "!:",
            "#",
            "*%04",
            "0#",
            "5A",
            "111A",
            "2345_",
            "@",
            "@_",
            "A",
            "A9876fghj",
            "a12345hfh",
            "0",
            "01",
            "1",
            "2",
            "3",
        ];
        let mut values: Vec<Value<'_>> = expected.iter().rev().map(|text| Value::text(*text)).collect();
        values.sort_by(|a, b| compare(a, b, false));
        assert_eq!(values, expected.map(Value::text));
        values.sort_by(|a, b| compare(a, b, true));
        values.reverse();
        assert_eq!(values, expected.map(Value::text));
    }
}
