//! What Fluent Bit refuses to start on and this program takes, for those who still run both.
//!
//! Only on request, as warnings; what both refuse is an error anyway. `fixtures/fluent-bit/config_errors` shows each.

pub(super) mod layout;

use std::collections::HashSet;

use config::{Diagnostic, FileId, Origin};

use super::context::Context;
use super::document::{Document, Kind, Property, Section};
use super::table::Plugin;
use super::{filters, inputs, outputs, values};

/// Options of every plugin that Fluent Bit takes only as a boolean.
const BOOLEANS: &[&str] = &[
    "net.keepalive",
    "net.tcp_keepalive",
    "net.share_port",
    "net.proxy_env_ignore",
    "net.connect_timeout_log_error",
    "net.accept_timeout_log_error",
    "net.dns.prefer_ipv4",
    "net.dns.prefer_ipv6",
];

/// Properties that only this program has, with their plugin.
const OURS: &[(&str, &str)] = &[("forward", "ack"), ("nest", "prefix_with")];

/// Plugins without a network, which refuse TLS.
const WITHOUT_TLS: &[&str] = &["dummy", "tail", "stdout", "null", "file"];

const LOG_LEVELS: &[&str] = &["off", "error", "warn", "warning", "info", "debug", "trace"];

pub(super) fn check(cx: &mut Context<'_>, document: &Document, main_files: &[FileId]) {
    for section in &document.sections {
        match section.kind {
            Kind::Service => service(cx, section),
            Kind::Input => plugin(cx, section, inputs::PLUGINS),
            Kind::Filter => plugin(cx, section, filters::PLUGINS),
            Kind::Output => plugin(cx, section, outputs::PLUGINS),
            Kind::Parser | Kind::MultilineParser => parser(cx, section, main_files),
            _ => {}
        }
    }
    parsers_behind_a_duplicate(cx, document);
}

fn refuse(cx: &mut Context<'_>, what: String, origin: Origin, help: &str) {
    let diagnostic = Diagnostic::warning(format!("Fluent Bit refuses {what}")).at(origin);
    cx.diagnostics.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
}

fn service(cx: &mut Context<'_>, section: &Section) {
    for property in section.all("flush") {
        let zero = |text: &str| text.parse::<f64>().is_ok_and(|seconds| seconds <= 0.0);
        if cx.value(property).is_some_and(|value| zero(&value.text)) {
            let help = "write a time above 0; here it means the default, 1 s";
            refuse(cx, "a `Flush` of 0".into(), property.value_origin, help);
        }
    }
}

fn plugin(cx: &mut Context<'_>, section: &Section, plugins: &[&'static Plugin]) {
    let Some(name) = section.last("name").and_then(|property| cx.value(property)) else { return };
    let name = name.text.to_ascii_lowercase();
    let Some(plugin) = plugins.iter().find(|plugin| plugin.names.contains(&name.as_str())) else { return };
    twice(cx, section, plugin);
    for property in &section.properties {
        if OURS.contains(&(name.as_str(), property.key.as_str())) {
            let help = "only Outrigger knows it; leave it out while you run both";
            refuse(cx, format!("the property `{}` of `{name}`", property.key), property.origin, help);
        }
        value(cx, property, &name);
    }
    if name == "cloudwatch_logs" {
        cloudwatch(cx, section);
    }
}

/// Properties of the plugin's own are checked, those of all plugins are not.
fn twice(cx: &mut Context<'_>, section: &Section, plugin: &Plugin) {
    let mut seen = HashSet::new();
    for property in &section.properties {
        let own = plugin.fields.iter().find(|field| field.key == property.key);
        let single = own.is_some_and(|field| !field.to.repeats());
        if single && !seen.insert(property.key.as_str()) {
            let what = format!("`{}` given twice", property.key);
            refuse(cx, what, property.origin, "keep one of them; here the last one counts");
        }
    }
}

