//! The disk part of a queue: append-only segment files of sealed payloads, for one destination.
//!
//! A folder belongs to one process at a time (`lock`). A segment `00000001.seg` begins with [`MAGIC`] and holds
//! frames, each with its length and checksum; `00000001.done` beside it lists, eight bytes each, the offsets of
//! the frames that were delivered. When every frame of a full segment is done, both files go.
//!
//! What a crash may leave: a torn last frame, which is cut off, and frames that were delivered but not yet
//! listed, which are sent again (at most one payload a sender). Damage in the middle is reported with its
//! position; what lies behind it in that segment is found again by the next frame's own checksum.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::frame::{self, Frame};
use crate::payload::Payload;

/// First bytes of a segment: name and format version.
const MAGIC: &[u8; 8] = b"OUTRGQ\x00\x02";
/// A segment beyond this many bytes, or an eighth of the quota, is closed and a new one begun. Room comes back a
/// segment at a time.
const SEGMENT_BYTES: u64 = 16 << 20;
/// After a refused write the disk counts as full for this long, unless room came back.
const REFUSES_FOR: Duration = Duration::from_secs(5);

/// Where a payload lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    segment: u64,
    offset: u64,
    /// Of the whole frame.
    len: u64,
}

/// A payload found by [`Spool::open`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub place: Place,
    pub records: u64,
    /// When its first record came in, since the epoch.
    pub since: Duration,
}

/// A place in a segment that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub file: PathBuf,
    pub offset: u64,
    /// Bytes that were passed over.
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("another process uses the queue folder {}", .0.display())]
    InUse(PathBuf),
    #[error("the queue folder {} cannot be used", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the quota of {quota} bytes is used up")]
    Full { quota: u64 },
    #[error("there is no disk queue")]
    Absent,
}

struct Segment {
    file: File,
    done: File,
    bytes: u64,
    /// Frames not yet done.
    open: u64,
}

pub(crate) struct Spool {
    folder: PathBuf,
    segments: BTreeMap<u64, Segment>,
    bytes: u64,
    quota: u64,
    segment_bytes: u64,
    /// Something was written since the last sync.
    dirty: bool,
    /// A full segment could not be synced: whoever waits for it must be told.
    sync_failed: bool,
    refused: Option<Instant>,
    _lock: File,
}

/// What a folder held.
pub(crate) struct Opened {
    pub spool: Spool,
    /// Oldest first.
    pub found: Vec<Found>,
    pub damage: Vec<Damage>,
}

