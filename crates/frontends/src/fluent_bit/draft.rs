//! A plugin section on its way to becoming a component: values with their variables filled in, the settings
//! so far, and what is wrong with them.

use config::{Delivery, Diagnostic, Key, Origin, Pattern, Setting, Severity, closest};

use super::context::Context;
use super::document::{Property, Section};
use super::table::{Field, To};
use super::values;
use crate::secrets::names_a_secret;

pub(super) struct Draft<'d, 'c> {
    pub cx: &'d mut Context<'c>,
    pub section: &'d Section,
    /// `datadog.0`, or the alias.
    pub id: String,
    /// For messages: ``output `datadog.0` ``.
    pub label: String,
    pub settings: Setting,
    pub delivery: Delivery,
    /// How grave a fault is that Fluent Bit refuses to start on.
    pub gravity: Severity,
    /// Cleared when something it cannot do without is missing: then it is left out of the topology.
    pub usable: bool,
}

/// A property's value, its variables filled in.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub text: String,
    /// As a message may show it: as written, so that what a variable holds stays out of messages.
    pub shown: String,
    pub origin: Origin,
    pub hidden: bool,
}

impl Value {
    pub fn setting(&self, value: impl Into<Setting>) -> Setting {
        let setting = value.into().at(self.origin);
        if self.hidden { setting.hide() } else { setting }
    }

    pub fn text_setting(&self) -> Setting {
        self.setting(self.text.as_str())
    }
}

impl<'d, 'c> Draft<'d, 'c> {
    pub fn new(cx: &'d mut Context<'c>, section: &'d Section, id: String, label: String) -> Self {
        let settings = Setting::map().at(section.origin);
        Draft {
            cx,
            section,
            id,
            label,
            settings,
            delivery: Delivery::default(),
            gravity: Severity::Error,
            usable: true,
        }
    }

    /// The value of a property; `None` when it is not given or its variables leave nothing of it.
    pub fn value(&self, key: &str) -> Option<Value> {
        self.section.last(key).and_then(|property| self.cx.value(property))
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.value(key).map(|value| value.text)
    }

    pub fn values(&self, key: &str) -> Vec<Value> {
        self.section.all(key).filter_map(|property| self.cx.value(property)).collect()
    }

