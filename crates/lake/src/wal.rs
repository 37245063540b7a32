//! The write-ahead log: files of checksummed frames, each one payload.
//!
//! ```text
//! "OUTRWAL1" · { length (4) · CRC-32 of what follows (4) · length before compression (4) · zstd of the payload }*
//! ```
//!
//! Numbers are little endian. One file is open; the rows of the others are being flushed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::{LakeError, Settings, Step};

const MAGIC: &[u8; 8] = b"OUTRWAL1";
const HEAD: usize = 12;
/// A frame that claims to be longer is damaged.
const MAX_FRAME: usize = 1 << 30;
/// Level 1 halves what logs weigh at a quarter of the time that the Parquet file takes.
const LEVEL: i32 = 1;

/// The open file.
pub(crate) struct Wal {
    pub number: u64,
    file: File,
    path: PathBuf,
    /// What lies before this is whole.
    length: u64,
    synced: u64,
    frame: Vec<u8>,
}

pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join("wal").join(format!("{number:016}.log"))
}

/// The log files there are, oldest first.
pub(crate) fn files(folder: &Path) -> Result<Vec<(u64, PathBuf)>, LakeError> {
    let wal = folder.join("wal");
    let entries = fs::read_dir(&wal).map_err(LakeError::file("cannot list", &wal))?;
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let digits = path.file_name()?.to_str()?.strip_suffix(".log")?;
            // Others may have put files here.
            let ours = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
            Some((digits.parse().ok().filter(|_| ours)?, path))
        })
        .collect();
    files.sort();
    Ok(files)
}

impl Wal {
    pub fn create(folder: &Path, number: u64) -> Result<Wal, LakeError> {
        let path = path(folder, number);
        let options = || -> io::Result<File> {
            let mut file = OpenOptions::new().create_new(true).write(true).open(&path)?;
            file.write_all(MAGIC)?;
            file.sync_data()?;
            sync_folder(path.parent())?;
            Ok(file)
        };
        let file = options().map_err(LakeError::file("cannot write", &path))?;
        let length = MAGIC.len() as u64;
        Ok(Wal { number, file, path, length, synced: length, frame: Vec::new() })
    }

    /// Appends one payload; a failure leaves the file as it was.
    pub fn append(&mut self, payload: &[u8], settings: &Settings) -> Result<(), LakeError> {
        let written = self.write(payload, settings);
        match written {
            Ok(()) => {
                self.length += self.frame.len() as u64;
                settings.reached(Step::FrameWritten);
                Ok(())
            }
            Err(error) => {
                self.take_back(self.length);
                Err(LakeError::file("cannot write", &self.path)(error))
            }
        }
    }

    fn write(&mut self, payload: &[u8], settings: &Settings) -> io::Result<()> {
        self.frame.clear();
        self.frame.resize(HEAD, 0);
        self.frame[8..HEAD].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        zstd::stream::copy_encode(payload, &mut self.frame, LEVEL)?;
        let checksum = crc32fast::hash(&self.frame[8..]);
        let length = (self.frame.len() - 8) as u32;
        self.frame[..4].copy_from_slice(&length.to_le_bytes());
        self.frame[4..8].copy_from_slice(&checksum.to_le_bytes());
        let half = self.frame.len() / 2;
        self.file.write_all(&self.frame[..half])?;
        settings.reached(Step::FrameTorn);
        self.file.write_all(&self.frame[half..])
    }

    /// Everything appended is on the disk afterwards; after a failure nothing since the last call is in the file.
    pub fn sync(&mut self, settings: &Settings) -> Result<(), LakeError> {
        if let Err(error) = self.file.sync_data() {
            self.take_back(self.synced);
            return Err(LakeError::file("cannot sync", &self.path)(error));
        }
        self.synced = self.length;
        settings.reached(Step::FrameSynced);
        Ok(())
    }

    fn take_back(&mut self, to: u64) {
        let taken = self.file.set_len(to).and_then(|()| self.file.seek(SeekFrom::Start(to)));
        if let Err(error) = taken {
            tracing::error!(file = %self.path.display(), %error, "half a frame stays in the log; it ends there");
        }
        self.length = to;
    }
}

/// What a log file holds.
pub(crate) struct Contents {
    pub payloads: Vec<Bytes>,
    /// Where it stopped being readable, and why.
    pub damage: Vec<(u64, &'static str)>,
}

/// Reads a file to its end. Damaged frames are left out; a file that ends in the middle of a frame was being written
/// when its process ended, which is no damage.
pub(crate) fn read(path: &Path) -> Result<Contents, LakeError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(LakeError::file("cannot read", path))?;
    let mut found = Contents { payloads: Vec::new(), damage: Vec::new() };
    if bytes.get(..MAGIC.len()) != Some(MAGIC) {
        if bytes.len() >= MAGIC.len() {
            found.damage.push((0, "this is no log file"));
        }
        return Ok(found);
    }
    let mut at = MAGIC.len();
    while let Some(head) = bytes.get(at..at + HEAD) {
        let number = |n: usize| u32::from_le_bytes([head[n], head[n + 1], head[n + 2], head[n + 3]]) as usize;
        let (length, checksum, plain) = (number(0), number(4), number(8));
        if !(4..=MAX_FRAME).contains(&length) || plain > MAX_FRAME {
            found.damage.push((at as u64, "a frame has no length that can be"));
            break;
        }
        let Some(body) = bytes.get(at + 8..at + 8 + length) else { break };
        match crc32fast::hash(body) == checksum as u32 {
            false => found.damage.push((at as u64, "a frame's checksum is wrong")),
            true => match zstd::bulk::decompress(&body[4..], plain) {
                Ok(payload) => found.payloads.push(payload.into()),
                Err(_) => found.damage.push((at as u64, "a frame cannot be decompressed")),
            },
        }
        at += 8 + length;
    }
    Ok(found)
}

/// Gives a damaged file a second name, under which it stays when its readable rows are in segments: somebody may know
/// how to read more of it.
pub(crate) fn keep_aside(path: &Path) {
    let aside = path.with_extension("log.damaged");
    let kept = match fs::hard_link(path, &aside) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::copy(path, &aside).map(|_| ()),
        _ => Ok(()),
    };
    match kept.and_then(|()| sync_folder(path.parent())) {
        Ok(()) => tracing::error!(file = %aside.display(), "a damaged log file is kept aside"),
        Err(error) => {
            tracing::error!(file = %aside.display(), %error, "a damaged log file cannot be kept aside")
        }
    }
}

/// Makes names in a folder last.
pub(crate) fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    match folder {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
