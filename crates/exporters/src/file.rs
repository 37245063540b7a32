//! Appends records to files.
//!
//! The file is `path` and `file`, or `path` and the tag. Each payload is appended in one piece: when the disk is
//! full halfway through, the half is taken back and the payload tried again, so no line is torn. Files are never
//! rotated, truncated or deleted here.
//!
//! ```yaml
//! file:
//!   path: /var/log/app
//!   file: $TAG[1].log
//!   format: plain
//!   mkdir: true
//! ```
//!
//! `file` may hold `$TAG` and its parts, `$TAG[0]` and so on. A `/` that comes out of a tag becomes `_`, so that
//! whoever chooses tags does not choose folders.

mod format;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{BuildContext, ConfigError, Outcome, Payload, Sealed};
use model::{Arena, Batch, Tag, Template, TemplateScope, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use format::Writer;

/// A payload is appended at this size, whatever time it is.
const MAX_BYTES: usize = 1 << 20;

/// Files with unwritten records at once; with more than this the oldest is written early.
const MAX_OPEN: usize = 64;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the files. The working directory when absent.
    pub path: Option<PathBuf>,
    /// Name of the file. The tag when absent.
    pub file: Option<String>,
    /// Makes folders that are missing.
    pub mkdir: bool,
    /// How records are written.
    pub format: Format,
    /// Between two fields: `,` for `csv` and a tab for `ltsv` when absent.
    pub delimiter: Option<String>,
    /// Between label and value of `ltsv`: `:` when absent.
    pub label_delimiter: Option<String>,
    /// One line of the format `template`, with fields in braces: `{time} {message}` when absent.
    pub template: Option<String>,
    /// Writes a line of column names before each record of `csv`.
    pub csv_column_names: bool,
}

/// How records are written, one a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `tag: [1718000000.250000000, {"log":"text"}]`
    #[default]
    Json,
    /// The record as a JSON object.
    Plain,
    /// Time and values.
    Csv,
    /// Time, labels and values.
    Ltsv,
    /// What `template` says.
    Template,
}

pub struct FileExporter {
    config: Config,
    name: Option<Template>,
    /// Held while writing: payloads of one file may be sent at the same time.
    writing: Arc<Mutex<()>>,
}

impl engine::Exporter for FileExporter {
    const NAME: &'static str = "file";
    type Config = Config;
    type Encoder = Encoder;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let name = match config.file.as_deref().map(Template::parse) {
            None => None,
            Some(Ok(name)) if !name.depends_on_record() => Some(name),
            Some(Ok(_)) => {
                let help = "use `$TAG` or its parts; `rewrite_tag` can put a field into the tag";
                return Err(cx.refuse("file", "a file name must not depend on a record", help));
            }
            Some(Err(error)) => {
                return Err(cx.refuse("file", error.to_string(), "write a name such as `$TAG.log`"));
            }
        };
        Ok(FileExporter { config, name, writing: Arc::default() })
    }

    fn encoder(&self) -> Encoder {
        Encoder {
            writer: Writer::new(&self.config),
            folder: self.config.path.clone().unwrap_or_default(),
            name: self.name.clone(),
            open: Vec::new(),
        }
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let bytes = match payload.wire() {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        let (route, mkdir, writing) = (payload.route.clone(), self.config.mkdir, self.writing.clone());
        let appended = tokio::task::spawn_blocking(move || {
            let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
            append(Path::new(&*route), &bytes, mkdir)
        });
        match appended.await {
            Ok(Ok(())) => Outcome::Sent,
            Ok(Err(error)) => Outcome::retry(reason(&payload.route, &error, mkdir)),
            Err(error) => Outcome::retry(format!("writing `{}` ended early: {error}", payload.route)),
        }
    }
}

fn reason(path: &str, error: &io::Error, mkdir: bool) -> String {
    match error.kind() {
        io::ErrorKind::NotFound if !mkdir => {
            format!("cannot write `{path}`: its folder does not exist; make it, or set `mkdir: true`")
        }
        _ => format!("cannot write `{path}`: {error}"),
    }
}

/// Appends all or nothing.
fn append(path: &Path, bytes: &[u8], mkdir: bool) -> io::Result<()> {
    let mut file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && mkdir => {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            open(path)?
        }
        opened => opened?,
    };
    // A pipe or a device has no length to go back to.
    let before = file.metadata().ok().filter(|about| about.is_file()).map(|about| about.len());
    file.write_all(bytes).inspect_err(|_| {
        if let Some(before) = before {
            let _ = file.set_len(before);
        }
    })
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

pub struct Encoder {
    writer: Writer,
    folder: PathBuf,
    name: Option<Template>,
    open: Vec<Open>,
}

struct Open {
    tag: Tag,
    path: Arc<str>,
    out: Vec<u8>,
    records: u64,
}

impl Encoder {
    /// The place of the file for a tag, opened where there is none.
    fn open(&mut self, tag: &Tag, out: &mut Sealed) -> usize {
        if let Some(place) = self.open.iter().position(|open| open.tag == *tag) {
            return place;
        }
        let name = file_name(self.name.as_ref(), tag);
        let path: Arc<str> = self.folder.join(name).to_string_lossy().into();
        if let Some(place) = self.open.iter().position(|open| open.path == path) {
            self.open[place].tag = tag.clone();
            return place;
        }
        if self.open.len() == MAX_OPEN {
            self.open.remove(0).seal(out);
        }
        self.open.push(Open { tag: tag.clone(), path, out: Vec::new(), records: 0 });
        self.open.len() - 1
    }
}

impl engine::Encoder for Encoder {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        if batch.is_empty() {
            return;
        }
        let place = self.open(&batch.tag, out);
        let open = &mut self.open[place];
        for record in &batch.logs {
            self.writer.write(&batch.arena, &batch.tag, record, &mut open.out);
            open.records += 1;
            if open.out.len() >= MAX_BYTES {
                open.seal(out);
            }
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        self.open.drain(..).for_each(|mut open| open.seal(out));
    }
}

impl Open {
    fn seal(&mut self, out: &mut Sealed) {
        if self.records > 0 {
            let text = std::mem::take(&mut self.out);
            let bytes = text.len() as u64;
            out.push(Payload::new(text, self.path.clone(), self.records, bytes));
            self.records = 0;
        }
    }
}

/// One name, whatever the tag holds.
fn file_name(template: Option<&Template>, tag: &str) -> String {
    let safe = tag.replace(['/', '\0'], "_");
    let name = match template {
        None => safe,
        Some(template) => {
            let (arena, mut out) = (Arena::default(), Vec::new());
            let scope = TemplateScope { arena: &arena, body: Value::Null, tag: &safe, captures: &[] };
            template.render(&scope, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
    };
    match name.as_str() {
        "" | "." | ".." => "_".into(),
        _ => name,
    }
}