impl Spool {
    /// Opens or makes the folder, and finds what an earlier process left there.
    pub fn open(folder: &Path, quota: u64) -> Result<Opened, SpoolError> {
        let io_error = |source| SpoolError::Io { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(io_error)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(io_error)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolError::InUse(folder.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
        let segment_bytes = SEGMENT_BYTES.min(quota / 8);
        let spool = Spool {
            folder: folder.to_owned(),
            segments: BTreeMap::new(),
            bytes: 0,
            quota,
            segment_bytes,
            dirty: false,
            sync_failed: false,
            refused: None,
            _lock: lock,
        };
        let mut opened = Opened { spool, found: Vec::new(), damage: Vec::new() };
        for number in numbers(folder).map_err(io_error)? {
            opened.recover(number).map_err(io_error)?;
        }
        Ok(opened)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn quota(&self) -> u64 {
        self.quota
    }

    /// Appends a payload. It is in the kernel's hands when this returns, safe from the end of this process;
    /// syncing what [`Spool::take_dirty`] returns makes it safe from the end of the machine.
    pub fn append(&mut self, payload: &Payload, since: Duration) -> Result<Place, SpoolError> {
        self.append_with(payload, since, "")
    }

    /// The same with a note: what happened to the payload.
    pub fn append_with(
        &mut self,
        payload: &Payload,
        since: Duration,
        note: &str,
    ) -> Result<Place, SpoolError> {
        let frame = frame::encode(payload, since, note);
        let len = frame.len() as u64;
        if self.bytes + len > self.quota {
            self.refused = Some(Instant::now());
            return Err(SpoolError::Full { quota: self.quota });
        }
        self.write(&frame).map_err(|source| {
            self.refused = Some(Instant::now());
            SpoolError::Io { path: self.folder.clone(), source }
        })
    }

    /// True while the last write was refused and nothing has changed since.
    pub fn is_full(&self) -> bool {
        self.refused.is_some_and(|refused| refused.elapsed() < REFUSES_FOR)
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<Place> {
        let len = frame.len() as u64;
        let newest = self.segments.last_key_value().map(|(number, segment)| (*number, segment.bytes));
        let number = match newest {
            Some((number, bytes)) if bytes + len <= self.segment_bytes => number,
            newest => self.begin(newest.map_or(1, |(number, _)| number + 1))?,
        };
        let segment = self
            .segments
            .get_mut(&number)
            .ok_or_else(|| io::Error::other("bug: the segment was just made"))?;
        let offset = segment.bytes;
        if let Err(error) = segment.file.write_all_at(frame, offset) {
            // A half written frame would be taken for damage later.
            let _ = segment.file.set_len(offset);
            return Err(error);
        }
        segment.bytes += len;
        segment.open += 1;
        self.bytes += len;
        self.dirty = true;
        Ok(Place { segment: number, offset, len })
    }

    fn begin(&mut self, number: u64) -> io::Result<u64> {
        if let Some(file) = self.take_dirty()?
            && let Err(error) = file.sync_data()
        {
            self.sync_failed = true;
            return Err(error);
        }
        let segment = Segment::create(&self.folder, number)?;
        // A file whose name is not on disk is lost with the machine, however often its data was synced.
        File::open(&self.folder)?.sync_all()?;
        self.bytes += segment.bytes;
        self.segments.insert(number, segment);
        Ok(number)
    }

    /// Reads a payload back.
    pub fn read(&self, place: Place) -> io::Result<Payload> {
        self.read_frame(place).map(|frame| frame.payload)
    }

    pub fn read_frame(&self, place: Place) -> io::Result<Frame> {
        let segment =
            self.segments.get(&place.segment).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let mut bytes = vec![0; place.len as usize];
        segment.file.read_exact_at(&mut bytes, place.offset)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the checksum does not fit");
        frame::decode(&bytes).ok_or_else(damaged)
    }

    /// Notes that a payload is settled; removes its segment when it was the last of a full one.
    pub fn done(&mut self, place: Place) -> io::Result<()> {
        let newest = self.segments.last_key_value().map(|(number, _)| *number);
        let Some(segment) = self.segments.get_mut(&place.segment) else { return Ok(()) };
        segment.open = segment.open.saturating_sub(1);
        let finished =
            segment.open == 0 && (newest != Some(place.segment) || segment.bytes >= self.segment_bytes / 2);
        if finished {
            return self.remove(place.segment);
        }
        segment.done.write_all(&place.offset.to_le_bytes())
    }

    fn remove(&mut self, number: u64) -> io::Result<()> {
        if let Some(segment) = self.segments.remove(&number) {
            self.bytes -= segment.bytes;
            self.refused = None;
        }
        // The list goes last: without it the segment's payloads would all be sent again.
        fs::remove_file(self.folder.join(segment_name(number)))?;
        fs::remove_file(self.folder.join(done_name(number)))
    }

    /// Gives up the oldest segment with all it holds; false when there is only one.
    pub fn drop_oldest(&mut self) -> io::Result<bool> {
        let oldest = self.segments.first_key_value().map(|(number, _)| *number);
        match oldest.filter(|_| self.segments.len() > 1) {
            Some(number) => self.remove(number).map(|()| true),
            None => Ok(false),
        }
    }

    /// A handle to sync what was appended since the last call, off the hot path. A segment that is full was
    /// synced when the next was begun.
    pub fn take_dirty(&mut self) -> io::Result<Option<File>> {
        if std::mem::take(&mut self.sync_failed) {
            return Err(io::Error::other("a full segment was not confirmed"));
        }
        if !self.dirty {
            return Ok(None);
        }
        let newest = self.segments.last_key_value();
        let file = newest.map(|(_, segment)| segment.file.try_clone()).transpose()?;
        self.dirty = false;
        Ok(file)
    }
}

impl Segment {
    fn create(folder: &Path, number: u64) -> io::Result<Segment> {
        let mut file = open(&folder.join(segment_name(number)))?;
        file.set_len(0)?;
        file.write_all(MAGIC)?;
        let done = open_append(&folder.join(done_name(number)))?;
        Ok(Segment { file, done, bytes: MAGIC.len() as u64, open: 0 })
    }
}

impl Opened {
    /// Reads one segment an earlier process left.
    fn recover(&mut self, number: u64) -> io::Result<()> {
        let folder = self.spool.folder.clone();
        let path = folder.join(segment_name(number));
        let mut bytes = Vec::new();
        let mut file = open(&path)?;
        file.read_to_end(&mut bytes)?;
        let done: HashSet<u64> = fs::read(folder.join(done_name(number)))
            .unwrap_or_default()
            .chunks_exact(8)
            .filter_map(|chunk| Some(u64::from_le_bytes(chunk.try_into().ok()?)))
            .collect();
        if !bytes.starts_with(MAGIC) {
            self.damage.push(Damage { file: path, offset: 0, bytes: bytes.len() as u64 });
            return Ok(());
        }
        let frames = frame::walk(&bytes, MAGIC.len());
        let end = frames.end as u64;
        self.damage.extend(frames.damage.into_iter().map(|(offset, len)| Damage {
            file: path.clone(),
            offset: offset as u64,
            bytes: len as u64,
        }));
        // What lies behind the last whole frame is a write that the crash cut off.
        file.set_len(end)?;
        let mut open = 0;
        for frame::Seen { at: offset, len, records, since } in frames.found {
            if !done.contains(&(offset as u64)) {
                let place = Place { segment: number, offset: offset as u64, len: len as u64 };
                self.found.push(Found { place, records, since });
                open += 1;
            }
        }
        let done = open_append(&folder.join(done_name(number)))?;
        self.spool.bytes += end;
        self.spool.segments.insert(number, Segment { file, done, bytes: end, open });
        if open == 0 { self.spool.remove(number) } else { Ok(()) }
    }
}

fn segment_name(number: u64) -> String {
    format!("{number:08}.seg")
}

fn done_name(number: u64) -> String {
    format!("{number:08}.done")
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)
}

fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Numbers of the segments in a folder, oldest first. A list without its segment is a removal that was cut short.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        match (number, path.extension().and_then(|extension| extension.to_str())) {
            (Some(number), Some("seg")) => numbers.push(number),
            (Some(_), Some("done")) if !path.with_extension("seg").exists() => fs::remove_file(&path)?,
            _ => {}
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests;
