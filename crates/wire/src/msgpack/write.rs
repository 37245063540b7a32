//! Writes msgpack values in their shortest form.

pub fn nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

pub fn bool(value: bool, out: &mut Vec<u8>) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

pub fn uint(value: u64, out: &mut Vec<u8>) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, value as u8]),
        0x100..=0xffff => head(0xcd, &(value as u16).to_be_bytes(), out),
        0x1_0000..=0xffff_ffff => head(0xce, &(value as u32).to_be_bytes(), out),
        _ => head(0xcf, &value.to_be_bytes(), out),
    }
}

pub fn int(value: i64, out: &mut Vec<u8>) {
    match value {
        0.. => uint(value as u64, out),
        -32..=-1 => out.push(value as u8),
        -0x80..=-33 => out.extend_from_slice(&[0xd0, value as u8]),
        -0x8000..=-0x81 => head(0xd1, &(value as i16).to_be_bytes(), out),
        -0x8000_0000..=-0x8001 => head(0xd2, &(value as i32).to_be_bytes(), out),
        _ => head(0xd3, &value.to_be_bytes(), out),
    }
}

pub fn float(value: f64, out: &mut Vec<u8>) {
    head(0xcb, &value.to_be_bytes(), out);
}

/// Text, or bytes that travel as text. Below 4 GiB, as everything here.
pub fn str(text: &[u8], out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[0xd9, len as u8]),
        len @ 0x100..=0xffff => head(0xda, &(len as u16).to_be_bytes(), out),
        len => head(0xdb, &(len as u32).to_be_bytes(), out),
    }
    out.extend_from_slice(text);
}

pub fn bin(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.len() {
        len @ 0..=0xff => out.extend_from_slice(&[0xc4, len as u8]),
        len @ 0x100..=0xffff => head(0xc5, &(len as u16).to_be_bytes(), out),
        len => head(0xc6, &(len as u32).to_be_bytes(), out),
    }
    out.extend_from_slice(bytes);
}

pub fn array(len: usize, out: &mut Vec<u8>) {
    match len {
        0..=15 => out.push(0x90 | len as u8),
        16..=0xffff => head(0xdc, &(len as u16).to_be_bytes(), out),
        _ => head(0xdd, &(len as u32).to_be_bytes(), out),
    }
}

pub fn map(pairs: usize, out: &mut Vec<u8>) {
    match pairs {
        0..=15 => out.push(0x80 | pairs as u8),
        16..=0xffff => head(0xde, &(pairs as u16).to_be_bytes(), out),
        _ => head(0xdf, &(pairs as u32).to_be_bytes(), out),
    }
}

/// An extension of eight bytes.
pub fn fixext8(kind: i8, bytes: [u8; 8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xd7, kind as u8]);
    out.extend_from_slice(&bytes);
}

fn head(first: u8, rest: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msgpack::{Slice, Token, next};

    fn back(write: impl FnOnce(&mut Vec<u8>)) -> (Token, usize) {
        let (mut out, mut at) = (Vec::new(), 0);
        write(&mut out);
        (next(&out, &mut at).unwrap(), out.len())
    }

    #[test]
    fn numbers_come_back_in_their_shortest_form() {
        for (value, len) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (255, 2),
            (256, 3),
            (65535, 3),
            (65536, 5),
            (i64::from(u32::MAX), 5),
            (i64::from(u32::MAX) + 1, 9),
            (i64::MAX, 9),
            (-1, 1),
            (-32, 1),
            (-33, 2),
            (-128, 2),
            (-129, 3),
            (-32768, 3),
            (-32769, 5),
            (i64::from(i32::MIN), 5),
            (i64::from(i32::MIN) - 1, 9),
            (i64::MIN, 9),
        ] {
            assert_eq!(back(|out| int(value, out)), (Token::Int(value), len), "{value}");
        }
        assert_eq!(back(|out| uint(u64::MAX, out)), (Token::Uint(u64::MAX), 9));
        assert_eq!(back(|out| float(-0.5, out)), (Token::Float(-0.5), 9));
        assert_eq!(back(|out| bool(true, out)), (Token::Bool(true), 1));
        assert_eq!(back(nil), (Token::Nil, 1));
    }

    #[test]
    fn lengths_come_back() {
        for len in [0, 15, 16, 31, 32, 255, 256, 65535, 65536] {
            let text = vec![b'x'; len];
            let (token, total) = back(|out| str(&text, out));
            assert_eq!(token, Token::Str(Slice { start: total - len, end: total }));
            let (token, total) = back(|out| bin(&text, out));
            assert_eq!(token, Token::Bin(Slice { start: total - len, end: total }));
            assert_eq!(back(|out| array(len, out)).0, Token::Array(len as u32));
            assert_eq!(back(|out| map(len, out)).0, Token::Map(len as u32));
        }
        assert_eq!(back(|out| fixext8(0, [1; 8], out)), (Token::Ext(0, Slice { start: 2, end: 10 }), 10));
    }
}
