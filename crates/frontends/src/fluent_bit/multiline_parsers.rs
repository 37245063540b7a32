//! `[MULTILINE_PARSER]` sections and the built-in ones, both written out as the same rules.

use std::collections::HashSet;

use config::{Diagnostic, Pattern, Setting, Severity, closest};

use super::context::Context;
use super::document::Section;
use super::draft::{Draft, Value};
use super::table::{Field, To, field, own, own_many};
use super::values;

const FIELDS: &[Field] = &[
    field("name", "name", To::Text),
    field(
        "type",
        "type",
        To::Word(&[("regex", "regex"), ("endswith", "endswith"), ("equal", "equal"), ("eq", "equal")]),
    ),
    field("match_string", "match_string", To::Text),
    field("negate", "negate", To::Bool),
    field("key_content", "key_content", To::Text),
    field("key_pattern", "key_pattern", To::Text),
    field("key_group", "key_group", To::Text),
    own("parser"),
    field("flush_timeout", "flush_after", To::Milliseconds),
    own_many("rule"),
];

const START: &str = "start_state";

pub(super) fn define(cx: &mut Context<'_>, section: &Section) {
    let Some(name) = section.last("name").and_then(|property| cx.value(property)) else {
        let fault = Diagnostic::warning("this [MULTILINE_PARSER] section has no `Name`").at(section.origin);
        cx.diagnostics.push(fault.help("add `Name stack_trace`, or whatever filters call it"));
        return;
    };
    let label = format!("multiline parser `{}`", name.text);
    let mut draft = Draft::new(cx, section, name.text.clone(), label);
    // An unsound parser stops only the filter that names it, which says so.
    draft.gravity = Severity::Warning;
    draft.apply(&[FIELDS]);
    finish(&mut draft);
    let (settings, usable) = (draft.settings, draft.usable);
    if usable && cx.multiline_parsers.insert(name.text.clone(), settings).is_some() {
        let message =
            format!("multiline parser `{}` is defined a second time; this definition counts", name.text);
        cx.diagnostics
            .push(Diagnostic::warning(message).at(name.origin).help("give one of them another name"));
    }
}

fn finish(draft: &mut Draft<'_, '_>) {
    if draft.settings.get("type").is_none() {
        draft.set("type", "regex".into());
    }
    if let Some(value) = draft.value("parser") {
        let label = draft.label.clone();
        if let Some(parser) = draft.cx.parser(&value.text, &value, &label, Severity::Warning) {
            draft.set("parser", parser);
        }
    }
    for value in draft.values("rule") {
        match rule(&value) {
            Ok(item) => draft.append("rules", value.origin, item),
            Err(wanted) => draft.wrong("rule", &value, &wanted),
        }
    }
    let regex = draft.settings.get("type").and_then(Setting::as_str) == Some("regex");
    if regex {
        check_states(draft);
    } else if draft.settings.get("match_string").is_none() {
        draft.refuse_without(&["match_string"], "say which text ends or equals a line");
    }
}

/// `"STATE[, STATE...]" "/regex/" "NEXT"`
fn rule(value: &Value) -> Result<Setting, String> {
    let words = values::words(&value.text);
    let [states, regex, next] = words.as_slice() else {
        return Err("three quoted parts: states, an expression, the next state".into());
    };
    Pattern::new(regex).map_err(|fault| format!("a rule with a regular expression ({})", fault.cause()))?;
    Ok(written_rule(&values::commas(states), regex, next).at(value.origin))
}

fn written_rule(states: &[impl AsRef<str>], regex: &str, next: &str) -> Setting {
    Setting::map()
        .with("states", Setting::list(states.iter().map(|state| state.as_ref())))
        .with("regex", regex)
        .with("next", next)
}

fn check_states(draft: &mut Draft<'_, '_>) {
    let rules = draft.settings.get("rules").cloned().unwrap_or_default();
    let states_of = |rule: &Setting| -> Vec<String> {
        let states = rule.get("states").map(Setting::items).unwrap_or_default();
        states.iter().filter_map(|state| state.as_str().map(str::to_owned)).collect()
    };
    let Some(first) = rules.items().first() else {
        draft.refuse_without(&["rule"], r#"add `Rule "start_state" "/^\d/" "cont"` and one for `cont`"#);
        return;
    };
    if !states_of(first).iter().any(|state| state == START) {
        let message = format!("the first rule of {} is not for `{START}`", draft.label);
        let origin = first.origin.unwrap_or(draft.section.origin);
        draft.usable = false;
        return draft.error(message, origin, "begin with the rule for the first line of a group");
    }
    let from: HashSet<String> = rules.items().iter().flat_map(states_of).collect();
    for rule in rules.items() {
        let next = rule.get("next").and_then(Setting::as_str).unwrap_or_default();
        let near = closest(next, from.iter().map(String::as_str).filter(|state| *state != START));
        if let (false, Some(near)) = (from.contains(next), near) {
            let message = format!("no rule of {} starts from the state `{next}`", draft.label);
            draft.warn(
                message,
                rule.origin.unwrap_or(draft.section.origin),
                &format!("did you mean `{near}`?"),
            );
        }
    }
}

impl Context<'_> {
    /// The definition of a multiline parser, the user's own first.
    pub(super) fn multiline_parser(&mut self, name: &str, value: &Value, label: &str) -> Option<Setting> {
        if let Some(found) = self.multiline_parsers.get(name).cloned().or_else(|| built_in(name)) {
            return Some(found.at(value.origin));
        }
        let known = self.multiline_parsers.keys().map(String::as_str).chain(BUILT_IN.iter().copied());
        let near = closest(name, known).map(str::to_owned);
        let message = format!("{label} names the multiline parser `{name}`, which is not defined");
        let diagnostic = Diagnostic::error(message).at(value.origin);
        self.diagnostics.push(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!(
                "define it in a [MULTILINE_PARSER] section; built in are {}",
                BUILT_IN.join(", ")
            )),
        });
        None
    }
}

