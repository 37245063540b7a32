//! The token index: which pages of a segment may hold a word.
//!
//! For each [`PAGE`] rows of the columns that [`crate::Table::indexed`] names, a Bloom filter of their words. It lies in
//! the Parquet file between the last row group and the footer, where other readers do not look; the footer's metadata
//! tell where it begins. A word that is there is always found; one that is not is found in about one page of a hundred.
//! A look reads 64 bytes a page and word from the file: kept in memory, the filters would be a fortieth of the lake.
//!
//! ```text
//! "OUTRTOK2" · pages (4) · { row group (4) · first row in it (4) · rows (4) · blocks (4) }* · blocks of 64 bytes · CRC-32 (4)
//! ```

mod cache;

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, StringArray};
use bytes::Bytes;
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader};

use crate::segment::{PAGE, ROW_GROUP};
use crate::{LakeError, Segment};

const MAGIC: &[u8; 8] = b"OUTRTOK2";
/// Of the footer's metadata: `offset:length`.
const KEY: &str = "outrigger.tokens";
const BITS_A_WORD: usize = 10;
/// Bits of one word lie within a block, so that a look costs one line of the cache.
const BLOCK: usize = 64;
const PROBES: u32 = 6;
const ENTRY: usize = 16;
/// An index that claims to be longer is damaged.
const MAX_LENGTH: u64 = 1 << 30;

/// Calls `each` for every word of a text: its letters and digits between other characters, in lower case.
///
/// What a search looks for must be cut by this, too.
pub fn words(text: &str, mut each: impl FnMut(&[u8])) {
    let bytes = text.as_bytes();
    let mut word = Vec::with_capacity(64);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_alphanumeric() {
            word.push(byte.to_ascii_lowercase());
            at += 1;
            continue;
        }
        if byte.is_ascii() {
            at += 1;
        } else {
            // A boundary: all before was ASCII or whole characters.
            let letter = text[at..].chars().next().unwrap_or_default();
            at += letter.len_utf8();
            if letter.is_alphanumeric() {
                let lower = letter.to_lowercase();
                lower.for_each(|letter| word.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()));
                continue;
            }
        }
        if !word.is_empty() {
            each(&word);
            word.clear();
        }
    }
    if !word.is_empty() {
        each(&word);
    }
}

fn hash(word: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(word)
}

/// Words are hashes already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "bug: only numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// The place of a word's block among `blocks`, and its bits in it.
fn place(hash: u64, blocks: usize) -> (usize, [u64; BLOCK / 8]) {
    let block = ((u128::from(hash) * blocks as u128) >> 64) as usize;
    let mut bits = [0; BLOCK / 8];
    // The high bits chose the block. These are others.
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for probe in 0..PROBES {
        let bit = (mixed >> (9 * probe)) as usize % (8 * BLOCK);
        bits[bit / 64] |= 1 << (bit % 64);
    }
    (block, bits)
}

/// The index of a file that is being written.
#[derive(Default)]
pub(crate) struct TokenWriter {
    /// Of the open page.
    words: HashSet<u64, BuildHasherDefault<Same>>,
    /// Rows so far.
    rows: usize,
    entries: Vec<u8>,
    blocks: Vec<u8>,
}

impl TokenWriter {
    /// The next rows of the file, in each column.
    pub fn push(&mut self, columns: &[&StringArray]) {
        let rows = columns.first().map_or(0, |column| column.len());
        for row in 0..rows {
            for column in columns.iter().filter(|column| column.is_valid(row)) {
                words(column.value(row), |word| {
                    self.words.insert(hash(word));
                });
            }
            self.rows += 1;
            if self.rows.is_multiple_of(PAGE) {
                self.close(PAGE);
            }
        }
    }

    /// Ends a page. Row groups hold whole pages, all but the last of the file.
    fn close(&mut self, rows: usize) {
        let first = self.rows - rows;
        let blocks = (self.words.len() * BITS_A_WORD).div_ceil(8 * BLOCK);
        for number in [first / ROW_GROUP, first % ROW_GROUP, rows, blocks] {
            self.entries.extend_from_slice(&(number as u32).to_le_bytes());
        }
        let start = self.blocks.len();
        self.blocks.resize(start + blocks * BLOCK, 0);
        let page = &mut self.blocks[start..];
        for hash in self.words.drain() {
            let (block, bits) = place(hash, blocks);
            for (bytes, bits) in page[block * BLOCK..][..BLOCK].chunks_exact_mut(8).zip(bits) {
                bytes.iter_mut().zip(bits.to_le_bytes()).for_each(|(byte, bits)| *byte |= bits);
            }
        }
    }

