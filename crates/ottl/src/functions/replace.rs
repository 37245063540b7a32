//! Editors that replace in texts: by a regular expression, each match; by a glob, the whole text.

use model::{List, Span, Value};

use super::edit_map::map_at;
use crate::eval::Expr;
use crate::fault::RunError;
use crate::function::{Arg, Args, Function, call};
use crate::pattern::{Regex, expand};
use crate::target::Target;
use crate::value::Val;

/// What stands in for a match.
struct Replacement {
    template: Span,
    function: Option<&'static Function>,
    /// Around what the function yields; holds one `%s`.
    format: Option<String>,
}

/// The last argument, if it is given, holds `%s` once.
pub fn one_verb(args: &[Arg]) -> Result<(), String> {
    match args.last() {
        Some(Arg::Value(Expr::Text(text))) => verb(&String::from_utf8_lossy(text)),
        _ => Ok(()),
    }
}

fn verb(format: &str) -> Result<(), String> {
    if format.matches("%s").count() == 1 {
        Ok(())
    } else {
        Err("replacement format must be format string containing exactly one %s".to_owned())
    }
}

impl Replacement {
    /// From the argument of the replacement and the two behind it.
    fn new(args: &Args<'_>, place: usize, t: &mut Target<'_>) -> Result<Replacement, RunError> {
        let template = args.string(place, t)?;
        let mut format = None;
        if args.is_given(place + 2) {
            let span = args.string(place + 2, t)?;
            let text = t.text(span).into_owned();
            verb(&text).map_err(RunError)?;
            format = Some(text);
        }
        Ok(Replacement { template, function: args.function(place + 1), format })
    }

    /// The function and format applied to a text.
    fn finished(&self, text: Span, t: &mut Target<'_>) -> Result<Span, RunError> {
        let Some(function) = self.function else { return Ok(text) };
        let text = call(function, text, t)?;
        match &self.format {
            Some(format) => {
                let formatted = format.replacen("%s", &t.text(text), 1);
                t.keep(formatted.as_bytes())
            }
            None => Ok(text),
        }
    }

    /// The text with every match replaced; `None` where nothing matches.
    fn all(&self, regex: &Regex, text: Span, t: &mut Target<'_>) -> Result<Option<Span>, RunError> {
        if !regex.is_match(t.bytes(text)) {
            return Ok(None);
        }
        let source = t.bytes(text).to_vec();
        let (mut out, mut done, mut made) = (Vec::with_capacity(source.len()), 0, Vec::new());
        for captures in regex.captures_iter(&source) {
            let Some(whole) = captures.get_match() else { continue };
            out.extend_from_slice(&source[done..whole.start()]);
            made.clear();
            expand(t.bytes(self.template), regex, &captures, &source, &mut made);
            if self.function.is_some() {
                let span = t.keep(&made)?;
                let span = self.finished(span, t)?;
                out.extend_from_slice(t.bytes(span));
            } else {
                out.append(&mut made);
            }
            done = whole.end();
        }
        out.extend_from_slice(&source[done..]);
        t.keep(&out).map(Some)
    }
}

pub fn replace_pattern(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let path = args.path(0)?;
    let Val::Str(text) = path.get(t)? else { return Ok(Val::Nil) };
    let regex = args.regex(1, t)?;
    let replacement = Replacement::new(args, 2, t)?;
    if let Some(replaced) = replacement.all(&regex, text, t)? {
        path.set(t, Val::Str(replaced))?;
    }
    Ok(Val::Nil)
}

pub fn replace_match(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let path = args.path(0)?;
    let Val::Str(text) = path.get(t)? else { return Ok(Val::Nil) };
    let glob = args.regex(1, t)?;
    if glob.is_match(t.bytes(text)) {
        let replacement = Replacement::new(args, 2, t)?;
        let replaced = replacement.finished(replacement.template, t)?;
        path.set(t, Val::Str(replaced))?;
    }
    Ok(Val::Nil)
}

pub const MODES: &[&str] = &["key", "value"];

pub fn replace_all_patterns(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let regex = args.regex(2, t)?;
    let replacement = Replacement::new(args, 3, t)?;
    let path = args.path(0)?;
    let list = map_at(path, t)?;
    if args.choice(1) == Some(0) {
        let mut renamed = List::EMPTY;
        for (key, value) in crate::function::entries(t.arena, list) {
            let key = replacement.all(&regex, key, t)?.unwrap_or(key);
            match t.arena.find(renamed, t.arena.bytes(key)) {
                Some(id) => t.arena.set_value(id, value),
                None => {
                    t.arena.push(&mut renamed, key, value);
                }
            }
        }
        path.put(t, Value::Map(renamed))?;
        return Ok(Val::Nil);
    }
    let change = |text, t: &mut Target<'_>| replacement.all(&regex, text, t);
    change_texts(t, list, change)?;
    path.put(t, Value::Map(list))?;
    Ok(Val::Nil)
}

pub fn replace_all_matches(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let glob = args.regex(1, t)?;
    let replacement = Replacement::new(args, 2, t)?;
    let path = args.path(0)?;
    let list = map_at(path, t)?;
    change_texts(t, list, |text, t| {
        if !glob.is_match(t.bytes(text)) {
            return Ok(None);
        }
        replacement.finished(replacement.template, t).map(Some)
    })?;
    path.put(t, Value::Map(list))?;
    Ok(Val::Nil)
}

fn change_texts(
    t: &mut Target<'_>,
    list: List,
    change: impl Fn(Span, &mut Target<'_>) -> Result<Option<Span>, RunError>,
) -> Result<(), RunError> {
    let mut at = t.arena.first(list);
    while let Some(id) = at {
        at = t.arena.after(id);
        let value = t.arena.node(id).value;
        if let Val::Str(text) = Val::load(t.arena, value)
            && let Some(changed) = change(text, t)?
        {
            t.arena.set_value(id, Value::Str(changed));
        }
    }
    Ok(())
}
