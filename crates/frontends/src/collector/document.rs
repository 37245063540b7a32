//! The tree as sections: components by id, and the service.

use std::fmt;

use config::{Diagnostic, Diagnostics, Key, Node, Origin, Setting, closest};

const SECTIONS: [&str; 6] = ["receivers", "processors", "exporters", "connectors", "extensions", "service"];

/// `type[/name]`, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id {
    pub kind: String,
    pub text: String,
}

impl Id {
    /// Whitespace around both parts does not count.
    pub fn parse(text: &str) -> Result<Id, String> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind.trim(), Some(name.trim())),
            None => (text.trim(), None),
        };
        if kind.is_empty() {
            return Err(format!("in \"{text}\" id: the part before / should not be empty"));
        }
        if name.is_some_and(str::is_empty) {
            return Err(format!("in \"{text}\" id: the part after / should not be empty"));
        }
        let mut letters = kind.chars();
        let starts_well = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic());
        if !starts_well
            || !letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            || kind.len() > 63
        {
            return Err(format!(
                "in \"{text}\" id: invalid type \"{kind}\": letters, digits and `_`, 63 at most"
            ));
        }
        if name.is_some_and(|name| name.chars().count() > 1024 || name.chars().any(char::is_control)) {
            return Err(format!("in \"{text}\" id: invalid name: 1 to 1024 printable characters"));
        }
        let text = name.map_or(kind.to_owned(), |name| format!("{kind}/{name}"));
        Ok(Id { kind: kind.to_owned(), text })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A component as it is configured, used or not.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub id: Id,
    pub setting: Setting,
    pub origin: Option<Origin>,
}

#[derive(Debug, Default)]
pub(super) struct Document {
    pub receivers: Vec<Declared>,
    pub processors: Vec<Declared>,
    pub exporters: Vec<Declared>,
    pub connectors: Vec<Declared>,
    pub extensions: Vec<Declared>,
    pub service: Setting,
}

/// Splits the tree. `None` where nothing is configured at all.
pub(super) fn read(root: Setting, diagnostics: &mut Diagnostics) -> Option<Document> {
    let Node::Map(entries) = root.node else {
        // A source that could not be read has been reported.
        if !diagnostics.has_errors() {
            diagnostics.push(Diagnostic::error("empty configuration file").at(root.origin));
        }
        return None;
    };
    let mut document = Document::default();
    for (key, setting) in entries {
        let section = match key.name.as_str() {
            "receivers" => &mut document.receivers,
            "processors" => &mut document.processors,
            "exporters" => &mut document.exporters,
            "connectors" => &mut document.connectors,
            "extensions" => &mut document.extensions,
            "service" => {
                document.service = setting;
                continue;
            }
            _ => {
                diagnostics.push(unknown_section(&key));
                continue;
            }
        };
        *section = components(&key, setting, diagnostics);
    }
    for (what, section) in [("receiver", &document.receivers), ("exporter", &document.exporters)] {
        if section.is_empty() {
            diagnostics.push(Diagnostic::error(format!("no {what} configuration specified in config")));
        }
    }
    check_ambiguous(&document, diagnostics);
    Some(document)
}

fn unknown_section(key: &Key) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("has invalid keys: {}", key.name)).at(key.origin);
    match closest(&key.name, SECTIONS) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("at the top stand {}", SECTIONS.join(", "))),
    }
}

fn components(section: &Key, setting: Setting, diagnostics: &mut Diagnostics) -> Vec<Declared> {
    let mut declared: Vec<Declared> = Vec::new();
    let entries = match setting.node {
        Node::Map(entries) => entries,
        Node::Null => Vec::new(),
        _ => {
            let message = format!("`{}` must be a map of components", section.name);
            diagnostics.push(Diagnostic::error(message).at(section.origin));
            Vec::new()
        }
    };
    for (key, setting) in entries {
        match Id::parse(&key.name) {
            Ok(id) if declared.iter().any(|other| other.id == id) => {
                let message = format!("{}: duplicate name \"{id}\" after trimming spaces", section.name);
                diagnostics.push(Diagnostic::error(message).at(key.origin));
            }
            Ok(id) => declared.push(Declared { id, setting, origin: key.origin }),
            Err(why) => {
                diagnostics.push(Diagnostic::error(format!("{}: {why}", section.name)).at(key.origin));
            }
        }
    }
    declared
}

/// A pipeline could not tell which of the two is meant.
fn check_ambiguous(document: &Document, diagnostics: &mut Diagnostics) {
    for connector in &document.connectors {
        for (what, section) in [("exporter", &document.exporters), ("receiver", &document.receivers)] {
            if section.iter().any(|other| other.id == connector.id) {
                let id = &connector.id;
                let message = format!(
                    "connectors::{id}: ambiguous ID: Found both \"{id}\" {what} and \"{id}\" connector"
                );
                let help = "change one of the components' IDs, such as by adding `/name`";
                diagnostics.push(Diagnostic::error(message).at(connector.origin).help(help));
            }
        }
    }
}
