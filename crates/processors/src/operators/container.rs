//! `container`: lines as Docker, containerd and CRI-O write them to a node's disk.
//!
//! The runtime cuts long lines; of containerd's and CRI-O's marks, `P` says that a line goes on and `F` that it ends.
//! Kubernetes names the pod in the file's path.

use std::time::Duration;

use config::ByteSize;
use jiff::Timestamp;
use model::{Batch, Span, Value};
use serde::Deserialize;
use tokio::time::Instant;

use super::build::Refusal;
use super::entry::Entry;
use super::field::{Field, Root};
use super::group::{Group, Groups};
use super::severity::{self, SeverityParser};
use super::{Flow, Operator};
use crate::fields::text_span;

/// How long a piece waits for the next.
const WAIT: Duration = Duration::from_secs(5);
/// Lines that may be open at once.
const MAX_OPEN: usize = 1000;

#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    format: Format,
    #[serde(default = "yes")]
    add_metadata_from_filepath: bool,
    #[serde(default = "one_mib")]
    max_log_size: ByteSize,
    parse_from: Option<Field>,
    parse_to: Option<Field>,
    severity: Option<severity::Config>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    #[serde(rename = "")]
    Detected,
    Docker,
    Containerd,
    Crio,
}

fn yes() -> bool {
    true
}

fn one_mib() -> ByteSize {
    ByteSize::mib(1)
}

pub(super) struct Container {
    format: Format,
    from: Field,
    path: Option<Field>,
    max_bytes: usize,
    severity: Option<SeverityParser>,
    groups: Groups,
}

/// What a line is made of.
struct Line {
    time: u64,
    stream: Span,
    /// `F`, `P`, or nothing where it is Docker's.
    mark: Option<Span>,
    text: Span,
    /// What else Docker wrote.
    others: Vec<(Span, Value)>,
}

impl Container {
    pub fn new(config: Config) -> Result<Container, Refusal> {
        if config.parse_to.is_some_and(|to| to != Field::attributes()) {
            return Err(("`parse_to` can only be `attributes`".into(), "use `move` behind it"));
        }
        Ok(Container {
            format: config.format,
            from: config.parse_from.unwrap_or_else(Field::body),
            path: config.add_metadata_from_filepath.then(|| Field::attribute("log.file.path")),
            max_bytes: config.max_log_size.as_usize(),
            severity: config.severity.map(SeverityParser::new).transpose()?,
            groups: Groups::new(Field::body(), WAIT, MAX_OPEN),
        })
    }

    fn line(&self, batch: &mut Batch, text: Span) -> Result<Line, String> {
        let is_docker = match self.format {
            Format::Detected => batch.arena.bytes(text).trim_ascii_start().starts_with(b"{"),
            format => format == Format::Docker,
        };
        if is_docker { docker(batch, text) } else { cri(batch, text) }
    }

    /// Puts what the path tells on the resource.
    fn add_pod(&self, batch: &mut Batch, entry: &mut Entry) -> Result<(), String> {
        let Some(field) = &self.path else { return Ok(()) };
        let path = field.text(batch, entry).map_err(|why| format!("{why}; set `include_file_path: true`"))?;
        let path = String::from_utf8_lossy(batch.arena.bytes(path)).into_owned();
        let pod = pod(&path).ok_or_else(|| format!("`{path}` is no path of a pod's log"))?;
        let Value::Map(mut list) = entry.root_to_change(batch, Root::Resource) else { return Ok(()) };
        for (name, value) in pod {
            let value = Value::Str(batch.arena.store(value.as_bytes()));
            batch.arena.set(&mut list, name.as_bytes(), value);
        }
        entry.set_root(Root::Resource, Value::Map(list));
        Ok(())
    }

    /// Joins it with the pieces before it, or holds it for those to come.
    fn join(&mut self, batch: &mut Batch, entry: &Entry, line: &Line) -> Option<Flow> {
        let is_piece = line.mark.is_some_and(|mark| batch.arena.bytes(mark).starts_with(b"P"));
        let source = source(batch, entry, line);
        let open = self.groups.open(&source);
        if !is_piece && open.is_none() {
            return None;
        }
        let text = batch.arena.bytes(line.text).to_vec();
        let mut released = Vec::new();
        let size = match open {
            Some(group) => {
                group.add(batch, entry, b"", &text, true);
                group.text.len()
            }
            None => {
                released = self.groups.begin(Group::new(batch, entry, &source, &text));
                text.len()
            }
        };
        if !is_piece || (self.max_bytes > 0 && size > self.max_bytes) {
            released.extend(self.groups.close(&source));
        }
        Some(Flow::Held(released))
    }
}

/// The file and the stream.
fn source(batch: &Batch, entry: &Entry, line: &Line) -> Vec<u8> {
    let path = batch.arena.get(entry.record.attributes, b"log.file.path");
    let path = path.and_then(|path| batch.arena.text(path));
    let mut source = path.map_or_else(|| batch.tag.as_bytes().to_vec(), |path| path.into_owned());
    source.push(0);
    source.extend_from_slice(batch.arena.bytes(line.stream));
    source
}

