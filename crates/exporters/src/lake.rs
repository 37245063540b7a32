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
//!
//! With `publish` whole hours go to a bucket as well, in Hive's folders, which any engine reads without a catalog:
//!
//! ```yaml
//! lake:
//!   path: /var/lib/outrigger
//!   publish: {to: s3://example-lake/telemetry, region: eu-west-1}
//! ```
//!
//! An hour goes up ten minutes after its end. When the program is ended in order, everything goes up that is left, within
//! what the shutdown's time leaves; what does not make it stays in `path` for the next start. `retention` then is about the
//! copies here: what is in the bucket goes first, and queries read the rest from there. `path: s3://example-lake/telemetry`
//! is short for the usual folder and `publish.to`. The role needs `s3:PutObject`, `s3:GetObject`, `s3:ListBucket` and
//! `s3:AbortMultipartUpload`, and `s3:DeleteObject` with `publish.age`.

pub mod objects;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use config::{ByteSize, Interval};
use engine::{ALL_SIGNALS, BuildContext, ConfigError, Outcome, Payload, Sealed};
use lake::{Durability, Lake, LakeError, Rows, Settings};
use model::{Batch, Reason, Signal};
use net::Environment;
use objects::Place;
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
    /// Of the store as a whole: half of it for queries, a quarter for rows that are not in files yet, the rest for joining
    /// files. A query that needs more writes to disk, or says so.
    pub memory: ByteSize,
    /// Longest time that rows stay in memory and the log only.
    pub flush: Interval,
    /// When rows go.
    pub retention: Retention,
    /// The bucket that whole hours go to.
    pub publish: Option<Publish>,
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

/// Where whole hours go.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Bucket and prefix, as `s3://bucket/prefix`. Any number of programs may share them.
    pub to: String,
    /// Region of the bucket; that of the environment, or `us-east-1`, when absent.
    pub region: Option<String>,
    /// Address of an S3 that is not AWS's, or of a VPC endpoint.
    pub endpoint: Option<String>,
    /// Puts the bucket into the path of requests, not into the host. With an `endpoint` it is there unless this is `false`.
    pub path_style: Option<bool>,
    /// Objects older than this are removed, whoever wrote them; never, when absent.
    pub age: Option<Interval>,
    /// Bytes of objects that queries read, kept in the folder so that they are not fetched again.
    #[serde(default = "usual_cache")]
    pub cache: ByteSize,
}

fn usual_cache() -> ByteSize {
    ByteSize::bytes(objects::CACHE)
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
            memory: ByteSize::bytes(8 * settings.memtable_bytes as u64),
            flush: Interval(settings.flush_every),
            retention: Retention::default(),
            publish: None,
        }
    }
}

/// Microseconds since the epoch.
fn now() -> i64 {
    (engine::clock::now_nanos() / 1000) as i64
}

impl Config {
    /// Whether whole hours go to a bucket.
    pub fn publishes(&self) -> bool {
        self.publish.is_some() || self.bucket().is_some()
    }

    /// Of all queries together, in bytes.
    pub fn query_memory(&self) -> usize {
        self.memory.as_usize() / 2
    }

    /// A path that is none, but short for `publish.to`.
    fn bucket(&self) -> Option<&str> {
        self.path.to_str().filter(|path| path.starts_with("s3://"))
    }

    /// What the lake is opened with, else what is wrong and with which setting.
    pub fn settings(&self, environment: &Environment) -> Result<Settings, (&'static str, String)> {
        let (folder, place) = match (self.bucket(), &self.publish) {
            (Some(_), Some(_)) => {
                return Err(("path", "it names a bucket, and so does `publish`".into()));
            }
            (Some(url), None) => {
                let folder = environment.get("OUTRIGGER_DATA").map_or(Config::default().path, PathBuf::from);
                (folder, Some(Place { url: url.into(), ..Place::default() }))
            }
            (None, publish) => (self.path.clone(), publish.as_ref().map(Publish::place)),
        };
        let publish = match &place {
            Some(place) => {
                let key = if self.publish.is_none() { "path" } else { "publish" };
                let remote = objects::remote(place, environment).map_err(|problem| (key, problem))?;
                let cache = self.publish.as_ref().map_or_else(usual_cache, |publish| publish.cache);
                let remote = remote.kept_in(folder.join("cache"), cache.as_usize() as u64);
                let max_age = self.publish.as_ref().and_then(|publish| publish.age).map(|age| age.0);
                Some(lake::Publish { max_age, ..lake::Publish::new(remote) })
            }
            None => None,
        };
        Ok(Settings {
            durability: match self.durability {
                Sync::Synced => Durability::Synced,
                Sync::Relaxed => Durability::Relaxed,
            },
            // Twice this is held: what is filled, and what is being flushed.
            memtable_bytes: self.memory.as_usize() / 8,
            flush_every: self.flush.0,
            max_age: self.retention.age.0,
            max_bytes: self.retention.size.as_usize() as u64,
            publish,
            ..Settings::new(folder, now)
        })
    }
}

impl Publish {
    fn place(&self) -> Place {
        let Publish { to, region, endpoint, path_style, .. } = self.clone();
        Place { url: to, region, endpoint, path_style }
    }
}

pub struct LakeExporter {
    settings: Settings,
    /// Held open from the first payload on.
    lake: OnceLock<Arc<Lake>>,
}

impl engine::Exporter for LakeExporter {
    const NAME: &'static str = "lake";
    const SIGNALS: &'static [Signal] = ALL_SIGNALS;
    type Config = Config;
    type Encoder = Encoder;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        if config.path.as_os_str().is_empty() {
            return Err(cx.refuse("path", "no folder is named", "write `path: /var/lib/outrigger`"));
        }
        let settings = config.settings(&cx.surroundings.environment);
        let help = "write a bucket as `publish: {to: s3://bucket/prefix}`";
        let settings = settings.map_err(|(key, problem)| cx.refuse(key, problem, help))?;
        Ok(LakeExporter { settings, lake: OnceLock::new() })
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
        format!("append to {}\n{}\n", self.settings.folder.display(), rows.join(", "))
    }
}

impl LakeExporter {
    /// The console and other exporters may have opened it.
    async fn lake(&self) -> Result<Arc<Lake>, LakeError> {
        if let Some(lake) = self.lake.get() {
            return Ok(lake.clone());
        }
        let settings = self.settings.clone();
        let opened = tokio::task::spawn_blocking(move || Lake::shared(settings)).await;
        let opened = opened.map_err(|_| LakeError::Closed)??;
        Ok(self.lake.get_or_init(|| opened).clone())
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
