//! Sources to one tree: parse, split keys at `::`, merge in order.

use std::io;

use config::{Diagnostic, Diagnostics, FileId, Key, Node, Origin, Setting};

use super::Environment;
use crate::{Files, Source, yaml};

/// A place to read from, as the Collector writes it.
pub(super) enum Uri<'a> {
    File(&'a str),
    Variable(&'a str),
    Yaml(&'a str),
    /// A scheme that somebody else has to fetch.
    Other(&'a str),
}

impl<'a> Uri<'a> {
    /// No colon, or one letter before it as in a drive, means a file.
    pub fn parse(text: &'a str) -> Uri<'a> {
        match text.split_once(':') {
            Some(("file", path)) => Uri::File(path),
            Some(("env", name)) => Uri::Variable(name),
            Some(("yaml", inline)) => Uri::Yaml(inline),
            Some((scheme, _)) if scheme.len() > 1 && scheme.bytes().all(is_scheme) => Uri::Other(scheme),
            _ => Uri::File(text),
        }
    }
}

fn is_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+.-".contains(&byte)
}

/// Reads every source and merges them, each over those before it.
pub(super) fn read(
    sources: &[Source],
    files: &dyn Files,
    environment: Environment<'_>,
    diagnostics: &mut Diagnostics,
) -> Setting {
    let mut merged = Setting::default();
    for source in sources {
        let name = source.name();
        match text(source, files, environment) {
            Ok(text) => match yaml::parse_typed(&text, FileId::named(name)) {
                Ok(setting) => merge(&mut merged, split_keys(setting)),
                Err(diagnostic) => diagnostics.push(diagnostic),
            },
            Err(cause) => {
                let message = format!("the configuration `{name}` cannot be read");
                diagnostics
                    .push(Diagnostic::error(message).at(Origin::whole(name)).because(cause.to_string()));
            }
        }
    }
    merged
}

fn text(source: &Source, files: &dyn Files, environment: Environment<'_>) -> io::Result<String> {
    let path = match source {
        Source::Bytes { bytes, .. } => return Ok(String::from_utf8_lossy(bytes).into_owned()),
        Source::Path(path) => path,
    };
    let unset = |name: &str| io::Error::other(format!("the variable `{name}` is not set"));
    match Uri::parse(path) {
        Uri::File(path) => files.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        Uri::Yaml(inline) => Ok(inline.to_owned()),
        Uri::Variable(name) => environment(name).ok_or_else(|| unset(name)),
        Uri::Other(scheme) => Err(io::Error::other(format!("`{scheme}:` is not a source that can be read"))),
    }
}

/// Whether a source is written in this language.
pub(super) fn is_ours(source: &Source, files: &dyn Files, environment: Environment<'_>) -> bool {
    if let Source::Path(path) = source
        && matches!(Uri::parse(path), Uri::Yaml(_) | Uri::Variable(_))
    {
        return true;
    }
    let Ok(text) = text(source, files, environment) else { return false };
    let Ok(setting) = yaml::parse(&text, FileId::named(source.name())) else {
        return text.lines().any(|line| line.starts_with("exporters:") || line.starts_with("receivers:"));
    };
    let sections = ["receivers", "exporters", "processors", "connectors", "extensions"];
    let service = setting.get("service");
    sections.iter().any(|section| setting.get(section).is_some())
        || service.is_some_and(|service| service.get("pipelines").or(service.get("extensions")).is_some())
}

/// `a::b: c` is `a: {b: c}`.
pub(super) fn split_keys(setting: Setting) -> Setting {
    let Setting { node, origin, hidden } = setting;
    let node = match node {
        Node::Map(entries) => {
            let mut whole = Setting::map();
            for (key, value) in entries {
                let mut parts: Vec<&str> = key.name.split("::").collect();
                let first = parts.remove(0).to_owned();
                let value = parts.iter().rev().fold(split_keys(value), |inner, part| {
                    let mut map = Setting::map().at(key.origin);
                    map.set_key(Key { name: (*part).to_owned(), origin: key.origin }, inner);
                    map
                });
                let mut one = Setting::map();
                one.set_key(Key { name: first, origin: key.origin }, value);
                merge(&mut whole, one);
            }
            whole.node
        }
        Node::List(items) => Node::List(items.into_iter().map(split_keys).collect()),
        other => other,
    };
    Setting { node, origin, hidden }
}

/// Maps merge, everything else is replaced; a `null` replaces a map.
fn merge(into: &mut Setting, from: Setting) {
    if !matches!((&into.node, &from.node), (Node::Map(_), Node::Map(_))) {
        *into = from;
        return;
    }
    let Node::Map(entries) = from.node else { return };
    for (key, value) in entries {
        match into.entries_mut().iter_mut().find(|(known, _)| known.name == key.name) {
            Some((_, known)) => merge(known, value),
            None => into.entries_mut().push((key, value)),
        }
    }
}
