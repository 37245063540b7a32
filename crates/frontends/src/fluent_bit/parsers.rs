//! `[PARSER]` sections, each a settings map that is put into every component that names it.

use config::{Diagnostic, Pattern, Setting, Severity, closest};

use super::context::Context;
use super::document::Section;
use super::draft::{Draft, Value};
use super::table::{Field, To, field, own, own_many, silent};
use super::values;

const FIELDS: &[Field] = &[
    field("name", "name", To::Text),
    own("format"),
    field("regex", "regex", To::Pattern),
    field("time_key", "time_key", To::Text),
    field("time_format", "time_format", To::Text),
    field("time_offset", "time_offset", To::Text),
    field("time_keep", "time_keep", To::Bool),
    field("time_strict", "time_strict", To::Bool),
    own("time_system_timezone"),
    field("time_zone", "time_zone", To::Text),
    own_many("types"),
    field("skip_empty_values", "skip_empty_values", To::Bool),
    field("logfmt_no_bare_keys", "logfmt_no_bare_keys", To::Bool),
    own_many("decode_field"),
    own_many("decode_field_as"),
    silent("log_level", "messages have one level for all"),
];

const FORMATS: &[&str] = &["json", "regex", "ltsv", "logfmt"];
const TYPES: &[&str] = &["integer", "float", "bool", "hex", "string"];
const DECODERS: &[&str] = &["json", "escaped", "escaped_utf8", "mysql_quoted"];

/// Reads one section and enters it under its name; a later definition of a name replaces an earlier one.
pub(super) fn define(cx: &mut Context<'_>, section: &Section) {
    let Some(name) = section.last("name").and_then(|property| cx.value(property)) else {
        let fault = Diagnostic::warning("this [PARSER] section has no `Name`").at(section.origin);
        cx.diagnostics.push(fault.help("add `Name json`, or whatever filters call it"));
        return;
    };
    let mut draft = Draft::new(cx, section, name.text.clone(), format!("parser `{}`", name.text));
    // An unsound parser stops only the filter that names it, which says so.
    draft.gravity = Severity::Warning;
    draft.apply(&[FIELDS]);
    finish(&mut draft);
    let (settings, usable) = (draft.settings, draft.usable);
    if !usable {
        return;
    }
    if cx.parsers.insert(name.text.clone(), settings).is_some() && !is_shipped(section) {
        let message = format!("parser `{}` is defined a second time; this definition counts", name.text);
        cx.diagnostics
            .push(Diagnostic::warning(message).at(name.origin).help("give one of them another name"));
    }
}

/// Replacing a stock parser by one's own of the same name is what people do on purpose, in either order.
fn is_shipped(section: &Section) -> bool {
    super::shipped::is_stock(section.origin.file.name())
}

fn finish(draft: &mut Draft<'_, '_>) {
    let Some(format) = draft.require("format", "add `Format json`, `regex`, `ltsv` or `logfmt`") else {
        return;
    };
    let word = format.text.to_ascii_lowercase();
    if !FORMATS.contains(&word.as_str()) {
        draft.usable = false;
        return draft.wrong("format", &format, "`json`, `regex`, `ltsv` or `logfmt`");
    }
    draft.set("format", format.setting(word.as_str()));
    if word == "regex" && draft.settings.get("regex").is_none() {
        draft.usable = false;
        if !draft.has("regex") {
            draft.refuse_without(&["regex"], "add `Regex /^(?<name>...)$/`");
        }
    }
    unnamed_groups(draft);
    if draft.flag("time_system_timezone") == Some(true) {
        draft.set("time_zone", "local".into());
    }
    for value in draft.values("types") {
        types(draft, &value);
    }
    decoders(draft);
}

fn unnamed_groups(draft: &mut Draft<'_, '_>) {
    let Some(value) = draft.value("regex") else { return };
    if Pattern::new(&value.text).is_ok_and(|pattern| pattern.names().next().is_none()) {
        let message = format!("the expression of {} has no named group, so it yields nothing", draft.label);
        draft.warn(message, value.origin, "name what it captures: `(?<level>[A-Z]+)`");
    }
}

/// `key:integer other:float`
fn types(draft: &mut Draft<'_, '_>, value: &Value) {
    for word in value.text.split_whitespace() {
        match word.rsplit_once(':') {
            Some((key, kind)) if TYPES.contains(&kind.to_ascii_lowercase().as_str()) => {
                let item = Setting::map()
                    .with("key", value.setting(key))
                    .with("type", value.setting(kind.to_ascii_lowercase()))
                    .at(value.origin);
                draft.append("types", value.origin, item);
            }
            _ => {
                let message = format!("`{word}` in `types` of {} is not `key:type`", draft.label);
                draft.error(message, value.origin, "types are integer, float, bool, hex and string");
            }
        }
    }
}

/// `Decode_Field TYPE KEY [ACTION]`, in file order across both spellings.
fn decoders(draft: &mut Draft<'_, '_>) {
    let section = draft.section;
    for property in &section.properties {
        let replace = match property.key.as_str() {
            "decode_field" => false,
            "decode_field_as" => true,
            _ => continue,
        };
        let Some(value) = draft.cx.value(property) else { continue };
        let words = values::words(&value.text);
        let (kind, key, action) = match words.as_slice() {
            [kind, key] => (kind, key, "stop"),
            [kind, key, action] if action == "try_next" || action == "do_next" => {
                (kind, key, action.as_str())
            }
            _ => {
                draft.wrong(&property.key, &value, "`TYPE KEY`, and perhaps `try_next` or `do_next`");
                continue;
            }
        };
        if !DECODERS.contains(&kind.to_ascii_lowercase().as_str()) {
            draft.wrong(
                &property.key,
                &value,
                "a decoder (json, escaped, escaped_utf8, mysql_quoted) and a key",
            );
            continue;
        }
        let item = Setting::map()
            .with("type", value.setting(kind.to_ascii_lowercase()))
            .with("key", value.setting(key.as_str()))
            .with("replace", replace)
            .with("action", action)
            .at(value.origin);
        draft.append("decoders", property.origin, item);
    }
}

impl Context<'_> {
    /// The definitions a list of names stands for. Unknown names are reported: an error, unless others of the
    /// list are known, with which the component works.
    pub(super) fn named_parsers(&mut self, named: &[Value], label: &str) -> Vec<Setting> {
        let names = |value: &Value| values::commas(&value.text);
        let any = named.iter().flat_map(names).any(|name| self.parsers.contains_key(&name));
        let gravity = if any { Severity::Warning } else { Severity::Error };
        let each = named.iter().flat_map(|value| names(value).into_iter().map(move |name| (name, value)));
        each.filter_map(|(name, value)| self.parser(&name, value, label, gravity)).collect()
    }

    /// The definition of a named parser; an unknown name is reported.
    pub(super) fn parser(
        &mut self,
        name: &str,
        value: &Value,
        label: &str,
        gravity: Severity,
    ) -> Option<Setting> {
        if let Some(found) = self.parsers.get(name) {
            return Some(found.clone().at(value.origin));
        }
        let message = format!("{label} names the parser `{name}`, which is not defined");
        let diagnostic = Diagnostic::new(gravity, message).at(value.origin);
        let near = closest(name, self.parsers.keys().map(String::as_str));
        self.diagnostics.push(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(
                "define it in a [PARSER] section, or read the stock ones with `Parsers_File /fluent-bit/parsers/parsers.conf`",
            ),
        });
        None
    }
}
