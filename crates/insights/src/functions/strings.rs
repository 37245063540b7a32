//! String functions. Null, maps and lists give null unless said otherwise.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regex_automata::util::interpolate;

use super::Call;
use crate::value::Value;

/// Longest text that a function makes; beyond it null, so that chains of calls cannot grow without end.
const MAX_TEXT_BYTES: usize = 1 << 20;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn made<'r>(text: String) -> Value<'r> {
    if text.len() > MAX_TEXT_BYTES { Value::Null } else { Value::text(text) }
}

/// The same text with another inside, which borrows where the text did.
fn map<'r>(
    mut call: Call<'_, 'r>,
    borrowed: impl Fn(&'r str) -> &'r str,
    owned: impl Fn(&str) -> String,
) -> Value<'r> {
    match call.text(0) {
        None => Value::Null,
        Some(Cow::Borrowed(text)) => Value::text(borrowed(text)),
        Some(Cow::Owned(text)) => Value::text(owned(&text)),
    }
}

pub fn is_empty<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(call.take(0).into_text().is_none_or(|text| text.is_empty()))
}

pub fn is_blank<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(call.take(0).into_text().is_none_or(|text| text.trim().is_empty()))
}

/// Missing parts are left out.
pub fn concat<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let mut out = String::new();
    for place in 0..call.args.len() {
        if call.args[place].is_null() {
            continue;
        }
        let Some(text) = call.text(place) else { return Value::Null };
        if out.len() + text.len() > MAX_TEXT_BYTES {
            return Value::Null;
        }
        out.push_str(&text);
    }
    Value::text(out)
}

/// Cuts off white space, or the characters named.
fn cut<'r>(mut call: Call<'_, 'r>, left: bool, right: bool) -> Value<'r> {
    let set = match call.args.len() {
        1 => None,
        _ => match call.text(1) {
            Some(set) => Some(set),
            None => return Value::Null,
        },
    };
    let inside = |letter: char| set.as_ref().map_or(letter.is_whitespace(), |set| set.contains(letter));
    let range = |text: &str| {
        let start = if left { text.len() - text.trim_start_matches(inside).len() } else { 0 };
        let end = if right { text.trim_end_matches(inside).len() } else { text.len() };
        start.min(end)..end
    };
    map(call, |text| &text[range(text)], |text| text[range(text)].to_owned())
}

pub fn trim<'r>(call: Call<'_, 'r>) -> Value<'r> {
    cut(call, true, true)
}

pub fn ltrim<'r>(call: Call<'_, 'r>) -> Value<'r> {
    cut(call, true, false)
}

pub fn rtrim<'r>(call: Call<'_, 'r>) -> Value<'r> {
    cut(call, false, true)
}

/// In code points.
pub fn strlen<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    call.text(0).map_or(Value::Null, |text| Value::Int(text.chars().count() as i64))
}

pub fn to_upper<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    call.text(0).map_or(Value::Null, |text| made(text.to_uppercase()))
}

pub fn to_lower<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    call.text(0).map_or(Value::Null, |text| made(text.to_lowercase()))
}

/// From a place counted from 0, to the end or for a number of code points.
pub fn substr<'r>(call: Call<'_, 'r>) -> Value<'r> {
    let length = if call.args.len() == 3 { call.int(2) } else { Some(i64::MAX) };
    let (Some(start), Some(length)) = (call.int(1), length) else { return Value::Null };
    let (start, length) = (start.max(0) as usize, length.max(0) as usize);
    let range = |text: &str| {
        let place = |n_letters: usize| text.char_indices().nth(n_letters).map_or(text.len(), |(at, _)| at);
        place(start)..place(start.saturating_add(length))
    };
    map(call, |text| &text[range(text)], |text| text[range(text)].to_owned())
}

/// All places, literally.
pub fn replace<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let (Some(text), Some(find), Some(with)) = (call.text(0), call.text(1), call.text(2)) else {
        return Value::Null;
    };
    if find.is_empty() || !text.contains(&*find) {
        return Value::Text(text);
    }
    let grown = text.matches(&*find).count().saturating_mul(with.len());
    if grown > MAX_TEXT_BYTES { Value::Null } else { made(text.replace(&*find, &with)) }
}

