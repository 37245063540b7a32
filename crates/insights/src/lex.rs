//! Text to tokens, one at a time.
//!
//! A slash opens an expression or divides, which only the parser knows; it asks for [`regex`] where one may stand.

use std::borrow::Cow;

use crate::error::{Fault, Span};
use crate::number;
use crate::value::Value;

#[derive(Debug, Clone, PartialEq)]
pub enum Kind<'t> {
    /// A name without backticks: a keyword, a command, a function or a field.
    Word(Cow<'t, str>),
    /// A name that holds backticks or an index, so that it can only be a field.
    Field(String),
    Number(Value<'static>),
    /// Digits with letters behind: `5m`.
    Measure(&'t str),
    Text(String),
    Sign(&'static str),
    End,
}

#[derive(Debug, Clone)]
pub struct Token<'t> {
    pub kind: Kind<'t>,
    pub span: Span,
}

/// Longer ones first.
const SIGNS: [&str; 20] =
    ["!=", "<=", ">=", "=~", "|", ",", "(", ")", "[", "]", "=", "<", ">", "+", "-", "*", "/", "%", "^", ":"];

/// The token that starts at or after `at`.
pub fn token(text: &str, at: usize) -> Result<Token<'_>, Fault> {
    let start = skip(text, at);
    let rest = &text[start..];
    let Some(first) = rest.chars().next() else {
        return Ok(Token { kind: Kind::End, span: Span { start, end: start } });
    };
    let second_is_digit = rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    if first.is_ascii_digit() || first == '.' && second_is_digit {
        return Ok(number(text, start));
    }
    if first == '`' || starts_name(first) {
        return name(text, start);
    }
    if first == '\'' || first == '"' {
        let (value, end) = string(text, start, first)?;
        return Ok(Token { kind: Kind::Text(value), span: Span { start, end } });
    }
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        let span = Span { start, end: start + sign.len() };
        if rest.starts_with("==") {
            return Err(Fault::new(Span { end: start + 2, ..span }, "`==` is no operator").expected(["="]));
        }
        return Ok(Token { kind: Kind::Sign(sign), span });
    }
    let span = Span { start, end: start + first.len_utf8() };
    Err(match first {
        '!' => Fault::new(span, "`!` is no operator").expected(["not", "!="]),
        '$' => Fault::new(span, "`$` is part of a name only between backticks"),
        _ => Fault::new(span, format!("unexpected character `{first}`")),
    })
}

/// White space and comments.
fn skip(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with('#') {
            return at;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}

fn starts_name(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_' || letter == '@'
}

fn in_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '@'
}

/// Behind the last of the characters that `keep` names.
fn run(text: &str, at: usize, keep: impl Fn(char) -> bool) -> usize {
    text[at..].find(|letter| !keep(letter)).map_or(text.len(), |length| at + length)
}

fn number(text: &str, start: usize) -> Token<'_> {
    let bytes = text.as_bytes();
    let digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let digits = |at| run(text, at, |letter| letter.is_ascii_digit());
    let mut end = digits(start);
    if bytes.get(end) == Some(&b'.') && digit_at(end + 1) {
        end = digits(end + 1);
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        let exponent = end + 1 + usize::from(signed);
        if digit_at(exponent) {
            end = digits(exponent);
        }
    }
    let wordy = run(text, end, in_name);
    let value = number::parse(&text[start..end]).filter(|_| wordy == end);
    match value {
        Some(value) => Token { kind: Kind::Number(value.value()), span: Span { start, end } },
        None => Token { kind: Kind::Measure(&text[start..wordy]), span: Span { start, end: wordy } },
    }
}

/// A name with its pieces: `a.b`, ``a.`b-c`.d``, `list[0].id`.
fn name(text: &str, start: usize) -> Result<Token<'_>, Fault> {
    let (mut at, mut out, mut plain) = (start, String::new(), true);
    loop {
        if let Some(quoted) = text[at..].strip_prefix('`') {
            let Some(length) = quoted.find('`') else {
                let span = Span { start: at, end: text.len() };
                return Err(Fault::new(span, "this backtick has no end").expected(["`"]));
            };
            out.push_str(&quoted[..length]);
            (at, plain) = (at + length + 2, false);
        } else {
            let end = run(text, at, in_name);
            out.push_str(&text[at..end]);
            at = end;
        }
        while let Some((digits, end)) = index(text, at).filter(|_| !out.eq_ignore_ascii_case("in")) {
            out.push('.');
            out.push_str(digits);
            (at, plain) = (end, false);
        }
        let mut next = text[at..].chars();
        if next.next() != Some('.') || !next.next().is_some_and(|letter| in_name(letter) || letter == '`') {
            break;
        }
        out.push('.');
        at += 1;
    }
    let span = Span { start, end: at };
    if out.is_empty() {
        return Err(Fault::new(span, "a name between backticks cannot be empty"));
    }
    let kind = if plain { Kind::Word(Cow::Borrowed(&text[start..at])) } else { Kind::Field(out) };
    Ok(Token { kind, span })
}

