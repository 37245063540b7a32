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