fn two<'r>(call: &mut Call<'_, 'r>, test: fn(&str, &str) -> bool) -> Value<'r> {
    match (call.text(0), call.text(1)) {
        (Some(text), Some(find)) => Value::flag(test(&text, &find)),
        _ => Value::Null,
    }
}

pub fn strcontains<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    if call.args.get(2).is_some_and(|ignore_case| ignore_case.truth()) {
        return two(&mut call, |text, find| text.to_lowercase().contains(&find.to_lowercase()));
    }
    two(&mut call, |text, find| text.contains(find))
}

pub fn starts_with<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    two(&mut call, |text, find| text.starts_with(find))
}

pub fn ends_with<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    two(&mut call, |text, find| text.ends_with(find))
}

/// All matches; `$1` and `${name}` stand for groups.
pub fn regex_replace<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let (Some(text), Some(with), Some(regex)) = (call.text(0), call.text(2), call.regex) else {
        return Value::Null;
    };
    let (mut out, mut last) = (String::new(), 0);
    for captures in regex.captures_iter(&*text) {
        let Some(found) = captures.get_match() else { break };
        out.push_str(&text[last..found.start()]);
        interpolate::string(
            &with,
            |group, out| {
                out.push_str(captures.get_group(group).map_or("", |span| &text[span.start..span.end]))
            },
            |name| regex.group_info().to_index(captures.pattern()?, name),
            &mut out,
        );
        last = found.end();
        if out.len() > MAX_TEXT_BYTES {
            return Value::Null;
        }
    }
    out.push_str(&text[last..]);
    made(out)
}

pub fn url_encode<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    call.text(0).map_or(Value::Null, |text| made(utf8_percent_encode(&text, &UNRESERVED).to_string()))
}

pub fn url_decode<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let Some(text) = call.text(0) else { return Value::Null };
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().map_or(Value::Null, |text| made(text.into_owned()))
}

pub fn base64_encode<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    call.text(0).map_or(Value::Null, |text| made(BASE64.encode(text.as_bytes())))
}

/// Null when it is not base64 of UTF-8.
pub fn base64_decode<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let Some(text) = call.text(0) else { return Value::Null };
    let Ok(bytes) = BASE64.decode(text.as_bytes()) else { return Value::Null };
    String::from_utf8(bytes).map_or(Value::Null, made)
}

/// A list of the parts; of the letters when the delimiter is empty.
pub fn split<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let (Some(text), Some(delimiter)) = (call.text(0), call.text(1)) else { return Value::Null };
    let mut out = Vec::from(*b"[");
    let mut push = |part: &str| {
        if out.len() > 1 {
            out.push(b',');
        }
        model::json::write_string(part.as_bytes(), &mut out);
    };
    if delimiter.is_empty() {
        text.chars().for_each(|letter| push(letter.encode_utf8(&mut [0; 4])));
    } else {
        text.split(&*delimiter).for_each(&mut push);
    }
    out.push(b']');
    String::from_utf8(out).map_or(Value::Null, |text| Value::List(Cow::Owned(text)))
}

fn without_prefix(text: &str) -> &str {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text)
}

/// Pairs of hex digits as the characters they stand for; null beyond ASCII.
pub fn hex_to_ascii<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let Some(text) = call.text(0) else { return Value::Null };
    let digits = without_prefix(&text).as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?));
    let letters = pairs.map(|byte| byte.filter(u8::is_ascii).map(char::from));
    letters.collect::<Option<String>>().map_or(Value::Null, made)
}

pub fn hex_to_dec<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let Some(text) = call.text(0) else { return Value::Null };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, without_prefix(rest)),
        None => (false, without_prefix(&text)),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Value::Null;
    }
    let Ok(value) = i64::from_str_radix(digits, 16) else { return Value::Null };
    Value::Int(if negative { -value } else { value })
}

pub fn dec_to_hex<'r>(call: Call<'_, 'r>) -> Value<'r> {
    let Some(crate::number::Number::Int(int)) = call.number(0) else { return Value::Null };
    let sign = if int < 0 { "-" } else { "" };
    Value::text(format!("{sign}0x{:x}", int.unsigned_abs()))
}
