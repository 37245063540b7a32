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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    known: Mutex<Known>,
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
    /// Takes up what is in the folder, which is made when the first block is kept.
    pub fn new(inner: Arc<dyn ObjectStore>, origin: &str, folder: PathBuf, limit: u64) -> Blocks {
        let mut found: Vec<_> =
            fs::read_dir(&folder).into_iter().flatten().flatten().filter_map(found).collect();
        found.sort_by_key(|(_, _, used)| *used);
        let mut known = Known::default();
        found.into_iter().for_each(|(key, bytes, _)| known.add(key, bytes));
        let disk = Disk { folder, limit, known: Mutex::new(known), written: AtomicU64::new(0) };
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
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    const SIZE: usize = 2_500_000;

    fn bytes(seed: u64) -> Bytes {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| random.u8(..)).take(SIZE).collect()
    }

    /// A store of one object; without it what was not kept is missing.
    async fn store(folder: &std::path::Path, limit: u64) -> (Blocks, Arc<InMemory>, Path) {
        let (inner, path) = (Arc::new(InMemory::new()), Path::from("a/object"));
        inner.put(&path, bytes(1).into()).await.unwrap();
        (Blocks::new(inner.clone(), "s3://bucket", folder.to_owned(), limit), inner, path)
    }

    /// Blocks are written beside the answer.
    async fn wait_for(folder: &std::path::Path, blocks: usize) {
        let count = || {
            fs::read_dir(folder).map_or(0, |all| {
                all.flatten().filter(|one| one.file_name().to_string_lossy().ends_with(".block")).count()
            })
        };
        for _ in 0..500 {
            if count() == blocks {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{} blocks, not {blocks}", count());
    }

    #[tokio::test]
    async fn any_range_is_what_the_object_has() {
        let folder = tempfile::tempdir().unwrap();
        let (blocks, _, path) = store(folder.path(), 1 << 30).await;
        let mut random = fastrand::Rng::with_seed(2);
        let (all, block) = (bytes(1), BLOCK as usize);
        let mut ranges: Vec<Range<usize>> =
            [0..1, 0..SIZE, block - 1..block + 1, SIZE - 8..SIZE, SIZE - 8..SIZE + 8, block..4 * block]
                .into();
        ranges.extend((0..200).map(|_| {
            let start = random.usize(..SIZE);
            start..start + 1 + random.usize(..SIZE - start)
        }));
        for range in ranges {
            let asked = range.start as u64..range.end as u64;
            let read = blocks.get_range(&path, asked).await.unwrap();
            assert_eq!(read, all[range.start..range.end.min(SIZE)], "{range:?}");
        }
        wait_for(folder.path(), 3).await;
        let beyond = blocks.get_range(&path, BLOCK..4 * BLOCK).await.unwrap();
        assert_eq!(beyond, all[block..]);
        let whole = blocks.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(whole, all);
    }

    #[tokio::test]
    async fn what_was_read_is_not_fetched_again_not_even_by_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let (blocks, inner, path) = store(folder.path(), 1 << 30).await;
        blocks.get_range(&path, 0..SIZE as u64).await.unwrap();
        wait_for(folder.path(), 3).await;
        inner.delete(&path).await.unwrap();
        let again = blocks
            .get_opts(&path, GetOptions { range: Some((5..SIZE as u64).into()), ..GetOptions::default() })
            .await
            .unwrap();
        assert_eq!(again.meta.size, SIZE as u64);
        assert_eq!(again.bytes().await.unwrap(), bytes(1)[5..]);
        fs::write(folder.path().join("1-1.new"), "half of a block").unwrap();
        let next = Blocks::new(inner, "s3://bucket", folder.path().to_owned(), 1 << 30);
        assert_eq!(next.get_range(&path, 7..9).await.unwrap(), bytes(1)[7..9]);
        wait_for(folder.path(), 3).await;
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "what nobody finished is gone");
        assert!(next.get_range(&Path::from("another"), 7..9).await.is_err());
    }

    #[tokio::test]
    async fn a_damaged_block_is_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let (blocks, _, path) = store(folder.path(), 1 << 30).await;
        blocks.get_range(&path, 0..10).await.unwrap();
        wait_for(folder.path(), 1).await;
        let file = fs::read_dir(folder.path()).unwrap().flatten().next().unwrap().path();
        for damage in [
            |file: &mut Vec<u8>| file[3] ^= 1,
            |file: &mut Vec<u8>| file.truncate(7),
            |file: &mut Vec<u8>| file.clear(),
        ] {
            let mut damaged = fs::read(&file).unwrap();
            damage(&mut damaged);
            fs::write(&file, &damaged).unwrap();
            assert_eq!(blocks.get_range(&path, 0..10).await.unwrap(), bytes(1)[..10]);
            while fs::read(&file).unwrap() == damaged {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }

    #[tokio::test]
    async fn the_block_least_lately_used_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let (blocks, _, path) = store(folder.path(), 2 * (BLOCK + 12) + 1).await;
        let read = async |block: u64| {
            blocks.get_range(&path, block * BLOCK..block * BLOCK + 1).await.unwrap();
        };
        read(0).await;
        wait_for(folder.path(), 1).await;
        read(1).await;
        wait_for(folder.path(), 2).await;
        read(0).await;
        // The last is small, and yet too much; below nine tenths of the limit there is room for it and one more.
        read(2).await;
        let known = || {
            let mut numbers: Vec<u64> =
                blocks.disk.known().blocks.keys().map(|(_, number)| *number).collect();
            numbers.sort_unstable();
            numbers
        };
        while known() != [0, 2] {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        wait_for(folder.path(), 2).await;
        assert!(blocks.disk.known().bytes <= blocks.disk.limit);
    }

    #[tokio::test]
    async fn without_a_place_to_keep_it_reads_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        fs::write(&file, "").unwrap();
        let (blocks, _, path) = store(&file.join("below"), 1 << 30).await;
        assert_eq!(blocks.get_range(&path, 0..10).await.unwrap(), bytes(1)[..10]);
    }
}
