//! `${…}` in values: variables, files and inline YAML, innermost first; `$$` for a dollar.

use config::{Diagnostic, Diagnostics, FileId, Node, Origin, Setting};

use super::Environment;
use super::load::{Uri, split_keys};
use crate::{Files, yaml};

/// The Collector's own limit.
const MAX_EXPANSIONS: usize = 1000;

/// Fills in every value of the tree.
pub(super) fn expand(
    setting: Setting,
    files: &dyn Files,
    environment: Environment<'_>,
    diagnostics: &mut Diagnostics,
) -> Setting {
    let mut expander = Expander { files, environment, diagnostics, left: MAX_EXPANSIONS };
    let expanded = expander.setting(setting);
    unescape(expanded)
}

/// What a reference names: the value it is as YAML, and its text.
struct Found {
    value: Setting,
    text: String,
    secret: bool,
}

struct Expander<'a> {
    files: &'a dyn Files,
    environment: Environment<'a>,
    diagnostics: &'a mut Diagnostics,
    left: usize,
}

impl Expander<'_> {
    fn setting(&mut self, setting: Setting) -> Setting {
        let Setting { node, origin, hidden } = setting;
        let node = match node {
            Node::Str(text) => return self.text(text, origin, hidden),
            Node::List(items) => Node::List(items.into_iter().map(|item| self.setting(item)).collect()),
            Node::Map(entries) => {
                Node::Map(entries.into_iter().map(|(key, value)| (key, self.setting(value))).collect())
            }
            other => other,
        };
        Setting { node, origin, hidden }
    }

    fn text(&mut self, mut text: String, origin: Option<Origin>, mut hidden: bool) -> Setting {
        while let Some((start, end)) = innermost(&text) {
            if self.left == 0 {
                let message =
                    format!("more than {MAX_EXPANSIONS} references are filled in, one leading to the next");
                self.diagnostics.push(Diagnostic::error(message).at(origin));
                break;
            }
            self.left -= 1;
            let Some(found) = self.look_up(&text[start + 2..end], origin) else {
                return Setting::default().at(origin);
            };
            hidden |= found.secret;
            if start == 0 && end + 1 == text.len() {
                return self.whole(found, origin, hidden);
            }
            text.replace_range(start..=end, &found.text);
        }
        let setting = Setting::from(text).at(origin);
        if hidden { setting.hide() } else { setting }
    }

    /// A value that is nothing but a reference: what it names keeps its type.
    fn whole(&mut self, found: Found, origin: Option<Origin>, hidden: bool) -> Setting {
        let value = match found.value.node {
            Node::Map(_) | Node::List(_) => self.setting(found.value),
            Node::Str(_) => return self.text(found.text, origin, hidden),
            _ => found.value.at(origin),
        };
        if hidden { value.hide() } else { value }
    }

    fn look_up(&mut self, inside: &str, origin: Option<Origin>) -> Option<Found> {
        match Uri::parse(inside) {
            Uri::Yaml(inline) => Some(self.found(inline.to_owned(), "(inline)", false)),
            Uri::Other(_) if inside.contains(":-") => self.variable(inside, origin),
            Uri::Other(scheme) => {
                let message =
                    format!("`${{{inside}}}` cannot be filled in: scheme \"{scheme}\" is not supported");
                let help = "use `env:`, `file:` or `yaml:`";
                self.diagnostics.push(Diagnostic::error(message).at(origin).help(help));
                None
            }
            Uri::Variable(name) => self.variable(name, origin),
            Uri::File(name) if !inside.starts_with("file:") => self.variable(name, origin),
            Uri::File(path) => match self.files.read(path) {
                Ok(bytes) => Some(self.found(String::from_utf8_lossy(&bytes).into_owned(), path, false)),
                Err(cause) => {
                    let message = format!("the file `{path}` cannot be read");
                    self.diagnostics.push(Diagnostic::error(message).at(origin).because(cause.to_string()));
                    None
                }
            },
        }
    }

    fn variable(&mut self, inside: &str, origin: Option<Origin>) -> Option<Found> {
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            let message =
                format!("`{name}` is no name of a variable: it must match ^[a-zA-Z_][a-zA-Z0-9_]*$");
            let help = "for a dollar that means itself write `$$`";
            self.diagnostics.push(Diagnostic::error(message).at(origin).help(help));
            return None;
        }
        let value = (self.environment)(name).or(default.map(str::to_owned));
        if value.is_none() {
            let message = format!("the variable `{name}` is not set; its place stays empty");
            let help = format!("set it, or write `${{env:{name}:-default}}`");
            self.diagnostics.push(Diagnostic::warning(message).at(origin).help(help));
        }
        let secret = crate::secrets::names_a_secret(name);
        Some(self.found(value.unwrap_or_default(), &format!("variable {name}"), secret))
    }

    /// Text that is no YAML is text.
    fn found(&self, text: String, name: &str, secret: bool) -> Found {
        let value = yaml::parse_typed(&text, FileId::named(name));
        Found { value: value.map(split_keys).unwrap_or_else(|_| Setting::from(text.as_str())), text, secret }
    }
}

/// The first `${…}` that holds no other. An odd number of dollars before it would make it text.
fn innermost(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(end) = text[from..].find('}').map(|at| from + at) {
        if let Some(start) = text[..end].rfind("${") {
            let dollars = text[..start].bytes().rev().take_while(|byte| *byte == b'$').count();
            if dollars % 2 == 0 && !text[start + 2..end].contains('}') {
                return Some((start, end));
            }
        }
        from = end + 1;
    }
    None
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `$$` is a dollar, once everything is filled in.
fn unescape(mut setting: Setting) -> Setting {
    match &mut setting.node {
        Node::Str(text) if text.contains("$$") => *text = text.replace("$$", "$"),
        Node::List(items) => items.iter_mut().for_each(|item| *item = unescape(std::mem::take(item))),
        Node::Map(entries) => {
            entries.iter_mut().for_each(|(_, value)| *value = unescape(std::mem::take(value)));
        }
        _ => {}
    }
    setting
}
