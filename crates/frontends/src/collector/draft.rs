//! One component while it is lowered: keys are taken from it group by group, and what is left is reported.

use config::{Diagnostic, Node, Setting, closest, decode, fields_of};
use serde::de::DeserializeOwned;

use super::context::Context;
use super::document::Declared;

pub(super) struct Draft<'c> {
    pub cx: &'c mut Context,
    pub declared: Declared,
    /// Such as ``exporter `otlp/2` ``.
    pub label: String,
    known: Vec<&'static str>,
    failed: bool,
}

impl<'c> Draft<'c> {
    pub fn new(cx: &'c mut Context, declared: Declared, what: &str) -> Self {
        let label = format!("{what} `{}`", declared.id);
        Draft { cx, declared, label, known: Vec::new(), failed: false }
    }

    /// Reads the keys that are fields of `T`, and only those. Faults are reported; the default stands in then.
    pub fn group<T: DeserializeOwned + Default>(&mut self) -> T {
        let fields = fields_of::<T>();
        self.known.extend(fields);
        let mut group = Setting::map().at(self.declared.setting.origin);
        if let Node::Map(entries) = &mut self.declared.setting.node {
            let taken: Vec<_> =
                entries.extract_if(.., |(key, _)| fields.contains(&key.name.as_str())).collect();
            group.entries_mut().extend(taken);
        }
        let read = decode::<T>(&group, &self.label, &mut self.cx.diagnostics);
        self.failed |= read.is_none();
        read.unwrap_or_default()
    }

    /// A part that is there, even without content, becomes a map.
    pub fn present(&mut self, path: &[&str]) {
        let mut setting = &mut self.declared.setting;
        for name in path {
            let Node::Map(entries) = &mut setting.node else { return };
            let Some((key, value)) = entries.iter_mut().find(|(key, _)| key.name == *name) else { return };
            if value.node == Node::Null {
                *value = Setting::map().at(value.origin.or(key.origin));
            }
            setting = value;
        }
    }

    /// Takes a key away, as it is written.
    pub fn take(&mut self, name: &'static str) -> Option<Setting> {
        self.known.push(name);
        self.declared.setting.remove(name)
    }

    pub fn error(&mut self, message: impl Into<String>, help: impl Into<String>) {
        let message = format!("{}: {}", self.label, message.into());
        self.cx.diagnostics.push(Diagnostic::error(message).at(self.declared.origin).help(help));
        self.failed = true;
    }

    /// Notes that a fault was reported elsewhere.
    pub fn failed(&mut self) {
        self.failed = true;
    }

    /// As `error`, at the place of one of its keys.
    pub fn error_at(&mut self, key: &Setting, message: impl Into<String>, help: impl Into<String>) {
        let message = format!("{}: {}", self.label, message.into());
        let origin = key.origin.or(self.declared.origin);
        self.cx.diagnostics.push(Diagnostic::error(message).at(origin).help(help));
        self.failed = true;
    }

    /// Says of a key that is understood and changes nothing here why that is.
    pub fn note(&mut self, message: impl Into<String>) {
        let message = format!("{}: {}", self.label, message.into());
        self.cx.diagnostics.push(Diagnostic::note(message).at(self.declared.origin));
    }

    /// Reports what nobody took; `None` when anything about the component was wrong.
    pub fn finish(self, settings: Setting) -> Option<Setting> {
        let left = match &self.declared.setting.node {
            Node::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        for (key, _) in left {
            let message = format!("{}: has invalid keys: {}", self.label, key.name);
            let diagnostic = Diagnostic::error(message).at(key.origin);
            self.cx.diagnostics.push(match closest(&key.name, self.known.iter().copied()) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help(format!("it takes {}", self.known.join(", "))),
            });
        }
        (left.is_empty() && !self.failed).then(|| settings.at(self.declared.origin))
    }
}
