//! A message's tokens, and which of them vary from message to message by their form alone.

use std::net::{Ipv4Addr, Ipv6Addr};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    Time,
    Date,
    Ip,
    Id,
    Number,
    Token,
}

impl Mask {
    pub const ALL: [Mask; 6] = [Mask::Time, Mask::Date, Mask::Ip, Mask::Id, Mask::Number, Mask::Token];
    pub const COUNT: usize = Mask::ALL.len();

    pub fn name(self) -> &'static str {
        match self {
            Mask::Time => "Time",
            Mask::Date => "Date",
            Mask::Ip => "IP",
            Mask::Id => "ID",
            Mask::Number => "Number",
            Mask::Token => "Token",
        }
    }
}

#[derive(Debug)]
pub struct Token<'t> {
    pub text: &'t str,
    pub mask: Option<Mask>,
    /// White space stood before it.
    pub gap: bool,
}

/// Tokens of one message; what is behind them counts as one.
const MAX_TOKENS: usize = 256;

const SIGNS: &[char] = &['=', ':', ',', ';', '(', ')', '[', ']', '{', '}', '"', '\''];

pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_end());
    loop {
        let trimmed = rest.trim_start();
        let gap = trimmed.len() < rest.len();
        rest = trimmed;
        if rest.is_empty() {
            return tokens;
        }
        let (length, mask) = match () {
            () if tokens.len() + 1 == MAX_TOKENS => (rest.len(), Some(Mask::Token)),
            () => time(rest).or_else(|| address_v6(rest)).unwrap_or_else(|| word(rest)),
        };
        tokens.push(Token { text: &rest[..length], mask, gap });
        rest = &rest[length..];
    }
}

/// A sign alone, or a run of what is neither sign nor white space.
fn word(text: &str) -> (usize, Option<Mask>) {
    if text.starts_with(SIGNS) {
        return (1, None);
    }
    let end = |letter: char| letter.is_whitespace() || SIGNS.contains(&letter);
    let length = text.find(end).unwrap_or(text.len());
    (length, form(&text[..length]))
}

fn form(word: &str) -> Option<Mask> {
    let digits = word.bytes().any(|byte| byte.is_ascii_digit());
    if !digits {
        return None;
    }
    if word.parse::<Ipv4Addr>().is_ok() {
        return Some(Mask::Ip);
    }
    if number(word) {
        return Some(Mask::Number);
    }
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let uuid = word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let bare = word.strip_prefix("0x").unwrap_or(word);
    (uuid && word.split('-').all(hex) || bare.len() >= 8 && hex(bare)).then_some(Mask::Id)
}

/// Digits with a sign, a fraction, a unit.
fn number(word: &str) -> bool {
    const LONGEST_UNIT: usize = 4;
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let unit = digits.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let figure = &digits[..digits.len() - unit.len()];
    let unit_fits =
        unit.len() <= LONGEST_UNIT && unit.chars().all(|letter| letter.is_alphabetic() || letter == '%');
    let dots = figure.bytes().filter(|byte| *byte == b'.').count();
    figure.starts_with(|letter: char| letter.is_ascii_digit())
        && dots <= 1
        && !figure.ends_with('.')
        && unit_fits
}

/// A date, a time of day, or both, at the start.
fn time(text: &str) -> Option<(usize, Option<Mask>)> {
    let bytes = text.as_bytes();
    let date = shape(bytes, b"dddd-dd-dd") || shape(bytes, b"dddd/dd/dd");
    let clock_at = match (date, bytes.get(10)) {
        (true, Some(b'T' | b' ')) => 11,
        (true, _) => return ends(text, 10).then_some((10, Some(Mask::Date))),
        (false, _) => 0,
    };
    if !shape(&bytes[clock_at..], b"dd:dd:dd") {
        return (date && ends(text, 10)).then_some((10, Some(Mask::Date)));
    }
    let mut at = clock_at + 8;
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if let Some(b'.' | b',') = bytes.get(at)
        && digits(at + 1) > 0
    {
        at += 1 + digits(at + 1);
    }
    if bytes.get(at) == Some(&b'Z') {
        at += 1;
    } else if shape(&bytes[at..], b"+dd:dd") || shape(&bytes[at..], b"-dd:dd") {
        at += 6;
    } else if shape(&bytes[at..], b"+dddd") || shape(&bytes[at..], b"-dddd") {
        at += 5;
    }
    ends(text, at).then_some((at, Some(Mask::Time)))
}

/// Whether the bytes begin as the pattern says, `d` a digit.
fn shape(bytes: &[u8], pattern: &[u8]) -> bool {
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'd' => byte.is_ascii_digit(),
        other => byte == other,
    };
    bytes.len() >= pattern.len() && bytes.iter().zip(pattern).all(fits)
}

/// Whether a word ends here.
fn ends(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_none_or(|next| !next.is_alphanumeric() && !matches!(next, '-' | '_' | '.'))
}

fn address_v6(text: &str) -> Option<(usize, Option<Mask>)> {
    const LONGEST: usize = 45;
    let length =
        text.bytes().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')).count();
    let fits = length <= LONGEST && text[..length].bytes().filter(|byte| *byte == b':').count() >= 2;
    (fits && ends(text, length) && text[..length].parse::<Ipv6Addr>().is_ok())
        .then_some((length, Some(Mask::Ip)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told() {
        for (text, expected) in [
            ("2024-01-02T03:04:05.678Z x", "<Time> x"),
            ("2024-01-02 03:04:05,678 x", "<Time> x"),
            ("on 2024-01-02, at 03:04:05", "on <Date> , at <Time>"),
            ("from 10.0.0.1:8080", "from <IP> : <Number>"),
            ("::1 fe80::1", "<IP> <IP>"),
            ("id=550e8400-e29b-41d4-a716-446655440000", "id = <ID>"),
            ("commit 9f86d081", "commit <ID>"),
            ("took 12.5ms -3 50% v2", "took <Number> <Number> <Number> v2"),
            ("{\"a\": 1}", "{ \" a \" : <Number> }"),
            ("0x7ffe12ab deadbeef", "<ID> deadbeef"),
        ] {
            let shown: Vec<String> = tokens(text)
                .iter()
                .map(|token| token.mask.map_or(token.text.to_owned(), |mask| format!("<{}>", mask.name())))
                .collect();
            assert_eq!(shown.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn long_messages_end_in_one_token() {
        let found = tokens(&"a ".repeat(1000)).len();
        assert_eq!(found, MAX_TOKENS);
    }
}
