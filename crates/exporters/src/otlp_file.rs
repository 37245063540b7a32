//! Appends what arrives to a file, as OTLP in JSON: one request a line, of every signal.
//!
//! ```yaml
//! otlp_file:
//!   path: /var/log/telemetry.jsonl
//!   rotation: {max_megabytes: 10, max_backups: 3}
//! ```
//!
//! The Collector's receiver `otlpjsonfile` reads such files. Each line is written in one piece: when the disk is full
//! halfway through, the half is taken back and the line tried again. With `rotation`, a file that would grow beyond
//! its size is renamed to its name and the time, in UTC, and a new one begun. Without it a file that is there is
//! emptied first, unless `append` is set. Exporters with the same path share the file.

mod rolling;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{ALL_SIGNALS, BuildContext, ConfigError, Outcome, Payload};
use model::Signal;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::compress::Compression;
use crate::otlp::{self, Encoding, Requests, Target};
use rolling::{Rolling, shared};

/// A line is written once it holds this much.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// When a file is put aside. It grows without end when absent.
    #[serde(default)]
    pub rotation: Option<Rotation>,
    /// Keeps what a file holds when the program starts. With `rotation` that is always so.
    #[serde(default)]
    pub append: bool,
    /// Makes folders that are missing.
    #[serde(default)]
    pub create_directory: bool,
}

/// When a file is put aside, and how long it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// Largest file, in units of 1,048,576 bytes. A longer line has a file for itself.
    pub max_megabytes: u64,
    /// Days that files put aside are kept: 0 is for ever.
    pub max_days: u64,
    /// Files put aside that are kept, the latest: 0 is all.
    pub max_backups: usize,
}

impl Default for Rotation {
    fn default() -> Self {
        Rotation { max_megabytes: 100, max_days: 0, max_backups: 100 }
    }
}

pub struct OtlpFile {
    path: PathBuf,
    create_directory: bool,
    /// Held while writing: payloads of one file may be sent at the same time.
    file: Arc<Mutex<Rolling>>,
}

impl engine::Exporter for OtlpFile {
    const NAME: &'static str = "otlp_file";
    const SIGNALS: &'static [Signal] = ALL_SIGNALS;
    const TAKES_UNREAD: bool = true;
    type Config = Config;
    type Encoder = Requests;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        if config.path.as_os_str().is_empty() {
            return Err(cx.refuse("path", "no file is named", "write `path: /var/log/telemetry.jsonl`"));
        }
        if config.rotation.as_ref().is_some_and(|rotation| rotation.max_megabytes == 0) {
            return Err(cx.refuse("rotation", "`max_megabytes` must be positive", "the default is 100"));
        }
        let (path, create_directory) = (config.path.clone(), config.create_directory);
        Ok(OtlpFile { path, create_directory, file: shared(config) })
    }

    fn encoder(&self) -> Requests {
        Requests::new(Encoding::Json, Compression::None, MAX_BYTES)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let Some(line) = line(payload) else {
            return Outcome::rejected(payload, "the payload cannot be read");
        };
        let file = self.file.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.append(&line, engine::clock::now_nanos())
        });
        match written.await {
            Ok(Ok(())) => Outcome::Sent,
            Ok(Err(error)) => Outcome::retry(self.reason(&error)),
            Err(error) => Outcome::retry(format!("writing `{}` ended early: {error}", self.path.display())),
        }
    }

    fn show(&self, payload: &Payload) -> String {
        format!("append to {}\n{}", self.path.display(), otlp::show(payload))
    }
}

impl OtlpFile {
    fn reason(&self, error: &io::Error) -> String {
        let path = self.path.display();
        match error.kind() {
            io::ErrorKind::NotFound if !self.create_directory => {
                format!(
                    "cannot write `{path}`: its folder does not exist; make it, or set `create_directory: true`"
                )
            }
            _ => format!("cannot write `{path}`: {error}"),
        }
    }
}

/// A payload that another process left may be in protobuf.
fn line(payload: &Payload) -> Option<Vec<u8>> {
    let target = Target::of(&payload.route)?;
    let plain = otlp::plain(payload)?;
    let mut line = match target.encoding {
        Encoding::Json => plain,
        Encoding::Proto => wire::otlp::to_json(target.signal, &plain).ok()?,
    };
    line.push(b'\n');
    Some(line)
}