    pub fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// A boolean property; a wrong one was reported when the table was applied, or is now.
    pub fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = values::boolean(&value.text);
        if flag.is_none() {
            self.wrong(key, &value, "true or false");
        }
        flag
    }

    pub fn set(&mut self, name: &str, value: Setting) {
        set_dotted(&mut self.settings, name, value);
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.cx.diagnostics.push(diagnostic);
    }

    pub fn error(&mut self, message: String, origin: Origin, help: &str) {
        self.push(with_help(Diagnostic::new(self.gravity, message).at(origin), help));
    }

    pub fn warn(&mut self, message: String, origin: Origin, help: &str) {
        self.push(with_help(Diagnostic::warning(message).at(origin), help));
    }

    pub fn note(&mut self, message: String, origin: Origin, help: &str) {
        self.push(with_help(Diagnostic::note(message).at(origin), help));
    }

    pub fn wrong(&mut self, key: &str, value: &Value, wanted: &str) {
        let message = format!("`{key}` of {} must be {wanted}, not {}", self.label, shown(value));
        self.error(message, value.origin, "");
    }

    /// A wrong value that Fluent Bit takes for some default.
    pub fn odd(&mut self, key: &str, value: &Value, wanted: &str) {
        let message =
            format!("`{key}` of {} must be {wanted}, not {}; the default is used", self.label, shown(value));
        self.warn(message, value.origin, "");
    }

    /// Reports a property the component cannot do without.
    pub fn require(&mut self, key: &str, help: &str) -> Option<Value> {
        let value = self.value(key);
        if value.is_none() {
            self.refuse_without(&[key], help);
        }
        value
    }

    /// Reports that none of these is given, or that variables left nothing of it, and gives the plugin up.
    pub fn refuse_without(&mut self, keys: &[&str], help: &str) {
        self.usable = false;
        let names = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" or ");
        let diagnostic = match keys.iter().find_map(|key| self.section.last(key)) {
            // What is written was wrong, which was said.
            Some(property) if self.cx.value(property).is_some() => return,
            Some(property) => {
                let missing = self.cx.expand(&property.raw).missing.join("`, `");
                let message = format!("{} needs {names}, and what is written comes out empty", self.label);
                Diagnostic::new(self.gravity, message)
                    .at(property.value_origin)
                    .because(format!("the variable `{missing}` is not set, or set to nothing"))
                    .help("in a task definition it comes from `secretOptions` or `environment`")
            }
            None => {
                let message = format!("{} has no {names}", self.label);
                with_help(Diagnostic::new(self.gravity, message).at(self.section.origin), help)
            }
        };
        self.push(diagnostic);
    }

    /// Goes through the section's properties with the tables; the first table that has a row decides.
    pub fn apply(&mut self, tables: &[&[Field]]) {
        let section = self.section;
        let mut seen: Vec<&str> = Vec::new();
        for property in &section.properties {
            let row = tables.iter().flat_map(|table| table.iter()).find(|field| field.key == property.key);
            let Some(field) = row else {
                self.unknown(property, tables);
                continue;
            };
            if seen.contains(&field.key) && !field.to.repeats() {
                let message = format!("`{}` of {} is set twice; this one counts", property.key, self.label);
                self.warn(message, property.origin, "keep one of them");
            }
            seen.push(field.key);
            if let Some(value) = self.cx.checked_value(property) {
                self.read(field, property, value);
            }
        }
        for (part, origin) in &section.unsupported {
            let message = format!("`{part}` of {} is not supported and ignored", self.label);
            self.warn(message, *origin, "the plugin sees every record its `Match` lets through");
        }
    }

    fn unknown(&mut self, property: &Property, tables: &[&[Field]]) {
        let known: Vec<&str> = tables.iter().flat_map(|table| table.iter().map(|field| field.key)).collect();
        let help = match closest(&property.key, known) {
            Some(near) => format!("did you mean `{near}`?"),
            // Of parsers, Fluent Bit takes no notice.
            None if self.gravity == Severity::Warning => "it is ignored".to_owned(),
            None => "it is ignored here; Fluent Bit refuses to start on an unknown property".to_owned(),
        };
        self.error(format!("{} has no property `{}`", self.label, property.key), property.origin, &help);
    }

    fn read(&mut self, field: &Field, property: &Property, value: Value) {
        match field.to {
            To::Own | To::OwnMany | To::Silent(_) => {}
            To::Note(why) => {
                self.note(format!("`{}` of {} has no effect", field.key, self.label), property.origin, why)
            }
            To::Warn(why) => {
                self.warn(format!("`{}` of {} is not supported", field.key, self.label), property.origin, why)
            }
            To::Items | To::Commas | To::Pairs(..) | To::TwoWords(..) => {
                self.read_item(field, property, &value)
            }
            _ => match self.convert(field, &value) {
                Ok(setting) => self.set_at(field.name, property.origin, setting),
                // Fluent Bit checks booleans, sizes and expressions; the rest it takes as well as it can.
                Err(wanted) => match field.to {
                    To::Bool | To::Size | To::Pattern => self.wrong(field.key, &value, &wanted),
                    _ => self.odd(field.key, &value, &wanted),
                },
            },
        }
    }

    fn convert(&mut self, field: &Field, value: &Value) -> Result<Setting, String> {
        let text = value.text.as_str();
        let setting = match field.to {
            To::Text => Some(value.text_setting()),
            To::Secret => Some(self.secret(field.key, value)),
            To::Bool => values::boolean(text).map(|flag| value.setting(flag)),
            To::Int => text.parse::<i64>().ok().map(|number| value.setting(number)),
            To::Float => {
                text.parse::<f64>().ok().filter(|n| n.is_finite()).map(|number| value.setting(number))
            }
            To::Size => values::size(text).map(|size| value.setting(size)),
            To::Time => values::time(text).map(|time| value.setting(time)),
            To::Milliseconds => values::milliseconds(text).map(|time| value.setting(time)),
            To::Pattern => match Pattern::new(text) {
                Ok(_) => Some(value.text_setting()),
                Err(fault) => return Err(format!("a regular expression ({})", fault.cause())),
            },
            To::Word(words) => {
                let word = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
                word.map(|(_, name)| value.setting(*name))
            }
            _ => unreachable!("bug: rows that set no single value are handled by the caller"),
        };
        setting.ok_or_else(|| wanted(&field.to))
    }

    fn secret(&mut self, key: &str, value: &Value) -> Setting {
        let trimmed = value.text.trim();
        if trimmed.len() != value.text.len() {
            let message = format!("white space around `{key}` of {} was removed", self.label);
            self.note(message, value.origin, "store the secret without a line feed at its end");
        }
        Setting::from(trimmed).at(value.origin).hide()
    }

    fn read_item(&mut self, field: &Field, property: &Property, value: &Value) {
        let items = match field.to {
            To::Commas => {
                values::commas(&value.text).iter().map(|item| value.setting(item.as_str())).collect()
            }
            To::Pairs(first, second) => match self.pair(field.key, value, first, second) {
                Some(item) => vec![item],
                None => return,
            },
            To::TwoWords(first, second) => match self.two_words(field.key, value, first, second) {
                Some(item) => vec![item],
                None => return,
            },
            _ => vec![value.text_setting()],
        };
        for item in items {
            self.append(field.name, property.origin, item);
        }
    }

    /// `KEY VALUE` as a map of two; a value that follows a credential's name is hidden.
    pub fn pair(&mut self, key: &str, value: &Value, first: &str, second: &str) -> Option<Setting> {
        let words = values::words(&value.text);
        let (name, rest) = match words.as_slice() {
            [name, rest] => (name.clone(), rest.clone()),
            // More words: the first names it and the rest, as it stands, is the value.
            [name, _, ..] if !value.text.starts_with('"') => (
                name.clone(),
                values::split_first(&value.text).map_or(String::new(), |(_, rest)| rest.to_owned()),
            ),
            _ => {
                self.wrong(key, value, "two words, a name and a value");
                return None;
            }
        };
        let mut content = value.setting(rest.as_str());
        if names_a_secret(&name) && key.contains("header") {
            content = content.hide();
        }
        Some(Setting::map().with(first, value.setting(name.as_str())).with(second, content).at(value.origin))
    }

    fn two_words(&mut self, key: &str, value: &Value, first: &str, second: &str) -> Option<Setting> {
        match values::words(&value.text).as_slice() {
            [name, content] => {
                let item = Setting::map().with(first, value.setting(name.as_str()));
                Some(item.with(second, value.setting(content.as_str())).at(value.origin))
            }
            [name] if value.shown.contains("${") => {
                let message = format!("`{name}` of {} comes out empty and is left out", self.label);
                self.warn(message, value.origin, "Fluent Bit refuses to start on this; set the variable");
                None
            }
            [] | [_] => {
                self.wrong(key, value, "two words, a name and a value");
                None
            }
            _ => {
                let message = format!("`{key}` of {} has more than two words, so it is ignored", self.label);
                self.warn(
                    message,
                    value.origin,
                    "put a value with spaces in double quotes; Fluent Bit ignores this line too",
                );
                None
            }
        }
    }

    fn set_at(&mut self, name: &str, key_origin: Origin, setting: Setting) {
        self.set(name, setting);
        if let Some((key, _)) = self.settings.entries_mut().iter_mut().find(|(key, _)| key.name == name) {
            key.origin = Some(key_origin);
        }
    }

    /// Adds to a list setting.
    pub fn append(&mut self, name: &str, key_origin: Origin, item: Setting) {
        let mut list = self.settings.remove(name).unwrap_or_else(|| Setting::from(Vec::new()).at(key_origin));
        if let config::Node::List(items) = &mut list.node {
            items.push(item);
        }
        self.settings.set_key(Key { name: name.to_owned(), origin: Some(key_origin) }, list);
    }
}

fn with_help(diagnostic: Diagnostic, help: &str) -> Diagnostic {
    if help.is_empty() { diagnostic } else { diagnostic.help(help) }
}

pub(super) fn shown(value: &Value) -> String {
    let text: String = value.shown.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("`{text}`")
}

fn wanted(to: &To) -> String {
    match to {
        To::Bool => "true or false (also on, off, yes, no)".into(),
        To::Int => "a whole number".into(),
        To::Float => "a number".into(),
        To::Size => "a size such as `5M` or a number of bytes".into(),
        To::Time => "a time such as `5`, `10s` or `1m`".into(),
        To::Milliseconds => "a number of milliseconds".into(),
        To::Word(words) => {
            format!(
                "one of {}",
                words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            )
        }
        _ => "something else".into(),
    }
}

fn set_dotted(settings: &mut Setting, name: &str, value: Setting) {
    match name.split_once('.') {
        None => settings.set(name, value),
        Some((outer, inner)) => {
            let mut map = settings.remove(outer).unwrap_or_else(|| Setting::map().at(value.origin));
            set_dotted(&mut map, inner, value);
            settings.set(outer, map);
        }
    }
}
