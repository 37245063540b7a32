//! A file that is appended to and, where that is wanted, put aside before it grows too large.
//!
//! All of this program that write to one path share it, so that nobody empties or renames what another writes to.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::Timestamp;
use jiff::tz::Offset;
use tracing::warn;

use super::{Config, Rotation};

/// As it stands in the names of files put aside; the milliseconds follow.
const TIME: &str = "%Y-%m-%dT%H-%M-%S";
const NANOS_A_DAY: i128 = 86_400_000_000_000;

pub struct Rolling {
    config: Config,
    file: Option<File>,
    /// Of the open file.
    bytes: u64,
    /// Whether what the file held before this program is settled.
    begun: bool,
}

type Files = HashMap<PathBuf, Weak<Mutex<Rolling>>>;

static FILES: Mutex<Option<Files>> = Mutex::new(None);

/// The file of this path, for everyone who has it. Nothing is opened yet.
pub fn shared(config: Config) -> Arc<Mutex<Rolling>> {
    let mut files: MutexGuard<'_, Option<Files>> = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let files = files.get_or_insert_default();
    files.retain(|_, file| file.strong_count() > 0);
    if let Some(file) = files.get(&config.path).and_then(Weak::upgrade) {
        let mut known = file.lock().unwrap_or_else(PoisonError::into_inner);
        // Of settings that differ, as after a reload, the last ones hold.
        known.config = config;
        drop(known);
        return file;
    }
    let path = config.path.clone();
    let file = Arc::new(Mutex::new(Rolling { config, file: None, bytes: 0, begun: false }));
    files.insert(path, Arc::downgrade(&file));
    file
}

impl Rolling {
    /// Writes all of a line or nothing.
    pub fn append(&mut self, line: &[u8], now_nanos: u64) -> io::Result<()> {
        if self.file.is_none() {
            self.open()?;
        }
        if let Some(rotation) = self.config.rotation.clone()
            && self.bytes > 0
            && self.bytes + line.len() as u64 > rotation.max_megabytes.saturating_mul(1 << 20)
        {
            self.put_aside(&rotation, now_nanos)?;
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        // A pipe or a device has no length to go back to.
        let before = file.metadata().ok().filter(|about| about.is_file()).map(|about| about.len());
        if let Err(error) = file.write_all(line) {
            if let Some(before) = before {
                let _ = file.set_len(before);
            }
            self.file = None;
            return Err(error);
        }
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        let path = &self.config.path;
        if self.config.create_directory
            && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let about = file.metadata()?;
        if about.is_file() && !self.begun && !self.config.append && self.config.rotation.is_none() {
            file.set_len(0)?;
        }
        self.begun = true;
        self.bytes = if about.is_file() { file.metadata()?.len() } else { 0 };
        self.file = Some(file);
        Ok(())
    }

    fn put_aside(&mut self, rotation: &Rotation, now_nanos: u64) -> io::Result<()> {
        let path = self.config.path.clone();
        let now = Timestamp::from_nanosecond(i128::from(now_nanos)).unwrap_or(Timestamp::UNIX_EPOCH);
        // Two within a millisecond are kept apart.
        let aside = (0..1000)
            .filter_map(|extra| now.checked_add(jiff::SignedDuration::from_millis(extra)).ok())
            .map(|time| aside(&path, time))
            .find(|aside| !aside.exists());
        let Some(aside) = aside else { return Err(io::ErrorKind::AlreadyExists.into()) };
        fs::rename(&path, aside)?;
        self.file = None;
        self.open()?;
        if let Err(error) = clean(&path, rotation, now) {
            warn!(path = %path.display(), %error, "files put aside cannot be removed");
        }
        Ok(())
    }
}

/// `telemetry.jsonl` put aside is `telemetry-2026-01-31T08-30-00.000.jsonl`.
fn aside(path: &Path, time: Timestamp) -> PathBuf {
    let (stem, extension) = parts(path);
    let zoned = Offset::UTC.to_datetime(time);
    let milliseconds = zoned.subsec_nanosecond() / 1_000_000;
    path.with_file_name(format!("{stem}-{}.{milliseconds:03}{extension}", zoned.strftime(TIME)))
}

fn parts(path: &Path) -> (String, String) {
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let extension = path.extension().map(|extension| format!(".{}", text(Some(extension))));
    (text(path.file_stem()), extension.unwrap_or_default())
}

/// When a file was put aside, as its name tells; `None` for files of any other kind.
fn time_of(name: &str, path: &Path) -> Option<Timestamp> {
    let (stem, extension) = parts(path);
    let time = name.strip_prefix(&stem)?.strip_prefix('-')?.strip_suffix(&extension)?;
    let (seconds, milliseconds) = time.split_once('.')?;
    let is_number = milliseconds.len() == 3 && milliseconds.bytes().all(|byte| byte.is_ascii_digit());
    let date = jiff::civil::DateTime::strptime(TIME, seconds).ok().filter(|_| is_number)?;
    let extra = jiff::SignedDuration::from_millis(milliseconds.parse().ok()?);
    Offset::UTC.to_timestamp(date).ok()?.checked_add(extra).ok()
}

/// Removes what is too old, and what is more than is wanted.
fn clean(path: &Path, rotation: &Rotation, now: Timestamp) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut aside = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(time) = entry.file_name().to_str().and_then(|name| time_of(name, path)) {
            aside.push((time, entry.path()));
        }
    }
    aside.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    let oldest = now.as_nanosecond() - i128::from(rotation.max_days) * NANOS_A_DAY;
    for (place, (time, file)) in aside.into_iter().enumerate() {
        let is_old = rotation.max_days > 0 && time.as_nanosecond() < oldest;
        let is_many = rotation.max_backups > 0 && place >= rotation.max_backups;
        if is_old || is_many {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}
