//! One file: its lines as they grow, through truncation, and after it was renamed.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use memchr::memchr;
use model::{Batch, List, LogRecord, Reason, Span, Tag, Value};
use wire::{Refused, add_refusal};

use super::Rules;

/// A file whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Identity {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }
}

pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    tag: Tag,
    file: File,
    /// Read up to here.
    offset: u64,
    /// The begun line: the bytes before `offset`.
    begun: Vec<u8>,
    /// The begun line is too long; so many of its bytes are gone.
    dropped: u64,
    /// Since when another file has its name.
    pub(super) replaced: Option<Instant>,
}

/// What one read gave.
pub(super) struct Chunk {
    pub(super) batch: Batch,
    pub(super) bytes: u64,
    pub(super) refused: Vec<Refused>,
}

impl Source {
    pub(super) fn open(path: &Path, offset: u64, tag: Tag) -> io::Result<Source> {
        let mut file = File::open(path)?;
        let identity = Identity::of(&file.metadata()?);
        let offset = file.seek(SeekFrom::Start(offset))?;
        Ok(Source {
            path: path.to_owned(),
            identity,
            tag,
            file,
            offset,
            begun: Vec::new(),
            dropped: 0,
            replaced: None,
        })
    }

    /// Lines before it are complete.
    pub(super) fn line_offset(&self) -> u64 {
        self.offset - self.begun.len() as u64
    }

    /// Reads what has been written, at most `most` bytes.
    pub(super) fn read(&mut self, rules: &Rules, most: u64, now: u64) -> io::Result<Option<Chunk>> {
        let size = self.file.metadata()?.len();
        if size < self.offset {
            // Truncated, as logrotate's `copytruncate` does: it starts again.
            self.offset = self.file.seek(SeekFrom::Start(0))?;
            self.begun = Vec::new();
            self.dropped = 0;
        }
        if size == self.offset {
            return Ok(None);
        }
        let first = self.line_offset();
        let mut input = model::buffer();
        input.append(&mut self.begun);
        let read = (&self.file).take(most).read_to_end(&mut input)? as u64;
        self.offset += read;
        Ok(Some(self.lines(rules, input, first, read, now)))
    }

    /// Makes a record of the begun line, when no more will come.
    pub(super) fn finish(&mut self, rules: &Rules, now: u64) -> Option<Chunk> {
        if self.begun.is_empty() && self.dropped == 0 {
            return None;
        }
        let first = self.line_offset();
        let mut input = std::mem::take(&mut self.begun);
        input.push(b'\n');
        Some(self.lines(rules, input, first, 0, now))
    }

    fn lines(&mut self, rules: &Rules, input: Vec<u8>, first: u64, bytes: u64, now: u64) -> Chunk {
        let mut chunk = Chunk { batch: Batch::new(self.tag.clone(), input), bytes, refused: Vec::new() };
        let mut start = 0;
        while let Some(len) = memchr(b'\n', &chunk.batch.arena.input()[start..]) {
            self.line(rules, &mut chunk, start..start + len, first, now);
            start += len + 1;
        }
        let rest = chunk.batch.arena.input().len() - start;
        if rest > rules.max_line_bytes && rules.skip_long_lines {
            self.dropped += rest as u64;
        } else if rest > rules.max_line_bytes {
            start = self.pieces(rules, &mut chunk, start..start + rest, first, now);
            self.begun = chunk.batch.arena.input()[start..].to_vec();
        } else {
            self.begun = chunk.batch.arena.input()[start..].to_vec();
        }
        chunk
    }

    fn line(&mut self, rules: &Rules, chunk: &mut Chunk, mut line: Range<usize>, first: u64, now: u64) {
        if line.len() + self.dropped as usize > rules.max_line_bytes && rules.skip_long_lines {
            let bytes = std::mem::take(&mut self.dropped) + line.len() as u64;
            let why = "the line is longer than max_line_bytes";
            let refused = Refused { reason: Reason::TooLarge, records: 1, bytes, why };
            return add_refusal(&mut chunk.refused, refused);
        }
        if chunk.batch.arena.input()[line.clone()].ends_with(b"\r") {
            line.end -= 1;
        }
        if line.is_empty() && rules.skip_empty_lines {
            return;
        }
        let start = self.pieces(rules, chunk, line.clone(), first, now);
        if start < line.end || line.is_empty() {
            self.push(rules, chunk, start..line.end, first, now);
        }
    }

    /// Makes records of a long line's full pieces, so that nothing of it is lost. Returns where the last begins.
    fn pieces(&self, rules: &Rules, chunk: &mut Chunk, line: Range<usize>, first: u64, now: u64) -> usize {
        let mut start = line.start;
        while line.end - start > rules.max_line_bytes {
            self.push(rules, chunk, start..start + rules.max_line_bytes, first, now);
            start += rules.max_line_bytes;
        }
        start
    }

    fn push(&self, rules: &Rules, chunk: &mut Chunk, line: Range<usize>, first: u64, now: u64) {
        let arena = &mut chunk.batch.arena;
        let mut beside = List::EMPTY;
        let path = self.path.as_os_str().as_encoded_bytes();
        let name = self.path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
        for (key, text) in [(&rules.path_key, path), (&rules.name_key, name)] {
            if let Some(key) = key {
                let (key, text) = (arena.store(key.as_bytes()), arena.store(text));
                arena.push(&mut beside, key, Value::Str(text));
            }
        }
        if let Some(key) = &rules.offset_key {
            let key = arena.store(key.as_bytes());
            arena.push(&mut beside, key, Value::Int((first + line.start as u64) as i64));
        }
        let (mut body, attributes) = match rules.use_attributes {
            true => (List::EMPTY, beside),
            false => (beside, List::EMPTY),
        };
        let key = arena.store(rules.key.as_bytes());
        arena.push(&mut body, key, Value::Str(Span::input(line.start, line.end)));
        let record = LogRecord::new(now, Value::Map(body));
        chunk.batch.logs.push(LogRecord { observed: now, attributes, ..record });
    }
}
