//! Blocks of objects that were read, kept on disk: what is asked again is not fetched again.
//!
//! ```text
//! <folder>/<hash of the object's full name>-<number of the block>.block
//! [`BLOCK`] bytes of the object, fewer at its end · the object's size (8) · CRC-32 of all before (4)
//! ```
//!
//! Objects never change once they are written, so a block is right for ever; it goes when room is needed, the one that
//! was not asked for the longest first. Whatever is wrong with a block, the object has the same bytes.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::task::spawn_blocking;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of an object that are fetched and kept together: what a query reads of a column is mostly more.
const BLOCK: u64 = 1 << 20;
const SIZE: usize = 8;
const CHECKSUM: usize = 4;
/// What is left when room is made, in percent.
const LEFT: u64 = 90;

/// A store that keeps what is read from another.
#[derive(Debug)]
pub(crate) struct Blocks {
    inner: Arc<dyn ObjectStore>,
    /// Scheme and bucket: other stores may keep theirs in the same folder.
    origin: String,
    disk: Arc<Disk>,
}

/// A block's name: its object's, hashed, and its number in it.
type Key = (u64, u64);

#[derive(Debug)]
struct Disk {
    folder: PathBuf,
    /// Bytes that are kept at most.
    limit: u64,
    /// Taken up from the folder with the first use: who only looks at a configuration reads no folder.
    known: OnceLock<Mutex<Known>>,
    /// Names of files that are being written.
    written: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    /// With their bytes, and when each was asked for last.
    blocks: HashMap<Key, (u64, u64)>,
    bytes: u64,
    /// Counts up with every use.
    now: u64,
}

/// A block's bytes, and the size of the whole object.
#[derive(Debug, Clone)]
struct Block {
    bytes: Bytes,
    object_size: u64,
}

impl Blocks {
    /// What is in the folder is taken up. It is made when the first block is kept.
    pub fn new(inner: Arc<dyn ObjectStore>, origin: &str, folder: PathBuf, limit: u64) -> Blocks {
        let disk = Disk { folder, limit, known: OnceLock::new(), written: AtomicU64::new(0) };
        Blocks { inner, origin: origin.to_owned(), disk: Arc::new(disk) }
    }

    async fn read(&self, location: &Path, range: Range<u64>) -> Result<GetResult> {
        let object = xxh3_64(format!("{}/{location}", self.origin).as_bytes());
        let wanted = range.start / BLOCK..range.end.div_ceil(BLOCK);
        let disk = self.disk.clone();
        let numbers = wanted.clone();
        let kept =
            spawn_blocking(move || numbers.map(|number| disk.read((object, number))).collect::<Vec<_>>());
        let mut blocks = kept.await.unwrap_or_default();
        blocks.resize(wanted.clone().count(), None);
        // Nothing is asked beyond the end, where it is known.
        if let Some(size) = blocks.iter().flatten().next().map(|block| block.object_size) {
            blocks.truncate(size.div_ceil(BLOCK).saturating_sub(wanted.start) as usize);
        }
        let mut at = 0;
        while let Some(first) = blocks[at..].iter().position(Option::is_none).map(|place| at + place) {
            let missing = blocks[first..].iter().take_while(|block| block.is_none()).count() as u64;
            let start = wanted.start + first as u64;
            for (place, block) in self.fetch(location, start..start + missing).await?.into_iter().enumerate()
            {
                let (disk, key, kept) = (self.disk.clone(), (object, start + place as u64), block.clone());
                drop(spawn_blocking(move || disk.keep(key, &kept)));
                blocks[first + place] = Some(block);
            }
            at = first + missing as usize;
        }
        Ok(joined(location, range, wanted.start, blocks.into_iter().flatten().collect()))
    }

    /// Whole blocks, up to the object's end.
    async fn fetch(&self, location: &Path, numbers: Range<u64>) -> Result<Vec<Block>> {
        let range = GetRange::Bounded(numbers.start * BLOCK..numbers.end * BLOCK);
        let options = GetOptions { range: Some(range), ..GetOptions::default() };
        let answer = self.inner.get_opts(location, options).await?;
        let object_size = answer.meta.size;
        let mut bytes = answer.bytes().await?;
        let mut blocks = Vec::new();
        while !bytes.is_empty() {
            let bytes = bytes.split_to(bytes.len().min(BLOCK as usize));
            blocks.push(Block { bytes, object_size });
        }
        Ok(blocks)
    }
}

/// The part of neighbouring blocks that was asked for.
fn joined(location: &Path, asked: Range<u64>, first: u64, blocks: Vec<Block>) -> GetResult {
    let size = blocks.first().map_or(0, |block| block.object_size);
    let start = asked.start - first * BLOCK;
    let bytes = match blocks.as_slice() {
        [one] => one.bytes.clone(),
        many => {
            let mut all = BytesMut::with_capacity(many.iter().map(|block| block.bytes.len()).sum());
            many.iter().for_each(|block| all.extend_from_slice(&block.bytes));
            all.freeze()
        }
    };
    let end = (asked.end - first * BLOCK).min(bytes.len() as u64);
    let bytes = bytes.slice(start.min(end) as usize..end as usize);
    let range = asked.start..asked.start + bytes.len() as u64;
    let meta = ObjectMeta {
        location: location.clone(),
        last_modified: Default::default(),
        size,
        e_tag: None,
        version: None,
    };
    let payload = GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed());
    GetResult { payload, meta, range, attributes: Attributes::default() }
}