impl Operator for Container {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let text = self.from.text(batch, entry)?;
        let line = self.line(batch, text)?;
        entry.record.time = line.time;
        entry.record.body = Value::Str(line.text);
        let mut attributes = entry.record.attributes;
        for (key, value) in &line.others {
            let key = batch.arena.bytes(*key).to_vec();
            batch.arena.set(&mut attributes, &key, *value);
        }
        if let Some(mark) = line.mark {
            batch.arena.set(&mut attributes, b"logtag", Value::Str(mark));
        }
        batch.arena.set(&mut attributes, b"log.iostream", Value::Str(line.stream));
        entry.record.attributes = attributes;
        let added = self.add_pod(batch, entry);
        if let Some(severity) = &mut self.severity {
            severity.apply(batch, entry)?;
        }
        // A piece is joined whatever is known of its pod.
        match self.join(batch, entry, &line) {
            Some(flow) => Ok(flow),
            None => added.map(|()| Flow::On),
        }
    }

    fn held(&self) -> usize {
        self.groups.len()
    }

    fn release(&mut self, late: Option<Instant>) -> Vec<Batch> {
        self.groups.release(late)
    }
}

fn nanos(text: &[u8]) -> Option<u64> {
    let time: Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// `{"log":"…\n","stream":"stdout","time":"…"}`.
fn docker(batch: &mut Batch, text: Span) -> Result<Line, String> {
    let arena = &mut batch.arena;
    let list =
        arena.parse_object(text).map_err(|place| format!("it is no JSON object, from byte {place} on"))?;
    let entries: Vec<(Span, Value)> = arena.iter(list).map(|(_, node)| (node.key, node.value)).collect();
    let (mut log, mut stream, mut time, mut others) = (None, None, None, Vec::new());
    for (key, value) in entries {
        let place = match arena.bytes(key) {
            b"log" => &mut log,
            b"stream" => &mut stream,
            b"time" => &mut time,
            _ => {
                others.push((key, value));
                continue;
            }
        };
        *place = text_span(arena, value);
    }
    let missing = |name: &str| format!("it has no `{name}`, as Docker's lines have");
    let mut log = log.ok_or_else(|| missing("log"))?;
    if arena.bytes(log).ends_with(b"\n") {
        log = log.part(0, log.len() - 1);
    }
    let time = time.and_then(|time| nanos(arena.bytes(time))).ok_or_else(|| missing("time"))?;
    Ok(Line { time, stream: stream.ok_or_else(|| missing("stream"))?, mark: None, text: log, others })
}

/// `<time> stdout F <text>`.
fn cri(batch: &mut Batch, text: Span) -> Result<Line, String> {
    let bytes = batch.arena.bytes(text);
    let mut at = 0;
    let mut word = || {
        let end = bytes[at..].iter().position(|byte| *byte == b' ').map_or(bytes.len(), |len| at + len);
        let word = (at, end);
        at = (end + 1).min(bytes.len());
        word
    };
    let (time, stream, mark) = (word(), word(), word());
    let time = nanos(&bytes[..time.1]);
    let is_stream = matches!(&bytes[stream.0..stream.1], b"stdout" | b"stderr");
    let (Some(time), true, true) = (time, is_stream, mark.0 < mark.1) else {
        return Err("it is no line of Docker, containerd or CRI-O".to_owned());
    };
    Ok(Line {
        time,
        stream: text.part(stream.0, stream.1),
        mark: Some(text.part(mark.0, mark.1)),
        text: text.part(at, bytes.len()),
        others: Vec::new(),
    })
}

/// What `…/<namespace>_<pod>_<uid>/<container>/<restarts>.log` tells; a rotated file has more behind `.log`.
fn pod(path: &str) -> Option<[(&'static str, &str); 5]> {
    let mut parts = path.rsplit(['/', '\\']);
    let (file, container, pod) = (parts.next()?, parts.next()?, parts.next()?);
    let (restarts, rest) = file.split_once(".log")?;
    let is_count = !restarts.is_empty() && restarts.bytes().all(|byte| byte.is_ascii_digit());
    let mut names = pod.split('_');
    let (namespace, name, uid) = (names.next()?, names.next()?, names.next()?);
    let is_uid = uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let fits = is_count && is_uid && names.next().is_none() && (rest.is_empty() || rest.starts_with('.'));
    let whole = [namespace, name, uid, container].iter().all(|part| !part.is_empty());
    (fits && whole).then_some([
        ("k8s.namespace.name", namespace),
        ("k8s.pod.name", name),
        ("k8s.pod.uid", uid),
        ("k8s.container.name", container),
        ("k8s.container.restart_count", restarts),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_pod() {
        let uid = "49cc7c1f-d370-2c40-b268-6ea7486091d6";
        for (path, expected) in [
            (format!("/var/log/pods/shop_web-0_{uid}/app/1.log"), Some(["shop", "web-0", uid, "app", "1"])),
            (format!("shop_web-0_{uid}/app/0.log.20240101-000000"), Some(["shop", "web-0", uid, "app", "0"])),
            (format!("C:\\pods\\shop_web-0_{uid}\\app\\12.log"), Some(["shop", "web-0", uid, "app", "12"])),
            (format!("/var/log/pods/shop_web-0_{uid}/app/x.log"), None),
            (format!("/var/log/pods/shop_web_0_{uid}/app/0.log"), None),
            ("/var/log/pods/shop_web-0_xyz/app/0.log".to_owned(), None),
            ("/var/log/app.log".to_owned(), None),
        ] {
            let found = pod(&path).map(|pod| pod.map(|(_, value)| value));
            assert_eq!(found, expected, "{path}");
        }
    }
}
