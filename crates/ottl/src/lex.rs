//! Text to tokens.
//!
//! Names are taken whole and told apart by their letters, where the grammar glues them from smaller tokens;
//! what is accepted is the same.

use crate::fault::Fault;

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Bytes(Vec<u8>),
    Float(f64),
    /// The digits' value; a sign is the grammar's matter. Up to 2^63, which only a minus makes an integer.
    Int(u64),
    Text(String),
    /// Any word, keywords included.
    Name(String),
    Compare(Compare),
    /// `=>`, which only lambdas use.
    Arrow,
    /// One of `+ - * / = ( ) { } : , . [ ]`.
    Sign(char),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub at: usize,
    pub end: usize,
    pub kind: Kind,
}

/// All tokens, the last of them [`Kind::End`].
pub fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let (bytes, mut at, mut tokens) = (text.as_bytes(), 0, Vec::new());
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (kind, end) = token(text, at)?;
        tokens.push(Token { at, end, kind });
        at = end;
    }
    tokens.push(Token { at, end: at, kind: Kind::End });
    Ok(tokens)
}

fn token(text: &str, at: usize) -> Result<(Kind, usize), Fault> {
    let bytes = text.as_bytes();
    let next = bytes.get(at + 1).copied();
    Ok(match bytes[at] {
        b'0' if next == Some(b'x') && bytes.get(at + 2).is_some_and(u8::is_ascii_hexdigit) => hex(bytes, at)?,
        b'0'..=b'9' => number(text, at)?,
        b'.' if next.is_some_and(|digit| digit.is_ascii_digit()) => number(text, at)?,
        b'"' => string(text, at)?,
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
            let end = while_(bytes, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
            (Kind::Name(text[at..end].to_owned()), end)
        }
        b'=' if next == Some(b'=') => (Kind::Compare(Compare::Equal), at + 2),
        b'!' if next == Some(b'=') => (Kind::Compare(Compare::NotEqual), at + 2),
        b'>' if next == Some(b'=') => (Kind::Compare(Compare::GreaterOrEqual), at + 2),
        b'<' if next == Some(b'=') => (Kind::Compare(Compare::LessOrEqual), at + 2),
        b'>' => (Kind::Compare(Compare::Greater), at + 1),
        b'<' => (Kind::Compare(Compare::Less), at + 1),
        b'=' if next == Some(b'>') => (Kind::Arrow, at + 2),
        sign @ (b'+' | b'-' | b'*' | b'/' | b'=' | b'(' | b')' | b'{' | b'}' | b':' | b',' | b'.' | b'['
        | b']') => (Kind::Sign(char::from(sign)), at + 1),
        b'\'' => {
            let fault = Fault::new(at, "invalid syntax: a single quote begins no string");
            return Err(fault.help("put texts into double quotes"));
        }
        _ => {
            let character = text[at..].chars().next().unwrap_or(' ');
            return Err(Fault::new(at, format!("invalid syntax: unexpected character `{character}`")));
        }
    })
}

fn while_(bytes: &[u8], mut at: usize, keep: impl Fn(u8) -> bool) -> usize {
    while bytes.get(at).is_some_and(|byte| keep(*byte)) {
        at += 1;
    }
    at
}

fn hex(bytes: &[u8], at: usize) -> Result<(Kind, usize), Fault> {
    let end = while_(bytes, at + 2, |byte| byte.is_ascii_hexdigit());
    match decode_hex(&bytes[at + 2..end]) {
        Some(value) => Ok((Kind::Bytes(value), end)),
        None => Err(Fault::new(at, "invalid syntax: a byte literal takes two hex digits for each byte")),
    }
}