/// `[12]` as its digits and its end.
fn index(text: &str, at: usize) -> Option<(&str, usize)> {
    let inside = text[at..].strip_prefix('[')?;
    let length = inside.find(']')?;
    let digits = &inside[..length];
    let fits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some((digits, at + length + 2))
}

/// The inside of a string, and where it ends. Only its own quote and the backslash are escaped.
fn string(text: &str, start: usize, quote: char) -> Result<(String, usize), Fault> {
    let mut out = String::new();
    let mut letters = text[start + 1..].char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            return Ok((out, start + 1 + at + 1));
        }
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some((_, next)) if next == quote || next == '\\' => out.push(next),
            Some((_, next)) => out.extend(['\\', next]),
            None => break,
        }
    }
    let span = Span { start, end: text.len() };
    Err(Fault::new(span, "this string has no end").expected([quote.to_string()]))
}

/// The inside of the expression whose opening slash stands at `start`; `\/` is a slash.
pub fn regex(text: &str, start: usize) -> Result<(String, Span), Fault> {
    let mut out = String::new();
    let mut letters = text[start + 1..].char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '/' => return Ok((out, Span { start, end: start + 1 + at + 1 })),
            '\\' => match letters.next() {
                Some((_, '/')) => out.push('/'),
                Some((_, next)) => out.extend(['\\', next]),
                None => break,
            },
            _ => out.push(letter),
        }
    }
    let span = Span { start, end: text.len() };
    Err(Fault::new(span, "this regular expression has no end").expected(["/"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Kind<'_>> {
        let (mut at, mut kinds) = (0, Vec::new());
        loop {
            let token = token(text, at).unwrap();
            if token.kind == Kind::End {
                return kinds;
            }
            at = token.span.end;
            kinds.push(token.kind);
        }
    }

    #[test]
    fn names_numbers_and_measures_are_told_apart() {
        let word = |word: &'static str| Kind::Word(word.into());
        let field = |name: &str| Kind::Field(name.to_owned());
        for (text, expected) in [
            ("@log a.b.0", vec![word("@log"), word("a.b.0")]),
            ("a.`b-c`.d x[1] `e f`", vec![field("a.b-c.d"), field("x.1"), field("e f")]),
            ("a-b", vec![word("a"), Kind::Sign("-"), word("b")]),
            (
                "5m 1e3 1.5",
                vec![
                    Kind::Measure("5m"),
                    Kind::Number(Value::Float(1000.0)),
                    Kind::Number(Value::Float(1.5)),
                ],
            ),
            (
                "x in[1]",
                vec![word("x"), word("in"), Kind::Sign("["), Kind::Number(Value::Int(1)), Kind::Sign("]")],
            ),
            ("a # b | c\n| d", vec![word("a"), Kind::Sign("|"), word("d")]),
            (r#"'it\'s' "a\d\\""#, vec![Kind::Text("it's".into()), Kind::Text(r"a\d\".into())]),
            ("größe", vec![word("größe")]),
        ] {
            assert_eq!(all(text), expected, "{text}");
        }
    }

    #[test]
    fn what_has_no_end_is_refused_where_it_begins() {
        for (text, start, end) in [("'abc", 0, 4), ("`abc", 0, 4), ("'a\\", 0, 3), ("!a", 0, 1), ("==", 0, 2)]
        {
            let span = token(text, 0).unwrap_err().span;
            assert_eq!((span.start, span.end), (start, end), "{text}");
        }
        assert!(regex("/abc\\/", 0).is_err());
        assert_eq!(regex(r"/a\/b\d/ x", 0).unwrap(), (r"a/b\d".to_owned(), Span { start: 0, end: 8 }));
    }
}
