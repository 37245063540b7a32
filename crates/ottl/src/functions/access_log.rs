//! Converters of log formats: the common log format of web servers, and LEEF.

use model::{List, Value};

use super::parsing::put_text;
use crate::fault::RunError;
use crate::function::Args;
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

pub const FORMATS: &[&str] = &["clf", "combined"];

/// The next field: in brackets, in quotes, or up to a space.
fn next<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start_matches(' ');
    let (field, behind) = if let Some(inside) = text.strip_prefix('[') {
        inside.split_once(']')?
    } else if let Some(inside) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = inside.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        })?;
        (&inside[..end], &inside[end + 1..])
    } else if text.is_empty() {
        return None;
    } else {
        text.split_once(' ').unwrap_or((text, ""))
    };
    *rest = behind;
    Some(field)
}

pub fn parse_clf(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let span = args.string(0, t)?;
    let line = t.text(span).into_owned();
    let wrong = || RunError(format!("`{line}` is not of the common log format"));
    let mut rest = line.trim_end();
    let mut map = List::EMPTY;
    for key in ["clf.remote_host", "clf.rfc931", "clf.auth_user", "clf.timestamp"] {
        put_text(t, &mut map, key, next(&mut rest).ok_or_else(wrong)?)?;
    }
    let request = next(&mut rest).ok_or_else(wrong)?;
    put_text(t, &mut map, "clf.request", request)?;
    let mut parts = request.split(' ');
    if let (Some(method), Some(uri), Some(protocol), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    {
        put_text(t, &mut map, "clf.method", method)?;
        put_text(t, &mut map, "clf.request_uri", uri)?;
        put_text(t, &mut map, "clf.protocol", protocol)?;
    }
    for key in ["clf.status", "clf.bytes"] {
        let field = next(&mut rest).ok_or_else(wrong)?;
        if field != "-" {
            let number = field.parse().map_err(|_| wrong())?;
            t.arena.set(&mut map, key.as_bytes(), Value::Int(number));
        }
    }
    if args.choice(1) == Some(1) {
        for key in ["clf.referer", "clf.user_agent"] {
            put_text(t, &mut map, key, next(&mut rest).ok_or_else(wrong)?)?;
        }
    }
    if rest.trim().is_empty() { Ok(Val::Map(map)) } else { Err(wrong()) }
}

/// LEEF 1.0 and 2.0 of QRadar, behind a syslog header if there is one. All values are texts.
pub fn parse_leef(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let span = args.string(0, t)?;
    let text = t.text(span).into_owned();
    let wrong = |why: &str| RunError(format!("`{text}` is no LEEF message: {why}"));
    let (_, message) = text.split_once("LEEF:").ok_or_else(|| wrong("`LEEF:` is missing"))?;
    let mut fields = message.splitn(6, '|');
    let mut next = || fields.next().ok_or_else(|| wrong("its header is cut short"));
    let header = [next()?, next()?, next()?, next()?, next()?];
    let rest = next()?;
    let (delimiter, attributes) = match header[0] {
        "1.0" => ('\t', rest),
        "2.0" => second_delimiter(rest).map_err(|why| wrong(&why))?,
        other => return Err(wrong(&format!("version `{other}` is neither 1.0 nor 2.0"))),
    };
    let mut map = List::EMPTY;
    let names = ["leef.version", "leef.vendor", "leef.product.name", "leef.product.version", "leef.event.id"];
    for (name, value) in names.into_iter().zip(header) {
        put_text(t, &mut map, name, value)?;
    }
    let mut pairs = List::EMPTY;
    for (key, value) in attributes.split(delimiter).filter_map(|pair| pair.split_once('=')) {
        if !key.is_empty() {
            put_text(t, &mut pairs, key, value)?;
        }
    }
    t.arena.set(&mut map, b"leef.attributes", Value::Map(pairs));
    Ok(Val::Map(map))
}

/// The delimiter of LEEF 2.0, which may be left out, and what it divides.
fn second_delimiter(rest: &str) -> std::result::Result<(char, &str), String> {
    let (field, attributes) = rest.split_once('|').unwrap_or((rest, ""));
    if field.len() > 1 && field.contains('=') {
        return Ok(('\t', rest));
    }
    let mut letters = field.chars();
    match (letters.next(), letters.next()) {
        (None, _) => Ok(('\t', attributes)),
        (Some(letter), None) => Ok((letter, attributes)),
        _ => {
            let digits = ["0x", "0X", "x"].iter().find_map(|prefix| field.strip_prefix(prefix));
            let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            let code = code.filter(u8::is_ascii).ok_or_else(|| format!("`{field}` is no delimiter"))?;
            Ok((char::from(code), attributes))
        }
    }
}
