//! Converters that read JSON, key-value pairs, separated values and severities.

use model::{List, Span, Value};

use crate::fault::RunError;
use crate::function::{Arg, Args, entries};
use crate::json;
use crate::like;
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

/// Adds an entry whose key and value are texts; a key that is there already gets the new value.
pub fn put_text(t: &mut Target<'_>, map: &mut List, key: &str, value: &str) -> Result<()> {
    let value = t.keep(value.as_bytes())?;
    t.arena.set(map, key.as_bytes(), Value::Str(value));
    Ok(())
}

pub fn parse_json(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let text = args.string(0, t)?;
    let text = t.arena.repaired(text);
    let range = model::json::value_range(t.bytes(text))
        .map_err(|at| RunError(format!("could not parse JSON: wrong at byte {at}")))?;
    match json::read(t.arena, text.part(range.start, range.end)) {
        Value::Map(list) => Ok(Val::Map(list)),
        Value::Array(list) => Ok(Val::List(list)),
        _ => Err(RunError::new("could not convert parsed value: neither an object nor an array")),
    }
}

/// The two delimiters of key-value texts are not empty and not the same.
pub fn two_delimiters(args: &[Arg]) -> std::result::Result<(), String> {
    let text = |place: usize, default: &'static str| match args.get(place) {
        Some(Arg::Text(text)) => text.to_string(),
        _ => default.to_owned(),
    };
    let (one, other) = (text(1, "="), text(2, " "));
    if one.is_empty() || other.is_empty() {
        return Err("a delimiter cannot be empty".to_owned());
    }
    if one == other {
        return Err(format!("pair delimiter {other:?} cannot be equal to delimiter {one:?}"));
    }
    Ok(())
}

pub fn parse_key_value(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let text = args.string(0, t)?;
    let text = t.text(text).into_owned();
    if text.is_empty() {
        return Err(RunError::new("cannot parse from empty target"));
    }
    let (delimiter, between) = (args.literal(1).unwrap_or("="), args.literal(2).unwrap_or(" "));
    let mut map = List::EMPTY;
    for pair in split_outside_quotes(&text, between)? {
        let pair = pair.trim();
        if pair.is_empty() {
            continue;
        }
        let Some((key, value)) = pair.split_once(delimiter) else {
            return Err(RunError(format!("cannot split {pair:?} into 2 items, got 1 item(s)")));
        };
        put_text(t, &mut map, unquoted(key.trim()), unquoted(value.trim()))?;
    }
    Ok(Val::Map(map))
}

