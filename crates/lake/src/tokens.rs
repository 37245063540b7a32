//! The token index: which pages of a segment may hold a word.
//!
//! For each [`PAGE`] rows of the column that [`crate::Table::words`] names, a Bloom filter of its words. It lies in the
//! Parquet file between the last row group and the footer, where other readers do not look; the footer's metadata tell
//! where it begins. A word that is there is always found; one that is not is found in about one page of a hundred.
//!
//! ```text
//! "OUTRTOK1" · pages (4) · { row group (4) · first row in it (4) · rows (4) · blocks (4) }* · blocks of 64 bytes · CRC-32 (4)
//! ```

mod cache;

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, StringArray};
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};

use crate::segment::{PAGE, ROW_GROUP};
use crate::{LakeError, Segment};

const MAGIC: &[u8; 8] = b"OUTRTOK1";
/// Of the footer's metadata: `offset:length`.
const KEY: &str = "outrigger.tokens";
const BITS_A_WORD: usize = 10;
/// Bits of one word lie within a block, so that a look costs one line of the cache.
const BLOCK: usize = 64;
const PROBES: u32 = 6;
const ENTRY: usize = 16;
/// An index that claims to be longer is damaged.
const MAX_LENGTH: usize = 1 << 30;

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
    /// The next rows of the file.
    pub fn push(&mut self, messages: &StringArray) {
        for row in 0..messages.len() {
            if messages.is_valid(row) {
                words(messages.value(row), |word| {
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

/// The token index of one segment.
#[derive(Debug)]
pub struct TokenIndex {
    pages: Vec<Page>,
    blocks: Vec<u8>,
}

#[derive(Debug)]
struct Page {
    row_group: usize,
    rows: Range<usize>,
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
    /// Reads the index of a Parquet file.
    pub fn read(path: &Path) -> Result<Option<TokenIndex>, LakeError> {
        let mut file = File::open(path).map_err(LakeError::file("cannot read", path))?;
        let footer = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        let metadata = footer.file_metadata().key_value_metadata();
        let told = metadata.and_then(|all| all.iter().find(|entry| entry.key == KEY)?.value.as_deref());
        let Some((offset, length)) = told.and_then(|told| told.split_once(':')) else { return Ok(None) };
        let (Ok(offset), Ok(length)) = (offset.parse(), length.parse::<usize>()) else { return Ok(None) };
        let mut bytes = vec![0; length.min(MAX_LENGTH)];
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(LakeError::file("cannot read the words of", path))?;
        Ok(TokenIndex::parse(&bytes))
    }

    /// `None` where it is damaged: then every page may hold any word.
    fn parse(bytes: &[u8]) -> Option<TokenIndex> {
        let (whole, checksum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(whole) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let (count, rest) = whole.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let (entries, blocks) = rest.split_at_checked(u32::from_le_bytes(*count) as usize * ENTRY)?;
        let mut pages = Vec::new();
        let mut at = 0;
        for entry in entries.chunks_exact(ENTRY) {
            let number = |n: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| entry[4 * n + byte])) as usize;
            let end = at + number(3) * BLOCK;
            pages.push(Page {
                row_group: number(0),
                rows: number(1)..number(1) + number(2),
                blocks: at..end,
            });
            at = end;
        }
        (at == blocks.len()).then(|| TokenIndex { pages, blocks: blocks.to_vec() })
    }

    /// The rows of each row group that may hold all of the words in `text`: a row group without any is left out.
    /// Every row where there are no words in it.
    pub fn rows(&self, text: &str) -> Vec<(usize, Vec<Range<usize>>)> {
        let mut hashes = Vec::new();
        words(text, |word| hashes.push(hash(word)));
        let mut found: Vec<(usize, Vec<Range<usize>>)> = Vec::new();
        for page in self.pages.iter().filter(|page| self.may_hold(page, &hashes)) {
            match found.last_mut() {
                Some((group, ranges)) if *group == page.row_group => match ranges.last_mut() {
                    Some(last) if last.end == page.rows.start => last.end = page.rows.end,
                    _ => ranges.push(page.rows.clone()),
                },
                _ => found.push((page.row_group, vec![page.rows.clone()])),
            }
        }
        found
    }

    fn may_hold(&self, page: &Page, hashes: &[u64]) -> bool {
        let blocks = &self.blocks[page.blocks.clone()];
        hashes.iter().all(|hash| {
            if blocks.is_empty() {
                return false;
            }
            let (block, bits) = place(*hash, blocks.len() / BLOCK);
            let held = blocks[block * BLOCK..][..BLOCK].chunks_exact(8);
            held.zip(bits).all(|(held, bits)| {
                held.iter().zip(bits.to_le_bytes()).all(|(held, bits)| held & bits == bits)
            })
        })
    }

    /// Bytes in memory, and about those in the file.
    pub fn byte_size(&self) -> usize {
        self.blocks.len() + self.pages.len() * size_of::<Page>()
    }
}

#[cfg(test)]
mod tests;
