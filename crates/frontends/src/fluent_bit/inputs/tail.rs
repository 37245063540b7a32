//! `tail` becomes `tail`; what reads and joins its lines becomes steps on its tag.

use config::Setting;

use crate::fluent_bit::common;
use crate::fluent_bit::context::InputStep;
use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, note, own_many, silent, warn};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["tail"], kind: "tail", fields: FIELDS, finish };

const FIELDS: &[Field] = &[
    field("path", "path", To::Commas),
    field("exclude_path", "exclude_path", To::Commas),
    field("key", "key", To::Text),
    field("path_key", "path_key", To::Text),
    field("offset_key", "offset_key", To::Text),
    field("read_from_head", "read_from_head", To::Bool),
    field("refresh_interval", "refresh_interval", To::Time),
    field("rotate_wait", "rotate_wait", To::Time),
    field("ignore_older", "ignore_older", To::Time),
    field("db", "state_file", To::Text),
    silent("db.sync", "the state file is written at once"),
    silent("db.locking", "one process reads the state file"),
    silent("db.journal_mode", "the state file is no database"),
    silent("db.compare_filename", "a file is known by its inode and name"),
    field("buffer_max_size", "max_line_bytes", To::Size),
    silent("buffer_chunk_size", "the buffer grows with the line"),
    field("skip_long_lines", "skip_long_lines", To::Bool),
    field("skip_empty_lines", "skip_empty_lines", To::Bool),
    own_many("parser"),
    own_many("multiline.parser"),
    field("tag_regex", "tag_pattern", To::Pattern),
    field("exit_on_eof", "exit_on_eof", To::Bool),
    silent("inotify_watcher", "files are watched in the way the system has"),
    silent("watcher_interval", "files are watched in the way the system has"),
    silent("static_batch_size", "files take turns"),
    silent("event_batch_size", "files take turns"),
    note("docker_mode", "use `multiline.parser docker`"),
    note("docker_mode_flush", "use `multiline.parser docker`"),
    note("docker_mode_parser", "use `multiline.parser docker`"),
    warn("multiline", "use `multiline.parser` with a [MULTILINE_PARSER]"),
    warn("multiline_flush", "use `multiline.parser` with a [MULTILINE_PARSER]"),
    warn("parser_firstline", "use `multiline.parser` with a [MULTILINE_PARSER]"),
    warn("generic.encoding", "files are read as UTF-8"),
    warn("unicode.encoding", "files are read as UTF-8"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    draft.require("path", "add `Path /var/log/*.log`");
    super::default_tag(draft);
    let multiline = multiline(draft);
    let Some(parser) = parser(draft) else { return draft.cx.input_steps.extend(multiline) };
    if multiline.is_some() {
        let message = format!("`parser` of {} has no effect beside `multiline.parser`", draft.label);
        let help = "put a parser filter behind it to read the joined lines";
        let origin = draft.value("parser").map_or(draft.section.origin, |value| value.origin);
        draft.warn(message, origin, help);
    }
    draft.cx.input_steps.push(multiline.unwrap_or(parser));
}

/// Reads each line: what a parser filter does that keeps the keys the input added.
fn parser(draft: &mut Draft<'_, '_>) -> Option<InputStep> {
    let named = draft.values("parser");
    let label = draft.label.clone();
    let parsers = draft.cx.named_parsers(&named, &label);
    if parsers.is_empty() {
        return None;
    }
    let origin = named.first().map_or(draft.section.origin, |value| value.origin);
    let settings = Setting::map()
        .at(origin)
        .with("key", line_key(draft))
        .with("parsers", Setting::list(parsers))
        .with("reserve_data", true);
    Some(step(draft, "parser", settings))
}

/// Joins lines before anything else sees them.
fn multiline(draft: &mut Draft<'_, '_>) -> Option<InputStep> {
    let label = draft.label.clone();
    let named = draft.values("multiline.parser");
    let mut parsers = Vec::new();
    for value in &named {
        for name in values::commas(&value.text) {
            parsers.extend(draft.cx.multiline_parser(&name, value, &label));
        }
    }
    let origin = named.first().filter(|_| !parsers.is_empty())?.origin;
    one_tag_for_many_files(draft);
    let settings = Setting::map()
        .at(origin)
        .with("mode", "parser")
        .with("key", line_key(draft))
        .with("parsers", Setting::list(parsers));
    Some(step(draft, "multiline", settings))
}

fn step(draft: &Draft<'_, '_>, kind: &'static str, settings: Setting) -> InputStep {
    let tag = draft.settings.get("tag").and_then(Setting::as_str).unwrap_or("*");
    InputStep { id: format!("{}.{kind}", draft.id), kind, settings, matching: common::tagged(&any_file(tag)) }
}

fn line_key(draft: &Draft<'_, '_>) -> Setting {
    draft.settings.get("key").cloned().unwrap_or_else(|| "log".into())
}

/// Lines of one tag are one stream.
fn one_tag_for_many_files(draft: &mut Draft<'_, '_>) {
    let tag = draft.text("tag").unwrap_or_default();
    let several = draft.values("path").iter().any(|value| value.text.contains(['*', '?', '[', ',']));
    if several && any_file(&tag) == tag && !tag.contains('*') {
        let message = format!("{} joins lines of several files under one tag", draft.label);
        let help = "lines of two files may come to stand in one record; write `Tag NAME.*`, which gives each file its own";
        let origin = draft.section.origin;
        draft.warn(message, origin, help);
    }
}

/// The tag of an input as a rule that fits each of its files: `<name>` stands for a part of the path.
fn any_file(tag: &str) -> String {
    let (mut rule, mut rest) = (String::new(), tag);
    while let Some((before, after)) = rest.split_once('<') {
        let Some((_, behind)) = after.split_once('>') else { break };
        rule.push_str(before);
        rule.push('*');
        rest = behind;
    }
    rule + rest
}
