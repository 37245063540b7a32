//! Numbers as text, the way Fluent Bit's JSON shows them.

use std::io::Write;

pub fn write_int(int: i64, out: &mut Vec<u8>) {
    if int < 0 {
        out.push(b'-');
    }
    write_uint(int.unsigned_abs(), out);
}

pub fn write_uint(mut uint: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (uint % 10) as u8;
        uint /= 10;
        if uint == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Shortest text that reads back as the same double; integral ones keep one decimal (`12.0`). What JSON cannot
/// say (NaN, infinities) becomes `null`.
pub fn write_double(double: f64, out: &mut Vec<u8>) {
    if !double.is_finite() {
        out.extend_from_slice(b"null");
    } else if double.abs() >= 1e17 || (double != 0.0 && double.abs() < 1e-5) {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{double:e}");
    } else {
        let _ = write!(out, "{double:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back() {
        for double in [0.0, -0.0, 12.0, 0.1, 1.5e300, 5e-324, -1e-7, 123456789.125, 1e17, 99999999999999990.0]
        {
            let mut out = Vec::new();
            write_double(double, &mut out);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), double.to_bits(), "{text}");
            assert_eq!(serde_json::from_str::<f64>(&text).unwrap(), double, "{text}");
        }
        let mut out = Vec::new();
        write_double(f64::NAN, &mut out);
        write_int(i64::MIN, &mut out);
        write_int(0, &mut out);
        assert_eq!(out, b"null-92233720368547758080");
    }
}
