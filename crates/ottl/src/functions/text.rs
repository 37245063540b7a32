//! Converters of texts.

use model::{List, Span};

use super::edit_map::boundary;
use crate::fault::RunError;
use crate::function::Args;
use crate::like;
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

pub fn concat(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let delimiter = args.string(1, t)?;
    let mut out = Vec::new();
    for (place, value) in args.values(0).iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(t.bytes(delimiter));
        }
        let value = value.eval(t)?;
        match like::string(t, value)? {
            Some(text) => out.extend_from_slice(t.bytes(text)),
            None => out.extend_from_slice(b"<nil>"),
        }
    }
    t.string(out)
}

pub fn split(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (text, delimiter) = (args.string(0, t)?, args.string(1, t)?);
    let (whole, delimiter) = (t.text(text).into_owned(), t.text(delimiter).into_owned());
    let mut list = List::EMPTY;
    let mut push = |part: &str| -> Result<()> {
        let value = t.string(part)?.store()?;
        t.arena.push(&mut list, Span::EMPTY, value);
        Ok(())
    };
    if delimiter.is_empty() {
        // Every character for itself.
        whole.split_inclusive(|_| true).try_for_each(&mut push)?;
    } else {
        whole.split(&delimiter).try_for_each(&mut push)?;
    }
    Ok(Val::List(list))
}

pub fn substring(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let text = args.string(0, t)?;
    let (start, length) = (args.int(1, t)?, args.int(2, t)?);
    if start < 0 {
        return Err(RunError(format!("invalid start for substring function, {start} cannot be negative")));
    }
    if length <= 0 {
        return Err(RunError(format!("invalid length for substring function, {length} must be above 0")));
    }
    let end = start.saturating_add(length);
    if end > text.len() as i64 {
        let len = text.len();
        return Err(RunError(format!("substring {start}..{end} is out of range of a text of {len} bytes")));
    }
    let (mut start, mut end) = (start as usize, end as usize);
    if args.literal_bool(3).unwrap_or(false) {
        (start, end) = (boundary(t.bytes(text), start), boundary(t.bytes(text), end));
    }
    Ok(Val::Str(text.part(start, end.max(start))))
}

pub fn trim(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let text = args.string(0, t)?;
    let cut = args.literal(1).unwrap_or(" ");
    let whole = t.text(text);
    let trimmed = whole.trim_matches(|letter| cut.contains(letter)).to_owned();
    t.string(trimmed)
}

pub fn trim_prefix(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (text, prefix) = (args.string(0, t)?, args.string(1, t)?);
    let starts = t.bytes(text).starts_with(t.bytes(prefix));
    Ok(Val::Str(if starts { text.part(prefix.len(), text.len()) } else { text }))
}

pub fn trim_suffix(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (text, suffix) = (args.string(0, t)?, args.string(1, t)?);
    let ends = t.bytes(text).ends_with(t.bytes(suffix));
    Ok(Val::Str(if ends { text.part(0, text.len() - suffix.len()) } else { text }))
}

pub fn has_prefix(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (text, prefix) = (args.string(0, t)?, args.string(1, t)?);
    Ok(Val::Bool(t.bytes(text).starts_with(t.bytes(prefix))))
}

pub fn has_suffix(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (text, suffix) = (args.string(0, t)?, args.string(1, t)?);
    Ok(Val::Bool(t.bytes(text).ends_with(t.bytes(suffix))))
}

pub fn is_match(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let regex = args.regex(1, t)?;
    let Some(text) = args.string_like(0, t)? else { return Ok(Val::Bool(false)) };
    Ok(Val::Bool(regex.is_match(t.bytes(text))))
}

/// The check digit of card numbers.
pub fn is_valid_luhn(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let Some(text) = args.string_like(0, t)? else { return Ok(Val::Bool(false)) };
    let digits = t.bytes(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(Val::Bool(false));
    }
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| {
        let digit = u64::from(digit - b'0');
        let doubled = if place % 2 == 1 { 2 * digit } else { digit };
        if doubled > 9 { doubled - 9 } else { doubled }
    });
    Ok(Val::Bool(weighed.sum::<u64>().is_multiple_of(10)))
}

pub const CASES: &[&str] = &["lower", "upper", "snake", "camel"];

pub fn convert_case(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let change = match args.choice(1) {
        Some(0) => str::to_lowercase,
        Some(1) => str::to_uppercase,
        Some(2) => snake,
        _ => camel,
    };
    changed(args, t, change)
}

pub fn to_lower(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    changed(args, t, str::to_lowercase)
}

pub fn to_upper(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    changed(args, t, str::to_uppercase)
}

pub fn to_snake(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    changed(args, t, snake)
}

pub fn to_camel(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    changed(args, t, camel)
}

fn changed(args: &Args<'_>, t: &mut Target<'_>, change: fn(&str) -> String) -> Result {
    let text = args.string(0, t)?;
    let text = change(&t.text(text));
    t.string(text)
}

fn is_separator(letter: char) -> bool {
    matches!(letter, ' ' | '_' | '-' | '.')
}

fn snake(text: &str) -> String {
    let letters: Vec<char> = text.trim().chars().collect();
    let mut out = String::with_capacity(text.len() + 4);
    for (place, letter) in letters.iter().copied().enumerate() {
        if is_separator(letter) {
            out.push('_');
            continue;
        }
        out.extend(letter.to_lowercase());
        let Some(next) = letters.get(place + 1).copied() else { break };
        let digits = letter.is_ascii_digit() != next.is_ascii_digit();
        let begins = letter.is_lowercase() && next.is_uppercase();
        // The last capital of several begins the next word: `HTTPServer`.
        let after = letters.get(place + 2).copied();
        let ends = letter.is_uppercase() && next.is_uppercase() && after.is_some_and(char::is_lowercase);
        if !is_separator(next) && (digits || begins || ends) {
            out.push('_');
        }
    }
    out
}

fn camel(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for letter in text.trim().chars() {
        if is_separator(letter) {
            begins = true;
        } else if begins {
            out.extend(letter.to_uppercase());
            begins = letter.is_ascii_digit();
        } else {
            out.push(letter);
            begins = letter.is_ascii_digit();
        }
    }
    out
}
