//! The receiver `file_log`: our `tail`, and steps that make of its lines what the Collector makes of them.
//!
//! Files are known by device and inode rather than by their first bytes. Operators are passed on as they are
//! written: the processor of that name reads them, and says what is wrong with them where they stand.

use std::time::Duration;

use config::{ByteSize, Node, Setting};
use serde::Deserialize;

use super::draft::Draft;
use super::extensions::Extension;
use super::receivers::Receiver;
use super::values::GoDuration;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    include: Vec<String>,
    exclude: Vec<String>,
    start_at: StartAt,
    poll_interval: Option<GoDuration>,
    include_file_name: Option<bool>,
    include_file_path: bool,
    include_file_record_offset: bool,
    max_log_size: Option<ByteSize>,
    force_flush_period: Option<GoDuration>,
    preserve_leading_whitespaces: bool,
    preserve_trailing_whitespaces: bool,
    exclude_older_than: Option<GoDuration>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StartAt {
    Beginning,
    #[default]
    End,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Multiline {
    line_start_pattern: Option<String>,
    line_end_pattern: Option<String>,
    omit_pattern: bool,
}

/// Keys that ask for something that is not there, unless they are off, and what helps.
const ABSENT: [(&str, &str); 10] = [
    ("header", "read the head of the file with an operator"),
    ("delete_after_read", "remove files with what rotates them"),
    ("ordering_criteria", "every file is read as it grows; name them in `include`"),
    ("include_file_name_resolved", "set `include_file_name`"),
    ("include_file_path_resolved", "set `include_file_path`"),
    ("include_file_owner_name", "remove the key"),
    ("include_file_owner_group_name", "remove the key"),
    ("include_file_record_number", "set `include_file_record_offset`"),
    ("acquire_fs_lock", "remove the key"),
    ("compression", "files are read as text; unpack them first"),
];

/// Keys that change nothing here, and why.
const IDLE: [(&str, &str); 9] = [
    ("fingerprint_size", "files are known by device and inode"),
    ("initial_buffer_size", "buffers grow as they must"),
    ("max_concurrent_files", "all files are read in turn"),
    ("max_batches", "all files are read in turn"),
    ("file_cache_advise", "the kernel decides what it keeps"),
    ("on_truncate", "a file that was truncated is read again from its start"),
    ("polls_to_archive", "files are remembered while they are there"),
    ("retry_on_failure", "reading waits while a queue is full, and goes on where it was"),
    ("max_log_size_behavior", "a longer line is split"),
];

pub(super) fn lower(mut draft: Draft<'_>) -> Option<Receiver> {
    what_is_not_there(&mut draft);
    let key = |draft: &Draft<'_>, name: &str| draft.declared.setting.get(name).cloned().unwrap_or_default();
    let include = key(&draft, "include");
    let config = draft.group::<Config>();
    if config.include.is_empty() {
        draft.error_at(
            &include,
            "required argument `include` is empty",
            "write `include: [/var/log/app/*.log]`",
        );
    }
    let multiline = multiline(&mut draft, config.force_flush_period);
    let operators = operators(&mut draft, config.include_file_path);
    let state_file = state_file(&mut draft);
    let mut first = Vec::new();
    let lines = Setting::map()
        .with("tag", false)
        .with("trim_start", !config.preserve_leading_whitespaces)
        .with("trim_end", !config.preserve_trailing_whitespaces)
        .with("skip_empty", true);
    let is_joined = multiline.is_some();
    first.extend(multiline.map(|settings| ("multiline", settings)));
    first.push(("fluent_record", lines));
    first.extend(operators.map(|settings| ("operators", settings)));
    let mut settings = tail(config, !is_joined);
    if let Some(state_file) = state_file {
        settings.set("state_file", state_file);
    }
    Some(Receiver { kind: "tail", settings: draft.finish(settings)?, first })
}

fn tail(config: Config, skip_empty: bool) -> Setting {
    let poll = config.poll_interval.map_or(Duration::from_millis(200), |interval| interval.0);
    let patterns =
        |patterns: &[String]| Setting::list(patterns.iter().flat_map(|pattern| alternatives(pattern)));
    let mut settings = Setting::map()
        .with("path", patterns(&config.include))
        // Lines of one file belong together, and the tag tells files apart.
        .with("tag", "*")
        .with("use_attributes", true)
        .with("read_from_head", config.start_at == StartAt::Beginning)
        .with("poll_interval", milliseconds(poll))
        // Looking through folders costs more than looking at files.
        .with("refresh_interval", milliseconds(poll.max(Duration::from_secs(1))))
        .with("max_line_bytes", config.max_log_size.unwrap_or(ByteSize::mib(1)).get() as i64)
        .with("skip_empty_lines", skip_empty);
    if !config.exclude.is_empty() {
        settings.set("exclude", patterns(&config.exclude));
    }
    for (name, key, wanted) in [
        ("name_key", "log.file.name", config.include_file_name != Some(false)),
        ("path_key", "log.file.path", config.include_file_path),
        ("offset_key", "log.file.record_offset", config.include_file_record_offset),
    ] {
        if wanted {
            settings.set(name, key);
        }
    }
    if let Some(age) = config.exclude_older_than {
        settings.set("ignore_older", milliseconds(age.0));
    }
    settings
}

fn milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis().max(1))
}

