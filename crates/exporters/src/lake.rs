//! Keeps what arrives in the embedded lake, where queries and the console find it at once.
//!
//! ```yaml
//! lake:
//!   path: /var/lib/outrigger
//!   retention: {age: 3d, size: 20GiB}
//! ```
//!
//! Logs, spans and metrics become rows of Arrow tables. A payload counts as delivered once the lake's log has it, on
//! the disk unless `durability` says otherwise; queries see it then. Rows go from memory to Parquet files, which other
//! programs can read: `path/logs`, `path/spans` and so on. A payload that comes twice, as after a crash, is kept once.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use config::{ByteSize, Interval};
use engine::{ALL_SIGNALS, BuildContext, ConfigError, Outcome, Payload, Sealed};
use lake::{Durability, Lake, LakeError, Rows, Settings};
use model::{Batch, Reason, Signal};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::random;

/// A payload is sealed at this size, whatever time it is.
const MAX_BYTES: usize = 4 << 20;

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder; made where it is missing. One process writes it.
    pub path: PathBuf,
    /// When a payload counts as delivered.
    pub durability: Sync,
    /// Rows in memory before they become files. Twice this is held at most.
    pub memory: ByteSize,
    /// Longest time that rows stay in memory and the log only.
    pub flush: Interval,
    /// When rows go.
    pub retention: Retention,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    /// Once it is on the disk: the end of the machine loses nothing.
    #[default]
    Synced,
    /// Once it is written: the end of the process loses nothing.
    Relaxed,
}

/// The oldest rows go first, in whole files.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    pub age: Interval,
    /// Of all files together.
    pub size: ByteSize,
}

impl Default for Retention {
    fn default() -> Self {
        let settings = Settings::new("", now);
        Retention { age: Interval(settings.max_age), size: ByteSize::bytes(settings.max_bytes) }
    }
}

impl Default for Config {
    fn default() -> Self {
        let settings = Settings::new("", now);
        Config {
            path: "outrigger-data".into(),
            durability: Sync::default(),
            memory: ByteSize::bytes(settings.memtable_bytes as u64),
            flush: Interval(settings.flush_every),
            retention: Retention::default(),
        }
    }
}

/// Microseconds since the epoch.
fn now() -> i64 {
    (engine::clock::now_nanos() / 1000) as i64
}

impl Config {
    /// What the lake is opened with.
    pub fn settings(&self) -> Settings {
        Settings {
            durability: match self.durability {
                Sync::Synced => Durability::Synced,
                Sync::Relaxed => Durability::Relaxed,
            },
            memtable_bytes: self.memory.as_usize(),
            flush_every: self.flush.0,
            max_age: self.retention.age.0,
            max_bytes: self.retention.size.as_usize() as u64,
            ..Settings::new(self.path.clone(), now)
        }
    }
}

pub struct LakeExporter(Settings);

impl engine::Exporter for LakeExporter {
    const NAME: &'static str = "lake";
    const SIGNALS: &'static [Signal] = ALL_SIGNALS;
    type Config = Config;
    type Encoder = Encoder;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        if config.path.as_os_str().is_empty() {
            return Err(cx.refuse("path", "no folder is named", "write `path: /var/lib/outrigger`"));
        }
        Ok(LakeExporter(config.settings()))
    }

    fn encoder(&self) -> Encoder {
        Encoder { rows: Rows::default(), route: "".into() }
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let appended = match (self.lake().await, payload.wire()) {
            (Ok(lake), Ok(body)) => lake.append(body).await,
            (Err(error), _) => Err(error),
            (_, Err(error)) => Err(LakeError::Payload(error.to_string())),
        };
        match appended {
            Ok(()) => Outcome::Sent,
            Err(error @ LakeError::Payload(_)) => Outcome::rejected(payload, error.to_string()),
            Err(error) => Outcome::retry(told(&error)),
        }
    }

    fn show(&self, payload: &Payload) -> String {
        let tables = lake::decode(&payload.wire().unwrap_or_default()).unwrap_or_default();
        let rows: Vec<_> = tables
            .iter()
            .map(|(table, rows)| format!("{} rows of {}", rows.num_rows(), table.name()))
            .collect();
        format!("append to {}\n{}\n", self.0.folder.display(), rows.join(", "))
    }
}

impl LakeExporter {
    /// The console and other exporters may have opened it.
    async fn lake(&self) -> Result<Arc<Lake>, LakeError> {
        if let Some(lake) = Lake::opened(&self.0.folder) {
            return Ok(lake);
        }
        let settings = self.0.clone();
        tokio::task::spawn_blocking(move || Lake::shared(settings)).await.map_err(|_| LakeError::Closed)?
    }
}

/// The error and what it comes from.
fn told(error: &LakeError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// A payload's own for ever, also after the engine's disk queue has given it back.
fn id() -> [u8; 16] {
    (u128::from(random::bits()) << 64 | u128::from(random::bits())).to_be_bytes()
}

pub struct Encoder {
    rows: Rows,
    route: Arc<str>,
}

impl engine::Encoder for Encoder {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        self.rows.push(batch, engine::clock::now_nanos());
        if self.rows.bytes() >= MAX_BYTES {
            engine::Encoder::seal(self, out);
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        let (records, bytes) = (self.rows.records(), self.rows.bytes() as u64);
        if records == 0 {
            return;
        }
        match self.rows.seal(id()) {
            Ok(body) => out.push(Payload::new(Bytes::from(body), self.route.clone(), records, bytes)),
            Err(error) => {
                tracing::error!(%error, records, "bug: rows do not fit their table");
                out.discard(Reason::Malformed, records);
            }
        }
    }
}