fn split_outside_quotes<'a>(text: &'a str, between: &str) -> Result<Vec<&'a str>> {
    let (mut parts, mut start, mut at, mut quote) = (Vec::new(), 0, 0, None);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (None, mark @ (b'"' | b'\'')) => quote = Some(mark),
            (Some(mark), byte) if mark == byte => quote = None,
            (None, _) if bytes[at..].starts_with(between.as_bytes()) => {
                parts.push(&text[start..at]);
                at += between.len();
                start = at;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    if quote.is_some() {
        return Err(RunError::new("never reached the end of a quoted value"));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn unquoted(text: &str) -> &str {
    let inside = |mark| text.strip_prefix(mark).and_then(|text| text.strip_suffix(mark));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

pub fn to_key_value(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let map = args.map(0, t)?;
    let (delimiter, between) = (args.literal(1).unwrap_or("="), args.literal(2).unwrap_or(" "));
    let mut pairs = Vec::new();
    for (key, value) in entries(t.arena, map) {
        let value = Val::load(t.arena, value);
        let value = like::string(t, value)?.unwrap_or_default();
        let quoted = |text: Span| {
            let text = t.text(text);
            if text.contains(delimiter) || text.contains(between) || text.contains('"') {
                format!("\"{}\"", text.replace('"', "\\\""))
            } else {
                text.into_owned()
            }
        };
        pairs.push((t.text(key).into_owned(), format!("{}{delimiter}{}", quoted(key), quoted(value))));
    }
    if args.literal_bool(3).unwrap_or(false) {
        pairs.sort();
    }
    let pairs: Vec<String> = pairs.into_iter().map(|(_, pair)| pair).collect();
    t.string(pairs.join(between))
}

pub const CSV_MODES: &[&str] = &["strict", "lazyQuotes", "ignoreQuotes"];

/// Delimiters of separated values are one character.
pub fn one_character(args: &[Arg]) -> std::result::Result<(), String> {
    for place in [2, 3] {
        if let Some(Arg::Text(text)) = args.get(place)
            && text.chars().count() != 1
        {
            return Err(format!("a delimiter is a single character, not {text:?}"));
        }
    }
    Ok(())
}

pub fn parse_csv(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (row, header) = (args.string(0, t)?, args.string(1, t)?);
    let (row, header) = (t.text(row).into_owned(), t.text(header).into_owned());
    let letter = |place| args.literal(place).and_then(|text| text.chars().next());
    let delimiter = letter(2).unwrap_or(',');
    let header_delimiter = letter(3).unwrap_or(delimiter);
    if header.is_empty() {
        return Err(RunError::new("the header must not be empty"));
    }
    let names: Vec<&str> = header.split(header_delimiter).collect();
    let fields = match args.choice(4) {
        Some(2) => row.split(delimiter).map(str::to_owned).collect(),
        mode => csv_fields(&row, delimiter, mode == Some(1)).map_err(RunError)?,
    };
    if fields.len() != names.len() {
        let (expected, got) = (names.len(), fields.len());
        return Err(RunError(format!("wrong number of fields: expected {expected}, found {got}")));
    }
    let mut map = List::EMPTY;
    for (name, field) in names.into_iter().zip(&fields) {
        put_text(t, &mut map, name, field)?;
    }
    Ok(Val::Map(map))
}

/// One row after RFC 4180. Lazy rows may have a quote inside a field.
fn csv_fields(row: &str, delimiter: char, lazy: bool) -> std::result::Result<Vec<String>, String> {
    let row = row.trim_end_matches(['\r', '\n']);
    let (mut fields, mut rest) = (Vec::new(), row);
    loop {
        let mut field = String::new();
        if let Some(mut quoted) = rest.strip_prefix('"') {
            loop {
                let Some(end) = quoted.find('"') else {
                    if lazy {
                        field.push_str(quoted);
                        quoted = "";
                        rest = quoted;
                        break;
                    }
                    return Err("a quoted field has no end".to_owned());
                };
                field.push_str(&quoted[..end]);
                quoted = &quoted[end + 1..];
                if let Some(more) = quoted.strip_prefix('"') {
                    field.push('"');
                    quoted = more;
                } else if quoted.is_empty() || quoted.starts_with(delimiter) {
                    rest = quoted;
                    break;
                } else if lazy {
                    field.push('"');
                } else {
                    return Err("text behind a quoted field".to_owned());
                }
            }
        } else {
            let end = rest.find(delimiter).unwrap_or(rest.len());
            if rest[..end].contains('"') && !lazy {
                return Err("a bare quote in a field".to_owned());
            }
            field.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        fields.push(field);
        match rest.strip_prefix(delimiter) {
            Some(more) => rest = more,
            None => return Ok(fields),
        }
    }
}

pub fn parse_severity(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let value = args.any(0, t)?;
    if !matches!(value, Val::Str(_) | Val::Int(_)) {
        return Err(RunError::expected("string or int64", value));
    }
    let levels = args.map(1, t)?;
    for (level, criteria) in entries(t.arena, levels) {
        let Val::List(criteria) = Val::load(t.arena, criteria) else {
            return Err(RunError::new("the criteria of a severity are a list"));
        };
        for (_, criterion) in entries(t.arena, criteria) {
            if meets(t, value, criterion)? {
                return Ok(Val::Str(level));
            }
        }
    }
    Err(RunError::new("could not map severity: no criterion matches"))
}

fn meets(t: &mut Target<'_>, value: Val, criterion: Value) -> Result<bool> {
    let equals = t.arena.member(criterion, b"equals");
    let range = t.arena.member(criterion, b"range");
    match (value, equals, range) {
        (Val::Str(text), Some(Value::Array(words)), _) => {
            let found = entries(t.arena, words).into_iter().any(|(_, word)| match word {
                Value::Str(word) => t.bytes(word) == t.bytes(text),
                _ => false,
            });
            Ok(found)
        }
        (Val::Int(int), _, Some(Value::Str(hundreds))) => match t.bytes(hundreds) {
            [digit @ b'1'..=b'5', b'x', b'x'] => Ok(int / 100 == i64::from(digit - b'0')),
            _ => Err(RunError::new("a range of codes is written like \"4xx\"")),
        },
        (Val::Int(int), _, Some(range @ Value::Map(_))) => {
            let bound = |name: &[u8]| match t.arena.member(range, name) {
                Some(Value::Int(bound)) => Ok(bound),
                _ => Err(RunError::new("a range has an integer as `min` and as `max`")),
            };
            Ok((bound(b"min")?..=bound(b"max")?).contains(&int))
        }
        (_, None, None) => Err(RunError::new("a criterion has `equals` or `range`")),
        _ => Ok(false),
    }
}
