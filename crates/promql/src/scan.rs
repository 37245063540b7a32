//! The words of a query with their places, read before the library reads them.
//!
//! The library tells no places, and trusts its input further than a server may: so nesting, length and the sizes of
//! durations are checked here, and what the library refuses is looked up here again (`place_of` in `place.rs`).

use std::ops::Range;

use crate::error::Error;

/// Brackets within brackets. Everything after parsing recurses as deep as the tree.
const MAX_NESTING: usize = 100;
/// Operators of a query, each of which may make the tree one deeper.
const MAX_OPERATORS: usize = 500;
const MAX_CHARS: usize = 256 << 10;
/// Two thousand years, in seconds.
const MAX_SECONDS: f64 = 2000.0 * 365.0 * 86_400.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    Number,
    Text,
    Open,
    Close,
    Comma,
    /// Operators, and the marks of matchers.
    Mark,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub kind: Kind,
    pub text: String,
    /// In characters.
    pub place: Range<usize>,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text.eq_ignore_ascii_case(text)
    }
}

pub fn scan(text: &str) -> Result<Vec<Token>, Error> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > MAX_CHARS {
        return Err(Error::parse(format!("a query has at most {MAX_CHARS} characters"), None));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = chars.get(at) {
        let (kind, length) = match first {
            c if c.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            '#' => {
                at += run(&chars[at..], |c| c != '\n');
                continue;
            }
            '"' | '\'' | '`' => (Kind::Text, quoted(&chars, at)?),
            '(' | '[' | '{' => (Kind::Open, 1),
            ')' | ']' | '}' => (Kind::Close, 1),
            ',' => (Kind::Comma, 1),
            c if c.is_ascii_digit() => (Kind::Number, number(&chars[at..])),
            '.' if chars.get(at + 1).is_some_and(char::is_ascii_digit) => {
                (Kind::Number, number(&chars[at..]))
            }
            c if c.is_ascii_alphabetic() || *c == '_' => {
                (Kind::Word, run(&chars[at..], |c| c.is_ascii_alphanumeric() || c == '_' || c == ':'))
            }
            // A colon begins a recorded metric's name, or stands between a subquery's range and step.
            ':' => match run(&chars[at..], |c| c.is_ascii_alphanumeric() || c == '_' || c == ':') {
                1 => (Kind::Mark, 1),
                _ if inside_square(&tokens) => (Kind::Mark, 1),
                length => (Kind::Word, length),
            },
            '+' | '-' | '*' | '/' | '%' | '^' | '@' => (Kind::Mark, 1),
            '=' | '!' | '<' | '>' => {
                (Kind::Mark, if matches!(chars.get(at + 1), Some('=' | '~')) { 2 } else { 1 })
            }
            c => return Err(Error::parse(format!("unexpected character: {c:?}"), Some(at..at + 1))),
        };
        tokens.push(Token { kind, text: chars[at..at + length].iter().collect(), place: at..at + length });
        at += length;
    }
    check_brackets(&tokens, chars.len())?;
    check_sizes(&tokens)?;
    Ok(tokens)
}

fn run(chars: &[char], belongs: impl Fn(char) -> bool) -> usize {
    chars.iter().take_while(|c| belongs(**c)).count()
}

fn inside_square(tokens: &[Token]) -> bool {
    tokens
        .iter()
        .rev()
        .find(|token| matches!(token.kind, Kind::Open | Kind::Close))
        .is_some_and(|t| t.is("["))
}

/// A number or a duration, such as `1e-3`, `0x1f` or `1h30m`.
fn number(chars: &[char]) -> usize {
    let mut length = 0;
    let is_hex = matches!(chars, ['0', 'x' | 'X', ..]);
    while let Some(c) = chars.get(length) {
        let is_sign = matches!(c, '+' | '-') && !is_hex && matches!(chars[length - 1], 'e' | 'E');
        if !(c.is_ascii_alphanumeric() || *c == '.' || *c == '_' || is_sign) {
            break;
        }
        length += 1;
    }
    length
}

fn quoted(chars: &[char], at: usize) -> Result<usize, Error> {
    let quote = chars[at];
    let mut end = at + 1;
    while let Some(c) = chars.get(end) {
        match c {
            '\\' if quote != '`' => end += 1,
            c if *c == quote => return Ok(end + 1 - at),
            '\n' if quote != '`' => break,
            _ => {}
        }
        end += 1;
    }
    let end = end.min(chars.len());
    Err(Error::parse(format!("unterminated quoted string {quote}"), Some(at..end)))
}

fn check_brackets(tokens: &[Token], end: usize) -> Result<(), Error> {
    let mut open: Vec<&Token> = Vec::new();
    let mut operators = 0;
    for token in tokens {
        match token.kind {
            Kind::Open => open.push(token),
            Kind::Close => {
                let fits = matches!(
                    (open.pop().map(|token| token.text.as_str()), token.text.as_str()),
                    (Some("("), ")") | (Some("["), "]") | (Some("{"), "}")
                );
                if !fits {
                    return Err(Error::parse(
                        format!("unexpected {:?}", token.text),
                        Some(token.place.clone()),
                    ));
                }
            }
            Kind::Mark => operators += usize::from(!open.last().is_some_and(|open| open.is("{"))),
            Kind::Word => operators += usize::from(is_word_operator(token)),
            _ => {}
        }
        if open.len() > MAX_NESTING {
            let message = format!("brackets are nested more than {MAX_NESTING} deep");
            return Err(Error::parse(message, Some(token.place.clone())));
        }
        if operators > MAX_OPERATORS {
            let message = format!("a query has at most {MAX_OPERATORS} operators");
            return Err(Error::parse(message, Some(token.place.clone())));
        }
    }
    match open.pop() {
        Some(token) => {
            let name = match token.text.as_str() {
                "(" => "parenthesis",
                "[" => "bracket",
                _ => "brace",
            };
            Err(Error::parse(format!("unclosed left {name}"), Some(token.place.start..end)))
        }
        None => Ok(()),
    }
}

/// Numbers that stand for a time must fit one.
fn check_sizes(tokens: &[Token]) -> Result<(), Error> {
    for (i, token) in
        tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Number || token.kind == Kind::Word)
    {
        let mut before = tokens[..i].iter().rev().skip_while(|token| token.is("+") || token.is("-"));
        let is_time = before.next().is_some_and(|token| token.is("[") || token.is(":") || token.is("offset"));
        let digits = token.text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default();
        let seconds = token.text.parse::<f64>();
        let is_plain = seconds.is_ok();
        let fits = seconds.is_ok_and(|seconds| seconds <= MAX_SECONDS);
        let is_hex = token.text.to_ascii_lowercase().starts_with("0x");
        let is_duration = token.kind == Kind::Number && !is_plain && !is_hex;
        if (is_time && is_plain && !fits) || (is_duration && digits > 9) || (is_time && is_hex && digits > 8)
        {
            let message = format!("not a valid duration: {:?}", token.text);
            return Err(Error::parse(message, Some(token.place.clone())));
        }
    }
    Ok(())
}

pub fn is_word_operator(token: &Token) -> bool {
    token.kind == Kind::Word && ["and", "or", "unless", "atan2"].iter().any(|word| token.is(word))
}
