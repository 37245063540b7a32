//! Reads log files as they grow.
//!
//! ```yaml
//! tail:
//!   path: [/var/log/nginx/*.log]
//!   tag: nginx.*
//!   state_file: /var/lib/outrigger/nginx.json
//! ```
//!
//! Each line becomes `{"log": "..."}` with the time it was read. Files may be rotated by renaming or by truncation:
//! a renamed file is read to its end. With a `state_file`, reading goes on after a restart where it stopped; a line
//! may then come twice, but none is passed over. Parsing lines and joining them is the work of the `parser` and
//! `multiline` processors.

mod glob;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use config::{ByteSize, Interval, Pattern};
use engine::outlet::Phase;
use engine::{BuildContext, ConfigError, Fault, Outlet, Receiver, Stop};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tracing::warn;

use watch::{Round, Watch};

/// Between writes of the state file.
const SAVE: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Files to read, with `*`, `?` and `[abc]`; `**` stands for any number of folders.
    pub path: Vec<String>,
    /// Files to leave out; here `*` also stands for slashes.
    #[serde(default)]
    pub exclude_path: Vec<String>,
    /// Files to leave out, by patterns that are read as those of `path`.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Tag of the records. `*` becomes the path with dots for slashes, `<name>` a group of `tag_pattern`.
    pub tag: String,
    /// Expression with named groups that is matched with the path, for `tag`.
    #[serde(default)]
    pub tag_pattern: Option<Pattern>,
    /// Key of the line.
    #[serde(default = "log")]
    pub key: String,
    /// Key under which a record gets the path of its file.
    #[serde(default)]
    pub path_key: Option<String>,
    /// Key under which a record gets the name of its file, without its folder.
    #[serde(default)]
    pub name_key: Option<String>,
    /// Key under which a record gets the place of its line in the file, in bytes.
    #[serde(default)]
    pub offset_key: Option<String>,
    /// Put path, name and place into the record's attributes rather than beside the line.
    #[serde(default)]
    pub use_attributes: bool,
    /// Read files that are there at the start from their beginning. Those that appear later always are.
    #[serde(default)]
    pub read_from_head: bool,
    /// Between looks at files that did not grow.
    #[serde(default = "quarter_of_a_second")]
    pub poll_interval: Interval,
    /// Between looks for new files.
    #[serde(default = "five_seconds")]
    pub refresh_interval: Interval,
    /// How long a renamed or removed file is still read.
    #[serde(default = "five_seconds")]
    pub rotate_wait: Interval,
    /// Leave out files that were not written for this long when they are found.
    #[serde(default)]
    pub ignore_older: Option<Interval>,
    /// Where to remember how far files were read.
    #[serde(default)]
    pub state_file: Option<PathBuf>,
    /// Longest line. A longer one is cut into several records, or dropped with `skip_long_lines`.
    #[serde(default = "line_bytes")]
    pub max_line_bytes: ByteSize,
    /// Drop and count lines that are too long.
    #[serde(default)]
    pub skip_long_lines: bool,
    /// Make no records of empty lines.
    #[serde(default)]
    pub skip_empty_lines: bool,
    /// End once every file was read to its end.
    #[serde(default)]
    pub exit_on_eof: bool,
}

fn log() -> String {
    "log".into()
}

fn quarter_of_a_second() -> Interval {
    Interval::from_millis(250)
}

fn five_seconds() -> Interval {
    Interval::from_secs(5)
}

fn line_bytes() -> ByteSize {
    ByteSize::kib(256)
}

pub struct Tail {
    rules: Rules,
}

/// The settings, checked.
struct Rules {
    path: Vec<String>,
    exclude_path: Vec<String>,
    exclude: Vec<String>,
    tag: String,
    tag_pattern: Option<Pattern>,
    key: String,
    path_key: Option<String>,
    name_key: Option<String>,
    use_attributes: bool,
    offset_key: Option<String>,
    read_from_head: bool,
    poll_interval: Duration,
    refresh_interval: Duration,
    rotate_wait: Duration,
    ignore_older: Option<Duration>,
    state_file: Option<PathBuf>,
    max_line_bytes: usize,
    skip_long_lines: bool,
    skip_empty_lines: bool,
    exit_on_eof: bool,
}

