//! The files of a machine, wherever its root is mounted, and the text in them.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::scraping::ScrapeError;

/// Largest file held in memory; `net/tcp` of 100 000 connections is 15 MB.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The kernel tells programs of CPU time in hundredths of a second, whatever its own tick is.
pub const TICKS_PER_SECOND: f64 = 100.0;

pub struct Host {
    root: PathBuf,
    /// The first process of the machine, where the root is mounted; else this one: network and mounts are its.
    pub whose: &'static str,
}

impl Host {
    pub fn new(root: Option<PathBuf>) -> Host {
        match root.filter(|root| !root.as_os_str().is_empty() && root.as_os_str() != "/") {
            Some(root) => Host { root, whose: "1" },
            None => Host { root: PathBuf::from("/"), whose: "self" },
        }
    }

    /// Where a file of the machine is for us.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub fn read(&self, path: &str) -> Result<Vec<u8>, ScrapeError> {
        let path = self.path(path);
        let failed = |why: &dyn std::fmt::Display| ScrapeError::File(format!("{}: {why}", path.display()));
        let file = File::open(&path).map_err(|error| failed(&error))?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        match bytes.len() as u64 > MAX_FILE_BYTES {
            true => Err(failed(&"larger than 16 MiB")),
            false => Ok(bytes),
        }
    }

    /// A file of one number.
    pub fn number(&self, path: &str) -> Option<u64> {
        std::str::from_utf8(&self.read(path).ok()?).ok()?.trim().parse().ok()
    }

    /// When the machine started, in nanoseconds since the epoch; 0 when it does not tell.
    pub fn booted(&self) -> u64 {
        let stat = self.read("proc/stat").unwrap_or_default();
        value(&stat, "btime").unwrap_or(0).saturating_mul(1_000_000_000)
    }
}

/// Lines that are text; the others say nothing to us.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok())
}

/// The numbers at the start of a text; what stands behind the first other word is not read.
pub fn numbers(text: &str) -> Vec<u64> {
    text.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect()
}

/// The number behind a name at the start of a line, as in `btime 1795217387` and `VmRSS:  1736 kB`.
pub fn value(bytes: &[u8], name: &str) -> Option<u64> {
    lines(bytes).find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        rest.starts_with(char::is_whitespace).then(|| numbers(rest).first().copied())?
    })
}

pub fn unreadable(file: &str) -> ScrapeError {
    ScrapeError::Unreadable(format!("{file} is not as Linux writes it"))
}
