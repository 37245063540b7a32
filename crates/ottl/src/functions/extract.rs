//! Converters that pick parts of a text by an expression or a grok pattern.

use std::sync::{Arc, Mutex, PoisonError};

use model::{List, Value};
use regex_automata::PatternID;

use super::grok::{self, Grok};
use super::parsing::put_text;
use crate::eval::Expr;
use crate::fault::RunError;
use crate::function::{Arg, Args};
use crate::pattern::Pattern;
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

const NO_GROUP: &str = "at least 1 named capture group must be supplied in the given regex";

/// A pattern that is written out has a named group.
pub fn has_named_group(args: &[Arg]) -> std::result::Result<(), String> {
    match args.get(1) {
        Some(Arg::Pattern(Pattern::Fixed(regex)))
            if !regex.group_info().pattern_names(PatternID::ZERO).any(|name| name.is_some()) =>
        {
            Err(NO_GROUP.to_owned())
        }
        _ => Ok(()),
    }
}

pub fn extract_patterns(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let text = args.string(0, t)?;
    let regex = args.regex(1, t)?;
    let mut captures = regex.create_captures();
    regex.captures(t.bytes(text), &mut captures);
    let mut map = List::EMPTY;
    let mut any_named = false;
    for (group, name) in regex.group_info().pattern_names(PatternID::ZERO).enumerate() {
        let Some(name) = name else { continue };
        any_named = true;
        if !captures.is_match() {
            continue;
        }
        // A group that took no part in the match is an empty text.
        let value = captures.get_group(group).map_or(text.part(0, 0), |span| text.part(span.start, span.end));
        t.arena.set(&mut map, name.as_bytes(), Value::Str(value));
    }
    if any_named { Ok(Val::Map(map)) } else { Err(RunError::new(NO_GROUP)) }
}

fn definitions(args: &Args<'_>) -> Vec<String> {
    args.literals(3).iter().map(|text| text.to_string()).collect()
}

/// A grok pattern that is written out is known to compile.
pub fn known_grok(args: &[Arg]) -> std::result::Result<(), String> {
    let Some(Arg::Value(Expr::Text(pattern))) = args.get(1) else { return Ok(()) };
    let named_only = matches!(args.get(2), Some(Arg::Bool(true)));
    let own: Vec<String> = match args.get(3) {
        Some(Arg::Texts(texts)) => texts.iter().map(|text| text.to_string()).collect(),
        _ => Vec::new(),
    };
    Grok::compile(&String::from_utf8_lossy(pattern), named_only, &own).map(|_| ())
}

/// The pattern with its settings, and what it was compiled to.
type Compiled = (String, bool, Vec<String>, Arc<Grok>);

/// Patterns of late use, for the statements of a configuration are few and each keeps to its own.
static RECENT: Mutex<Vec<Compiled>> = Mutex::new(Vec::new());
const MOST_RECENT: usize = 64;

fn compiled(pattern: &str, named_only: bool, own: Vec<String>) -> Result<Arc<Grok>> {
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    let known =
        recent.iter().find(|(text, only, with, _)| text == pattern && *only == named_only && *with == own);
    if let Some((.., grok)) = known {
        return Ok(grok.clone());
    }
    let grok = Arc::new(Grok::compile(pattern, named_only, &own).map_err(RunError)?);
    if recent.len() == MOST_RECENT {
        recent.remove(0);
    }
    recent.push((pattern.to_owned(), named_only, own, grok.clone()));
    Ok(grok)
}

pub fn extract_grok(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (text, pattern) = (args.string(0, t)?, args.string(1, t)?);
    let named_only = args.literal_bool(2).unwrap_or(false);
    let grok = compiled(&t.text(pattern), named_only, definitions(args))?;
    let mut captures = grok.regex.create_captures();
    grok.regex.captures(t.bytes(text), &mut captures);
    let mut map = List::EMPTY;
    for (group, field) in &grok.fields {
        let Some(span) = captures.get_group_by_name(group) else { continue };
        let value = text.part(span.start, span.end);
        if value.is_empty() {
            continue;
        }
        match grok::typed(field.kind, &t.text(value)).map_err(RunError)? {
            Some(value) => drop(t.arena.set(&mut map, field.name.as_bytes(), value)),
            None => {
                let value = t.text(value).into_owned();
                put_text(t, &mut map, &field.name, &value)?;
            }
        }
    }
    Ok(Val::Map(map))
}