impl Receiver for Tail {
    const NAME: &'static str = "tail";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        if config.path.is_empty() {
            return Err(cx.refuse("path", "no files to read", "write patterns such as `/var/log/*.log`"));
        }
        if config.max_line_bytes.as_usize() == 0 {
            return Err(cx.refuse(
                "max_line_bytes",
                "no line fits in 0 bytes",
                "write a size such as `256KiB`",
            ));
        }
        Ok(Tail { rules: Rules::new(config) })
    }

    async fn run(self, out: Outlet, mut stop: Stop) -> Result<(), Fault> {
        let (exit_on_eof, poll_interval) = (self.rules.exit_on_eof, self.rules.poll_interval);
        let mut watch = Watch::new(self.rules, out.id().to_string());
        let mut saved = Instant::now();
        loop {
            // Asked before the round, so that what was written until then is read.
            let last = exit_on_eof || stop.phase() >= Phase::Draining;
            let round;
            (watch, round) = away(watch, Watch::round).await?;
            let is_idle = round.batches.is_empty();
            if send(round, &out, &mut stop).await.is_none() {
                return Ok(());
            }
            let ends = is_idle && last;
            if ends || saved.elapsed() >= SAVE {
                (watch, ()) = away(watch, Watch::save).await?;
                saved = Instant::now();
            }
            if ends {
                let (_, rest) = away(watch, Watch::finish).await?;
                send(rest, &out, &mut stop).await;
                return Ok(());
            }
            if is_idle {
                tokio::select! {
                    () = sleep(poll_interval) => {}
                    () = stop.draining() => {}
                }
            }
        }
    }
}

impl Rules {
    fn new(config: Config) -> Rules {
        Rules {
            path: config.path,
            exclude_path: config.exclude_path,
            exclude: config.exclude,
            tag: config.tag,
            tag_pattern: config.tag_pattern,
            key: config.key,
            path_key: config.path_key,
            name_key: config.name_key,
            use_attributes: config.use_attributes,
            offset_key: config.offset_key,
            read_from_head: config.read_from_head,
            poll_interval: config.poll_interval.get(),
            refresh_interval: config.refresh_interval.get(),
            rotate_wait: config.rotate_wait.get(),
            ignore_older: config.ignore_older.map(Interval::get),
            state_file: config.state_file,
            max_line_bytes: config.max_line_bytes.as_usize(),
            skip_long_lines: config.skip_long_lines,
            skip_empty_lines: config.skip_empty_lines,
            exit_on_eof: config.exit_on_eof,
        }
    }
}

/// Does something with the files on a thread that may block.
async fn away<T: Send + 'static>(
    mut watch: Watch,
    work: impl FnOnce(&mut Watch) -> T + Send + 'static,
) -> Result<(Watch, T), Fault> {
    let done = spawn_blocking(move || {
        let result = work(&mut watch);
        (watch, result)
    });
    done.await.map_err(|error| Fault::from("bug: reading files failed", error))
}

/// Hands a round on. `None` when the receiver has to return: what was not taken is read again next time.
async fn send(round: Round, out: &Outlet, stop: &mut Stop) -> Option<()> {
    for refused in round.refused {
        out.refuse(refused.reason, refused.records, refused.bytes);
        let (reason, records, why) = (refused.reason.as_str(), refused.records, refused.why);
        warn!(component = %out.id(), reason, records, why, "lines refused");
    }
    for (batch, bytes) in round.batches.into_iter().filter(|(batch, _)| !batch.is_empty()) {
        tokio::select! {
            biased;
            // A batch that is lost is counted by the engine; reading it again would not help.
            _ = out.send(batch, bytes) => {}
            () = stop.closing() => return None,
        }
    }
    Some(())
}