impl Disk {
    fn known(&self) -> MutexGuard<'_, Known> {
        let known = self.known.get_or_init(|| Mutex::new(Known::of(&self.folder)));
        known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, (object, number): Key) -> PathBuf {
        self.folder.join(format!("{object:016x}-{number:08}.block"))
    }

    fn read(&self, key: Key) -> Option<Block> {
        self.known().used(key)?;
        let block = fs::read(self.path(key)).ok().and_then(whole);
        if block.is_none() {
            self.known().forget(key);
        }
        block
    }

    fn keep(&self, key: Key, block: &Block) {
        if let Err(error) = self.write(key, block) {
            tracing::warn!(folder = %self.folder.display(), %error, "what was fetched cannot be kept");
            return;
        }
        let gone = {
            let mut known = self.known();
            known.add(key, (block.bytes.len() + SIZE + CHECKSUM) as u64);
            known.make_room(self.limit)
        };
        gone.into_iter().for_each(|key| drop(fs::remove_file(self.path(key))));
    }

    /// Others may write the same block: each writes a file of its own, and all are the same in the end.
    fn write(&self, key: Key, block: &Block) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let unnamed = self.folder.join(format!("{}-{number}.new", std::process::id()));
        let size = block.object_size.to_le_bytes();
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&block.bytes);
        checksum.update(&size);
        let all = [&block.bytes[..], &size, &checksum.finalize().to_le_bytes()].concat();
        fs::write(&unnamed, all)?;
        fs::rename(&unnamed, self.path(key))
    }
}

/// A block of an earlier process, with its bytes and when it was written. What nobody finished goes.
fn found(entry: fs::DirEntry) -> Option<(Key, u64, std::time::SystemTime)> {
    let name = entry.file_name().into_string().ok()?;
    if name.ends_with(".new") {
        let _ = fs::remove_file(entry.path());
        return None;
    }
    let (object, number) = name.strip_suffix(".block")?.split_once('-')?;
    let key = (u64::from_str_radix(object, 16).ok()?, number.parse().ok()?);
    let metadata = entry.metadata().ok()?;
    Some((key, metadata.len(), metadata.modified().ok()?))
}

/// `None` where the bytes are not those that were written.
fn whole(file: Vec<u8>) -> Option<Block> {
    let mut bytes = Bytes::from(file);
    let (rest, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
    if crc32fast::hash(rest) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (_, size) = rest.split_last_chunk::<SIZE>()?;
    let object_size = u64::from_le_bytes(*size);
    bytes.truncate(bytes.len() - SIZE - CHECKSUM);
    Some(Block { bytes, object_size })
}

impl Known {
    /// What earlier processes left in a folder, the block written last as the one used last.
    fn of(folder: &std::path::Path) -> Known {
        let mut found: Vec<_> =
            fs::read_dir(folder).into_iter().flatten().flatten().filter_map(found).collect();
        found.sort_by_key(|(_, _, used)| *used);
        let mut known = Known::default();
        found.into_iter().for_each(|(key, bytes, _)| known.add(key, bytes));
        known
    }

    fn add(&mut self, key: Key, bytes: u64) {
        self.forget(key);
        self.now += 1;
        self.blocks.insert(key, (bytes, self.now));
        self.bytes += bytes;
    }

    fn used(&mut self, key: Key) -> Option<()> {
        self.now += 1;
        self.blocks.get_mut(&key)?.1 = self.now;
        Some(())
    }

    fn forget(&mut self, key: Key) {
        if let Some((bytes, _)) = self.blocks.remove(&key) {
            self.bytes -= bytes;
        }
    }

    /// The blocks that go, where there are more bytes than the limit.
    fn make_room(&mut self, limit: u64) -> Vec<Key> {
        if self.bytes <= limit {
            return Vec::new();
        }
        let mut oldest: Vec<_> = self.blocks.iter().map(|(key, (_, used))| (*used, *key)).collect();
        oldest.sort_unstable();
        let mut gone = Vec::new();
        for (_, key) in oldest {
            if self.bytes <= limit / 100 * LEFT {
                break;
            }
            self.forget(key);
            gone.push(key);
        }
        gone
    }
}

impl fmt::Display for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, kept in {}", self.inner, self.disk.folder.display())
    }
}

#[async_trait]
impl ObjectStore for Blocks {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match &options.range {
            // Whoever asks under a condition asks the store.
            Some(GetRange::Bounded(range)) if !range.is_empty() && unconditional(&options) => {
                self.read(location, range.clone()).await
            }
            _ => self.inner.get_opts(location, options).await,
        }
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn unconditional(options: &GetOptions) -> bool {
    !options.head
        && options.version.is_none()
        && options.if_match.is_none()
        && options.if_none_match.is_none()
        && options.if_modified_since.is_none()
        && options.if_unmodified_since.is_none()
}

#[cfg(test)]
mod tests;
