//! Fluent Bit's YAML form: the same sections in another coat.
//!
//! A list gives a property several times, a map inside it becomes `key value`, camelCase becomes snake_case.

use config::{Diagnostic, FileId, Key, Node, Origin, Setting};

use super::document::{Property, Section};
use super::load::Loader;
use crate::yaml;

pub(super) fn read(loader: &mut Loader<'_>, text: &str, file: FileId) {
    let root = match yaml::parse(text, file) {
        Ok(root) => root,
        Err(fault) => return loader.diagnostics.push(fault),
    };
    if !matches!(root.node, Node::Map(_) | Node::Null) {
        let fault = Diagnostic::error("the file is not a map of settings").at(root.origin);
        return loader.diagnostics.push(fault.help("it starts with keys such as `pipeline:` and `service:`"));
    }
    let mut reader = Reader { loader, file };
    // Includes come first, whatever line they stand on, as Fluent Bit reads them.
    for include in root.get("includes").map(Setting::items).unwrap_or_default() {
        reader.include(include);
    }
    for (key, value) in root.entries() {
        reader.root_key(key, value);
    }
}

struct Reader<'l, 'a> {
    loader: &'l mut Loader<'a>,
    file: FileId,
}

impl Reader<'_, '_> {
    fn place(&self, setting: &Setting) -> Origin {
        setting.origin.unwrap_or(self.file.at(1, 1))
    }

    fn warn(&mut self, message: String, origin: Option<Origin>) {
        self.loader.diagnostics.push(Diagnostic::warning(message).at(origin));
    }

    fn include(&mut self, setting: &Setting) {
        let origin = self.place(setting);
        if let Some(path) = setting.as_str() {
            self.loader.include(path, self.file, origin);
        }
    }

    fn root_key(&mut self, key: &Key, value: &Setting) {
        match key.name.as_str() {
            "includes" => {}
            "env" => self.environment(value),
            "service" => {
                let section = self.section("service", value);
                self.loader.document.sections.push(section);
            }
            "parsers" => self.sections("parser", value),
            "multiline_parsers" => self.sections("multiline_parser", value),
            "pipeline" => {
                for (key, value) in value.entries() {
                    match key.name.as_str() {
                        "inputs" => self.sections("input", value),
                        "filters" => self.sections("filter", value),
                        "outputs" => self.sections("output", value),
                        other => {
                            self.warn(format!("`pipeline` has no part `{other}`; it is ignored"), key.origin)
                        }
                    }
                }
            }
            "plugins" | "customs" | "upstream_servers" | "stream_processor" => {
                self.warn(format!("`{}` is not supported and ignored", key.name), key.origin);
            }
            other => self.warn(format!("`{other}` is not a key of this file; it is ignored"), key.origin),
        }
    }

    fn environment(&mut self, value: &Setting) {
        for (key, value) in value.entries() {
            self.variable(&key.name, value);
        }
        for item in value.items() {
            let name = item.get("name").and_then(Setting::as_str).map(str::to_owned);
            match (name, item.get("value").or_else(|| item.get("uri"))) {
                (Some(name), Some(value)) => self.variable(&name, value),
                _ => self.warn("an `env` entry needs `name` and `value`; it is ignored".into(), item.origin),
            }
        }
    }

    fn variable(&mut self, name: &str, value: &Setting) {
        let text = scalar(value).unwrap_or_default();
        let text = match text.strip_prefix("file://") {
            None => text,
            Some(path) => match self.loader.files.read(path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned(),
                Err(cause) => {
                    let fault = Diagnostic::error(format!("the file of variable `{name}` cannot be read"));
                    self.loader.diagnostics.push(fault.at(value.origin).because(cause.to_string()));
                    return;
                }
            },
        };
        self.loader.document.variables.push((name.to_owned(), text));
    }

    fn sections(&mut self, title: &str, value: &Setting) {
        if !matches!(value.node, Node::List(_) | Node::Null) {
            let fault = Diagnostic::error(format!("`{title}s` must be a list")).at(value.origin);
            self.loader.diagnostics.push(fault.help("start each entry with `- name: ...`"));
        }
        for item in value.items() {
            let section = self.section(title, item);
            self.loader.document.sections.push(section);
        }
    }

    fn section(&mut self, title: &str, value: &Setting) -> Section {
        let mut section = Section::new(title, self.place(value));
        for (key, value) in value.entries() {
            match (snake(&key.name).as_str(), &value.node) {
                ("processors", Node::Map(_)) => self.processors(&mut section, value),
                ("rules", Node::List(_)) if title == "multiline_parser" => self.rules(&mut section, value),
                (name @ ("condition" | "routes" | "route"), _) => {
                    section.unsupported.push((name.to_owned(), self.place(value)));
                }
                (name, Node::List(items)) => {
                    for item in items {
                        self.property(&mut section, name, key, item);
                    }
                }
                // `header: {X-Team: shop}` and the like: one property an entry.
                (name, Node::Map(_)) => self.property(&mut section, name, key, value),
                (name, _) => self.property(&mut section, name, key, value),
            }
        }
        section
    }

    fn property(&self, section: &mut Section, name: &str, key: &Key, value: &Setting) {
        let origin = key.origin.unwrap_or(section.origin);
        let value_origin = self.place(value);
        let mut push = |raw: String| {
            section.properties.push(Property { key: name.to_owned(), origin, raw, value_origin });
        };
        for (key, value) in value.entries() {
            push(format!("{} {}", key.name, scalar(value).unwrap_or_default()));
        }
        if let Some(raw) = scalar(value).filter(|raw| !raw.is_empty()) {
            push(raw);
        }
    }

    fn processors(&mut self, section: &mut Section, value: &Setting) {
        for (key, value) in value.entries() {
            if key.name != "logs" {
                self.warn(format!("processors of `{}` are not supported and ignored", key.name), key.origin);
                continue;
            }
            for item in value.items() {
                let processor = self.section("processor", item);
                section.processors.push(processor);
            }
        }
    }

    /// `{state, regex, next_state}` in the words of a classic file.
    fn rules(&mut self, section: &mut Section, value: &Setting) {
        for item in value.items() {
            // A quote inside would end the word; in an expression it may be written by its number.
            let part = |name: &str| {
                let text = item.get(name).and_then(scalar).unwrap_or_default();
                format!("\"{}\"", text.replace("\\\"", "\\x22").replace('"', "\\x22"))
            };
            let raw = format!("{} {} {}", part("state"), part("regex"), part("next_state"));
            let origin = self.place(item);
            section.properties.push(Property { key: "rule".into(), origin, raw, value_origin: origin });
        }
    }
}

fn scalar(setting: &Setting) -> Option<String> {
    setting.as_str().map(str::to_owned)
}

/// `camelCase` as `camel_case`; dots and what is lower case already stay.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut before_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && before_lower {
            out.push('_');
        }
        before_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn camel_case_becomes_snake_case() {
        for (name, expected) in [
            ("logGroupName", "log_group_name"),
            ("Name", "name"),
            ("tls.verify", "tls.verify"),
            ("k8s", "k8s"),
        ] {
            assert_eq!(super::snake(name), expected);
        }
    }
}