fn value(cx: &mut Context<'_>, property: &Property, name: &str) {
    let Some(value) = cx.value(property) else { return };
    let key = property.key.as_str();
    let (is_wrong, help) = match key {
        _ if BOOLEANS.contains(&key) => (values::boolean(&value.text).is_none(), "write `on` or `off`"),
        "mem_buf_limit" | "storage.total_limit_size" => {
            (values::size(&value.text).is_none(), "write a size such as `50M`")
        }
        "log_level" => {
            let word = value.text.to_ascii_lowercase();
            (
                !LOG_LEVELS.contains(&word.as_str()),
                "write one of `off`, `error`, `warn`, `info`, `debug`, `trace`",
            )
        }
        "tls" => {
            let is_on = values::boolean(&value.text) == Some(true);
            (is_on && WITHOUT_TLS.contains(&name), "the plugin has no network; remove it")
        }
        _ => return,
    };
    if is_wrong {
        refuse(cx, format!("`{key} {}` of `{name}`", value.shown), value.origin, help);
    }
}

fn cloudwatch(cx: &mut Context<'_>, section: &Section) {
    if section.last("region").and_then(|property| cx.value(property)).is_none() {
        let help = "add `region ${AWS_REGION}`; here the environment and the task's metadata are asked";
        refuse(cx, "`cloudwatch_logs` without a `region`".into(), section.origin, help);
    }
    for key in ["log_group_template", "log_stream_template"] {
        let Some(value) = section.last(key).and_then(|property| cx.value(property)) else { continue };
        if runs_into_a_dollar(&value.text) {
            let help = "put `.` or `,` behind a key's name, which takes in `-` and `_`";
            refuse(cx, format!("the template `{}`", value.shown), value.origin, help);
        }
    }
}

/// `$a-$b`: the name goes on to the second dollar, which cannot stand there.
fn runs_into_a_dollar(template: &str) -> bool {
    let mut parts = template.split('$').skip(1).peekable();
    let is_name = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    while let Some(part) = parts.next() {
        if parts.peek().is_some() && !part.is_empty() && !part.starts_with("TAG") && is_name(part) {
            return true;
        }
    }
    false
}

fn parser(cx: &mut Context<'_>, section: &Section, main_files: &[FileId]) {
    let title = &section.title;
    if main_files.contains(&section.origin.file) {
        let help = "put it into a file of its own, named by `Parsers_File` in [SERVICE]";
        refuse(cx, format!("a [{title}] section in its main file"), section.origin, help);
    }
    if section.kind == Kind::Parser {
        return;
    }
    if section.last("type").is_none() {
        refuse(cx, format!("a [{title}] section without `Type`"), section.origin, "add `Type regex`");
    }
    let rules: Vec<(Vec<String>, &Property)> = section
        .all("rule")
        .filter_map(|property| Some((values::words(&cx.value(property)?.text), property)))
        .filter(|(words, _)| words.len() == 3)
        .collect();
    let known: HashSet<String> = rules.iter().flat_map(|(words, _)| values::commas(&words[0])).collect();
    for (words, property) in rules.iter().filter(|(words, _)| !known.contains(&words[2])) {
        let what = format!("a rule that leads to `{}`, for which there is none", words[2]);
        refuse(cx, what, property.value_origin, "add a rule for that state");
    }
}

/// A name that is taken makes Fluent Bit pass over the rest of the file.
fn parsers_behind_a_duplicate(cx: &mut Context<'_>, document: &Document) {
    let parsers: Vec<&Section> = document.sections.iter().filter(|s| s.kind == Kind::Parser).collect();
    let mut names = HashSet::new();
    for (place, section) in parsers.iter().enumerate() {
        let Some(name) = section.last("name").and_then(|property| cx.value(property)) else { continue };
        let goes_on = parsers[place + 1..].iter().any(|next| next.origin.file == section.origin.file);
        if !names.insert(name.text.clone()) && goes_on {
            let what = format!("the parsers behind this one: there is a parser `{}` already", name.text);
            refuse(cx, what, section.origin, "give it another name; here the last definition counts");
        }
    }
}
