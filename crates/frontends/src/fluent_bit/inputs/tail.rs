//! `tail` becomes `tail`.

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
    let label = draft.label.clone();
    let named = draft.values("parser");
    for parser in draft.cx.named_parsers(&named, &label) {
        draft.append("parsers", parser.origin.unwrap_or(draft.section.origin), parser);
    }
    for value in draft.values("multiline.parser") {
        for name in values::commas(&value.text) {
            if let Some(parser) = draft.cx.multiline_parser(&name, &value, &label) {
                draft.append("multiline", value.origin, parser);
            }
        }
    }
}