/// A pattern with `{a,b}` is one for each.
fn alternatives(pattern: &str) -> Vec<String> {
    let whole = || vec![pattern.to_owned()];
    let Some((start, rest)) = pattern.split_once('{') else { return whole() };
    let Some((inside, end)) = rest.split_once('}') else { return whole() };
    inside.split(',').flat_map(|one| alternatives(&format!("{start}{one}{end}"))).collect()
}

fn what_is_not_there(draft: &mut Draft<'_>) {
    for (name, help) in ABSENT {
        let Some(value) = draft.take(name) else { continue };
        let is_off = matches!(&value.node, Node::Null | Node::Bool(false))
            || value.as_str().is_some_and(str::is_empty);
        if !is_off {
            draft.error_at(&value, format!("`{name}` is not part of this program"), help);
        }
    }
    for (name, why) in IDLE {
        let Some(value) = draft.take(name) else { continue };
        if name == "max_log_size_behavior" && value.as_str() == Some("truncate") {
            draft.error_at(&value, "`max_log_size_behavior`: a long line is not cut off", "write `split`");
        } else {
            draft.note(format!("`{name}` changes nothing here: {why}"));
        }
    }
    if let Some(encoding) = draft.take("encoding") {
        let name = encoding.as_str().unwrap_or_default().to_ascii_lowercase();
        if !["", "utf-8", "utf8", "utf8-raw", "ascii", "us-ascii"].contains(&name.as_str()) {
            let message = format!("`encoding`: text in `{name}` is not read");
            draft.error_at(&encoding, message, "utf-8 is; have the application write it");
        }
    }
}

fn multiline(draft: &mut Draft<'_>, flush: Option<GoDuration>) -> Option<Setting> {
    let written = draft.take("multiline").filter(|written| written.node != Node::Null)?;
    let config: Multiline =
        config::decode(&written, &draft.label, &mut draft.cx.diagnostics).or_else(|| {
            draft.error_at(
                &written,
                "`multiline` cannot be used",
                "write `line_start_pattern` or `line_end_pattern`",
            );
            None
        })?;
    if config.omit_pattern {
        draft.error_at(&written, "`multiline`: `omit_pattern` is not part of this program", "remove the key");
    }
    let set = |pattern: Option<String>| pattern.filter(|pattern| !pattern.is_empty());
    let (kind, pattern) = match (set(config.line_start_pattern), set(config.line_end_pattern)) {
        (Some(start), None) => ("first", start),
        (None, Some(end)) => ("last", end),
        (None, None) => return None,
        _ => {
            let message = "`multiline`: only one of line_start_pattern or line_end_pattern can be set";
            draft.error_at(&written, message, "remove one of them");
            return None;
        }
    };
    // Zero is for ever, upstream.
    let wait = match flush.map(|flush| flush.0) {
        None => Duration::from_millis(500),
        Some(Duration::ZERO) => Duration::from_secs(86_400),
        Some(wait) => wait,
    };
    let parser = Setting::map()
        .with("name", "file_log")
        .with("type", kind)
        .with("pattern", Setting::from(pattern).at(written.origin));
    let settings = Setting::map()
        .with("mode", "parser")
        .with("key", "log")
        .with("flush_after", milliseconds(wait))
        .with("parsers", Setting::list([parser]).at(written.origin));
    Some(settings.at(written.origin))
}

/// The operators, after those that `attributes` and `resource` stand for.
fn operators(draft: &mut Draft<'_>, has_path: bool) -> Option<Setting> {
    let mut operators = Vec::new();
    for name in ["attributes", "resource"] {
        let given = draft.take(name).unwrap_or_default();
        for (key, value) in given.entries() {
            let quote = if key.name.contains('"') { '\'' } else { '"' };
            let add = Setting::map()
                .with("id", format!("{name} {}", key.name))
                .with("type", "add")
                .with("field", format!("{name}[{quote}{}{quote}]", key.name))
                .with("value", value.clone());
            operators.push(add.at(key.origin));
        }
    }
    let written = draft.take("operators").unwrap_or_default();
    for operator in written.items() {
        let is_off = |value: &Setting| value.node == Node::Bool(false);
        let wants_path = operator.get("type").and_then(Setting::as_str) == Some("container")
            && !operator.get("add_metadata_from_filepath").is_some_and(is_off);
        if wants_path && !has_path {
            draft.note("the operator `container` tells pods by their path: set `include_file_path: true`");
        }
    }
    operators.extend(written.items().iter().cloned());
    let origin = written.origin;
    (!operators.is_empty())
        .then(|| Setting::map().with("operators", Setting::list(operators).at(origin)).at(origin))
}

/// Where to remember how far files were read: a file in the folder of the extension that `storage` names.
fn state_file(draft: &mut Draft<'_>) -> Option<String> {
    let storage = draft.take("storage")?;
    let name = storage.as_str().unwrap_or_default().to_owned();
    let found = draft.cx.extensions.iter().find(|(id, _)| id.text == name);
    match found.map(|(_, extension)| extension) {
        Some(Extension::Storage(folder)) => {
            let id = draft.declared.id.text.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
            Some(format!("{}/receiver_{id}.json", folder.trim_end_matches('/')))
        }
        Some(_) => {
            draft.error_at(&storage, format!("extension \"{name}\" stores nothing"), "name a `file_storage`");
            None
        }
        None => {
            let message = format!("references extension \"{name}\" which is not configured");
            let help = "define it below `extensions` and name it in `service.extensions`";
            draft.error_at(&storage, message, help);
            None
        }
    }
}
