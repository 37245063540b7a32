//! Numbers: 64-bit integers as long as they fit, doubles otherwise; read from text, shown without exponent.

use std::cmp::Ordering;

use crate::value::Value;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub fn float(self) -> f64 {
        match self {
            Number::Int(int) => int as f64,
            Number::Float(float) => float,
        }
    }

    pub fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(&b),
            (a, b) => a.float().partial_cmp(&b.float()).unwrap_or(Ordering::Equal),
        }
    }

    pub fn value<'a>(self) -> Value<'a> {
        match self {
            Number::Int(int) => Value::Int(int),
            Number::Float(float) => Value::float(float),
        }
    }

    /// The whole number of it, cut towards zero.
    pub fn int(self) -> i64 {
        match self {
            Number::Int(int) => int,
            Number::Float(float) => float as i64,
        }
    }
}

/// A float as an integer where it is one.
pub fn tidy(float: f64) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT {
        Number::Int(float as i64)
    } else {
        Number::Float(float)
    }
}

/// Reads a decimal number with an optional fraction and exponent; the whole text must be one.
pub fn parse(text: &str) -> Option<Number> {
    let bytes = text.as_bytes();
    let digits = match bytes.first()? {
        b'+' | b'-' => &bytes[1..],
        b'0'..=b'9' | b'.' => bytes,
        _ => return None,
    };
    if digits.len() <= 18 && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        let value = digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        return Some(Number::Int(if bytes[0] == b'-' { -value } else { value }));
    }
    let plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if !digits.iter().all(plain) || !digits.first()?.is_ascii_digit() && !digits.get(1)?.is_ascii_digit() {
        return None;
    }
    if let Ok(int) = text.parse() {
        return Some(Number::Int(int));
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Number::Float)
}

/// Whole numbers without a point, others with the fewest digits that read back; never an exponent.
pub fn shown(float: f64) -> String {
    if float == 0.0 { "0".to_owned() } else { float.to_string() }
}

/// As aggregates are shown: four digits behind the point at most.
pub fn rounded(float: f64) -> f64 {
    if float.abs() < 1e11 { (float * 1e4).round() / 1e4 } else { float }
}

/// Appends the digits.
pub fn write(int: i64, out: &mut Vec<u8>) {
    if int < 0 {
        out.push(b'-');
    }
    let (mut rest, mut digits, mut at) = (int.unsigned_abs(), [0; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_decimal_texts_are_numbers() {
        for (text, expected) in [
            ("0", Some(Number::Int(0))),
            ("-17", Some(Number::Int(-17))),
            ("+5", Some(Number::Int(5))),
            ("1.5", Some(Number::Float(1.5))),
            (".5", Some(Number::Float(0.5))),
            ("1e3", Some(Number::Float(1000.0))),
            ("9223372036854775807", Some(Number::Int(i64::MAX))),
            ("", None),
            ("-", None),
            (".", None),
            ("e5", None),
            ("inf", None),
            ("NaN", None),
            ("0x10", None),
            (" 1", None),
            ("1 ", None),
            ("1.2.3", None),
            ("1e999", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_shown_without_exponent() {
        for (float, expected) in
            [(1.0, "1"), (0.1, "0.1"), (-0.0, "0"), (1e21, "1000000000000000000000"), (1e-7, "0.0000001")]
        {
            assert_eq!(shown(float), expected);
        }
        assert_eq!(rounded(1.23456), 1.2346);
    }

    #[test]
    fn integers_are_written() {
        for int in [0, 7, -1, i64::MIN, i64::MAX] {
            let mut out = Vec::new();
            write(int, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), int.to_string());
        }
    }
}