const BUILT_IN: &[&str] = &["docker", "cri", "go", "java", "python", "ruby"];

/// The parsers Fluent Bit has without any file, in its own terms.
fn built_in(name: &str) -> Option<Setting> {
    let base = |kind: &str| Setting::map().with("name", name).with("type", kind);
    let by_rules = |rules: &[(&[&str], &str, &str)]| {
        let rules = rules.iter().map(|(states, regex, next)| written_rule(states, regex, next));
        base("regex").with("key_content", "log").with("rules", Setting::list(rules))
    };
    Some(match name {
        "docker" => base("endswith")
            .with("match_string", "\n")
            .with("key_content", "log")
            .with("key_group", "stream")
            .with("parser", line_parser("docker", "json", None, "%Y-%m-%dT%H:%M:%S.%L")),
        "cri" => {
            let regex = r"^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<_p>F|P) (?<log>.*)$";
            base("equal")
                .with("match_string", "F")
                .with("key_content", "log")
                .with("key_pattern", "_p")
                .with("key_group", "stream")
                .with("parser", line_parser("cri", "regex", Some(regex), "%Y-%m-%dT%H:%M:%S.%L%z"))
        }
        "go" => by_rules(GO),
        "java" => by_rules(JAVA),
        "python" => by_rules(PYTHON),
        "ruby" => by_rules(RUBY),
        _ => return None,
    })
}

fn line_parser(name: &str, format: &str, regex: Option<&str>, time_format: &str) -> Setting {
    let parser = Setting::map()
        .with("name", name)
        .with("format", format)
        .with("time_key", "time")
        .with("time_format", time_format)
        .with("time_keep", true);
    match regex {
        Some(regex) => parser.with("regex", regex),
        None => parser,
    }
}

type Rules = &'static [(&'static [&'static str], &'static str, &'static str)];

const GO: Rules = &[
    (&[START], r"\bpanic: ", "after_panic"),
    (&[START], r"http: panic serving", "goroutine"),
    (&["after_panic"], r"^$", "goroutine"),
    (&["after_panic", "after_signal"], r"^\[signal ", "after_signal"),
    (&["after_signal"], r"^$", "goroutine"),
    (&["goroutine"], r"^goroutine \d+ \[[^\]]+\]:$", "frame_a"),
    (&["frame_a"], r"^(?:[^\s.:]+\.)*[^\s.():]+\(|^created by ", "frame_b"),
    (&["frame_b"], r"^\s", "frame_a"),
    (&["frame_a"], r"^$", "goroutine"),
];

const JAVA: Rules = &[
    (
        &[START, "after_exception"],
        r"(?:Exception|Error|Throwable|V8 errors stack trace)[:\r\n]",
        "after_exception",
    ),
    (&["after_exception"], r"^[\t ]*nested exception is:[\t ]*", START),
    (&["after_exception"], r"^[\r\n]*$", "after_exception"),
    (&["after_exception", "frames"], r"^[\t ]+(?:eval )?at ", "frames"),
    (&["after_exception", "frames"], r"^[\t ]+--- End of inner exception stack trace ---$", "frames"),
    (
        &["after_exception", "frames"],
        r"^--- End of stack trace from previous location where exception was thrown ---$",
        "frames",
    ),
    (&["after_exception", "frames"], r"^[\t ]*(?:Caused by|Suppressed):", "after_exception"),
    (&["after_exception", "frames"], r"^[\t ]*\.\.\. \d+ (?:more|common frames omitted)", "frames"),
];

const PYTHON: Rules = &[
    (&[START], r"^Traceback \(most recent call last\):$", "file"),
    (&["file"], r"^[\t ]+File ", "code"),
    (&["code"], r"[^\t ]", "file_or_end"),
    (&["file_or_end"], r"^[\t ]+File ", "code"),
    (&["file_or_end"], r"^(?:[^\s.():]+\.)*[^\s.():]+:", "end"),
];

const RUBY: Rules = &[(&[START], r"^.+:\d+:in .*", "trace"), (&["trace"], r"^\s+from .+:\d+:in .*", "trace")];

#[cfg(test)]
mod tests {
    use config::Node;

    use super::*;

    fn patterns(setting: &Setting) -> Vec<String> {
        match &setting.node {
            Node::Map(entries) => entries
                .iter()
                .flat_map(|(key, value)| match value.as_str() {
                    Some(text) if key.name == "regex" => vec![text.to_owned()],
                    _ => patterns(value),
                })
                .collect(),
            Node::List(items) => items.iter().flat_map(patterns).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn built_in_expressions_compile_and_find_their_start() {
        for name in BUILT_IN {
            for pattern in patterns(&built_in(name).expect("built in")) {
                Pattern::new(&pattern).expect("compiles");
            }
        }
        for (rules, line) in [
            (GO, "panic: my panic"),
            (JAVA, "java.lang.IllegalStateException: no"),
            (PYTHON, "Traceback (most recent call last):"),
            (RUBY, "/app/a.rb:12:in `run': undefined (NoMethodError)"),
        ] {
            assert!(Pattern::new(rules[0].1).expect("compiles").is_match(line.as_bytes()), "{line}");
        }
    }
}