    /// What is written into the file at `offset`, and what its footer says of it.
    pub fn finish(mut self, offset: usize) -> (Vec<u8>, KeyValue) {
        let left = self.rows % PAGE;
        if left > 0 {
            self.close(left);
        }
        let pages = (self.entries.len() / ENTRY) as u32;
        let mut out = [MAGIC.as_slice(), &pages.to_le_bytes(), &self.entries, &self.blocks].concat();
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        let told = KeyValue::new(KEY.into(), format!("{offset}:{}", out.len()));
        (out, told)
    }
}

/// Which rows are looked for, as far as words can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Words tell nothing.
    Any,
    /// Rows with all of these, as hashes.
    Words(Vec<u64>),
    Both(Vec<Wanted>),
    Either(Vec<Wanted>),
}

impl Wanted {
    /// Every word of a text, each as a whole.
    pub fn words(text: &str) -> Wanted {
        let mut hashes = Vec::new();
        words(text, |word| hashes.push(hash(word)));
        if hashes.is_empty() { Wanted::Any } else { Wanted::Words(hashes) }
    }

    /// A text anywhere: at its ends, where it goes on as letters or digits, there may be parts of longer words.
    pub fn part(text: &str) -> Wanted {
        Wanted::words(text.trim_matches(char::is_alphanumeric))
    }

    pub fn and(self, other: Wanted) -> Wanted {
        match (self, other) {
            (Wanted::Any, other) | (other, Wanted::Any) => other,
            (one, other) => Wanted::Both(vec![one, other]),
        }
    }

    pub fn or(self, other: Wanted) -> Wanted {
        match (self, other) {
            (Wanted::Any, _) | (_, Wanted::Any) => Wanted::Any,
            (one, other) => Wanted::Either(vec![one, other]),
        }
    }
}

/// Row groups by number, and ranges of rows within each.
pub type RowRanges = Vec<(usize, Vec<Range<usize>>)>;

/// The token index of one segment.
#[derive(Debug)]
pub struct TokenIndex {
    filters: Filters,
    pages: Vec<Page>,
}

/// Where the filters of an index are.
#[derive(Debug)]
enum Filters {
    /// In a file, from an offset on.
    File(PathBuf, u64),
    Memory(Bytes),
}

#[derive(Debug)]
struct Page {
    row_group: usize,
    rows: Range<usize>,
    /// By number, of all pages.
    blocks: Range<usize>,
}

impl Segment {
    /// Its token index; `None` where it has none. The ones asked for last are kept in memory.
    pub fn tokens(&self) -> Result<Option<Arc<TokenIndex>>, LakeError> {
        if !self.is_local() {
            return Ok(None);
        }
        cache::get(&self.path, || TokenIndex::read(&self.path))
    }
}

impl TokenIndex {
    /// Where the index lies in a Parquet file with this footer.
    pub fn place(footer: &ParquetMetaData) -> Option<Range<u64>> {
        let told = footer.file_metadata().key_value_metadata()?.iter().find(|entry| entry.key == KEY)?;
        let (offset, length) = told.value.as_deref()?.split_once(':')?;
        let (offset, length): (u64, u64) = (offset.parse().ok()?, length.parse().ok()?);
        (length <= MAX_LENGTH).then(|| offset..offset.saturating_add(length))
    }