/// The bytes that pairs of hex digits stand for.
pub fn decode_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn number(text: &str, at: usize) -> Result<(Kind, usize), Fault> {
    let bytes = text.as_bytes();
    let digits = |at| while_(bytes, at, |byte| byte.is_ascii_digit());
    let mut end = digits(at);
    if bytes.get(end) != Some(&b'.') {
        return match text[at..end].parse() {
            Ok(int) if int <= 1 << 63 => Ok((Kind::Int(int), end)),
            _ => Err(Fault::new(at, format!("`{}` does not fit into 64 bits", &text[at..end]))),
        };
    }
    end = digits(end + 1);
    if let Some(b'e' | b'E') = bytes.get(end) {
        let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        let exponent = end + 1 + usize::from(signed);
        if digits(exponent) > exponent {
            end = digits(exponent);
        }
    }
    let value: f64 = text[at..end].parse().unwrap_or(f64::NAN);
    if value.is_finite() {
        Ok((Kind::Float(value), end))
    } else {
        Err(Fault::new(at, format!("`{}` is no number a double can hold", &text[at..end])))
    }
}

fn string(text: &str, start: usize) -> Result<(Kind, usize), Fault> {
    let (bytes, mut at, mut out) = (text.as_bytes(), start + 1, Vec::new());
    loop {
        match bytes.get(at) {
            Some(b'"') => {
                // `\xNN` may make what is not UTF-8; the field stores text, so it is repaired.
                let value = String::from_utf8(out)
                    .unwrap_or_else(|raw| String::from_utf8_lossy(raw.as_bytes()).into_owned());
                return Ok((Kind::Text(value), at + 1));
            }
            Some(b'\\') => at = escape(text, at, &mut out)?,
            Some(b'\n') | None => return Err(Fault::new(start, "invalid syntax: this string has no end")),
            Some(byte) => {
                out.push(*byte);
                at += 1;
            }
        }
    }
}

fn escape(text: &str, at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let wrong = || {
        Fault::new(at, "invalid syntax: unknown escape in a string")
            .help(r#"write `\\` for a backslash, `\"` for a quote"#)
    };
    let letter = text.as_bytes().get(at + 1).ok_or_else(wrong)?;
    let digits = |from: usize, len: usize, radix: u32| {
        let digits = text.get(from..from + len).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        digits.and_then(|digits| u32::from_str_radix(digits, radix).ok()).ok_or_else(wrong)
    };
    let plain = match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' | b'"' => *letter,
        b'x' => {
            out.push(digits(at + 2, 2, 16)? as u8);
            return Ok(at + 4);
        }
        b'0'..=b'7' => {
            out.push(u8::try_from(digits(at + 1, 3, 8)?).map_err(|_| wrong())?);
            return Ok(at + 4);
        }
        b'u' | b'U' => {
            let len = if *letter == b'u' { 4 } else { 8 };
            let character = char::from_u32(digits(at + 2, len, 16)?).ok_or_else(wrong)?;
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(at + 2 + len);
        }
        _ => return Err(wrong()),
    };
    out.push(plain);
    Ok(at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[Kind]) {
        let found: Vec<Kind> = tokens(text).unwrap().into_iter().map(|token| token.kind).collect();
        assert_eq!(found[..found.len() - 1], *expected, "{text}");
    }

    #[test]
    fn literals_are_read() {
        check("0x0aFF", &[Kind::Bytes(vec![10, 255])]);
        check(
            "1.5 1. .5 2.5e-1 7",
            &[Kind::Float(1.5), Kind::Float(1.0), Kind::Float(0.5), Kind::Float(0.25), Kind::Int(7)],
        );
        check(r#""a\"b\\\n\x41\u00e9""#, &[Kind::Text("a\"b\\\nAé".into())]);
        check("order", &[Kind::Name("order".into())]);
        check(
            "a>=1=>=",
            &[
                Kind::Name("a".into()),
                Kind::Compare(Compare::GreaterOrEqual),
                Kind::Int(1),
                Kind::Arrow,
                Kind::Sign('='),
            ],
        );
    }

    #[test]
    fn what_is_no_token_is_refused_where_it_stands() {
        for (text, at) in [("a 'b'", 2), ("\"abc", 0), (r#""a\q""#, 2), ("a # b", 2), ("0x1", 0), ("é", 0)] {
            assert_eq!(tokens(text).unwrap_err().at, at, "{text}");
        }
    }
}