    /// Finds the index of a Parquet file, and reads all of it once to see that it is whole.
    pub fn read(path: &Path) -> Result<Option<TokenIndex>, LakeError> {
        let mut file = File::open(path).map_err(LakeError::file("cannot read", path))?;
        let footer = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        let Some(place) = TokenIndex::place(&footer) else { return Ok(None) };
        let mut bytes = vec![0; (place.end - place.start) as usize];
        let read = file.seek(SeekFrom::Start(place.start)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(LakeError::file("cannot read the words of", path))?;
        Ok(pages(&bytes).map(|(pages, filters)| TokenIndex {
            filters: Filters::File(path.to_owned(), place.start + filters.start as u64),
            pages,
        }))
    }

    /// The index whose bytes these are; `None` where they are damaged.
    pub fn of_bytes(bytes: Bytes) -> Option<TokenIndex> {
        let (pages, filters) = pages(&bytes)?;
        Some(TokenIndex { filters: Filters::Memory(bytes.slice(filters)), pages })
    }

    /// How many row groups the file has.
    pub fn row_groups(&self) -> usize {
        self.pages.last().map_or(0, |page| page.row_group + 1)
    }

    pub fn group_rows(&self, row_group: usize) -> usize {
        let of_group = self.pages.iter().rev().find(|page| page.row_group == row_group);
        of_group.map_or(0, |page| page.rows.end)
    }

    /// The rows of each row group that may be what is wanted: a row group without any is left out.
    pub fn rows(&self, wanted: &Wanted) -> Result<RowRanges, LakeError> {
        match &self.filters {
            Filters::File(path, start) => File::open(path)
                .and_then(|file| {
                    self.rows_by(wanted, &|block| {
                        let mut held = [0; BLOCK];
                        file.read_exact_at(&mut held, start + (block * BLOCK) as u64).map(|()| held)
                    })
                })
                .map_err(LakeError::file("cannot read the words of", path)),
            Filters::Memory(filters) => self
                .rows_by(wanted, &|block| {
                    let held = filters.get(block * BLOCK..).and_then(|rest| rest.first_chunk());
                    held.copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
                })
                .map_err(LakeError::file("cannot read the words of", Path::new("an object"))),
        }
    }

    fn rows_by(&self, wanted: &Wanted, filters: ReadBlock<'_>) -> io::Result<RowRanges> {
        let mut found = RowRanges::new();
        for page in &self.pages {
            if page.may_hold(wanted, filters)? {
                add(&mut found, page);
            }
        }
        Ok(found)
    }

    /// Of the filters in the file.
    pub fn byte_size(&self) -> usize {
        self.pages.last().map_or(0, |page| page.blocks.end * BLOCK)
    }
}

/// Reads a block of the filters by its number.
type ReadBlock<'a> = &'a dyn Fn(usize) -> io::Result<[u8; BLOCK]>;

impl Page {
    fn may_hold(&self, wanted: &Wanted, filters: ReadBlock<'_>) -> io::Result<bool> {
        let holds = |wanted: &Wanted| self.may_hold(wanted, filters);
        match wanted {
            Wanted::Any => Ok(true),
            Wanted::Words(hashes) => all(hashes, |hash| self.may_hold_word(*hash, filters)),
            Wanted::Both(wanted) => all(wanted, holds),
            Wanted::Either(wanted) => Ok(!all(wanted, |wanted| holds(wanted).map(|holds| !holds))?),
        }
    }

    fn may_hold_word(&self, hash: u64, filters: ReadBlock<'_>) -> io::Result<bool> {
        if self.blocks.is_empty() {
            return Ok(false);
        }
        let (block, bits) = place(hash, self.blocks.len());
        let held = filters(self.blocks.start + block)?;
        let mut pairs = held.chunks_exact(8).zip(bits);
        Ok(pairs
            .all(|(held, bits)| held.iter().zip(bits.to_le_bytes()).all(|(held, bits)| held & bits == bits)))
    }
}

fn add(found: &mut RowRanges, page: &Page) {
    match found.last_mut() {
        Some((group, ranges)) if *group == page.row_group => match ranges.last_mut() {
            Some(last) if last.end == page.rows.start => last.end = page.rows.end,
            _ => ranges.push(page.rows.clone()),
        },
        _ => found.push((page.row_group, vec![page.rows.clone()])),
    }
}

/// Whether it holds for each, up to the first for which it does not.
fn all<T>(of: &[T], mut holds: impl FnMut(&T) -> io::Result<bool>) -> io::Result<bool> {
    for one in of {
        if !holds(one)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What an index says of its pages, and where among its bytes the filters are. `None` where it is damaged: then every page
/// may hold any word.
fn pages(bytes: &[u8]) -> Option<(Vec<Page>, Range<usize>)> {
    let (whole, checksum) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(whole) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (count, rest) = whole.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    let (entries, filters) = rest.split_at_checked(u32::from_le_bytes(*count) as usize * ENTRY)?;
    let mut pages = Vec::new();
    let mut at = 0;
    for entry in entries.chunks_exact(ENTRY) {
        let number = |n: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| entry[4 * n + byte])) as usize;
        let end = at + number(3);
        pages.push(Page { row_group: number(0), rows: number(1)..number(1) + number(2), blocks: at..end });
        at = end;
    }
    (at * BLOCK == filters.len()).then_some((pages, whole.len() - filters.len()..whole.len()))
}

#[cfg(test)]
mod tests;
